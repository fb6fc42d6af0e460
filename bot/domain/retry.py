"""What happens to a message after a try to send it: a pure decision from Discord's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.i18n import mark

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=30)
NEXT_RENAME = timedelta(minutes=5)  # Discord lets a thread be renamed twice in ten minutes
SHORTEST_WAIT, LONGEST_WAIT = 0.25, 86_400.0  # seconds: what a Retry-After may ask for
MOST_ATTEMPTS = 40  # with the backoff below: about 16 hours of trying
MOST_COUNTED = 10  # of these in an outage, in which no message is given up; the wait is the longest by then

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
UNKNOWN_CHANNEL = 10003
UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
UNKNOWN_TAG = 10087
ALREADY_PUBLISHED = 40033
TAG_REQUIRED = 40067
MISSING_ACCESS = 50001
MISSING_PERMISSIONS = 50013
CANNOT_MESSAGE_USER = 50007
INVALID_WEBHOOK_TOKEN = 50027
INVALID_FORM_BODY = 50035
ARCHIVED_THREAD = 50083
THREAD_LOCKED = 160005
NO_MUTUAL_SERVERS = 50278
# A member does not get direct messages from the bot.
CLOSED_TO_MESSAGES = frozenset((CANNOT_MESSAGE_USER, NO_MUTUAL_SERVERS))


class RequestKind(StrEnum):
    """What was asked of Discord. A removal is an edit after which nothing of a withdrawn story is shown."""

    SEND = "send"
    EDIT = "edit"
    REMOVAL = "removal"
    PUBLISH = "publish"


class MessageForm(StrEnum):
    """What a message is made of. Earlier versions sent embeds, which the next edit turns into components."""

    COMPONENTS = "components"
    EMBEDS = "embeds"
    KEPT_EMBEDS = "kept embeds"  # Discord refused that edit, so the embeds stay as they are


class SendStatus(StrEnum):
    """How a try ended, apart from Discord's own code."""

    OK = "ok"
    UNCHANGED = "unchanged"  # what is shown is already right; nothing was sent
    PARTLY = "partly"  # the message is right, but the name or the tags of its forum post are not yet
    STALE = "stale"  # the post is no longer wanted: unsubscribed, muted, or too old by now
    WAITS = "waits"  # another message has to be right first; nothing was sent
    REFUSED = "refused"  # Discord answered with an error that carries a status
    LOCKED = "locked"  # moderators locked this message's forum post
    UNREACHABLE = "unreachable"  # no answer: network, timeout, gateway down
    ABSENT = "absent"  # the channel is not among those that the bot can see
    EXISTS = "exists"  # an earlier try made the message; what it shows is not known
    MISSING = "missing"  # no earlier try made it
    UNSURE = "unsure"  # too much was written since to tell whether an earlier try made it
    HIDDEN = "hidden"  # whether an earlier try made it cannot be seen
    LEFT = "left"  # the member whom it is for is not in the server any more
    NO_ACCESS = "no access"  # the member whom it is for cannot see the channel any more
    FAILED = "failed"  # an error of the bot; whether anything was sent is not known


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back: HTTP `status`, Discord's `code`, seconds of `retry_after`, ids of what now stands.

    `everywhere`: the answer is to all requests of the bot, such as a global limit or a ban, not to this one.
    `form` is what the message is made of now (None: as before), `roles` are those that it names.
    `webhook_id` is the webhook that made the message (None: the bot did). `lost_webhook` is one that Discord no longer knows.
    `fell_back`: it does not fit into a message with the server's template, and is a card.
    """

    result: SendStatus
    status: int = 0
    code: int = 0
    retry_after: float | None = None
    detail: str = ""
    message_id: int | None = None
    thread_id: int | None = None
    shown: str = ""
    everywhere: bool = False
    form: MessageForm | None = None
    roles: tuple[int, ...] = ()
    fell_back: bool = False
    webhook_id: int | None = None
    lost_webhook: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The message stands as wanted. `again`: when to bring the rest of its forum post up to date."""

    again: datetime | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at that time."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Give this edit up: the message stays as it is until its story changes again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Give this message up for good; others go on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing can be sent to this channel until somebody mends it; the message waits."""

    reason: str


