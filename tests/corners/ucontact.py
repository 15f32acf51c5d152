"""uContact's calls in their four corners; sample values are the page's own, or beside them what public clients show."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from hypothesis import strategies as st

from switchboard.dialects.ucontact.calls import (
    Authorization,
    Taken,
    TurnedDown,
    WrongParameters,
    decode_done,
    encode_done,
)
from switchboard.dialects.ucontact.dialer import (
    EMAIL,
    ScheduleSms,
    UploadBase,
    UploadBlacklist,
    UploadDialerBase,
    decode_schedule_sms,
    decode_upload_base,
    decode_upload_blacklist,
    decode_upload_dialer_base,
    encode_schedule_sms,
    encode_upload_base,
    encode_upload_blacklist,
    encode_upload_dialer_base,
)
from switchboard.dialects.ucontact.email import (
    FAILED,
    WRONG,
    SendEmail,
    decode_send_email,
    decode_send_email_answer,
    encode_send_email,
    encode_send_email_answer,
)
from switchboard.dialects.ucontact.inbound import (
    ReceiveSms,
    Spelling,
    decode_receive_sms,
    decode_receive_sms_answer,
    encode_receive_sms,
    encode_receive_sms_answer,
)
from switchboard.dialects.ucontact.session import (
    EndSession,
    Login,
    LoginCall,
    decode_end_session,
    decode_login,
    decode_login_answer,
    encode_end_session,
    encode_login,
    encode_login_answer,
)
from switchboard.dialects.ucontact.sms import (
    SNIPPET,
    SendSms,
    SmsCall,
    decode_send_sms,
    decode_send_sms_answer,
    encode_send_sms,
    encode_send_sms_answer,
)
from switchboard.dialects.wire import Unreadable
from switchboard.model.message import Invitation
from tests.corners.samples import Call, Sample

TYPED = (Unreadable, WrongParameters)
TOKEN = "YWdlbnQxOjIzZTVhMDgyLWFkZWItNGU1MS05ZTM5LTllOGVmZWU3YWFjYw=="  # agent1:23e5a082-adeb-4e51-9e39-9e8efee7aacc
SHOWN = Authorization(TOKEN)
GUID = "23e5a082-adeb-4e51-9e39-9e8efee7aacc"
NOT_UTF8 = Unreadable("parameters that are not UTF-8, or too many")
NEITHER_OK = Unreadable("neither OK nor ERROR")
NEITHER_1 = Unreadable("neither 1 nor 0")
NO_TOKEN = Unreadable("no token in the answer to the login")
NO_ID = Unreadable("an answer without an id")
NO_GUID = Unreadable("an answer without a guid")

said = st.text(min_size=1, max_size=40).filter(str.strip)
maybe = st.none() | said
files = st.binary(min_size=1, max_size=60)
tokens = st.from_regex(r"[A-Za-z0-9+/=]{16,60}", fullmatch=True)
shown = st.none() | st.builds(Authorization, tokens, st.sampled_from(["Basic", "Bearer"]))
moments = st.datetimes().map(lambda moment: moment.replace(microsecond=0))
no = st.builds(TurnedDown, st.sampled_from(["ERROR", "0"]))

call = partial(Call, vendor="ucontact", typed=TYPED)


def written(file: str, says: Any) -> Sample:
    return Sample(file=file, says=says)


def read(file: str, says: Any) -> Sample:
    return Sample(file=file, says=says, exact=False)


# --- sessions: the page names the calls, public clients show them -----------------------------------------------------


def login(name: str, login_call: LoginCall, *samples: Sample) -> Call:
    return call(
        name=name,
        encode=encode_login,
        decode=decode_login,
        encode_answer=partial(encode_login_answer, call=login_call),
        decode_answer=decode_login_answer,
        requests=st.builds(Login, user=said, password=said, call=st.just(login_call)),
        answers=st.none() | tokens,
        samples=(
            written("login.request", Login(user="agent1", password="s3cret", call=login_call)),
            written("refused.answer", None),
            *samples,
        ),
    )


SESSIONS = (
    login(
        "getUserToken",
        LoginCall.GET_USER_TOKEN,
        read("no_password.request", WrongParameters("missing or blank", "password")),
        written("token.answer", TOKEN),
        read("token_in_json.answer", TOKEN),
        read("token_and_line_break.answer", TOKEN),
        read("error.answer", None),
        read("page.answer", NO_TOKEN),
    ),
    login(
        "UserLogin",
        LoginCall.USER_LOGIN,
        read("no_user.request", WrongParameters("missing or blank", "user")),
        written("md5secret.answer", TOKEN),
        read("md5secret_among_others.answer", TOKEN),
        read("last_string.answer", TOKEN),
        read("refused_with_0.answer", None),
        read("no_secret.answer", NO_TOKEN),
    ),
    call(
        name="EndSession",
        encode=encode_end_session,
        decode=decode_end_session,
        encode_answer=encode_done,
        decode_answer=decode_done,
        requests=st.builds(EndSession, token=tokens, user=maybe, authorization=shown),
        answers=st.booleans(),
        samples=(
            written("end.request", EndSession(user="agent1", token=TOKEN, authorization=SHOWN)),
            read("token_of_the_header.request", EndSession(user="agent1", token=TOKEN, authorization=SHOWN)),
            read("no_token.request", WrongParameters("missing or blank", "token")),
            written("ended.answer", True),
            written("not_ended.answer", False),
            read("error.answer", False),
            read("blank.answer", NEITHER_1),
        ),
    ),
)


# --- SMS --------------------------------------------------------------------------------------------------------------

ALL = SendSms(
    destination="098344484",
    message="Hello World!",
    campaign="Ventas->",
    agent="agent1",
    source="3001",
    authorization=SHOWN,
)


def sms(name: str, sms_call: SmsCall, *samples: Sample) -> Call:
    everything = replace(ALL, call=sms_call)
    bearer = replace(
        everything, message="Mañana & más", agent=None, source=None, authorization=Authorization(TOKEN, "Bearer")
    )
    return call(
        name=name,
        encode=encode_send_sms,
        decode=decode_send_sms,
        encode_answer=partial(encode_send_sms_answer, call=sms_call),
        decode_answer=partial(decode_send_sms_answer, call=sms_call),
        requests=st.builds(
            SendSms,
            destination=said,
            message=said,
            campaign=maybe,
            agent=maybe,
            source=maybe,
            action=st.sampled_from([None, SNIPPET]),
            call=st.just(sms_call),
            authorization=shown,
        ),
        answers=no | (st.just(Taken()) if sms_call is SmsCall.SEND_SMS else st.builds(Taken, said)),
        samples=(
            written("all.request", everything),
            written("bearer.request", bearer),
            read("needed_only.request", SendSms(destination="098344484", message="Hello World!", call=sms_call)),
            read("no_message.request", WrongParameters("missing or blank", "message")),
            read("latin_1.request", NOT_UTF8),
            written("error.answer", TurnedDown()),
            written("zero.answer", TurnedDown("0")),
            *samples,
        ),
    )


POSTED = replace(ALL, action=SNIPPET, agent=None, source=None, call=SmsCall.SEND_SMS)

MESSAGES = (
    sms(
        "SendSMS",
        SmsCall.SEND_SMS,
        written("ok.answer", Taken()),
        read("ok_in_json.answer", Taken()),
        read("unauthorized.answer", NEITHER_OK),
    ),
    sms(
        "SendSMSv2",
        SmsCall.SEND_SMS_V2,
        written("id.answer", Taken(GUID)),
        read("id_as_printed.answer", Taken("{smsId}")),  # the page forgets the quotes of the key
        read("id_unquoted.answer", Taken("77")),
        read("id_in_json_text.answer", Taken("77")),
        read("no_id.answer", NO_ID),
        read("ok.answer", Unreadable("not JSON in UTF-8")),
        read("unauthorized.answer", Unreadable("not JSON in UTF-8")),
    ),
    call(
        name="browser_snippet",  # the page's object for the portal's window, as a form that any page can post
        encode=encode_send_sms,
        decode=decode_send_sms,
        encode_answer=partial(encode_send_sms_answer, call=SmsCall.SEND_SMS),
        decode_answer=partial(decode_send_sms_answer, call=SmsCall.SEND_SMS),
        requests=st.builds(
            SendSms,
            destination=said,
            message=said,
            campaign=said,
            action=st.just(SNIPPET),
            call=st.just(SmsCall.SEND_SMS),
            authorization=shown,
        ),
        answers=st.sampled_from([Taken(), TurnedDown()]),
        samples=(
            written("posted.request", POSTED),
            written(
                "as_printed.request",
                replace(POSTED, campaign="<CAMPAIGN>", message="<MESSAGE>", destination="<NUMBER>"),
            ),
            read("posted_as_json.request", POSTED),
            read("another_action.request", WrongParameters("an action that is not sms", "action")),
            written("ok.answer", Taken()),
            written("error.answer", TurnedDown()),
        ),
    ),
    call(
        name="ReceiveURLSMS",
        encode=encode_receive_sms,
        decode=decode_receive_sms,
        encode_answer=encode_receive_sms_answer,
        decode_answer=decode_receive_sms_answer,
        requests=st.builds(
            ReceiveSms,
            phone=said.filter(str.strip),
            message=st.text(max_size=40),
            spelling=st.sampled_from(Spelling),
        ),
        answers=st.booleans(),
        samples=(
            written("query.request", ReceiveSms(phone="098344484", message="Hello World!")),
            written("path.request", ReceiveSms(phone="098344484", message="Hello World!", spelling=Spelling.PATH)),
            read("plus_and_ampersand.request", ReceiveSms(phone="+598983", message="a&b=c d&message=e")),
            read("text_first.request", ReceiveSms(phone="098344484", message="Hola")),
            read(
                "path_with_question_mark.request",
                ReceiveSms(phone="098344484", message="What now?or later", spelling=Spelling.PATH),
            ),
            read("under_a_secret_prefix.request", ReceiveSms(phone="+59898344484", message="sí")),
            read("latin_1.request", ReceiveSms(phone="098344484", message="mañana")),
            read("no_phone.request", Unreadable("an inbound message without its number or its text")),
            read("no_message.request", Unreadable("an inbound message without its number or its text")),
            written("ok.answer", True),
            written("error.answer", False),
            read("blank.answer", NEITHER_OK),
        ),
    ),
)


# --- what the dialers send later --------------------------------------------------------------------------------------


def dialer(name: str, encode: Any, decode: Any, requests: st.SearchStrategy[Any], *samples: Sample) -> Call:
    return call(
        name=name,
        encode=encode,
        decode=decode,
        encode_answer=encode_done,
        decode_answer=decode_done,
        requests=requests,
        answers=st.booleans(),
        samples=(
            *samples,
            written("done.answer", True),
            written("refused.answer", False),
            read("error.answer", False),
            read("unauthorized.answer", NEITHER_1),
        ),
    )


SCHEDULED = ScheduleSms(
    calldate=datetime(2015, 10, 11, 15),  # noqa: DTZ001  in the instance's own zone
    campaign="Ventas->",
    destination="098344484",
    data="Message",
    authorization=SHOWN,
)
NO_OBJECT = WrongParameters("sms is not a JSON object", "sms")
NO_MOMENT = WrongParameters("calldate is not YYYY-MM-DD hh:mm:ss", "calldate")

ROW = b"somecampaign;098344484;Hello World!;9999\n"
ROW_AND_LEGEND = b"somecampaign;098344484;Hello World!;9999\ncampaign;number;text;priority"
EMAIL_ROW = b'CampName;ejemplo@gmail.com;This is an example mail body;;"Var1":"value","Var2":"value";9999\n'

BASE = UploadBase(filename="base.csv", content=ROW, campaign="somecampaign", authorization=SHOWN)
IN_LINES = replace(BASE, content=ROW_AND_LEGEND)
EMAILS = UploadDialerBase(
    filename="mails.csv",
    content=EMAIL_ROW,
    channel=EMAIL,
    user="agent1",
    dialer="CampName",
    subject="Subject",
    count=1,
    authorization=SHOWN,
)
BLACKLIST = UploadBlacklist(
    filename="blacklist.csv",
    content=b"ejemplo@gmail.com\nCampName;ejemplo@gmail.com\n",
    channel=EMAIL,
    user="agent1",
    authorization=SHOWN,
)
NOT_EMAIL = WrongParameters("channel is email", "channel")


DIALERS = (
    dialer(
        "ScheduleDialerSMS",
        encode_schedule_sms,
        decode_schedule_sms,
        st.builds(ScheduleSms, calldate=moments, campaign=said, destination=said, data=said, authorization=shown),
        read("printed.request", SCHEDULED),  # without the page's comments
        written("compact.request", SCHEDULED),
        read("without_seconds.request", replace(SCHEDULED, destination="98344484", authorization=None)),
        read("no_such_day.request", NO_MOMENT),
        read("no_data.request", WrongParameters("missing or blank", "data")),
        read("with_the_comments.request", NO_OBJECT),
    ),
    dialer(
        "uploadbase",
        encode_upload_base,
        decode_upload_base,
        st.builds(UploadBase, filename=said, content=files, campaign=said, authorization=shown),
        written("printed_row.request", BASE),
        written("printed_row_and_legend.request", IN_LINES),
        read("base64_in_lines.request", IN_LINES),
        read("base64_with_blanks.request", IN_LINES),
        read("data_url.request", BASE),
        read(
            "alphabet_for_urls.request",
            replace(BASE, content="somecampaign;098344484;¿Mañana>>>?;1\n".encode()),
        ),
        read("plus_not_encoded.request", replace(BASE, content=b"somecampaign;098344484;>>>>>>;1\n")),
        read("no_base64.request", WrongParameters("fileb64 is not base64", "fileb64")),
        read("no_campaign.request", WrongParameters("missing or blank", "campaign")),
    ),
    dialer(
        "uploadDialerBase",  # the page prints two revisions over each other: read as the dialect notes decide
        encode_upload_dialer_base,
        decode_upload_dialer_base,
        st.builds(
            UploadDialerBase,
            filename=said,
            content=files,
            dialer=said,
            subject=maybe,
            user=maybe,
            channel=st.just(EMAIL),
            count=st.integers(0, 10**9 - 1),
            authorization=shown,
        ),
        written("all.request", EMAILS),
        read("needed_only.request", replace(EMAILS, user=None, subject=None, authorization=None)),
        read("another_channel.request", NOT_EMAIL),
        read("no_number.request", WrongParameters("cant is a number of rows", "cant")),
    ),
    dialer(
        "uploadMultiChannelBlacklist",
        encode_upload_blacklist,
        decode_upload_blacklist,
        st.builds(
            UploadBlacklist, filename=said, content=files, channel=st.just(EMAIL), user=maybe, authorization=shown
        ),
        written("all.request", BLACKLIST),
        read("no_user.request", replace(BLACKLIST, user=None, authorization=None)),
        read("no_file.request", WrongParameters("missing or blank", "fileb64")),
    ),
)


# --- e-mail -----------------------------------------------------------------------------------------------------------

PRINTED = SendEmail(
    campaign="Email",
    to="adress@ucontactcloud.com",
    subject="Subject",
    body="This is an email body can be HTML",
    attachments=("020212/file1.jpp", "020212/file2.jpg"),
    schedule=Invitation(title="Date title", organizer="Myself", start="2018-08-24 00:00:00", end="2018-08-24 01:00:00"),
    template="templateName",
    variables={"var1": "value", "var2": "value2"},
    authorization=SHOWN,
)
TEMPLATE = SendEmail(
    campaign="Email",
    to="adress@ucontactcloud.com",
    template="templateName",
    variables={"var1": "value"},
    authorization=SHOWN,
)


moments = st.datetimes().map(lambda moment: moment.isoformat(" ", "seconds"))


def emails(**bodies: st.SearchStrategy[Any]) -> st.SearchStrategy[SendEmail]:
    return st.builds(
        SendEmail,
        to=said,
        campaign=maybe,
        subject=maybe,
        attachments=st.lists(said, max_size=3).map(tuple),
        schedule=st.none() | st.builds(Invitation, title=said, organizer=said, start=moments, end=moments),
        variables=st.dictionaries(said, said, max_size=3),
        authorization=shown,
        **bodies,
    )


EMAIL_CALL = call(
    name="sendEmail",
    encode=encode_send_email,
    decode=decode_send_email,
    encode_answer=encode_send_email_answer,
    decode_answer=decode_send_email_answer,
    requests=emails(body=said, template=maybe) | emails(template=said),
    answers=st.sampled_from([WRONG, FAILED]) | st.builds(Taken, said),
    samples=(
        read("printed.request", PRINTED),  # with the comma that the page lacks behind the schedule
        read("without_the_comma.request", Unreadable("not JSON in UTF-8")),
        written("compact.request", PRINTED),
        written("template.request", TEMPLATE),
        read("no_body.request", WrongParameters("a body or a template is needed", "body", "template")),
        read("attachments_in_a_text.request", WrongParameters("a list is wanted", "attachments")),
        written("guid.answer", Taken(GUID)),
        read("guid_as_printed.answer", Taken(GUID)),
        written("wrong_parameters.answer", WRONG),
        read("wrong_parameters_in_json.answer", WRONG),
        written("server_error.answer", FAILED),
        read("no_guid.answer", NO_GUID),
        read("unauthorized.answer", NO_GUID),
    ),
)

CALLS = (*SESSIONS, *MESSAGES, *DIALERS, EMAIL_CALL)
