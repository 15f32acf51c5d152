"""API keys and vendor sessions in the table."""

from switchboard.tracking import table


def put_key(digest: str, client: str, region: str | None) -> None:
    """Store an API key by the hash of it."""
    table.put({"pk": f"K#{digest}", "sk": "K", "client": client, "region": region}, unless_exists=True)


def get_key(digest: str) -> tuple[str, str | None] | None:
    """The client and its region that a key's hash stands for."""
    item = table.get(f"K#{digest}", "K")
    return (item["client"], item.get("region")) if item else None


def get_session(provider: str) -> str | None:
    """The token of the session that all workers share with a provider."""
    item = table.get(f"T#{provider}", "T")
    return item["token"] if item else None


def put_session(provider: str, token: str) -> None:
    """Remember the token of a new session."""
    table.put({"pk": f"T#{provider}", "sk": "T", "token": token})