Verdict = Sent | Retry | Skip | Drop | Pause


class RefusalScope(StrEnum):
    """The scope of a refusal."""

    CHANNEL = "channel"  # everything that goes there
    KIND = "kind"  # no message can be sent in a channel of this kind
    MESSAGE = "message"  # this message as it is now
    GONE = "gone"  # this message for good: it cannot be edited any more
    PASSES = "passes"  # nothing that lasts


_GONE = mark("the channel was deleted, or the bot cannot see it")
_MAY_NOT_POST = mark("the bot cannot post there. Give it Send Messages and Embed Links in the channel")
_NO_HISTORY = mark(
    "the bot cannot check whether it already posted a message there. Give it Read Message History in the channel"
)
_TOO_MUCH = mark(
    "the bot may have posted it already, and cannot tell because too much was written in the channel since"
)
_NO_TAG = mark(
    "the forum requires a tag on every post. Add a tag with the name of the topic, or turn this requirement off"
)
_NO_WEBHOOK = mark("the webhook that posted the message was deleted, so nobody can update it any more")
_NO_KIND = mark("the bot cannot post in this type of channel. Choose another channel")

# Reasons are stored in English, and translated when they are shown.
# Every code that says more than "this message was refused", which is what an unknown code means.
CODES: Mapping[int, tuple[RefusalScope, str]] = {
    UNKNOWN_CHANNEL: (RefusalScope.CHANNEL, _GONE),
    10004: (RefusalScope.CHANNEL, mark("the bot is no longer in the server. Invite it again")),
    UNKNOWN_MESSAGE: (RefusalScope.GONE, mark("the message was deleted")),
    UNKNOWN_WEBHOOK: (RefusalScope.GONE, _NO_WEBHOOK),
    20016: (RefusalScope.PASSES, mark("slow mode is on in the channel")),
    20022: (RefusalScope.PASSES, mark("the channel has reached Discord's limit for edits of announcements")),
    20026: (RefusalScope.PASSES, mark("Discord flagged the bot as spam. The person who runs it can appeal")),
    20028: (RefusalScope.PASSES, mark("the channel has reached Discord's limit for messages")),
    20029: (RefusalScope.PASSES, mark("the server has reached Discord's limit for messages")),
    30046: (RefusalScope.PASSES, mark("Discord limits edits of messages that are older than an hour")),
    40001: (RefusalScope.PASSES, mark("Discord does not accept the bot's token")),
    40002: (RefusalScope.PASSES, mark("Discord requires the bot's account to be verified")),
    40003: (RefusalScope.PASSES, mark("Discord limits how fast the bot opens direct messages")),
    40004: (RefusalScope.PASSES, mark("Discord has temporarily turned off sending messages")),
    40006: (RefusalScope.PASSES, mark("Discord has temporarily turned off this feature")),
    40007: (RefusalScope.CHANNEL, mark("the bot is banned from the server")),
    40058: (RefusalScope.KIND, _NO_KIND),
    40062: (RefusalScope.PASSES, mark("Discord is limiting requests at the moment")),
    40066: (
        RefusalScope.CHANNEL,
        mark(
            "the forum requires a tag, and only moderators can set its tags. Allow everyone to set one, "
            "or give the bot Manage Threads"
        ),
    ),
    TAG_REQUIRED: (RefusalScope.CHANNEL, _NO_TAG),
    40333: (RefusalScope.PASSES, mark("Cloudflare blocks the bot's requests")),
    MISSING_ACCESS: (
        RefusalScope.CHANNEL,
        mark("the bot cannot see the channel. Give it View Channel there"),
    ),
    50005: (RefusalScope.GONE, mark("the message belongs to another bot account")),
    CANNOT_MESSAGE_USER: (RefusalScope.GONE, mark("the member does not accept direct messages")),
    50008: (RefusalScope.KIND, _NO_KIND),
    50009: (RefusalScope.CHANNEL, mark("the channel's verification level is too high for the bot")),
    MISSING_PERMISSIONS: (RefusalScope.CHANNEL, _MAY_NOT_POST),
    INVALID_WEBHOOK_TOKEN: (RefusalScope.GONE, _NO_WEBHOOK),
    50014: (RefusalScope.PASSES, mark("Discord does not accept the bot's token")),
    50021: (RefusalScope.GONE, mark("the message is one of Discord's system messages")),
    50024: (RefusalScope.KIND, _NO_KIND),
    ARCHIVED_THREAD: (RefusalScope.CHANNEL, mark("the thread is archived. Reopen it")),
    NO_MUTUAL_SERVERS: (RefusalScope.GONE, mark("the member does not accept direct messages")),
    110001: (RefusalScope.PASSES, mark("the bot's application is not available yet")),
    130000: (RefusalScope.PASSES, mark("Discord is overloaded")),
    THREAD_LOCKED: (
        RefusalScope.CHANNEL,
        mark("the thread is locked. Unlock it, or give the bot Manage Threads"),
    ),
    160006: (RefusalScope.PASSES, mark("the server has reached Discord's limit of active threads")),
    160007: (
        RefusalScope.PASSES,
        mark("the server has reached Discord's limit of active announcement threads"),
    ),
    200000: (RefusalScope.MESSAGE, mark("the server's AutoMod blocked the message")),
    200001: (RefusalScope.MESSAGE, mark("the server's AutoMod blocked the title")),
    240000: (RefusalScope.MESSAGE, mark("Discord considers a link in the message harmful")),
}
# Statuses that speak for themselves where a proxy answered in Discord's place: the request is too long.
_TOO_LONG = frozenset((413, 414, 431))
# What all requests are refused for: more of them would only prolong it.
BLOCKED = frozenset((401, 403, 429))


