# The document's curl program. HOST is host:port; WHEN is what a scheduled message has besides.
exec curl --silent --show-error --location --request GET "http://$HOST/bulksms/bulksms?username=$USERNAME&password=$PASSWORD&type=0&dlr=1&destination=$DESTINATION&source=Tests&message=Sent+by+a+sample$WHEN"
