"""Forwards: addresses outside of Discord to which a server sends the stories of a topic, signed. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.domain.briefs.entry import StoryEntry, entry_id, story_entry
from bot.domain.model import Calibration, Mute, Subscription, Volume
from bot.domain.posting.decisions import Channel, PostingSettings, Send, decide
from bot.domain.posting.fan_out import FanOut, fan_outs
from bot.domain.posting.recipients import StoryChanges, views_of
from bot.domain.posting.volume import posts_from
from bot.domain.retry import doubled
from bot.domain.stories.story import Story, by_server, muted_by, story_view
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics
from bot.i18n import mark

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
LONGEST_WAIT = timedelta(days=1)  # that a Retry-After may ask for
DEAD_AFTER = timedelta(days=3)  # without a single success
MOST_REFUSALS = 5  # of one story's version, after which the others go on without it
UPDATE_INTERVAL = timedelta(minutes=1)  # between two deliveries of a story
# What a receiver answers who does not want this request, whatever else it would take.
REFUSED_CONTENT = frozenset({400, 406, 409, 411, 413, 414, 415, 422, 431, 451})
GONE = 410


class ForwardEvent(StrEnum):
    """What happened to a story. `MERGED`: it goes on as another one, which is in `merged_into`."""

    CREATED = "story.created"
    UPDATED = "story.updated"
    MERGED = "story.merged"
    REMOVED = "story.removed"


@dataclass(frozen=True, slots=True)
class ForwardLimits:
    """How many forwards a server may have, and whether their addresses may be without TLS or in private networks; see `config.example.yaml`."""

    per_server: int = 5
    plain_http: bool = False
    private_networks: bool = False


@dataclass(frozen=True, slots=True)
class Forward:
    """An address to which a server sends the stories of a topic, and how it fares.

    `secret` signs what is sent. `channel_id` is told that it fails. `failures` in a row began at `failing_since`, with the
    last `problem`. `off_at`: it was switched off then, because it did not work.
    """

    id: int
    guild_id: int
    topic: str
    url: str
    secret: str
    volume: Volume
    channel_id: int = 0
    calibration: Calibration | None = None
    failures: int = 0
    failing_since: datetime | None = None
    problem: str = ""
    off_at: datetime | None = None
    claim: int = 0

    @property
    def subscription(self) -> Subscription:
        """What it asks for, as a channel would."""
        return Subscription(
            self.id, self.guild_id, 0, self.topic, volume=self.volume, calibration=self.calibration
        )


def takes(
    forward: Forward,
    story: Story,
    topics: Topics,
    mutes: Sequence[Mute],
    now: datetime,
    rules: PostingSettings,
) -> bool:
    """Whether a story goes to a forward that has not had it: whether a channel with the same subscription would get a post.

    `story` and `topics` as the server sees them; `mutes` are those of the whole server.
    """
    channel = Channel(0, forward.guild_id, (forward.subscription,), tuple(mutes))
    return isinstance(decide(story, channel, None, topics, now, rules), Send)


@dataclass(frozen=True, slots=True)
class ForwardGroup:
    """Forwards about which a `SharedDecision` says the same, by server: what `channel` subscribes to stands for all of them."""

    channel: Channel
    of_server: Mapping[int, Sequence[int]]

    def takers(self, fan_out: FanOut, now: datetime, rules: PostingSettings) -> Iterator[int]:
        """The ids of those that take a story, and whose server is not apart."""
        if fan_out.shared and isinstance(fan_out.shared.decide(self.channel, None, now, rules), Send):
            for guild_id, ids in self.of_server.items():
                if guild_id not in fan_out.servers:
                    yield from ids


def new_deliveries(
    stories: Mapping[int, Story],
    forwards: Sequence[Forward],
    topics: Topics,
    mutes: Mapping[int, Sequence[Mute]],
    now: datetime,
    rules: PostingSettings,
) -> list[tuple[int, int]]:
    """Forward and story wherever a forward takes a story, as `takes` says. `mutes` are those of whole servers, by server.

    Of the forwards of a story's topics, those that are alike are decided about once. The others are those of servers that mute
    something, or that see another story than everybody does.
    """
    groups = _groups(forwards, mutes)
    of_topics: dict[str, dict[int, list[Forward]]] = {}
    for forward in forwards:
        of_topics.setdefault(name_key(forward.topic), {}).setdefault(forward.guild_id, []).append(forward)
    pairs: list[tuple[int, int]] = []
    for fan_out in fan_outs(StoryChanges(stories, views_of(stories, rules.owners)), topics, now, rules):
        number = fan_out.story
        seen_by = by_server(stories[number])
        for key in sorted({key for _, key in fan_out.topics}):
            for group in groups.get(key, ()):
                pairs += ((taker, number) for taker in group.takers(fan_out, now, rules))
            for guild_id, theirs in of_topics.get(key, {}).items():
                if guild_id not in fan_out.servers and not mutes.get(guild_id):
                    continue
                story, visible = seen_by(guild_id), topics.visible_to(guild_id)
                pairs += (
                    (forward.id, number)
                    for forward in theirs
                    if takes(forward, story, visible, mutes.get(guild_id, ()), now, rules)
                )
    return pairs


def _groups(
    forwards: Iterable[Forward], mutes: Mapping[int, Sequence[Mute]]
) -> dict[str, list[ForwardGroup]]:
    """The forwards of servers that mute nothing, by the key of their topic."""
    alike: dict[tuple[str, int | None, bool], dict[int, list[int]]] = {}
    subscriptions: dict[tuple[str, int | None, bool], Subscription] = {}
    for forward in forwards:
        if not mutes.get(forward.guild_id):
            subscription = forward.subscription
            kind = (name_key(forward.topic), posts_from(subscription), forward.volume is Volume.NOTABLE)
            alike.setdefault(kind, {}).setdefault(forward.guild_id, []).append(forward.id)
            subscriptions[kind] = subscription
    groups: dict[str, list[ForwardGroup]] = {}
    for kind, of_server in alike.items():
        groups.setdefault(kind[0], []).append(ForwardGroup(Channel(0, 0, (subscriptions[kind],)), of_server))
    return groups


# ---------------------------------------------------------------------------------------- what is sent


class Omission(StrEnum):
    """Why nothing is sent about a story. `NEVER`: the address does not get it; `AS_IT_IS`: it keeps what it has."""

    NEVER = "never"
    AS_IT_IS = "unchanged"


Content = StoryEntry | int | None  # a story's entry, the story that it was merged into, or that it is gone


def content(
    forward: Forward,
    sent: int,
    story: Story,
    merged_into: int | None,
    topics: Topics,
    mutes: Sequence[Mute],
    now: datetime,
    rules: PostingSettings,
) -> Content | Omission:
    """What an address that had a story `sent` times is to know of it now. `story` and `topics` as the server sees them."""
    if merged_into is not None:
        return merged_into if sent else Omission.NEVER
    if not story.members:
        return None if sent else Omission.NEVER
    if not sent and not takes(forward, story, topics, mutes, now, rules):
        return Omission.NEVER
    view = story_view(story, muted_by(mutes), rules.owners)
    return Omission.AS_IT_IS if view is None else story_entry(view, rules.owners)


@dataclass(frozen=True, slots=True)
class Payload:
    """The body of a delivery and its id, which is the same whenever the same is tried again."""

    id: str
    event: ForwardEvent
    body: bytes
    content_hash: str


def payload(delivery_id: int, sent: int, topic: str, number: int, now_shown: Content) -> Payload:
    """What to send about a story that was delivered `sent` times."""
    story: dict[str, Any]
    match now_shown:
        case StoryEntry():
            event = ForwardEvent.UPDATED if sent else ForwardEvent.CREATED
            story = now_shown.to_json()
        case int():
            event = ForwardEvent.MERGED
            story = {"id": entry_id(number), "number": number, "merged_into": entry_id(now_shown)}
        case None:
            event = ForwardEvent.REMOVED
            story = {"id": entry_id(number), "number": number}
    content_hash = hashlib.sha256(json.dumps(story, sort_keys=True).encode()).hexdigest()
    identity = hashlib.sha256(f"{delivery_id}:{sent}:{content_hash}".encode()).hexdigest()[:32]
    body = json.dumps({"id": identity, "event": event.value, "topic": topic, "story": story}).encode()
    return Payload(identity, event, body, content_hash)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The signature of a body sent at a Unix time: HMAC-SHA256 (RFC 2104) over the time, a dot and the body, in hexadecimal."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def signed_headers(secret: str, sent: Payload, attempt: int, now: datetime) -> Mapping[str, str]:
    """The headers of a delivery. Each attempt is signed anew, so that its time is that of the request."""
    timestamp = int(now.timestamp())
    return {
        "Content-Type": "application/json",
        "Topicwire-Delivery": sent.id,
        "Topicwire-Event": sent.event.value,
        "Topicwire-Attempt": str(attempt),
        "Topicwire-Timestamp": str(timestamp),
        "Topicwire-Signature": f"sha256={signature(secret, timestamp, sent.body)}",
    }


# ------------------------------------------------------------------------------------ what follows


@dataclass(frozen=True, slots=True)
class TargetAnswer:
    """How a request ended: the HTTP status (0: there was no response, for the `reason`), and how long it asks to wait."""

    status: int = 0
    retry_after: timedelta | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class Later:
    """Try again at that time, and nothing else before it."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Leave this version of the story; others go on at that time."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class SwitchOff:
    """Send nothing any more until somebody switches the forward on again."""

    reason: str


