"""Keeping: what a client at a vendor's door wants the CRM to hold goes the same way as by our own API."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from switchboard import accounts, deals, uploads
from switchboard.credentials import Client
from switchboard.dialects.door import Inline
from switchboard.dialects.unified import problems
from switchboard.dialects.unified_deals import MAX_FILES, AccountRequest, NewDealRequest
from switchboard.model.problem import Problem, Refused
from switchboard.model.record import Write
from switchboard.upsert import patience

PENDING = "the CRM has not answered yet: it is being written, do not send it again"


def keep(client: Client, account: bool, said: Mapping[str, Any], files: Sequence[Inline], key: str | None) -> Write:
    """Write a deal or sign an account up, and wait for the CRM. Raises `Refused`, and as `deals.save` does."""
    until = patience()
    try:
        if account:
            return accounts.sign_up(client, AccountRequest.model_validate(said), key)[0]
        request = NewDealRequest.model_validate(said)
    except ValidationError as wrong:
        raise Refused(*problems([{**error} for error in wrong.errors()])) from None
    if len(files) > MAX_FILES:
        raise Refused(Problem("attachments", f"are {len(files)} files: {MAX_FILES} at most"))
    if files:
        request = NewDealRequest.model_validate({**said, "attachments": uploads.store_all(client.name, files)})
    return deals.save(client, request, request.external_reference, key, until)[0]
