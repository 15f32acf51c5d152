"""The PyPI package nunyakata, unmodified, with its URL for GET pointed elsewhere; prints its answer as JSON."""

import json
import os

from nunyakata import NaloSolutions

client = NaloSolutions(
    sms_username=os.environ["USERNAME"], sms_password=os.environ["PASSWORD"], sms_sender_id=os.environ["SENDER"]
)
client.sms_base_url_get = f"http://{os.environ['HOST']}/bulksms/bulksms"
print(json.dumps(client.send_sms(os.environ["DESTINATION"], os.environ["MESSAGE"])))
