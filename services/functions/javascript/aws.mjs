/** A DynamoDB client that sends each request once and keeps to a deadline. Times in milliseconds. */

import { setImmediate, setTimeout } from "node:timers/promises";

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";

// Within a region connecting takes about a millisecond; a second is a lost SYN and its repetition.
const CONNECT_TIMEOUT = 1_000;
// Of one attempt, connecting included.
const ATTEMPT_TIMEOUT = 2_000;
// Of all attempts: an answer still fits into AWS Lambda's default timeout of 3 s.
const OPERATION_TIMEOUT = 2_500;

// Upper end of the first random wait; DynamoDB's own clients start at 25 ms too.
const INITIAL_BACKOFF = 25;
const LONGEST_BACKOFF = 200;

// System calls that fail before a request is sent. A reset of an open connection comes from `read` or
// `write`, or without a system call.
const CONNECTING = new Set(["getaddrinfo", "connect"]);
const CONNECT_TIMED_OUT = /did not establish a connection/;

/** The time that one operation may take, over all its attempts. */
export class Deadline {
  #end = performance.now() + OPERATION_TIMEOUT;

  left() {
    return this.#end - performance.now();
  }

  /**
   * Waits at random, longer after each attempt (counted from 0). False, at once, where the time left
   * is too short for that.
   */
  async wait(attempt) {
    const pause = Math.random() * Math.min(INITIAL_BACKOFF * 2 ** attempt, LONGEST_BACKOFF);
    if (pause >= this.left()) return false;
    await setTimeout(pause);
    return true;
  }
}

/** Why a request failed, in one line. */
export class AwsError extends Error {
  name = "AwsError";

  /** @param {boolean} notSent Whether the request certainly never left this process. */
  constructor(message, { code = "", status = 0, notSent, cause }) {
    super(message, { cause });
    /** AWS's code of this error; empty where AWS did not give one. */
    this.code = code;
    /** The HTTP status that came with this error; 0 where none did. */
    this.status = status;
    this.notSent = notSent;
  }
}

/** A client without retries: only its user knows which request may be repeated. */
export class Service {
  #client;

  constructor(region) {
    this.#client = new DynamoDBClient({
      region,
      maxAttempts: 1,
      retryMode: "standard",
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT },
    });
  }

  /** Sends once; throws AwsError. */
  async send(command, deadline = new Deadline()) {
    // While an environment is frozen its connection may be closed. One turn of the event loop notices
    // that; a request on such a connection would get no answer.
    await setImmediate();
    const limit = Math.ceil(Math.max(0, Math.min(deadline.left(), ATTEMPT_TIMEOUT)));
    const signal = AbortSignal.timeout(limit);
    let sent = false;
    command.middlewareStack.add(
      (next) => (request) => {
        sent = true;
        return next(request);
      },
      // The last step before the connection: credentials are found and the request is signed.
      { step: "deserialize", priority: "low" },
    );
    try {
      return await unlessAborted(signal, this.#client.send(command, { abortSignal: signal }));
    } catch (error) {
      const notSent = !sent || neverConnected(error);
      if (error === signal.reason) {
        const what = sent ? "no answer" : "nothing could be sent";
        throw new AwsError(`${what} within ${limit} ms`, { notSent, cause: error });
      }
      throw awsError(error, notSent);
    }
  }

  close() {
    this.#client.destroy();
  }
}

/** The SDK looks at its signal only while the request is on its way. */
function unlessAborted(signal, answer) {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    answer.then(resolve, reject);
  });
}

function neverConnected(error) {
  // Of a host with several addresses, each of which failed.
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(neverConnected);
  return CONNECTING.has(error.syscall) || CONNECT_TIMED_OUT.test(error.message);
}

function awsError(error, notSent) {
  const status = error.$metadata?.httpStatusCode;
  if (!error.$fault) {
    return new AwsError(status ? `unreadable answer with status ${status}` : short(error), {
      status,
      notSent,
      cause: error,
    });
  }
  // "Unknown" and "UnknownError" are the SDK's words where the answer has neither code nor message.
  const code = error.name === "Unknown" ? String(status) : error.name;
  const message = error.message === "UnknownError" ? code : `${code}: ${error.message}`;
  return new AwsError(message, { code, status, notSent, cause: error });
}

function short(error) {
  if (CONNECT_TIMED_OUT.test(error.message)) return `no connection within ${CONNECT_TIMEOUT} ms`;
  const text = error.message || error.errors?.[0]?.message || error.code || error.name;
  return text.replace(/\s+/g, " ").trim();
}
