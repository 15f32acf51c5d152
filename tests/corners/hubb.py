"""Hubb's calls in their four corners; sample values are the pages' own, or beside them what the page leaves open."""

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import date
from typing import Any

from hypothesis import strategies as st

from switchboard.dialects.hubb.accounts import (
    ALREADY_REGISTERED,
    AccountMade,
    MasterAccount,
    decode_master_account,
    decode_master_account_answer,
    encode_master_account,
    encode_master_account_answer,
)
from switchboard.dialects.hubb.callbacks import (
    Arrival,
    Noted,
    Report,
    decode_callback,
    decode_callback_answer,
    encode_callback_answer,
    encode_inbound,
    encode_report,
)
from switchboard.dialects.hubb.deals import (
    AddDeal,
    Attachment,
    DealSaved,
    Resolution,
    decode_crm_add_deal,
    decode_crm_add_deal_answer,
    encode_crm_add_deal,
    encode_crm_add_deal_answer,
)
from switchboard.dialects.hubb.fields import ErrorText, Failure, TurnedDown
from switchboard.dialects.hubb.sms import (
    SendSms,
    Sent,
    TimeWindow,
    decode_send_sms,
    decode_send_sms_answer,
    encode_send_sms,
    encode_send_sms_answer,
)
from switchboard.dialects.wire import Unreadable
from tests.corners.samples import Call, Sample

TYPED = (Unreadable, TurnedDown)
INVALID = TurnedDown(Failure(ErrorText.INVALID))
NO_JSON = Unreadable("not JSON in UTF-8")
NO_UTF8 = Unreadable("parameters that are not UTF-8, or too many")
CUT_SHORT = Unreadable("a multipart body that is cut short")

KEY = "374593457034859"
EXAMPLE_KEY = "12134651Gsuid7349"

said = st.text(min_size=1, max_size=40).filter(str.strip)
maybe = st.none() | said
flag = st.none() | st.booleans()
items = st.lists(
    st.text(min_size=1, max_size=20).map(lambda text: text.replace(",", " ").strip()).filter(bool), max_size=4
).map(tuple)
numbers = st.lists(st.from_regex(r"(\+|00)?[1-9][0-9]{9,13}", fullmatch=True), max_size=4).map(tuple)
KINDS: dict[Any, st.SearchStrategy[Any]] = {bool | None: flag, str | None: maybe, tuple[str, ...]: items, str: said}


