"""Answers with the event it got, or does what the body's `do` says."""

import base64
import json
import os
import time
from typing import Any

from words import WORD


def handler(event: dict[str, Any], context: Any) -> Any:
    """The event as JSON, with what the process knows of itself."""
    order = _order(event)
    match order.get("do"):
        case "sleep":
            time.sleep(order["seconds"])
        case "die":
            os._exit(3)
        case "raise":
            raise ValueError("asked to")
        case "big":
            return {"statusCode": 200, "body": "x" * order["bytes"]}
        case "bytes":
            return {
                "statusCode": 201,
                "headers": {"Content-Type": "application/octet-stream", "X-One": 1},
                "cookies": ["a=1", "b=2"],
                "body": base64.b64encode(bytes(range(256))).decode(),
                "isBase64Encoded": True,
            }
        case "store":
            import boto3

            table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
            table.put_item(Item={"pk": "1", "owner": "me"})
            table.update_item(Key={"pk": "1"}, UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": 1})
        case "bare":
            return {"just": "this"}
        case "malformed":
            return {"statusCode": "many"}
    process = {
        "word": WORD,
        "pid": os.getpid(),
        "cwd": os.getcwd(),
        "environment": dict(os.environ),
        "left": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
    }
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps([event, process])}


def _order(event: dict[str, Any]) -> dict[str, Any]:
    if "requestContext" not in event:
        return event
    body = event.get("body") or "{}"
    if event["isBase64Encoded"] or not body.startswith("{"):
        return {}
    order: dict[str, Any] = json.loads(body)
    return order
