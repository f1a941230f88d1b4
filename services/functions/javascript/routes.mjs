/** The routes. */

import { readFileSync } from "node:fs";
import { STATUS_CODES } from "node:http";
import { setTimeout } from "node:timers/promises";

import { StoreError } from "./store.mjs";

// Longest sleep or burn: an API Gateway gives up at 30 s, a load balancer at 60 s by default.
const LONGEST_MS = 60_000;
const MILLISECONDS = /^\+?0*([0-9]{1,5})$/;

// Rounds between two looks at the clock, which is a system call: looking is a small part.
const ROUNDS_PER_LOOK = 10_000;

// What may not stand in a URL's path as it is (RFC 3986, and as browsers do it).
const TO_ESCAPE = /[^\w.~/%:@!$&'()*+,;=|[\]\\-]/gu;

// Before Node.js 23.9 only the whole process's can be had. Its other threads are idle during a burn.
const cpuUsage = process.threadCpuUsage ?? process.cpuUsage;

/**
 * What a route may look at.
 *
 * @typedef {object} Request
 * @property {string} path
 * @property {string} ms The `{ms}` of the path.
 * @property {import("./store.mjs").HitStore} store
 * @property {string} instance
 */

/** @typedef {(request: Request) => object | Promise<object>} Route */

/** Not an event that an HTTP API or a function URL sends. */
class BadEvent extends Error {
  name = "BadEvent";
}

/** Answers an event in payload format 2.0. */
export async function respond(event, store, instance) {
  const { method, path } = methodAndPath(event);
  const { pattern, ms } = split(path);
  const response = await dispatch(method, pattern, { path, ms, store, instance });
  return method === "HEAD" ? { ...response, body: "" } : response;
}

function methodAndPath(event) {
  const context = event?.requestContext;
  const method = context?.http?.method;
  const path = event?.rawPath;
  if (typeof method !== "string" || typeof path !== "string") {
    throw new BadEvent("the event is not an HTTP event in payload format 2.0 → call the function's URL");
  }
  return { method, path: withoutStage(path, context.stage || "$default") };
}

/** A stage other than `$default` stands in front of the path (`/prod/hits`). */
function withoutStage(path, stage) {
  const prefix = `/${stage}`;
  const staged = stage !== "$default" && (path === prefix || path.startsWith(`${prefix}/`));
  return (staged ? path.slice(prefix.length) : path) || "/";
}

/** `/sleep/5` → `/sleep/{ms}` and `5`. */
function split(path) {
  const [, parent, ms] = /^(\/sleep|\/burn)\/([^/]+)$/.exec(path) ?? [];
  return parent ? { pattern: `${parent}/{ms}`, ms } : { pattern: path, ms: "" };
}

function dispatch(method, pattern, request) {
  const methods = ROUTES[pattern];
  if (!methods) return problem(404, request, "there is no such route; GET /docs lists them");
  const route = methods[method];
  if (!route) {
    const detail = `this route does not take ${method}; the header Allow lists what it takes`;
    return problem(405, request, detail, { allow: Object.keys(methods).join() });
  }
  return route(request);
}

function add(request) {
  return number(request, () => request.store.add());
}

function count(request) {
  return number(request, () => request.store.count());
}

async function number(request, ask) {
  try {
    // A count is good for one answer, though `GET` fetches it.
    return answer(200, "text/plain; charset=utf-8", String(await ask()), { "cache-control": "no-store" });
  } catch (error) {
    if (error instanceof StoreError) return problem(503, request, error.message);
    throw error;
  }
}

async function sleep(request) {
  const asked = milliseconds(request.ms);
  if (asked === null) return badMilliseconds(request);
  const began = performance.now();
  // A timer may fire up to a millisecond early.
  for (let left = asked; left > 0; left = asked - (performance.now() - began)) {
    await setTimeout(Math.ceil(left));
  }
  return json(200, { slept_ms: performance.now() - began });
}

function burn(request) {
  const asked = milliseconds(request.ms);
  if (asked === null) return badMilliseconds(request);
  const began = performance.now();
  const spent = spin(asked);
  return json(200, { cpu_ms: spent, wall_ms: performance.now() - began });
}

/** Spends this thread's CPU time and returns how much it was, in milliseconds. */
function spin(budget) {
  const began = cpuMicroseconds();
  for (;;) {
    const spent = (cpuMicroseconds() - began) / 1e3;
    if (spent >= budget) return spent;
    for (let round = 0; round < ROUNDS_PER_LOOK; round += 1);
  }
}

function cpuMicroseconds() {
  const { user, system } = cpuUsage();
  return user + system;
}

/** A whole number from 0 to LONGEST_MS. */
function milliseconds(text) {
  const [, digits] = MILLISECONDS.exec(unescaped(text)) ?? [];
  return digits && Number(digits) <= LONGEST_MS ? Number(digits) : null;
}

/** The text without percent-encoding; as it is where that cannot be taken away. */
function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function badMilliseconds(request) {
  return problem(400, request, `milliseconds must be a whole number from 0 to ${LONGEST_MS}`);
}

function cluster(number) {
  return ({ instance }) => json(200, { cluster: number, instance });
}

function constant(value) {
  return () => json(200, value);
}

/** A file beside the code, read at the first request for it: it costs nothing at the start. */
function file(name, contentType) {
  let text;
  return () => {
    text ??= readFileSync(new URL(name, import.meta.url), "utf8");
    return answer(200, contentType, text);
  };
}

/** An RFC 9457 problem document. The status says what kind of problem it is. */
function problem(status, { path }, detail, headers) {
  const document = {
    type: "about:blank",
    title: STATUS_CODES[status],
    status,
    detail,
    instance: path.replace(TO_ESCAPE, encodeURIComponent),
  };
  return json(status, document, "application/problem+json", headers);
}

function json(status, value, contentType = "application/json", headers = {}) {
  return answer(status, contentType, JSON.stringify(value), headers);
}

function answer(statusCode, contentType, body, headers = {}) {
  return {
    statusCode,
    headers: { "content-type": contentType, ...headers },
    body,
    isBase64Encoded: false,
  };
}

function get(route) {
  return { __proto__: null, GET: route, HEAD: route };
}

/** @type {Record<string, Record<string, Route>>} */
const ROUTES = {
  __proto__: null,
  "/": get(file("page.html", "text/html; charset=utf-8")),
  // HEAD must not count: it asks what a GET would look like.
  "/hits": { __proto__: null, GET: add, HEAD: count, POST: add },
  "/hits/count": get(count),
  "/hello": get(constant({ hello: "world" })),
  "/sleep/{ms}": get(sleep),
  "/burn/{ms}": get(burn),
  "/healthz": get(constant({ status: "pass" })),
  "/cluster1": get(cluster(1)),
  "/cluster2": get(cluster(2)),
  "/openapi.json": get(file("openapi.json", "application/json")),
  "/docs": get(file("docs.html", "text/html; charset=utf-8")),
};
