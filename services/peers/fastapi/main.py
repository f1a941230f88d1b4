"""`hits` in FastAPI, on a port: uvicorn as it is run in production, one worker and no access log."""

import ipaddress
import os
import signal
import socket
import sys

import uvicorn

import app
import settings
import store

# How long requests in flight may take to finish after SIGTERM or SIGINT. Kubernetes and ECS wait
# 30 s before SIGKILL, `docker stop` 10 s.
GRACE_S = 9
# uvicorn's own default.
BACKLOG = 2_048

FAILURE, USAGE = 1, 2


def main() -> int:
    """Serves until SIGTERM or SIGINT. Returns an exit code only when it could not."""
    try:
        chosen = settings.read()
    except settings.BadSetting as why:
        return _failed(why, USAGE)
    try:
        listener = _listen(chosen)
    except OSError as error:
        where = f"{_host(chosen.bind)}:{chosen.port}"
        next_step = "set PORT or BIND to an address that is free here"
        return _failed(f"cannot listen on {where}: {os.strerror(error.errno)} → {next_step}", FAILURE)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    hits = store.open_store(chosen.file)
    address = f"http://{_host(chosen.bind)}:{listener.getsockname()[1]}"
    service = app.create(hits, chosen.instance, lambda: _announce(address, hits, chosen))
    config = uvicorn.Config(
        service,
        loop="uvloop",
        http="httptools",
        workers=1,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_S,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return FAILURE


def _listen(chosen: settings.Settings) -> socket.socket:
    version = ipaddress.ip_address(chosen.bind).version
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    return socket.create_server((chosen.bind, chosen.port), family=family, backlog=BACKLOG)


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _end(*_: object) -> None:
    """uvicorn raises the signal again when all is answered: being asked to stop is no failure.
    Does not wait for threads that still work for callers who were cut off."""
    sys.stderr.flush()
    os._exit(0)


def _announce(address: str, hits: store.HitStore, chosen: settings.Settings) -> None:
    _say(f"listening on {address} · store {hits} · {chosen.place.value} {chosen.instance}")


def _failed(why: object, code: int) -> int:
    _say(why)
    return code


def _say(words: object) -> None:
    print(f"hits: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
