"""The least that an API function of this kind is: Powertools' logger, metrics and resolver, and one read by boto3."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

logger = Logger()
metrics = Metrics()
app = APIGatewayHttpResolver()


@app.get("/")
def read() -> dict[str, Any]:
    """Whether an item stands in the table."""
    dynamodb = boto3.client("dynamodb")
    answer = dynamodb.get_item(TableName=os.environ["TABLE_NAME"], Key={"pk": {"S": "-"}, "sk": {"S": "-"}})
    return {"found": "Item" in answer}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The Lambda handler."""
    return app.resolve(event, context)
