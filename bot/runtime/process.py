"""What the bot asks of the system that it runs on."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
import uuid

log = logging.getLogger(__name__)

RUN = uuid.uuid4().hex  # this run of the process
OPEN_FILES = 65_536  # more would help nobody; systemd and most shells give 1,024


def raise_open_files() -> None:
    """Allow as many open files and sockets as the system lets this process have, which is often far more than at first."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= limit:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    except (ValueError, OSError) as error:  # macOS has a lower limit of its own
        log.info("the limit of open files stays at %d: %s", soft, error)


def freeze_startup_objects() -> None:
    """Have the garbage collector pass over what there is now: code and settings, which stay until the end.

    It would look through all of that again and again, and stop every thread for a tenth of a second each time.
    """
    gc.collect()
    gc.freeze()


def name() -> str:
    """This process, for others to tell whether it still runs: its machine, its number, and a part that never comes twice."""
    return f"{socket.gethostname()} {os.getpid()} {RUN}"


def is_gone(process_name: str) -> bool:
    """Whether the process of that name is known to run no more. One of another machine may run."""
    host, _, number = process_name.rpartition(" ")[0].rpartition(" ")
    if host != socket.gethostname() or not number.isdecimal() or process_name == name():
        return False
    if int(number) == os.getpid():  # its number is ours now, as it often is in containers
        return True
    if sys.platform == "win32":  # there is no harmless signal there
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it runs as another user
        return False
    return False
