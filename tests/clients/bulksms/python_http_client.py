"""The document's program over `http.client`, which speaks HTTPS."""

import http.client
import os

connection = http.client.HTTPSConnection(os.environ["HOST"])
path = (
    "/bulksms/bulksms?username={USERNAME}&password={PASSWORD}&type=0&dlr=1&destination={DESTINATION}"
    "&source=Tests&message=Sent+by+a+sample{WHEN}"
)
connection.request("GET", path.format(**os.environ), "", {})
print(connection.getresponse().read().decode("utf-8"))
