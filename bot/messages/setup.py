"""The texts of the setup panel and of the message in a server that the bot has joined. Texts of pages are Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.model import Mode, Mute, StorySize, Subscription, Volume
from bot.domain.posting.schedule import Schedule
from bot.domain.posting.volume import shown_volume
from bot.domain.text.cleaning import clip, plural
from bot.i18n import mark, tr
from bot.messages.digest import schedule_words
from bot.messages.message import escape, escape_to, fit_lines

BODY = 2600  # UTF-16 units of what a page lists
NOTICE = 900  # of what the last press did
OPTIONS = 25  # of a menu: https://discord.com/developers/docs/components/reference#string-select
NAME = 80

WELCOME = (
    "### Hello! I'm Topicwire.\n"
    "I follow topics instead of single feeds, and post one message per story, which I update as more outlets report it. "
    "I can also send a digest of the best stories at a time you choose.\n"
    "-# Members with *Manage Server* can set me up with these buttons or with `/setup`."
)
NOT_FOR_YOU = (
    "These buttons are for members with the permission *Manage Server*. Ask one of them to choose topics for this server. "
    "You can browse the news with `/latest` and `/search`."
)
EXPIRED = "This panel has expired. Open it again with `/setup`."
EXAMPLE = "-# This is an example. Only you can see it, and nothing was posted."
INVENTED = "-# This is an example with an invented story. Only you can see it, and nothing was posted."


class Page(StrEnum):
    """A page of the panel; its value is what its button says."""

    OVERVIEW = "Overview"
    TOPICS = "Topics"
    POSTS = "Posts"
    DIGEST = "Digest"
    MUTES = "Mutes"
    FEEDS = "Feeds"


TITLES = {
    Page.OVERVIEW: "Set up Topicwire",
    Page.TOPICS: "Choose topics",
    Page.POSTS: "What is posted, and who is pinged",
    Page.DIGEST: "The digest",
    Page.MUTES: "Mutes",
    Page.FEEDS: "Feeds of this server",
}
HINTS = {
    Page.OVERVIEW: "Choose a channel, then its topics. Everything here can be changed at any time.",
    Page.TOPICS: "Choose a category, then the topics that the channel follows. A topic includes all its subtopics.",
    Page.POSTS: "Choose one of the channel's topics to change how it is posted.",
    Page.DIGEST: "A digest is one message with the best stories of the channel's topics since the last one.",
    Page.MUTES: "Articles from muted outlets, or with muted words in the title, are hidden.",
    Page.FEEDS: "Articles from these feeds are shown in this server only.",
}


@dataclass(frozen=True, slots=True)
class PanelState:
    """Where somebody is in the panel.

    `category`, `search` and `first` choose what a page lists, `topic` is the subscription that is being changed, and
    `mute` is one that waits for a confirmation. `notice` is what the last press did.
    """

    channel_id: int
    page: Page = Page.OVERVIEW
    category: str = ""
    search: str = ""
    first: int = 0
    topic: str = ""
    mute: PendingMute | None = None
    notice: str = ""

    def to(self, page: Page) -> PanelState:
        """The state after turning to a page."""
        return PanelState(self.channel_id, page)

    def after(self, **changes: object) -> PanelState:
        """The state after a press: its notice is gone, unless there is a new one."""
        return replace(self, **{"notice": "", "mute": None, **changes})  # type: ignore[arg-type] # fields by name


@dataclass(frozen=True, slots=True)
class PendingMute:
    """A mute that hides many stories, for a channel or (None) the server."""

    value: str
    channel_id: int | None


@dataclass(frozen=True, slots=True)
class PanelChoice:
    """An option of a menu of the panel."""

    label: str
    value: str
    description: str = ""
    chosen: bool = False


_MODES = (
    (Mode.LIVE, "Live posts", "One message per story, as soon as it is reported"),
    (Mode.DIGEST, "Digest", "Only in the digest"),
    (Mode.BOTH, "Live posts and digest", "One message per story, and the best ones in the digest"),
)
# How much is posted. The one list of these choices in the panel.
_VOLUMES = (
    (Volume.FEW, "Few stories", "The biggest of the topic, about 2 posts a day"),
    (Volume.SOME, "Some stories", "About 8 posts a day; the usual choice"),
    (Volume.MANY, "Many stories", "About 25 posts a day"),
    (Volume.EVERYTHING, "All stories", "Everything on the topic"),
    (Volume.NOTABLE, "Notable stories", "What several outlets report, however many stories there are"),
    (Volume.MAJOR, "Major stories", "What very many outlets report, however many stories there are"),
)


def mode_choices(subscription: Subscription) -> list[PanelChoice]:
    """How a subscription can be delivered."""
    return [PanelChoice(name, mode.value, text, mode is subscription.mode) for mode, name, text in _MODES]


def volume_choices(subscription: Subscription) -> list[PanelChoice]:
    """How much of a subscription can be posted."""
    present = shown_volume(subscription)
    return [PanelChoice(name, value.value, text, value is present) for value, name, text in _VOLUMES]


_PING_SIZES = (
    (StorySize.ANY, mark("Ping for each post"), ""),
    (
        StorySize.NOTABLE,
        mark("Ping for notable stories"),
        mark("When posted, or once when they become notable later"),
    ),
    (
        StorySize.MAJOR,
        mark("Ping for major stories"),
        mark("When posted, or once when they become major later"),
    ),
)


def ping_choices(subscription: Subscription) -> list[PanelChoice]:
    """How big stories have to be for a ping."""
    present = subscription.ping_from
    return [
        PanelChoice(tr(name), size.value, tr(text) if text else "", size is present)
        for size, name, text in _PING_SIZES
    ]


def offer_words(feeds: int, per_day: float | None) -> str:
    """What a topic can be expected to bring, for its option in a menu."""
    parts = [plural(feeds, "feed")] if feeds else []
    if per_day is not None:
        parts.append(
            f"about {plural(round(per_day), 'story', 'stories')} a day"
            if per_day >= 1
            else "less than a story a day"
        )
    return " · ".join(parts)


def page_text(page: Page, channel_id: int, problems: Sequence[str], notice: str, lines: Iterable[str]) -> str:
    """A page's text: its title, the channel with what the bot lacks there, what the last press did, and `lines`.

    `channel_id` is 0 if no channel is chosen.
    """
    place = f"Channel: <#{channel_id}> · {_state_of(problems)}" if channel_id else "Choose a channel first."
    said = (
        [f"\n{fit_lines((clip(line, NOTICE) for line in notice.splitlines()), NOTICE)[0]}"] if notice else []
    )
    listed, left = fit_lines(lines, BODY)
    more = [f"… and {left} more"] if left else []
    head = [f"### {TITLES[page]}", HINTS[page], *([] if page is Page.FEEDS else [place]), *said]
    return "\n".join([*head, *([f"\n{listed}"] if listed else []), *more])


def _state_of(problems: Sequence[str]) -> str:
    return f"⚠️ the bot lacks {', '.join(problems)} there" if problems else "✅ the bot can post there"


def subscribed_words(topics: Sequence[str], removed: Sequence[str], channel_id: int) -> str:
    """What a choice of topics changed."""
    parts = []
    if topics:
        parts.append(f"✅ <#{channel_id}> now follows {_names(topics)}.")
    if removed:
        parts.append(f"<#{channel_id}> no longer follows {_names(removed)}. Existing posts stay.")
    return "\n".join(parts) or "Nothing changed."


def _names(topics: Sequence[str], most: int = 5) -> str:
    shown = [f"**{escape_to(topic, NAME)}**" for topic in topics[:most]]
    return ", ".join(shown) + (f" and {len(topics) - most} more" if len(topics) > most else "")


def brings_words(topic: str, stories: int, feeds: int, is_new: bool) -> str:
    """What a new subscription can be expected to bring: `stories` of the last week, or articles of `feeds` soon."""
    name = f"**{escape_to(topic, NAME)}**"
    if is_new and feeds:
        return f"{name}: the bot reads {plural(feeds, 'feed')} for it, and posts new articles from now on."
    return f"{name}: {plural(stories, 'story', 'stories')} in the last 7 days."


def digest_lines(
    schedule: Schedule | None, next_digest: datetime | None, off: bool, has_topics: bool
) -> list[str]:
    """The present state of a channel's digest."""
    if schedule is None or next_digest is None:
        lines = ["The digest is turned off." if off else "This channel has no digest yet."]
    else:
        lines = [
            f"The digest is sent {schedule_words(schedule)}, with at most {plural(schedule.size, 'story', 'stories')}.",
            f"Next digest: <t:{int(next_digest.timestamp())}:F>",
        ]
    if not has_topics:
        lines.append("⚠️ None of this channel's topics is in the digest yet.")
    return lines


def mute_lines(mutes: Iterable[Mute]) -> list[str]:
    """What is muted, and where."""
    return [
        f"• **{escape(mute.value)}** · {f'in <#{mute.channel_id}>' if mute.channel_id else 'across the server'}"
        for mute in mutes
    ] or ["Nothing is muted."]
