/** `hits` as an AWS Lambda function: handler `app.handler`, events in payload format 2.0. */

import { respond } from "./routes.mjs";
import { readSettings } from "./settings.mjs";
import { opener } from "./store.mjs";

// Everything up to the first event happens once per environment, so that all its events share one
// client and its open connection. A bad setting ends the environment here, with its reason.
const settings = readSettings();
const open = await opener(settings);
const shared = settings.perCall ? null : open();

/** Answers one event. */
export async function handler(event) {
  const store = shared ?? open();
  try {
    return await respond(event, store, settings.instance);
  } finally {
    if (store !== shared) store.close();
  }
}
