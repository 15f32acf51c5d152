"""Scopes: what a key lets its holder do; none of them includes another."""

from enum import StrEnum


class Scope(StrEnum):
    """`send` takes messages in and calls them off, `read` tells of them, `crm` is deals, accounts and their files,
    `admin` manages the keys of its own client."""

    SEND = "send"
    READ = "read"
    CRM = "crm"
    ADMIN = "admin"


EVERY = frozenset(Scope)
USUAL = EVERY - {Scope.ADMIN}
"""What keys may do that were stored before there were scopes."""