def built(call: type[Any], **own: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any value of a call: each attribute by its type, but for those of `own`."""
    return st.builds(call, **{row.name: KINDS[row.type] for row in fields(call) if row.name not in own}, **own)


def answers(yes: type[Any]) -> st.SearchStrategy[Any]:
    """Any answer: a yes whose attributes may all be missing, or a no."""
    return st.builds(yes, **{row.name: maybe for row in fields(yes)}) | st.builds(Failure, said)


def many(says: Any, *files: str, exact: bool = False) -> tuple[Sample, ...]:
    """Several files that say the same."""
    return tuple(Sample(file=file, says=says, exact=exact) for file in files)


def refusals(*files: str) -> Iterable[Sample]:
    """Requests that the vendor turns down in its one text for what is missing or wrong."""
    return many(INVALID, *files)


# The pages print one failure for all three calls; a text of the send_sms page may come to any of them.
FAILURES = (
    Sample(file="failure.answer", says=Failure("error message")),
    Sample(file="failure_as_printed.answer", says=Failure("error message"), exact=False),
    Sample(file="failure_invalid.answer", says=Failure(ErrorText.INVALID)),
    Sample(file="failure_with_a_status.answer", says=Failure("error message"), exact=False),
    Sample(file="neither.answer", says=Unreadable("neither success nor an error message")),
    Sample(file="not_json.answer", says=NO_JSON),
)

# --- send_sms ---------------------------------------------------------------------------------------------------------

SHORT_SMS = SendSms(key=KEY, sender="3056490655", text="string")
FULL_SMS = SendSms(
    key=KEY,
    sender="3056490655",
    text="string",
    to=("9195551212",),
    numbers=("9195551212", "9195551213", "9195551214"),
    contact_id="876566",
    email="newcontact@url.com",
    create_new_contact=False,
    match_with_email=False,
    match_with_phone=True,
    check_name=True,
    full_name="mike douglas",
    first_name="mike",
    last_name="douglas",
    new_company_name="company XY",
    facebook="Facebook name",
    twitter="twitter name",
    skype="skype username",
    linkedin="Linkedin username",
    pinterest="pinterest username",
    google_plus="googlePlus username",
    instagram="instagram username",
    source="campaign1",
    tags=("new customer", "campaign1", "call me"),
    remove_tags=("new customer", "campaign1", "call me"),
    notify_to_email="user1@company.com",
    notify_email_subject="New Contact Added",
    owner_email="user@email.com",
    owner_group="group name",
    email_notify_owner=True,
    override_time_window=TimeWindow.USER,
)
OTHER_SMS_FLAGS = replace(
    SHORT_SMS,
    to=("+19195551212",),
    create_new_contact=True,
    match_with_email=True,
    match_with_phone=False,
    check_name=False,
    email_notify_owner=False,
    override_time_window=TimeWindow.COMPANY,
)
FULL_SENT = Sent(
    contact_id="Contact ID",
    contact_name="Firstname Lastname",
    company_id="Company ID if the contact assigned to a company",
    company_name="Company Name of the contact",
    owner_id="User ID of the contact owner",
    message_id="unique ID for the message",
)

SEND_SMS = Call(
    vendor="hubb",
    name="send_sms",
    encode=encode_send_sms,
    decode=decode_send_sms,
    encode_answer=encode_send_sms_answer,
    decode_answer=decode_send_sms_answer,
    requests=built(
        SendSms,
        to=numbers,
        numbers=numbers,
        contact_id=said,
        override_time_window=st.none() | st.sampled_from(TimeWindow),
    )
    | built(
        SendSms,
        to=numbers.filter(bool),
        numbers=numbers,
        contact_id=maybe,
        override_time_window=st.none() | st.sampled_from(TimeWindow),
    ),
    answers=answers(Sent),
    typed=TYPED,
    samples=(
        Sample(file="all_parameters.request", says=FULL_SMS),
        *many(
            FULL_SMS,
            "all_parameters_as_printed.request",  # with a blank after each comma of the tags
            "all_parameters_get.request",
            "all_parameters_post_query.request",
            "all_parameters_multipart.request",
            "all_parameters_multipart_unquoted_names.request",
        ),
        Sample(file="other_flags.request", says=OTHER_SMS_FLAGS),
        Sample(file="one_number.request", says=replace(SHORT_SMS, to=("+19195551212",))),
        Sample(
            file="beyond_ascii.request",
            says=replace(SHORT_SMS, text="¿Año 1 & 2? ñ + € 😀\r\n100%", to=("+59898344484",)),
        ),
        Sample(file="contact_alone.request", says=replace(SHORT_SMS, contact_id="876566")),
        Sample(file="a_list_in_to.request", says=replace(SHORT_SMS, to=("9195551212", "9195551213", "9195551214"))),
        Sample(
            file="four_spellings.request",
            says=replace(SHORT_SMS, to=("+19195551212",), numbers=("9195551212", "19195551212", "0019195551212")),
        ),
        # A plus that was not escaped is a blank on the wire, and around a number blanks do not matter.
        Sample(
            file="plus_not_escaped.request", says=replace(SHORT_SMS, text="two words", to=("19195551212",)), exact=False
        ),
        *many(replace(SHORT_SMS, to=("9195551212",)), "form_without_a_type.request", "json.request"),
        # The page's example URL is another page's: it has an e-mail, and none of what send_sms needs.
        *refusals("example_url_as_printed.request"),
        Sample(
            file="example_url_corrected.request",
            says=SendSms(
                key=EXAMPLE_KEY,
                sender="3056490655",
                text="string",
                to=("9195551212",),
                email="XXXXX",
                first_name="XXXXX",
                last_name="XXXXX",
            ),
            exact=False,
        ),
        *refusals("no_text.request", "no_recipient.request", "no_number.request", "no_flag.request"),
        *refusals("a_text_too_long.request"),
        Sample(file="not_utf8.request", says=NO_UTF8),
        Sample(file="success.answer", says=FULL_SENT),
        Sample(file="success_as_printed.answer", says=NO_JSON),  # it lacks a comma: a slip of the page
        Sample(file="success_corrected.answer", says=FULL_SENT, exact=False),
        Sample(file="success_without_a_contact.answer", says=Sent(message_id="b4d1")),
        Sample(
            file="success_in_numbers.answer",
            says=Sent(contact_id="876566", contact_name="Firstname Lastname", owner_id="12", message_id="1e3"),
            exact=False,
        ),
        Sample(file="success_as_html.answer", says=Sent(message_id="b4d1"), exact=False),
        Sample(file="failure_balance.answer", says=Failure(ErrorText.BALANCE)),
        Sample(file="failure_from.answer", says=Failure(ErrorText.FROM)),
        *FAILURES,
    ),
)

# --- crm_add_deal -----------------------------------------------------------------------------------------------------

KEY_ALONE = AddDeal(key=KEY)
FULL_DEAL = AddDeal(
    key=KEY,
    deal_id="5452",
    external_reference_id="Deal656588",
    name="Selling Product",
    contact_id="65246",
    contact_name="Mike Douglas",
    contact_email="Mike@gmail.com",
    send_email_to_contact=True,
    send_email_to_contact_subject="String/Text",
    contact_phone="54065486544",
    match_with_email=False,
    match_with_phone=True,
    check_name=True,
    contact_source="campaign1",
    contact_facebook="Facebook name",
    contact_twitter="twitter name",
    contact_skype="skype username",
    contact_linkedin="Linkedin username",
    contact_pinterest="pinterest username",
    contact_google_plus="googlePlus username",
    contact_instagram="instagram username",
    company_id="952622",
    company_name="Hubb UCS Company",
    company_email="email@website.com",
    company_phone="54065486544",
    expected_closing_date=date(2020, 9, 30),
    actual_closing_date=date(2020, 9, 30),
    expected_closing_amount="523",
    actual_closing_amount="523",
    stage="stage name",
    deal_type="String",
    create_new_stage=True,
    funnel="Funnel name",
    create_new_funnel=True,
    resolution=Resolution.WON,
    won_reasons="won reasons comment",
    lost_reason="lost reason comment",
    reason_name="Reason Name",
    create_new_reason_name=True,
    tags=("tag1", "tag2"),
    remove_tags=("tag1", "tag2"),
    notify_to_email="user1@company.com",
    notify_email_subject="New Deal Added",
    notify_email_extra_text="String",
    owner_email="user@email.com",
    collaborator_email="user@email.com",
    collaborator_only_email="user@email.com",
    use_contact_owner=True,
    owner_group="group name",
    email_notify_owner=True,
    # The table's custom_field stands for any name; sent as it is printed, it is one more of them.
    custom_fields={"custom_field": "any value", "custom_field_api_name": "any value"},
    auto_create_custom_fields=True,
    note_title="text",
    note="text",
    create_new_deal_score=True,
    deal_score="deal score name",
    contact_address_street="4806 Reppert Coal Road",
    contact_address_city="Bloomfield Township",
    contact_address_zipcode="48302",
)
ATTACHED_DEAL = replace(
    FULL_DEAL,
    attachments=(
        Attachment(
            filename="offer.pdf", content_type="application/pdf", data=b"%PDF-1.4\r\n--not a boundary\r\n\x00\xff"
        ),
        Attachment(filename='café "final".txt', content_type="text/plain", data="olé\n".encode()),
    ),
)
OTHER_DEAL_FLAGS = replace(
    KEY_ALONE,
    send_email_to_contact=False,
    match_with_email=True,
    match_with_phone=False,
    check_name=False,
    create_new_stage=False,
    create_new_funnel=False,
    create_new_reason_name=False,
    use_contact_owner=False,
    email_notify_owner=False,
    auto_create_custom_fields=False,
    create_new_deal_score=False,
)
NOTE = Attachment(filename="note.txt", content_type="text/plain", data=b"note")
EXAMPLE_DEAL = AddDeal(key=EXAMPLE_KEY, custom_fields={"Optional_parameter1": "XXXXX", "Optional_parameter2": "XXXXX"})

# A browser's escapes have no escape of their own: names that hold one cannot come back, and the page knows none.
name = said.map(lambda text: text.replace("%", "_"))
custom_names = name.filter(
    lambda text: not text.startswith("attachments") and text not in {row.name for row in fields(AddDeal)}
)
day = st.none() | st.dates()
amount = st.none() | st.from_regex(r"[0-9 ,.]{0,5}[0-9][0-9 ,.]{0,5}", fullmatch=True)
types = st.sampled_from(["application/pdf", "text/plain; charset=utf-8", "image/jpeg", "application/octet-stream"])
OWN_OF_A_DEAL = {
    "expected_closing_date": day,
    "actual_closing_date": day,
    "expected_closing_amount": amount,
    "actual_closing_amount": amount,
    "resolution": st.none() | st.sampled_from(Resolution),
    "custom_fields": st.dictionaries(custom_names, said, max_size=3),
    "attachments": st.just(())
    | st.lists(st.builds(Attachment, filename=name, data=st.binary(max_size=80), content_type=types), max_size=3).map(
        tuple
    ),
}

CRM_ADD_DEAL = Call(
    vendor="hubb",
    name="crm_add_deal",
    encode=encode_crm_add_deal,
    decode=decode_crm_add_deal,
    encode_answer=encode_crm_add_deal_answer,
    decode_answer=decode_crm_add_deal_answer,
    requests=built(AddDeal, **OWN_OF_A_DEAL),
    answers=answers(DealSaved),
    typed=TYPED,
    samples=(
        Sample(file="all_parameters.request", says=FULL_DEAL),
        Sample(file="all_parameters_with_attachments.request", says=ATTACHED_DEAL),
        # In the page's order, and with a blank after each comma of the tags.
        *many(FULL_DEAL, "all_parameters_as_printed.request", "all_parameters_get.request"),
        *many(ATTACHED_DEAL, "all_parameters_as_printed_multipart.request"),
        Sample(file="key_alone.request", says=KEY_ALONE),
        Sample(file="other_flags.request", says=OTHER_DEAL_FLAGS),
        Sample(
            file="amounts.request",
            says=replace(KEY_ALONE, expected_closing_amount="1 523,50", actual_closing_amount="1,523.50"),
        ),
        *(
            Sample(file=f"resolution_{resolution}.request", says=replace(KEY_ALONE, resolution=resolution))
            for resolution in Resolution
        ),
        # The last file of these is a form's field that was left blank.
        *many(replace(KEY_ALONE, attachments=(NOTE,) * 3), "attachments_by_other_names.request"),
        # As it is printed, the bracket that marks what is optional belongs to the key and to the last value.
        Sample(
            file="example_url_as_printed.request",
            says=AddDeal(
                key=f"{EXAMPLE_KEY}[",
                custom_fields={"Optional_parameter1": "XXXXX", "Optional_parameter2": "XXXXX]"},
            ),
            exact=False,
        ),
        *many(EXAMPLE_DEAL, "example_url.request"),
        *refusals("no_key.request", "no_date.request", "no_such_day.request", "no_amount.request"),
        *refusals("no_resolution.request", "no_flag.request", "attachments_not_as_files.request"),
        Sample(file="cut_short.request", says=CUT_SHORT),
        *many(
            printed_deal := DealSaved(
                deal_id="Deal ID",
                external_reference_id="External refernce id",
                expected_closing_date="Expected Close Date in YYYY-mm-dd format example: 2020-09-30",
                actual_closing_date="Actual Close Date in YYYY-mm-dd format example: 2020-09-30",
                expected_closing_amount="Expected Close amount",
                actual_closing_amount="Actual Close amount",
                stage="The stage which the deal assigned to",
                resolution="resolution",
            ),
            "success_as_printed.answer",
        ),
        Sample(file="success.answer", says=printed_deal),
        Sample(
            file="success_of_a_deal.answer",
            says=DealSaved(
                deal_id="5452",
                external_reference_id="Deal656588",
                expected_closing_date="2020-09-30",
                expected_closing_amount="523",
                stage="stage name",
                resolution="open",
            ),
        ),
        *many(
            DealSaved(deal_id="5452", expected_closing_amount="523.50", stage="stage name"),
            "success_in_numbers.answer",
        ),
        *FAILURES,
    ),
)

# --- master_account ---------------------------------------------------------------------------------------------------

SHORT_ACCOUNT = MasterAccount(key=KEY, email="newcontact@url.com", account_name="Company Test Account")
FULL_ACCOUNT = MasterAccount(
    key=KEY,
    email="newcontact@url.com",  # the page's own addresses are lost: these are the send_sms page's
    account_name="Company Test Account",
    send_welcome_email=False,
    phone="5645645456",
    first_name="mike",
    last_name="douglas",
    facebook="Facebook name",
    twitter="twitter name",
    source="campaign1",
    tags=("new customer", "campaign1", "call me"),
    notify_to_email="user1@company.com",
    notify_email_subject="New Contact Added",
    owner_email="user@email.com",
    owner_group="group name",
    email_notify_owner=True,
)

MASTER_ACCOUNT = Call(
    vendor="hubb",
    name="master_account",
    encode=encode_master_account,
    decode=decode_master_account,
    encode_answer=encode_master_account_answer,
    decode_answer=decode_master_account_answer,
    requests=built(MasterAccount),
    answers=answers(AccountMade),
    typed=TYPED,
    samples=(
        Sample(file="all_parameters.request", says=FULL_ACCOUNT),
        *many(
            FULL_ACCOUNT,
            "all_parameters_as_printed.request",
            "all_parameters_get.request",
            "all_parameters_multipart.request",
        ),
        Sample(
            file="other_flags.request",
            says=replace(SHORT_ACCOUNT, send_welcome_email=True, email_notify_owner=False),
        ),
        Sample(file="required_alone.request", says=SHORT_ACCOUNT),
        # The page's example URL lacks the account's name, which its table requires.
        *refusals("example_url_as_printed.request"),
        *many(
            MasterAccount(key=EXAMPLE_KEY, email="XXXXX", account_name="XXXXX"),
            "example_url_corrected.request",
        ),
        *refusals("no_email.request", "no_flag.request"),
        Sample(file="not_utf8.request", says=NO_UTF8),
        Sample(file="success.answer", says=AccountMade()),
        Sample(file="success_as_printed.answer", says=NO_JSON),  # a comma too many: a slip of the page
        Sample(file="success_corrected.answer", says=AccountMade(), exact=False),
        Sample(file="failure_already_registered.answer", says=Failure(ALREADY_REGISTERED)),
        *FAILURES,
    ),
)

# --- callbacks: our own form (section 1.4) ----------------------------------------------------------------------------

DONE = {"sent": None, "undelivered": "30005", "failed": "30005", "expired": None, "rejected": "30005"}

DELIVERY = Call(
    vendor="hubb",
    name="callback_delivery",
    encode=encode_report,
    decode=decode_callback,
    encode_answer=encode_callback_answer,
    decode_answer=decode_callback_answer,
    requests=built(Report),
    answers=answers(Noted),
    typed=TYPED,
    samples=(
        Sample(file="delivered.request", says=Report(message_id="b4d1", status="delivered")),
        *(
            Sample(file=f"{word}.request", says=Report(message_id="b4d1", status=word, error_code=code))
            for word, code in DONE.items()
        ),
        Sample(file="query.request", says=Report(message_id="b4d1", status="DELIVERED"), exact=False),
        Sample(file="json.request", says=Report(message_id="7", status="Failed", error_code="30005"), exact=False),
        Sample(file="no_status.request", says=Unreadable("neither a delivery nor an inbound callback")),
        Sample(file="blank_status.request", says=Unreadable("a callback that lacks a parameter")),
        Sample(file="success.answer", says=Noted()),
        Sample(file="failure.answer", says=Failure("error message")),
    ),
)

INBOUND = Call(
    vendor="hubb",
    name="callback_inbound",
    encode=encode_inbound,
    decode=decode_callback,
    encode_answer=encode_callback_answer,
    decode_answer=decode_callback_answer,
    requests=built(Arrival, text=st.text(max_size=40)),
    answers=answers(Noted),
    typed=TYPED,
    samples=(
        Sample(
            file="text.request",
            says=Arrival(sender="+19195551212", to="+13056490655", text="¿Sí? 😀", message_id="c5e2"),
        ),
        Sample(file="shortest.request", says=Arrival(sender="+19195551212", text="STOP")),
        Sample(file="blank_text.request", says=Arrival(sender="+19195551212", to="3056490655", text="")),
        Sample(
            file="query.request", says=Arrival(sender="+19195551212", to="3056490655", text="two words"), exact=False
        ),
        Sample(file="json.request", says=Arrival(sender="+19195551212", to="3056490655", text="STOP"), exact=False),
        Sample(file="no_sender.request", says=Unreadable("a callback that lacks a parameter")),
        Sample(file="success.answer", says=Noted()),
        Sample(file="failure.answer", says=Failure("error message")),
    ),
)

CALLS = (SEND_SMS, CRM_ADD_DEAL, MASTER_ACCOUNT, DELIVERY, INBOUND)
