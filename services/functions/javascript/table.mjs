/** The count in a DynamoDB table. */

import { GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";

import { Deadline, Service } from "./aws.mjs";
import { Refused, Unknown, Unread } from "./store.mjs";

// The first and two more.
const MAX_ATTEMPTS = 3;

// What DynamoDB answers when it turned a request away before looking at the item.
const THROTTLES = new Set([
  "ThrottlingException",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
]);

export const KEY = { id: { N: "0" } };

/**
 * A count in the item `id = 0` (a number), in its attribute `hits`. No item: 0. Kept and shared: any
 * number of processes add to the same count.
 */
export class TableStore {
  #dynamodb;
  #table;
  #name;

  constructor(table, region) {
    this.#dynamodb = new Service(region);
    this.#table = table;
    this.#name = `table ${table}`;
  }

  async add() {
    try {
      const { Attributes } = await this.#send(UpdateItemCommand, {
        UpdateExpression: "ADD hits :one",
        ExpressionAttributeValues: { ":one": { N: "1" } },
        ReturnValues: "UPDATED_NEW",
      });
      return hitsOf(Attributes);
    } catch (error) {
      const Kind = notApplied(error) ? Refused : Unknown;
      throw new Kind(this.#name, error);
    }
  }

  async count() {
    try {
      const { Item } = await this.#send(GetItemCommand, { ConsistentRead: true });
      return Item === undefined ? 0n : hitsOf(Item);
    } catch (error) {
      throw new Unread(this.#name, error);
    }
  }

  close() {
    this.#dynamodb.close();
  }

  /**
   * Repeats after a throttle and nothing else. A timeout, a reset connection or a status 5xx leaves
   * open whether an update was applied, and `ADD` twice counts one hit twice.
   */
  async #send(Command, input) {
    const deadline = new Deadline();
    for (let attempt = 0; ; attempt += 1) {
      try {
        const command = new Command({ TableName: this.#table, Key: KEY, ...input });
        return await this.#dynamodb.send(command, deadline);
      } catch (error) {
        const last = attempt + 1 === MAX_ATTEMPTS;
        if (last || !THROTTLES.has(error.code) || !(await deadline.wait(attempt))) throw error;
      }
    }
  }
}

/**
 * Whether this failed update certainly left the item as it was: the request was never sent, or DynamoDB
 * refused it with 400, the status of all its client errors.
 */
function notApplied({ notSent, status }) {
  return notSent || status === 400;
}

/** A BigInt, as DynamoDB counts further than a double is exact. */
function hitsOf(item) {
  const hits = item?.hits;
  if (hits === undefined) throw new Error("attribute `hits` is missing");
  if (hits.N === undefined) throw new Error("attribute `hits` is not a number");
  if (!/^[0-9]+$/.test(hits.N)) throw new Error(`attribute \`hits\` is ${hits.N}, not a count`);
  return BigInt(hits.N);
}
