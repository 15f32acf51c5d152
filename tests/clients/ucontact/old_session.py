"""An old program for uContact: logs in, sends at once and later, ends its session. URL tells a vendor from a door."""

import json
import os

import requests

URL, USER = os.environ["URL"], os.environ["USER"]


def call(path: str, fields: dict[str, str], token: str | None = None) -> tuple[int, str]:
    """The status and the body of an answer to a form."""
    shown = {"Authorization": f"Basic {token}"} if token else {}
    answer = requests.post(f"{URL}/Integra/resources/{path}", data=fields, headers=shown, timeout=60)
    return answer.status_code, answer.text


said = {"login": call("auth/getUserToken", {"user": USER, "password": os.environ["PASSWORD"]})}
token = said["login"][1]
message = {"destination": os.environ["TO"], "message": "Su turno es hoy.", "campaign": os.environ["CAMPAIGN"]}
message |= {"agent": "", "source": ""}
said["SendSMS"] = call("SMS/SendSMS", message, token)
said["SendSMSv2"] = call("SMS/SendSMSv2", message, token)
later = {"calldate": os.environ["WHEN"], "campaign": os.environ["CAMPAIGN"], "destination": os.environ["TO"]}
later |= {"data": "Su turno es mañana."}
said["ScheduleDialerSMS"] = call("SMS/ScheduleDialerSMS", {"sms": json.dumps(later)}, token)
said["end"] = call("auth/EndSession", {"user": USER, "token": token}, token)
said["after the end"] = call("SMS/SendSMS", message, token)
print(json.dumps(said))
