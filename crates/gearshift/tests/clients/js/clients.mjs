// The JavaScript SDK against both stores. Endpoints, region and credentials come from the environment.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import {
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

// One attempt: a repetition would hide what the first answer was.
const once = { maxAttempts: 1 };

async function refused(status, name, sending) {
  await assert.rejects(sending, (error) => {
    assert.deepEqual([error.$metadata.httpStatusCode, error.name], [status, name]);
    return true;
  });
}

async function table() {
  const client = new DynamoDBClient(once);
  const key = { TableName: "hits", Key: { id: { N: "9" } } };
  await client.send(new PutItemCommand({ TableName: "hits", Item: { id: { N: "9" }, hits: { N: "41" } } }));
  const updated = await client.send(
    new UpdateItemCommand({
      ...key,
      UpdateExpression: "ADD hits :one",
      ExpressionAttributeValues: { ":one": { N: "1" } },
      ReturnValues: "UPDATED_NEW",
    }),
  );
  assert.deepEqual(updated.Attributes, { hits: { N: "42" } });
  const read = await client.send(new GetItemCommand({ ...key, ConsistentRead: true }));
  assert.deepEqual(read.Item, { id: { N: "9" }, hits: { N: "42" } });
  const guarded = { TableName: "hits", Item: { id: { N: "9" } }, ConditionExpression: "attribute_not_exists(id)" };
  await refused(400, "ConditionalCheckFailedException", client.send(new PutItemCommand(guarded)));
}

async function objects() {
  const client = new S3Client({ ...once, forcePathStyle: true });
  const at = { Bucket: "drawings", Key: "one.txt" };
  await client.send(new CreateBucketCommand({ Bucket: at.Bucket }));
  const put = await client.send(new PutObjectCommand({ ...at, Body: "one", ContentType: "text/plain" }));
  assert.equal(put.ETag, `"${createHash("md5").update("one").digest("hex")}"`);
  const got = await client.send(new GetObjectCommand(at));
  assert.deepEqual([await got.Body.transformToString(), got.ContentType], ["one", "text/plain"]);
  const head = await client.send(new HeadObjectCommand(at));
  assert.deepEqual([head.ContentLength, head.ETag], [3, put.ETag]);

  const swap = (condition) => client.send(new PutObjectCommand({ ...at, Body: "two", ...condition }));
  await refused(412, "PreconditionFailed", swap({ IfNoneMatch: "*" }));
  await refused(412, "PreconditionFailed", swap({ IfMatch: '"another"' }));
  await swap({ IfMatch: put.ETag });
  await refused(412, "PreconditionFailed", swap({ IfMatch: put.ETag }));

  const picture = randomBytes(9 << 20);
  const page = { Bucket: at.Bucket, Key: "page/picture.bin", Body: picture };
  await new Upload({ client, partSize: 5 << 20, params: page }).done();
  const back = await client.send(new GetObjectCommand({ Bucket: at.Bucket, Key: page.Key }));
  assert.ok(back.ETag.endsWith('-2"'), back.ETag);
  assert.ok(picture.equals(Buffer.from(await back.Body.transformToByteArray())));

  const list = () => client.send(new ListObjectsV2Command({ Bucket: at.Bucket }));
  assert.deepEqual((await list()).Contents.map((one) => one.Key), ["one.txt", "page/picture.bin"]);
  await client.send(new DeleteObjectCommand(at));
  assert.deepEqual((await list()).Contents.map((one) => one.Key), ["page/picture.bin"]);
  await refused(404, "NoSuchKey", client.send(new GetObjectCommand(at)));
}

await table();
await objects();
console.log("both stores");
