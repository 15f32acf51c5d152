"""Does what each message's body says, and writes down when it began and ended."""

import json
import os
import time
import urllib.request
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One line of the log a batch: {"batch": {pid, began, ended, records}}."""
    began, failed = time.time(), []
    for record in event["Records"]:
        order = json.loads(record["body"])
        time.sleep(order.get("seconds", 0))
        match order.get("do"):
            case "fail":
                failed.append({"itemIdentifier": record["messageId"]})
            case "postpone":
                _postpone(record["receiptHandle"], order["by"])
                failed.append({"itemIdentifier": record["messageId"]})
            case "die" if record["attributes"]["ApproximateReceiveCount"] == "1":
                os._exit(3)
            case "raise" if record["attributes"]["ApproximateReceiveCount"] == "1":
                raise ValueError("asked to")
            case "unknown" if record["attributes"]["ApproximateReceiveCount"] == "1":
                failed.append({"itemIdentifier": "nobody"})
    line = {"pid": os.getpid(), "began": began, "ended": time.time(), "records": event["Records"]}
    os.write(1, json.dumps({"batch": line}).encode() + b"\n")  # in one piece, whatever the other processes write
    return {"batchItemFailures": failed}


def _postpone(handle: str, seconds: float) -> None:
    order = {"QueueUrl": os.environ["QUEUE_URL"], "ReceiptHandle": handle, "VisibilityTimeout": seconds}
    headers = {"x-amz-target": "AmazonSQS.ChangeMessageVisibility", "content-type": "application/x-amz-json-1.0"}
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps(order).encode(), headers)
    urllib.request.urlopen(request).close()
