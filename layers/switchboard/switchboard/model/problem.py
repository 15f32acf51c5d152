"""A refusal that names what is wrong: one field and one reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`field` is a path in the caller's words (`recipients.3.to`), `reason` a sentence a person can act on."""

    field: str
    reason: str


class Refused(Exception):
    """The request cannot be taken; `problems` name every wrong field."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.reason}" for problem in problems))
        self.problems = problems
