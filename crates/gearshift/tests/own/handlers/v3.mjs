import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  ScanCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";

const TableName = "users";
const Bucket = "photos";
const documents = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const s3 = new S3Client({});

export const handler = async (event) => {
  const Key = { id: event.id };
  await documents.send(new PutCommand({ TableName, Item: { ...Key, n: 1 } }));
  await documents.send(
    new UpdateCommand({
      TableName,
      Key,
      UpdateExpression: "SET n = n + :one",
      ExpressionAttributeValues: { ":one": 1 },
    }),
  );
  await s3.send(new PutObjectCommand({ Bucket, Key: "a", Body: "hello" }));
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
  const { Item } = await documents.send(new GetCommand({ TableName, Key }));
  const { Count } = await documents.send(new ScanCommand({ TableName }));
  const body = { n: Item.n, keys: Contents.map((found) => found.Key), scanned: Count };
  return { statusCode: 200, body: JSON.stringify(body) };
};
