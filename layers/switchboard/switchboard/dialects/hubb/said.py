"""What Hubb's two CRM calls say, in our own JSON: the other way round than `crm`, for clients at the doors."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from switchboard.dialects.hubb.accounts import ACCOUNT_PARAMETERS, MasterAccount
from switchboard.dialects.hubb.deals import DEAL_PARAMETERS, AddDeal
from switchboard.dialects.hubb.fields import Parameter
from switchboard.model.contact import SOCIAL_NETWORKS

_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")


def deal(call: AddDeal) -> dict[str, Any]:
    """A deal as our API would be told of it, without its files."""
    said = {
        "id": call.deal_id,
        "external_reference": call.external_reference_id,
        "name": call.name,
        "contact": _contact(call),
        "company": {
            "id": call.company_id,
            "name": call.company_name,
            "email": call.company_email,
            "phone": call.company_phone,
        },
        "amount": {"expected": _amount(call.expected_closing_amount), "actual": _amount(call.actual_closing_amount)},
        "closing": {"expected": _text(call.expected_closing_date), "actual": _text(call.actual_closing_date)},
        "stage": _choice(call.stage, call.create_new_stage),
        "funnel": _choice(call.funnel, call.create_new_funnel),
        "score": _choice(call.deal_score, call.create_new_deal_score),
        "resolution": _text(call.resolution),
        "reason": {
            "name": call.reason_name,
            "create": call.create_new_reason_name,
            "won": call.won_reasons,
            "lost": call.lost_reason,
        },
        "deal_type": call.deal_type,
        "tags": {"add": call.tags, "remove": call.remove_tags},
        "owner": {"email": call.owner_email, "group": call.owner_group, "same_as_contact": call.use_contact_owner},
        "collaborators": {"full_access": call.collaborator_email, "only": call.collaborator_only_email},
        "notify": {
            "email": call.notify_to_email,
            "subject": call.notify_email_subject,
            "text": call.notify_email_extra_text,
            "contact": call.send_email_to_contact,
            "contact_subject": call.send_email_to_contact_subject,
            "owner": call.email_notify_owner,
        },
        "note": {"title": call.note_title, "text": call.note},
        "custom_fields": {"values": dict(call.custom_fields), "create": call.auto_create_custom_fields},
    }
    return _without_nothing(said)


def _contact(call: AddDeal) -> dict[str, Any]:
    return {
        "id": call.contact_id,
        "name": call.contact_name,
        "email": call.contact_email,
        "phone": call.contact_phone,
        "source": call.contact_source,
        "social": {network: getattr(call, f"contact_{network}") for network in SOCIAL_NETWORKS},
        "address": {
            "street": call.contact_address_street,
            "city": call.contact_address_city,
            "zipcode": call.contact_address_zipcode,
        },
        "match_by": {"email": call.match_with_email, "phone": call.match_with_phone, "name": call.check_name},
    }


def sign_up(call: MasterAccount) -> dict[str, Any]:
    """A sign-up as our API would be told of it."""
    said = {
        "email": call.email,
        "account_name": call.account_name,
        "phone": call.phone,
        "first_name": call.first_name,
        "last_name": call.last_name,
        "facebook": call.facebook,
        "twitter": call.twitter,
        "source": call.source,
        "tags": call.tags,
        "welcome": call.send_welcome_email,
        "owner": {"email": call.owner_email, "group": call.owner_group, "notify": call.email_notify_owner},
        # Without an address the subject has nobody to go to, and the page's own client would not see it dropped.
        "notify": {"email": call.notify_to_email, "subject": call.notify_email_subject} if call.notify_to_email else {},
    }
    return _without_nothing(said)


def _choice(name: str | None, create: bool | None) -> dict[str, Any]:
    return {"name": name, "create": create} if name else {}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _amount(text: str | None) -> str | None:
    """A plain decimal: the page allows blanks, and commas between thousands or before a fraction."""
    if text is None:
        return None
    dense = text.replace(" ", "")
    return dense.replace(",", "") if _THOUSANDS.fullmatch(dense) or "." in dense else dense.replace(",", ".")


def _without_nothing(said: dict[str, Any]) -> dict[str, Any]:
    """The same less what is not said."""
    kept = {name: _without_nothing(value) if isinstance(value, dict) else value for name, value in said.items()}
    return {name: value for name, value in kept.items() if value is not None and value not in ({}, ())}


def _places(said: Mapping[str, Any], *path: str) -> Iterator[tuple[str, Any]]:
    for name, value in said.items():
        if isinstance(value, dict):
            yield from _places(value, *path, name)
        else:
            yield ".".join((*path, name)), value


def _spelled(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    return {row.attribute: row.name for row in parameters}


# A call whose every parameter says its own name comes out with the names at their places in our JSON.
DEAL_NAMES: Mapping[str, str] = dict(_places(deal(AddDeal(**_spelled(DEAL_PARAMETERS)))))
ACCOUNT_NAMES: Mapping[str, str] = dict(_places(sign_up(MasterAccount(**_spelled(ACCOUNT_PARAMETERS)))))
