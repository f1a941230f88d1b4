"""The routes."""

import functools
import json
import os
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from store import HitStore, StoreError

# Longest sleep or burn: an API Gateway gives up at 30 s, a load balancer at 60 s by default.
LONGEST_MS = 60_000
MILLISECONDS = re.compile(r"\+?0*([0-9]{1,5})")

# Rounds between two looks at the clock, which is a system call: looking is a small part.
ROUNDS_PER_LOOK = 1_000

# What may stand in a URL's path as it is (RFC 3986, and as browsers do it).
AS_IT_IS = "/%:@!$&'()*+,;=|[]\\~"

Answer = dict[str, Any]


class Request(NamedTuple):
    """What a route may look at."""

    path: str
    ms: str
    """The `{ms}` of the path."""
    store: HitStore
    instance: str


Route = Callable[[Request], Answer]


class BadEvent(Exception):
    """Not an event that an HTTP API or a function URL sends."""


def respond(event: dict[str, Any], store: HitStore, instance: str) -> Answer:
    """Answers an event in payload format 2.0."""
    method, path = _method_and_path(event)
    pattern, ms = _split(path)
    answer = _dispatch(method, pattern, Request(path, ms, store, instance))
    if method == "HEAD":
        answer["body"] = ""
    return answer


def _method_and_path(event: dict[str, Any]) -> tuple[str, str]:
    try:
        context = event["requestContext"]
        method, path = context["http"]["method"], event["rawPath"]
        return method, _without_stage(path, context.get("stage") or "$default")
    except (AttributeError, KeyError, TypeError) as error:
        why = "the event is not an HTTP event in payload format 2.0 → call the function's URL"
        raise BadEvent(why) from error


def _without_stage(path: str, stage: str) -> str:
    """A stage other than `$default` stands in front of the path (`/prod/hits`)."""
    prefix = f"/{stage}"
    if stage != "$default" and (path == prefix or path.startswith(prefix + "/")):
        path = path.removeprefix(prefix)
    return path or "/"


def _split(path: str) -> tuple[str, str]:
    """`/sleep/5` → `/sleep/{ms}` and `5`."""
    parent, _, last = path.rpartition("/")
    return (f"{parent}/{{ms}}", last) if parent in ("/sleep", "/burn") and last else (path, "")


def _dispatch(method: str, pattern: str, request: Request) -> Answer:
    methods = ROUTES.get(pattern)
    if methods is None:
        return _problem(404, request, "there is no such route; GET /docs lists them")
    route = methods.get(method)
    if route is None:
        detail = f"this route does not take {method}; the header Allow lists what it takes"
        return _problem(405, request, detail, allow=",".join(methods))
    return route(request)


def _add(request: Request) -> Answer:
    return _number(request, request.store.add)


def _count(request: Request) -> Answer:
    return _number(request, request.store.count)


def _number(request: Request, ask: Callable[[], int]) -> Answer:
    try:
        # A count is good for one answer, though `GET` fetches it.
        return _answer(200, "text/plain; charset=utf-8", str(ask()), {"cache-control": "no-store"})
    except StoreError as error:
        return _problem(503, request, str(error))


def _sleep(request: Request) -> Answer:
    asked = _milliseconds(request.ms)
    if asked is None:
        return _bad_milliseconds(request)
    began = time.monotonic()
    time.sleep(asked / 1e3)
    return _json(200, {"slept_ms": (time.monotonic() - began) * 1e3})


def _burn(request: Request) -> Answer:
    asked = _milliseconds(request.ms)
    if asked is None:
        return _bad_milliseconds(request)
    began = time.monotonic()
    spent = _spin(asked / 1e3)
    return _json(200, {"cpu_ms": spent * 1e3, "wall_ms": (time.monotonic() - began) * 1e3})


def _spin(budget: float) -> float:
    """Spends this thread's CPU time and returns how much it was, in seconds."""
    began = time.thread_time()
    while (spent := time.thread_time() - began) < budget:
        for _ in range(ROUNDS_PER_LOOK):
            pass
    return spent


def _milliseconds(text: str) -> int | None:
    """A whole number from 0 to LONGEST_MS."""
    match = MILLISECONDS.fullmatch(unquote(text))
    return int(match[1]) if match and int(match[1]) <= LONGEST_MS else None


def _bad_milliseconds(request: Request) -> Answer:
    return _problem(400, request, f"milliseconds must be a whole number from 0 to {LONGEST_MS}")


def _cluster(number: int) -> Route:
    return lambda request: _json(200, {"cluster": number, "instance": request.instance})


def _constant(value: object) -> Route:
    return lambda _: _json(200, value)


def _file(name: str, content_type: str) -> Route:
    return lambda _: _answer(200, content_type, _text_of(name))


@functools.cache
def _text_of(name: str) -> str:
    """A file beside the code, read at the first request for it: it costs nothing at the start."""
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read()


def _problem(status: int, request: Request, detail: str, **headers: str) -> Answer:
    """An RFC 9457 problem document. The status says what kind of problem it is."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": quote(request.path, safe=AS_IT_IS),
    }
    return _json(status, document, "application/problem+json", headers)


def _json(
    status: int,
    value: object,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Answer:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _answer(status, content_type, text, headers)


def _answer(
    status: int, content_type: str, body: str, headers: dict[str, str] | None = None
) -> Answer:
    return {
        "statusCode": status,
        "headers": {"content-type": content_type, **(headers or {})},
        "body": body,
        "isBase64Encoded": False,
    }


def _get(route: Route) -> dict[str, Route]:
    return {"GET": route, "HEAD": route}


ROUTES: dict[str, dict[str, Route]] = {
    "/": _get(_file("page.html", "text/html; charset=utf-8")),
    # HEAD must not count: it asks what a GET would look like.
    "/hits": {"GET": _add, "HEAD": _count, "POST": _add},
    "/hits/count": _get(_count),
    "/hello": _get(_constant({"hello": "world"})),
    "/sleep/{ms}": _get(_sleep),
    "/burn/{ms}": _get(_burn),
    "/healthz": _get(_constant({"status": "pass"})),
    "/cluster1": _get(_cluster(1)),
    "/cluster2": _get(_cluster(2)),
    "/openapi.json": _get(_file("openapi.json", "application/json")),
    "/docs": _get(_file("docs.html", "text/html; charset=utf-8")),
}
