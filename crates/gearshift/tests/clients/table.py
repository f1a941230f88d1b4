"""boto3 against the table store: a table of its own, from its creation to its end."""

from clients import CheckedTable, refused

NAME = "visits"
checked = CheckedTable()
table = checked.client


def key(page, day):
    return {"page": {"S": page}, "day": {"N": str(day)}}


def create():
    made = table.create_table(
        TableName=NAME,
        KeySchema=[
            {"AttributeName": "page", "KeyType": "HASH"},
            {"AttributeName": "day", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "page", "AttributeType": "S"},
            {"AttributeName": "day", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]
    assert made["TableName"] == NAME and made["TableArn"].startswith("arn:aws:dynamodb:"), made
    table.get_waiter("table_exists").wait(TableName=NAME, WaiterConfig={"Delay": 1})
    assert {NAME, "hits"} <= set(table.list_tables()["TableNames"])


def put_and_get():
    for page, day, hits in [("/", 1, 10), ("/", 2, 20), ("/", 3, 30), ("/docs", 2, 5)]:
        put = table.put_item(
            TableName=NAME,
            Item={**key(page, day), "hits": {"N": str(hits)}, "raw": {"B": b"\x00\xff"}},
            ReturnConsumedCapacity="TOTAL",
        )
        assert put["ConsumedCapacity"]["CapacityUnits"] == 1.0, put
    got = table.get_item(TableName=NAME, Key=key("/", 2), ConsistentRead=True)
    assert got["Item"] == {**key("/", 2), "hits": {"N": "20"}, "raw": {"B": b"\x00\xff"}}, got
    # The store meters by asking for the capacity itself; the client, who did not ask, is not told.
    assert "ConsumedCapacity" not in got, got
    assert "Item" not in table.get_item(TableName=NAME, Key=key("/", 9))


def update():
    for expected in ("21", "22"):
        updated = table.update_item(
            TableName=NAME,
            Key=key("/", 2),
            UpdateExpression="ADD hits :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="UPDATED_NEW",
        )
        assert updated["Attributes"] == {"hits": {"N": expected}}, updated


def write_on_condition():
    arguments = dict(
        TableName=NAME,
        Item={**key("/", 2), "hits": {"N": "0"}},
        ConditionExpression="attribute_not_exists(page)",
    )
    response = refused(table.exceptions.ConditionalCheckFailedException, table.put_item, **arguments)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400, response
    assert response["Error"]["Message"] == "The conditional request failed", response
    kept = table.get_item(TableName=NAME, Key=key("/", 2), ConsistentRead=True)
    assert kept["Item"]["hits"] == {"N": "22"}, kept
    table.put_item(**{**arguments, "Item": {**key("/new", 1), "hits": {"N": "0"}}})


def read_many():
    found = table.query(
        TableName=NAME,
        KeyConditionExpression="page = :page AND #day BETWEEN :first AND :last",
        ExpressionAttributeNames={"#day": "day"},
        ExpressionAttributeValues={":page": {"S": "/"}, ":first": {"N": "2"}, ":last": {"N": "9"}},
        ScanIndexForward=False,
    )
    assert [item["day"]["N"] for item in found["Items"]] == ["3", "2"], found
    pages = table.get_paginator("scan").paginate(TableName=NAME, PaginationConfig={"PageSize": 2})
    scanned = [(item["page"]["S"], item["day"]["N"]) for page in pages for item in page["Items"]]
    assert sorted(scanned) == [("/", "1"), ("/", "2"), ("/", "3"), ("/docs", "2"), ("/new", "1")], scanned


def delete():
    gone = table.delete_item(TableName=NAME, Key=key("/new", 1), ReturnValues="ALL_OLD")
    assert gone["Attributes"]["hits"] == {"N": "0"}, gone
    assert "Item" not in table.get_item(TableName=NAME, Key=key("/new", 1), ConsistentRead=True)
    table.delete_table(TableName=NAME)
    table.get_waiter("table_not_exists").wait(TableName=NAME, WaiterConfig={"Delay": 1})
    missing = table.exceptions.ResourceNotFoundException
    refused(missing, table.get_item, TableName=NAME, Key=key("/", 1))


create()
put_and_get()
update()
write_on_condition()
read_many()
delete()
assert checked.compared >= 20, checked.compared
print("compared", checked.compared)
