"""What the environment asks for."""

import enum
import ipaddress
import json
import os
import re
import socket
from typing import NamedTuple

DEFAULT_PORT = 8000
PORT = re.compile(r"\+?0*([0-9]{1,5})")


class Place(enum.Enum):
    """The surroundings, as far as the environment tells."""

    ECS = "ECS task"
    KUBERNETES = "Kubernetes pod"
    PLAIN = "plain process"


class Settings(NamedTuple):
    """All that can be set, read once at the start."""

    bind: str
    """An IP address."""
    port: int
    """0 takes any free one."""
    place: Place
    instance: str
    """What tells this process from its copies."""
    file: str | None
    """Where the count lives; none: in memory."""


class BadSetting(Exception):
    """An environment variable that cannot be used."""

    def __init__(self, name: str, value: str, why: str, next_step: str) -> None:
        value = json.dumps(value, ensure_ascii=False)
        super().__init__(f"{name}={value} cannot be used: {why} → {next_step}")


def read() -> Settings:
    """Reads this process's environment; raises BadSetting for the first bad variable."""
    place = _place()
    settings = Settings(_bind(place), _port(), place, _instance(place), _file())
    _no_other_store()
    return settings


def _set(name: str) -> str:
    return os.environ.get(name, "")


def _place() -> Place:
    if _set("ECS_CONTAINER_METADATA_URI_V4"):
        return Place.ECS
    return Place.KUBERNETES if _set("KUBERNETES_SERVICE_HOST") else Place.PLAIN


def _bind(place: Place) -> str:
    """Where a load balancer or a cluster network must reach the process it listens everywhere, else
    on this machine only."""
    value = os.environ.get("BIND")
    if value is None:
        return "127.0.0.1" if place is Place.PLAIN else "0.0.0.0"
    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        next_step = "set one such as 127.0.0.1, 0.0.0.0 or ::, without a port"
        raise BadSetting("BIND", value, "not an IP address", next_step) from error


def _port() -> int:
    value = os.environ.get("PORT")
    if value is None:
        return DEFAULT_PORT
    match = PORT.fullmatch(value)
    if match is None or int(match[1]) > 65_535:
        next_step = "set a number from 1 to 65535, 0 for any free port, or nothing for 8000"
        raise BadSetting("PORT", value, "not a port number", next_step)
    return int(match[1])


def _instance(place: Place) -> str:
    own = ""
    if place is Place.ECS:
        # The address ends in the container's id: on Fargate the task's id, a dash and a number.
        own = _set("ECS_CONTAINER_METADATA_URI_V4").rstrip("/").rpartition("/")[2].split("-")[0]
    elif place is Place.KUBERNETES:
        own = _set("HOSTNAME")
    return _set("INSTANCE_ID") or own or f"{socket.gethostname()}-{os.getpid()}"


def _file() -> str | None:
    name = os.environ.get("HITS_FILE")
    if name == "":
        next_step = "set the path of a file, or unset it to count in memory"
        raise BadSetting("HITS_FILE", name, "no file has an empty name", next_step)
    return name


def _no_other_store() -> None:
    """Better not to start than to count in memory where a table was meant."""
    for name in ("HITS_TABLE", "HITS_BUCKET"):
        if (value := os.environ.get(name)) is not None:
            next_step = "unset it; HITS_FILE names a file to count in"
            raise BadSetting(name, value, "this build has no such store", next_step)
