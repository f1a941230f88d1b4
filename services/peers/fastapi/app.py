"""The routes."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, FastAPI, Path, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from pydantic import BeforeValidator

import problem
from store import HitStore

# Longest sleep or burn: an API Gateway gives up at 30 s, a load balancer at 60 s by default.
LONGEST_MS = 60_000
WHOLE_NUMBER = re.compile(r"\+?[0-9]+")

# Rounds between two looks at the clock, which is a system call: looking is a small part.
ROUNDS_PER_LOOK = 1_000

# A count is good for one answer, though `GET` fetches it.
NEVER_CACHED = {"cache-control": "no-store"}

HERE = File(__file__).parent
PAGE, DOCS, OPENAPI = (
    (HERE / name).read_bytes() for name in ("page.html", "docs.html", "openapi.json")
)


def _digits(text: str) -> str:
    """What pydantic takes for a number besides, such as `5.0`, the other builds do not."""
    if not WHOLE_NUMBER.fullmatch(text):
        raise ValueError("not a whole number")
    return text


Milliseconds = Annotated[int, BeforeValidator(_digits), Path(le=LONGEST_MS)]

router = APIRouter()
# FastAPI answers HEAD where it is told to.
get = partial(router.api_route, methods=["GET", "HEAD"])


def create(store: HitStore, instance: str, ready: Callable[[], None]) -> FastAPI:
    """All routes over this store. `instance` is what `/cluster1` and `/cluster2` answer with; `ready`
    is called when a signal would be heeded."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        ready()
        yield

    # The document that all builds share takes the place of FastAPI's own.
    app = FastAPI(openapi_url=None, redirect_slashes=False, lifespan=lifespan)
    app.state.store, app.state.instance = store, instance
    app.include_router(router)
    problem.install(app, f"milliseconds must be a whole number from 0 to {LONGEST_MS}")
    return app


@router.api_route("/hits", methods=["GET", "HEAD", "POST"])
async def hits(request: Request) -> PlainTextResponse:
    # HEAD must not count: it asks what a GET would look like.
    return await (count(request) if request.method == "HEAD" else _add(request))


async def _add(request: Request) -> PlainTextResponse:
    return _number(await request.app.state.store.add())


@get("/hits/count")
async def count(request: Request) -> PlainTextResponse:
    return _number(await request.app.state.store.count())


def _number(number: int) -> PlainTextResponse:
    return PlainTextResponse(str(number), headers=NEVER_CACHED)


@get("/hello")
async def hello() -> dict[str, str]:
    return {"hello": "world"}


@get("/sleep/{ms}")
async def sleep(ms: Milliseconds) -> dict[str, float]:
    began = time.monotonic()
    await asyncio.sleep(ms / 1e3)
    return {"slept_ms": (time.monotonic() - began) * 1e3}


# Without `async` it runs in a thread beside the event loop.
@get("/burn/{ms}")
def burn(ms: Milliseconds) -> dict[str, float]:
    began = time.monotonic()
    spent = _spin(ms / 1e3)
    return {"cpu_ms": spent * 1e3, "wall_ms": (time.monotonic() - began) * 1e3}


def _spin(budget: float) -> float:
    """Spends this thread's CPU time and returns how much it was, in seconds."""
    began = time.thread_time()
    while (spent := time.thread_time() - began) < budget:
        for _ in range(ROUNDS_PER_LOOK):
            pass
    return spent


@get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "pass"}


@get("/cluster1")
async def cluster1(request: Request) -> dict[str, int | str]:
    return {"cluster": 1, "instance": request.app.state.instance}


@get("/cluster2")
async def cluster2(request: Request) -> dict[str, int | str]:
    return {"cluster": 2, "instance": request.app.state.instance}


@get("/")
async def page() -> HTMLResponse:
    return HTMLResponse(PAGE)


@get("/docs")
async def docs() -> HTMLResponse:
    return HTMLResponse(DOCS)


@get("/openapi.json")
async def openapi() -> Response:
    return Response(OPENAPI, media_type="application/json")
