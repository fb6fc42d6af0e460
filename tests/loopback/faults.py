"""What can go wrong with a request, and what was accepted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """What goes wrong with a request to send or edit a message. After some of them it is accepted nevertheless."""

    HANG = "hang"  # for `hang_seconds`
    RESET = "reset"
    UNAVAILABLE = "503"
    BAD_GATEWAY = "502"
    BAN = "ban"  # a page of the network in front of Discord
    GLOBAL = "global"
    SHARED = "shared"
    USER = "user"
    ACCEPTED_HANG = "accepted, hang"
    ACCEPTED_RESET = "accepted, reset"
    ACCEPTED_UNAVAILABLE = "accepted, 503"
    ACCEPTED_BAD_GATEWAY = "accepted, 502"
    ACCEPTED_PAGE = "accepted, page"
    ACCEPTED_CUT = "accepted, cut JSON"


@dataclass(frozen=True)
class Accepted:
    """A message that was made or edited."""

    method: str
    channel: str
    id: str
    body: dict[str, Any]