def refusal_of(outcome: Outcome) -> tuple[RefusalScope, str]:
    """The scope of Discord's refusal, and the reason in words.

    An answer without Discord's code is a proxy's, which is no verdict on anything. A code that is not in
    `CODES` is about this message alone.
    """
    detail = outcome.detail or f"HTTP {outcome.status}"
    if outcome.status == 429 or outcome.status >= 500:
        return RefusalScope.PASSES, detail
    if outcome.code in CODES:
        return CODES[outcome.code]
    if outcome.status in (401, 408) or (not outcome.code and outcome.status not in _TOO_LONG):
        return RefusalScope.PASSES, detail
    return (
        RefusalScope.MESSAGE,
        f"Discord refused the message (HTTP {outcome.status}, code {outcome.code}): {outcome.detail}",
    )


def keeps_embeds(outcome: Outcome) -> bool:
    """Whether Discord refused for good to turn this one message's embeds into components."""
    return outcome.result is SendStatus.REFUSED and refusal_of(outcome)[0] is RefusalScope.MESSAGE


def loses_webhook(status: int, code: int) -> bool:
    """Whether an answer to a webhook's request says that there is no such webhook, or that its token is wrong.

    Discord gives such an answer a code, but not in every case.
    """
    return code in (UNKNOWN_WEBHOOK, INVALID_WEBHOOK_TOKEN) or (not code and status in (401, 404))


def is_transient(outcome: Outcome) -> bool:
    """Whether what Discord refused may go well if it is only tried again."""
    return refusal_of(outcome)[0] is RefusalScope.PASSES


def reason(outcome: Outcome) -> str:
    """In words, why a message could not be sent."""
    return (
        refusal_of(outcome)[1]
        if outcome.result is SendStatus.REFUSED
        else outcome.detail or mark("Discord did not answer")
    )


def may_have_arrived(outcome: Outcome) -> bool:
    """Whether Discord may have made the message although it did not say so."""
    if outcome.result is SendStatus.REFUSED:
        return outcome.status == 408 or outcome.status >= 500
    return outcome.result in (SendStatus.UNREACHABLE, SendStatus.FAILED)


