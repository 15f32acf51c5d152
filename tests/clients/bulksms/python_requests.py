"""The document's program over `requests`."""

import os

import requests

url = (
    "http://{HOST}/bulksms/bulksms?username={USERNAME}&password={PASSWORD}&type=0&dlr=1&destination={DESTINATION}"
    "&source=Tests&message=Sent+by+a+sample{WHEN}"
)
answer = requests.request("GET", url.format(**os.environ), headers={}, data={}, timeout=60)
print(answer.text)
