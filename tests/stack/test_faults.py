"""What each fault leads to is what the README says it does."""

from pathlib import Path

from sandbox import faults

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_readmes_table_of_faults_is_what_happens() -> None:
    said = [line for line in README.read_text().splitlines() if line.startswith("|")]
    for line in faults.table():
        assert line in said