ForwardVerdict = Delivered | Later | GiveUp | SwitchOff

# Reasons are stored in English, and translated when they are shown.
IS_GONE = mark("the address answered that it is gone for good (HTTP 410)")
REDIRECTS = mark("the address redirects (HTTP {status}). Set the address that it leads to")
BUSY = mark("the address asked to wait (HTTP {status})")
REFUSES = mark("the address refuses what it is sent (HTTP {status})")
NOT_ALLOWED = mark("the address does not let the bot in (HTTP {status})")
BROKEN = mark("the address answered with an error (HTTP {status})")
REASONS = (IS_GONE, REDIRECTS, BUSY, REFUSES, NOT_ALLOWED, BROKEN)


def settle_delivery(answer: TargetAnswer, forward: Forward, attempt: int, now: datetime) -> ForwardVerdict:
    """Decide what becomes of a delivery after its `attempt`-th try (from 1), and of its forward.

    The address as a whole waits after a failure: the other stories would fail as well. It is switched off once nothing has
    succeeded for `DEAD_AFTER`, and at once if it is gone.
    """
    if 200 <= answer.status < 300:
        return Delivered()
    reason = _reason(answer)
    if answer.status == GONE or now - (forward.failing_since or now) >= DEAD_AFTER:
        return SwitchOff(reason)
    pause = doubled(FIRST_RETRY, forward.failures + 1, LONGEST_RETRY)
    if answer.retry_after is not None:
        pause = min(max(pause, answer.retry_after), LONGEST_WAIT)
    if answer.status in REFUSED_CONTENT and attempt >= MOST_REFUSALS:
        return GiveUp(now + FIRST_RETRY, reason)
    return Later(now + pause, reason)


def _reason(answer: TargetAnswer) -> str:
    match answer.status:
        case 0:
            return answer.reason
        case 410:
            return IS_GONE
        case 408 | 425 | 429 | 503:
            text = BUSY
        case 401 | 403 | 404 | 405 | 407:
            text = NOT_ALLOWED
        case status if status in REFUSED_CONTENT:
            text = REFUSES
        case status if 300 <= status < 400:
            text = REDIRECTS
        case _:
            text = BROKEN
    return text.format(status=answer.status)
