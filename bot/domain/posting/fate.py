"""The fate of a story in a channel, as a value; `bot.messages.why` words it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from bot.domain.model import StorySize
from bot.domain.posting.volume import VolumePlace


class PostState(Enum):
    """How a story and a channel stand to each other."""

    POSTED = auto()
    POSTED_STALE = auto()  # its last update failed
    POSTED_FINAL = auto()  # it is updated no more
    WAITING = auto()
    LISTED = auto()  # in a roll-up
    REFUSED = auto()  # by Discord
    WITHHELD = auto()  # by a rule: the reason is a `decisions.Reason`
    NOT_SUBSCRIBED = auto()
    DIGEST_ONLY = auto()
    BEFORE_SUBSCRIPTION = auto()


@dataclass(frozen=True, slots=True)
class PostFate:
    """What became of it, when it was posted (aware UTC), and why not or not as it should be, as far as there is a reason.

    `place`: where it stands among the stories of its topic, if it is too small for the volume. `in_digest`: it may come in the channel's
    digest. `pings_from`: the size that it has not reached, from which a role is pinged. `escalated_at`: when it was announced once more.
    """

    state: PostState
    posted_at: datetime | None = None
    reason: str = ""
    place: VolumePlace | None = None
    in_digest: bool = False
    pings_from: StorySize | None = None
    escalated_at: datetime | None = None
