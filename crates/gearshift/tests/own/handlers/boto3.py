import json

import boto3

table = boto3.resource("dynamodb").Table("users")
s3 = boto3.client("s3")


def handler(event, context):
    table.put_item(Item={"id": event["id"], "n": 1})
    table.update_item(
        Key={"id": event["id"]},
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": 1},
    )
    s3.put_object(Bucket="photos", Key="a", Body=b"hello")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="photos")["Contents"]]
    item = table.get_item(Key={"id": event["id"]})["Item"]
    body = {"n": int(item["n"]), "keys": keys, "scanned": table.scan()["Count"]}
    return {"statusCode": 200, "body": json.dumps(body)}
