const AWS = {
  ...require("@aws-sdk/client-dynamodb"),
  ...require("@aws-sdk/client-s3"),
};
const { marshall, unmarshall } = require("@aws-sdk/util-dynamodb");

const dynamodb = new AWS.DynamoDB();
const s3 = new AWS.S3();
const TableName = "users";
const Bucket = "photos";

// One method of a client for each operation.
exports.handler = async function (event) {
  const Key = marshall({ id: event.id });
  await dynamodb.putItem({ TableName, Item: marshall({ id: event.id, n: 1 }) });
  await dynamodb.updateItem({
    TableName,
    Key,
    UpdateExpression: "ADD n :one",
    ExpressionAttributeValues: marshall({ ":one": 1 }),
  });
  await s3.putObject({ Bucket, Key: "a", Body: "hello" });
  const { Contents } = await s3.listObjectsV2({ Bucket });
  const { Item } = await dynamodb.getItem({ TableName, Key });
  const { Count } = await dynamodb.scan({ TableName });
  const body = { n: unmarshall(Item).n, keys: Contents.map((found) => found.Key), scanned: Count };
  return { statusCode: 200, body: JSON.stringify(body) };
};
