/**
 * TEST ONLY, never deployed: `hits` with a counter that is wrong on purpose.
 *
 * It reads, adds, writes back, and takes any failed read for "nothing counted yet". It exists so that a
 * counter test can be seen to fail. Handler `lost_update.handler`.
 */

import { GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";

import { Service } from "./aws.mjs";
import { respond } from "./routes.mjs";
import { readSettings } from "./settings.mjs";
import { MemoryStore, Unknown } from "./store.mjs";
import { KEY } from "./table.mjs";

class LostUpdate {
  #dynamodb;
  #item;

  constructor(table, region) {
    this.#dynamodb = new Service(region);
    this.#item = { TableName: table, Key: KEY };
  }

  async add() {
    const hits = (await this.count()) + 1;
    try {
      await this.#write(hits);
    } catch (error) {
      throw new Unknown(`table ${this.#item.TableName}`, error);
    }
    return hits;
  }

  async count() {
    try {
      const { Item } = await this.#dynamodb.send(new GetItemCommand(this.#item));
      return Number(Item.hits.N);
    } catch {
      return 0;
    }
  }

  #write(hits) {
    const update = {
      UpdateExpression: "SET hits = :hits",
      ExpressionAttributeValues: { ":hits": { N: String(hits) } },
    };
    return this.#dynamodb.send(new UpdateItemCommand({ ...this.#item, ...update }));
  }
}

const { table, region, instance } = readSettings();
const store = table === undefined ? new MemoryStore() : new LostUpdate(table, region);

/** Answers one event, perhaps with a count that others got too. */
export async function handler(event) {
  return respond(event, store, instance);
}
