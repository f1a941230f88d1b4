/** A small client of AWS Lambda's runtime API, for where aws-lambda-ric's native part cannot be compiled. */

import { existsSync } from "node:fs";
import { Agent, request } from "node:http";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { env } = process;
const API = `http://${env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
// fetch would give up an invocation that does not come within five minutes.
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

// Where the next error belongs; null while no invocation is in hand.
let errorPath = "/init/error";

function call(method, path, body, headers = {}) {
  return new Promise((fulfil, reject) => {
    const calling = request(API + path, { method, agent, headers }, async (response) => {
      try {
        const text = (await response.setEncoding("utf8").toArray()).join("");
        if (response.statusCode >= 500) throw new Error(`${path} answered ${response.statusCode}: ${text}`);
        fulfil({ headers: response.headers, text });
      } catch (error) {
        reject(error);
      }
    });
    calling.on("error", reject).end(body);
  });
}

function report(path, errorType, errorMessage) {
  const headers = { "content-type": "application/json", "Lambda-Runtime-Function-Error-Type": errorType };
  return call("POST", path, JSON.stringify({ errorType, errorMessage, trace: [] }), headers);
}

function describe(error) {
  return error instanceof Error ? [error.name, error.message] : [typeof error, String(error)];
}

/** Ends the environment: Lambda starts another one. */
async function die(error, errorType, errorMessage) {
  console.error(error);
  try {
    if (errorPath) await report(errorPath, errorType, errorMessage);
  } finally {
    process.exit(1);
  }
}

async function load(name = env._HANDLER ?? "") {
  const [, module, path] = /^(.+?)\.([^/]+)$/.exec(name) ?? [];
  const base = resolve(env.LAMBDA_TASK_ROOT ?? ".", module ?? "");
  const file = [".mjs", ".js"].map((extension) => base + extension).find(existsSync);
  if (!file) {
    const missing = new Error(`there is no module for the handler ${JSON.stringify(name)}`);
    throw Object.assign(missing, { name: "Runtime.ImportModuleError" });
  }
  const handler = path.split(".").reduce((found, key) => found?.[key], await import(pathToFileURL(file)));
  if (typeof handler !== "function") {
    throw Object.assign(new Error(`${name} is not a function`), { name: "Runtime.HandlerNotFound" });
  }
  return handler;
}

function contextOf(headers) {
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => Number(headers["lambda-runtime-deadline-ms"]) - Date.now(),
  };
}

async function serve(handler) {
  errorPath = null;
  const { headers, text } = await call("GET", "/invocation/next");
  const context = contextOf(headers);
  const invocation = `/invocation/${encodeURIComponent(context.awsRequestId)}`;
  env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  errorPath = `${invocation}/error`;
  let body;
  try {
    body = JSON.stringify(await handler(JSON.parse(text), context)) ?? "null";
  } catch (error) {
    console.error(error);
    return report(errorPath, ...describe(error));
  }
  return call("POST", `${invocation}/response`, body, { "content-type": "application/json" });
}

process.on("uncaughtException", (error) => die(error, "Runtime.UncaughtException", String(error)));
process.on("unhandledRejection", (why) => die(why, "Runtime.UnhandledPromiseRejection", String(why)));

const handler = await load(process.argv[2]).catch((error) => die(error, ...describe(error)));
for (;;) await serve(handler);
