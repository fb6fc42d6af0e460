"""The process: its limits, garbage collection and name."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
import uuid
from pathlib import Path

log = logging.getLogger(__name__)

RUN = uuid.uuid4().hex  # this run of the process
# Python's own thresholds (700, 10, 10) are for programs with few objects. An intake makes many that stay: with those, a
# sixth of its time goes into looking through all of them for garbage, again and again.
GC_THRESHOLDS = (10_000, 10, 10)
OPEN_FILES = 65_536  # more than ever needed; systemd and most shells allow 1,024


def raise_open_files() -> None:
    """Raise the limit of open files and sockets as far as the system allows, up to `OPEN_FILES`."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= limit:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    except (ValueError, OSError) as error:  # macOS has a lower limit
        log.info("the limit of open files stays at %d: %s", soft, error)


def collect_garbage_less_often() -> None:
    """Look for cycles of garbage after more new objects than Python does by itself."""
    gc.set_threshold(*GC_THRESHOLDS)


def freeze_startup_objects() -> None:
    """Exclude the present objects (code and settings) from garbage collection.

    Each full collection would traverse all of them and stop every thread for a tenth of a second.
    """
    gc.collect()
    gc.freeze()


def name() -> str:
    """The name of this process: host name, process id and a unique part. See `is_gone`."""
    return f"{socket.gethostname()} {os.getpid()} {RUN}"


def _machine() -> str:
    """This run of this machine, and the space of its process ids; empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def identity() -> str:
    """`name` with the machine before it. Host names may be those of several machines or containers. See `has_ended`."""
    return f"{_machine() or '-'} {name()}"


def has_ended(process_identity: str) -> bool:
    """Whether the process with that identity ran in this machine, among the same process ids, and has certainly ended."""
    machine, _, process_name = process_identity.partition(" ")
    return bool(machine) and machine == _machine() and is_gone(process_name)


def is_gone(process_name: str) -> bool:
    """Whether the process with that name has certainly ended. One on another machine may still run."""
    host, _, number = process_name.rpartition(" ")[0].rpartition(" ")
    if host != socket.gethostname() or not number.isdecimal() or process_name == name():
        return False
    if int(number) == os.getpid():  # this process has its id now, as is common in containers
        return True
    if sys.platform == "win32":  # Windows has no harmless signal
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it runs as another user
        return False
    return False
