/** Where the count lives: what every store promises, and the count in this process's memory. */

/**
 * A counter.
 *
 * @typedef {object} HitStore
 * @property {() => Promise<number | bigint>} add Adds one and returns the new count. No two calls return
 *   the same number, in whatever process.
 * @property {() => Promise<number | bigint>} count The count, including every add that has returned.
 * @property {() => void} close Gives its connections back; it is not used again.
 */

/** Why a store gave no count. */
export class StoreError extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** Certainly nothing was added. */
export class Refused extends StoreError {
  constructor(store, cause) {
    const text = "nothing was counted, the request can be sent again";
    super(`${store} refused (${cause.message}): ${text}`, { cause });
  }
}

/** The answer was lost or told nothing; repeating could count one hit twice. */
export class Unknown extends StoreError {
  constructor(store, cause) {
    const text = "the hit may or may not have been counted";
    super(`${store} gave no clear answer (${cause.message}): ${text}`, { cause });
  }
}

/** A count could not be read. */
export class Unread extends StoreError {
  constructor(store, cause) {
    super(`${store} could not be read (${cause.message})`, { cause });
  }
}

/** A count that starts at 0, is lost when the process ends and is not shared with any other. */
export class MemoryStore {
  #hits = 0;

  async add() {
    this.#hits += 1;
    return this.#hits;
  }

  async count() {
    return this.#hits;
  }

  close() {}
}

/**
 * Imports what the chosen store needs. What it returns makes the store's client; it sends nothing: a
 * table that is missing shows at the first hit.
 *
 * @param {import("./settings.mjs").Settings} settings
 * @returns {Promise<() => HitStore>}
 */
export async function opener({ table, region }) {
  if (table !== undefined) {
    const { TableStore } = await import("./table.mjs");
    return () => new TableStore(table, region);
  }
  const memory = new MemoryStore();
  return () => memory;
}
