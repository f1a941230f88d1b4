/** What the environment asks for. */

const TABLE_NAME = /^[A-Za-z0-9_.-]{3,255}$/;

/**
 * All that can be set, read once at the start. No table: count in memory.
 *
 * @typedef {object} Settings
 * @property {string} instance
 * @property {string | undefined} table
 * @property {string} region
 * @property {boolean} perCall Make the client inside the handler, at every call: to show what that costs.
 */

/** An environment variable that cannot be used. */
export class BadSetting extends Error {
  name = "BadSetting";

  constructor(variable, value, why, nextStep) {
    super(`${variable}=${JSON.stringify(value)} cannot be used: ${why} → ${nextStep}`);
  }
}

/**
 * Reads this process's environment; throws BadSetting for the first bad variable.
 *
 * @returns {Settings}
 */
export function readSettings() {
  const table = readTable();
  refuseBucket();
  return {
    instance: set("INSTANCE_ID") || set("AWS_LAMBDA_LOG_STREAM_NAME"),
    table,
    region: readRegion(table),
    perCall: readPerCall(),
  };
}

function set(variable) {
  return process.env[variable] ?? "";
}

function readTable() {
  const name = process.env.HITS_TABLE;
  if (name !== undefined && !TABLE_NAME.test(name)) {
    throw new BadSetting(
      "HITS_TABLE",
      name,
      "not a table name: 3 to 255 of a-z A-Z 0-9 _ . -",
      "set the name of a DynamoDB table, or unset it to count in memory",
    );
  }
  return name;
}

function refuseBucket() {
  const name = process.env.HITS_BUCKET;
  if (name !== undefined) {
    throw new BadSetting(
      "HITS_BUCKET",
      name,
      "this function counts in a table or in memory",
      "unset it, or name a table in HITS_TABLE instead",
    );
  }
}

function readRegion(table) {
  const region = set("AWS_REGION") || set("AWS_DEFAULT_REGION");
  if (!region && table !== undefined) {
    throw new BadSetting(
      "AWS_REGION",
      "",
      "HITS_TABLE names a table and a table is in a region",
      "set the table's region, such as eu-west-2",
    );
  }
  return region;
}

function readPerCall() {
  const value = set("HITS_INIT");
  if (value !== "" && value !== "per-call") {
    throw new BadSetting(
      "HITS_INIT",
      value,
      "not a way to make the client",
      "set per-call to make it at every call, or unset it to make it once",
    );
  }
  return value === "per-call";
}