def backoff(attempt: int) -> timedelta:
    """5 s, 10 s, 20 s ... up to half an hour; `attempt` counts from 1."""
    return doubled(FIRST_RETRY, attempt, LONGEST_RETRY)


def doubled(first: timedelta, attempt: int, most: timedelta) -> timedelta:
    """How long to wait after `attempt` tries (from 1): `first`, and twice as long after each further one, up to `most`."""
    return min(most, first * (1 << min(max(attempt, 1) - 1, 20)))


def settle(outcome: Outcome, attempt: int, now: datetime, ask: RequestKind = RequestKind.SEND) -> Verdict:
    """Decide what becomes of a message after its `attempt`-th try (from 1) to `ask` ended with `outcome`."""
    match outcome.result:
        case SendStatus.OK | SendStatus.UNCHANGED:
            return Sent()
        case SendStatus.PARTLY:
            return Sent(_rest(outcome, now, ask))
        case SendStatus.EXISTS:  # its first version may stand there
            return Sent(now + FIRST_RETRY)
        case SendStatus.HIDDEN:
            return Pause(_NO_HISTORY)
        case SendStatus.STALE | SendStatus.LEFT | SendStatus.NO_ACCESS:
            return Drop(outcome.detail or mark("the message is no longer needed"))
        case SendStatus.UNSURE:
            return Drop(_TOO_MUCH)
        case SendStatus.ABSENT:
            return Pause(_GONE)
        case SendStatus.WAITS:
            return Retry(now + _wait(outcome, attempt), outcome.detail or mark("waiting for another message"))
        case SendStatus.LOCKED:
            return _refused(RefusalScope.MESSAGE, mark("the forum post is locked"), now, ask)
        case SendStatus.REFUSED if not is_transient(outcome):
            return _refused(*refusal_of(outcome), now, ask)
    detail = reason(outcome)
    if outcome.status != 429 and attempt >= MOST_ATTEMPTS and ask is not RequestKind.REMOVAL:
        return _refused(RefusalScope.MESSAGE, f"the bot gave up after {attempt} tries: {detail}", now, ask)
    return Retry(now + _wait(outcome, attempt), detail)


def _wait(outcome: Outcome, attempt: int) -> timedelta:
    if outcome.retry_after is None:
        return backoff(attempt)
    requested = timedelta(seconds=min(max(SHORTEST_WAIT, outcome.retry_after), LONGEST_WAIT))
    return requested if outcome.status == 429 else max(requested, FIRST_RETRY)


def _rest(outcome: Outcome, now: datetime, ask: RequestKind) -> datetime | None:
    """When the name and the tags of a forum post are tried again; None: with the next edit."""
    if not is_transient(outcome):
        return now + LONGEST_RETRY if ask is RequestKind.REMOVAL else None
    return now + (NEXT_RENAME if outcome.retry_after is None else _wait(outcome, 1))


def _refused(about: RefusalScope, reason: str, now: datetime, ask: RequestKind) -> Verdict:
    """What follows from a refusal that does not pass by itself."""
    if about is RefusalScope.CHANNEL or (about is RefusalScope.KIND and ask is RequestKind.SEND):
        return Pause(reason)
    if about is RefusalScope.GONE:
        return Drop(reason)
    match ask:
        case RequestKind.REMOVAL:  # no message may go on to say what its outlet took back
            return Retry(now + LONGEST_RETRY, reason)
        case RequestKind.EDIT:
            return Skip(reason)
        case _:
            return Drop(reason)


def others_wait(outcome: Outcome, verdict: Verdict, now: datetime) -> datetime | None:
    """Until when the channel's other messages wait as well, as they would fare alike; None: they go on.

    What Discord cannot do at the moment may be this one message's fault, so the others wait but shortly.
    """
    if (
        not isinstance(verdict, Retry)
        or outcome.result is not SendStatus.REFUSED
        or not is_transient(outcome)
    ):
        return None
    if outcome.status in BLOCKED:
        return verdict.at
    return min(verdict.at, now + FIRST_RETRY)
