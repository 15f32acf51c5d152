"""An old program for Hubb: posts a form and reads the CRM's ids. URL is all that tells a vendor from a door."""

import json
import os
import urllib.parse
import urllib.request

fields = {
    "key": os.environ["KEY"],
    "from": os.environ["FROM"],
    "to": os.environ["TO"],
    "message_body": "Your appointment is tomorrow at nine.",
    "contact_name": "Ann Old",
    "create_new_contact": "1",
}
body = urllib.parse.urlencode(fields).encode()
with urllib.request.urlopen(os.environ["URL"] + "/site/api/send_sms", body, timeout=60) as answer:
    print(json.dumps(json.load(answer)))
