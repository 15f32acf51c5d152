"""The table as plain calls: items as dictionaries, batches that loop until all is written, conditions as answers."""

import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from switchboard.clients import client
from switchboard.settings import settings

Item = dict[str, Any]
_WRITE_BATCH = 25  # BatchWriteItem's limit
_GET_BATCH = 100  # BatchGetItem's limit
_NAME = re.compile(r"#(\w+)")
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class Overtaken(Exception):
    """A condition did not hold; `item` is the item as it stands, None when there is none."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("the item is not as it was read")
        self.item = item


def pack(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as DynamoDB's wire has it; None values are left out."""
    return {name: _serialize(value) for name, value in item.items() if value is not None}


def unpack(item: Mapping[str, Any]) -> Item:
    """An item as plain values: numbers are Decimal."""
    return {name: _deserialize(value) for name, value in item.items()}


def number(value: float) -> Decimal:
    """A number that DynamoDB takes, to the thousandth."""
    return Decimal(str(round(value, 3)))


def get(pk: str, sk: str) -> Item | None:
    """One item, read consistently."""
    answer = client("dynamodb").get_item(
        TableName=settings().table, Key=pack({"pk": pk, "sk": sk}), ConsistentRead=True
    )
    return unpack(answer["Item"]) if "Item" in answer else None


def get_many(keys: Sequence[tuple[str, str]]) -> Iterator[Item]:
    """The items that exist of `keys`, read consistently, in no order."""
    table = settings().table
    for some in _split(keys, _GET_BATCH):
        request = {table: {"Keys": [pack({"pk": pk, "sk": sk}) for pk, sk in some], "ConsistentRead": True}}
        for wait in _waits():
            answer = client("dynamodb").batch_get_item(RequestItems=request)
            yield from map(unpack, answer["Responses"].get(table, ()))
            if not (request := answer.get("UnprocessedKeys") or {}):
                break
            time.sleep(wait)


def put(item: Item, *, unless_exists: bool = False, expired_by: int | None = None) -> None:
    """One item. With `unless_exists`, raises `Overtaken` with the item that stands there already.

    `expired_by` (epoch seconds): what should have been deleted by then does not count; TTL deletes late.
    """
    request: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"} if unless_exists else {}
    if unless_exists and expired_by is not None:
        request["ConditionExpression"] += " OR #ttl < :now"
        request |= {
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": pack({":now": expired_by}),
        }
    _conditional("put_item", Item=pack(item), **request)


def put_many(items: Iterable[Item]) -> None:
    """Items without conditions, 25 a request, until none is left (UnprocessedItems)."""
    table = settings().table
    for some in _split(list(items), _WRITE_BATCH):
        request = {table: [{"PutRequest": {"Item": pack(item)}} for item in some]}
        for wait in _waits():
            answer = client("dynamodb").batch_write_item(RequestItems=request)
            if not (request := answer.get("UnprocessedItems") or {}):
                break
            time.sleep(wait)


def update(pk: str, sk: str, expression: str, values: Mapping[str, Any], condition: str | None = None) -> Item:
    """One update; the item after it. `#name` stands for the attribute `name`. Raises `Overtaken`."""
    names = {f"#{name}": name for name in _NAME.findall(f"{expression} {condition}")}
    answer = _conditional(
        "update_item",
        Key=pack({"pk": pk, "sk": sk}),
        UpdateExpression=expression,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=pack(values),
        ReturnValues="ALL_NEW",
        **({"ConditionExpression": condition} if condition else {}),
    )
    return unpack(answer["Attributes"])


def delete(pk: str, sk: str) -> Item | None:
    """Delete one item; what it was."""
    answer = client("dynamodb").delete_item(
        TableName=settings().table, Key=pack({"pk": pk, "sk": sk}), ReturnValues="ALL_OLD"
    )
    return unpack(answer["Attributes"]) if "Attributes" in answer else None


def query(pk: str, prefix: str = "") -> Iterator[Item]:
    """The items of one partition whose sort key starts with `prefix`, read consistently, in order."""
    yield from _pages(
        KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)" if prefix else "pk = :pk",
        ExpressionAttributeValues=pack({":pk": pk, ":prefix": prefix or None}),
        ConsistentRead=True,
    )


def first(pk: str, prefix: str) -> Item | None:
    """The first item of one partition whose sort key starts with `prefix`, read consistently; only that one is read."""
    request = {
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": pack({":pk": pk, ":prefix": prefix}),
    }
    return next(_pages(**request, ConsistentRead=True, Limit=1), None)


def latest(pk: str, prefix: str, limit: int) -> list[Item]:
    """The last items of one partition whose sort key starts with `prefix`, read consistently, the last first."""
    request = {
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": pack({":pk": pk, ":prefix": prefix}),
    }
    pages = _pages(**request, ConsistentRead=True, ScanIndexForward=False, Limit=limit)
    return list(islice(pages, limit))


def query_after(pk: str, after: str, until: str) -> Iterator[Item]:
    """The items of one partition whose sort key lies behind `after` and not behind `until`, in order."""
    yield from _pages(
        KeyConditionExpression="pk = :pk AND sk BETWEEN :after AND :until",
        ExpressionAttributeValues=pack({":pk": pk, ":after": after + "\0", ":until": until}),
        ConsistentRead=True,
    )


def query_index(
    index: str, hash_: tuple[str, str], range_: tuple[str, str], after: Item | None = None
) -> Iterator[Item]:
    """The keys that an index holds under one hash value, newest first, from behind `after`.

    `hash_` is an attribute and its value; `range_` an attribute and the prefix of its value, which may be empty.
    """
    (attribute, value), (ordered, prefix) = hash_, range_
    condition = "#hash = :hash" + (" AND begins_with(#range, :range)" if prefix else "")
    yield from _pages(
        IndexName=index,
        KeyConditionExpression=condition,
        ExpressionAttributeNames={"#hash": attribute, **({"#range": ordered} if prefix else {})},
        ExpressionAttributeValues=pack({":hash": value, ":range": prefix or None}),
        ScanIndexForward=False,
        **({"ExclusiveStartKey": pack(after)} if after else {}),
    )


def _pages(**request: Any) -> Iterator[Item]:
    while True:
        answer = client("dynamodb").query(TableName=settings().table, **request)
        yield from map(unpack, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _conditional(operation: str, **request: Any) -> Any:
    dynamodb = client("dynamodb")
    if "ConditionExpression" in request:
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    try:
        return getattr(dynamodb, operation)(TableName=settings().table, **request)
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        old = error.response.get("Item")
        raise Overtaken(unpack(old) if old else None) from None


def _split(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _waits() -> Iterator[float]:
    """Pauses between the tries of a batch that was taken only in part: exponential with jitter, about a minute."""
    yield from (random.uniform(0, min(5.0, 0.05 * 2**attempt)) for attempt in range(16))
    raise TimeoutError("the table keeps refusing parts of a batch")
