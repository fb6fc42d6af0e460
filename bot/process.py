"""What the bot asks of the system that it runs on."""

from __future__ import annotations

import logging
import sys

log = logging.getLogger(__name__)

OPEN_FILES = 65_536  # more would help nobody; systemd and most shells give 1,024


def raise_open_files() -> None:
    """Allow as many open files and sockets as the system lets this process have, which is often far more than at first."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (ValueError, OSError) as error:  # macOS has a lower limit of its own
        log.info("the limit of open files stays at %d: %s", soft, error)
