"""`hits` as an AWS Lambda function: handler `app.handler`, events in payload format 2.0."""

from typing import Any

import routes
import settings
import store

# Everything up to the first event happens once per environment, so that all its events share one
# client and its open connection. A bad setting ends the environment here, with its reason.
SETTINGS = settings.read()
_open = store.opener(SETTINGS)
_store = None if SETTINGS.per_call else _open()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers one event."""
    return routes.respond(event, _store or _open(), SETTINGS.instance)
