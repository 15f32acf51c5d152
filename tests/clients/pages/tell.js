// What every page here has: what it was told in its query, and how it says what it read.
const told = Object.fromEntries(new URLSearchParams(location.search));

/** Tells the page's own origin what `work` came to: its value, or the error that the browser gave the page. */
async function tell(work) {
  let said;
  try {
    said = await work();
  } catch (error) {
    said = { error: error.name };
  }
  await fetch("/said", { method: "POST", body: JSON.stringify(said) });
}

/** An answer as a page can read it. */
async function read(answering) {
  const answer = await answering;
  return [answer.status, await answer.text()];
}
