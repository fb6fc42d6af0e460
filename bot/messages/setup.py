"""The texts of the setup panel and of the message in a server that the bot has joined. Texts of pages are Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.model import Mode, Mute, PostLayout, StorySize, Subscription, Volume
from bot.domain.posting.channel_digests import ChannelDigest, PlannedDigest
from bot.domain.posting.volume import shown_volume
from bot.domain.text.cleaning import clip
from bot.i18n import comma_list, list_and_more, mark, tr, tr_plural
from bot.messages.digest import next_line, schedule_words
from bot.messages.message import escape, escape_to, fit_lines, more_line

BODY = 2600  # UTF-16 units of what a page lists
NOTICE = 900  # of what the last press did
OPTIONS = 25  # of a menu: https://discord.com/developers/docs/components/reference#string-select
NAME = 80

# To be translated where they are used.
WELCOME = mark(
    "### Hello! I'm Topicwire.\n"
    "I follow topics instead of single feeds, and post one message per story, which I update as more outlets report it. "
    "I can also send a digest of the best stories at a time you choose.\n"
    "-# Members with *Manage Server* can set me up with these buttons or with `/setup`."
)
NOT_FOR_YOU = mark(
    "These buttons are for members with the permission *Manage Server*. Ask one of them to choose topics for this server. "
    "You can browse the news with `/latest` and `/search`."
)
EXPIRED = mark("This panel has expired. Open it again with `/setup`.")
EXAMPLE = mark("-# This is an example. Only you can see it, and nothing was posted.")
INVENTED = mark("-# This is an example with an invented story. Only you can see it, and nothing was posted.")


class Page(StrEnum):
    """A page of the panel; its value is what its button says, translated."""

    OVERVIEW = mark("Overview")
    TOPICS = mark("Topics")
    POSTS = mark("Posts")
    DIGEST = mark("Digest")
    MUTES = mark("Mutes")
    FEEDS = mark("Feeds")
    CHANNEL = mark("Channel")
    SERVER = mark("Server")


TITLES = {
    Page.OVERVIEW: mark("Set up Topicwire"),
    Page.TOPICS: mark("Choose topics"),
    Page.POSTS: mark("What is posted, and who is pinged"),
    Page.DIGEST: mark("The digest"),
    Page.MUTES: mark("Mutes"),
    Page.FEEDS: mark("Feeds of this server"),
    Page.CHANNEL: mark("How posts look, and when they come"),
    Page.SERVER: mark("This server"),
}
OF_SERVER = frozenset({Page.FEEDS, Page.SERVER})  # pages without a channel
HINTS = {
    Page.OVERVIEW: mark("Choose a channel, then its topics. Everything here can be changed at any time."),
    Page.TOPICS: mark(
        "Choose a category, then the topics that the channel follows. A topic includes all its subtopics."
    ),
    Page.POSTS: mark("Choose one of the channel's topics to change how it is posted."),
    Page.DIGEST: mark(
        "A digest is one message with the best stories of the channel's topics since the last one."
    ),
    Page.MUTES: mark("Articles from muted outlets, or with muted words in the title, are hidden."),
    Page.FEEDS: mark("Articles from these feeds are shown in this server only."),
    Page.CHANNEL: mark("This holds for all topics of the channel."),
    Page.SERVER: mark("Topics that only this server has, votes, and how briefs are written."),
}


@dataclass(frozen=True, slots=True)
class PanelState:
    """Where somebody is in the panel.

    `category`, `search` and `first` choose what a page lists, `topic` is the subscription that is being changed, `digest` the
    id of the digest that is, and `mute` is one that waits for a confirmation, as does the deletion of the topic `doomed`.
    `notice` is what the last press did.
    """

    channel_id: int
    page: Page = Page.OVERVIEW
    category: str = ""
    search: str = ""
    first: int = 0
    topic: str = ""
    digest: int = 0
    mute: PendingMute | None = None
    doomed: str = ""
    notice: str = ""

    def to(self, page: Page) -> PanelState:
        """The state after turning to a page."""
        return PanelState(self.channel_id, page)

    def after(self, **changes: object) -> PanelState:
        """The state after a press: its notice is gone, unless there is a new one."""
        return replace(self, **{"notice": "", "mute": None, "doomed": "", **changes})  # type: ignore[arg-type] # fields by name


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
    (Mode.LIVE, mark("Live posts"), mark("One message per story, as soon as it is reported")),
    (Mode.DIGEST, mark("Digest"), mark("Only in the digest")),
    (
        Mode.BOTH,
        mark("Live posts and digest"),
        mark("One message per story, and the best ones in the digest"),
    ),
)
# How much is posted. The one list of these choices in the panel.
_VOLUMES = (
    (Volume.FEW, mark("Few stories"), mark("The biggest of the topic, about 2 posts a day")),
    (Volume.SOME, mark("Some stories"), mark("About 8 posts a day; the usual choice")),
    (Volume.MANY, mark("Many stories"), mark("About 25 posts a day")),
    (Volume.EVERYTHING, mark("All stories"), mark("Everything on the topic")),
    (
        Volume.NOTABLE,
        mark("Notable stories"),
        mark("What several outlets report, however many stories there are"),
    ),
    (
        Volume.MAJOR,
        mark("Major stories"),
        mark("What very many outlets report, however many stories there are"),
    ),
)


_LAYOUTS = (
    (PostLayout.CARD, mark("Card"), mark("The headline, the brief, the picture and the outlets")),
    (PostLayout.COMPACT, mark("Compact"), mark("The headline and a line")),
    (PostLayout.HEADLINE, mark("Headline"), mark("The headline with its picture")),
    (PostLayout.TEMPLATE, mark("Template"), mark("What this server's template says")),
)


def layout_choices(present: PostLayout | None) -> list[PanelChoice]:
    """How posts can look. `present`: the layout of all of a channel's posts; None where they differ."""
    return [
        PanelChoice(tr(name), layout.value, tr(text), layout is present) for layout, name, text in _LAYOUTS
    ]


def mode_choices(subscription: Subscription) -> list[PanelChoice]:
    """How a subscription can be delivered."""
    return [
        PanelChoice(tr(name), mode.value, tr(text), mode is subscription.mode) for mode, name, text in _MODES
    ]


def volume_choices(subscription: Subscription) -> list[PanelChoice]:
    """How much of a subscription can be posted."""
    present = shown_volume(subscription)
    return [PanelChoice(tr(name), value.value, tr(text), value is present) for value, name, text in _VOLUMES]


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
    parts = [tr_plural("{count} feed", "{count} feeds", feeds)] if feeds else []
    if per_day is not None:
        parts.append(
            tr_plural("about {count} story a day", "about {count} stories a day", round(per_day))
            if per_day >= 1
            else tr("less than a story a day")
        )
    return " · ".join(parts)


def page_text(page: Page, channel_id: int, problems: Sequence[str], notice: str, lines: Iterable[str]) -> str:
    """A page's text: its title, the channel with what the bot lacks there, what the last press did, and `lines`.

    `channel_id` is 0 if no channel is chosen.
    """
    place = _place(channel_id, problems) if channel_id else tr("Choose a channel first.")
    said = (
        [f"\n{fit_lines((clip(line, NOTICE) for line in notice.splitlines()), NOTICE)[0]}"] if notice else []
    )
    listed, left = fit_lines(lines, BODY)
    more = [more_line(left)] if left else []
    head = [f"### {tr(TITLES[page])}", tr(HINTS[page]), *([] if page in OF_SERVER else [place]), *said]
    return "\n".join([*head, *([f"\n{listed}"] if listed else []), *more])


def _place(channel_id: int, problems: Sequence[str]) -> str:
    channel = f"<#{channel_id}>"
    if not problems:
        return tr("Channel: {channel} · ✅ the bot can post there", channel=channel)
    return tr(
        "Channel: {channel} · ⚠️ the bot lacks {permissions} there",
        channel=channel,
        permissions=comma_list(problems),
    )


def subscribed_words(topics: Sequence[str], removed: Sequence[str], channel_id: int) -> str:
    """What a choice of topics changed."""
    parts = []
    channel = f"<#{channel_id}>"
    if topics:
        parts.append(tr("✅ {channel} now follows {topics}.", channel=channel, topics=_names(topics)))
    if removed:
        parts.append(
            tr(
                "{channel} no longer follows {topics}. Existing posts stay.",
                channel=channel,
                topics=_names(removed),
            )
        )
    return "\n".join(parts) or tr("Nothing changed.")


def _names(topics: Sequence[str], most: int = 5) -> str:
    shown = [f"**{escape_to(topic, NAME)}**" for topic in topics[:most]]
    return list_and_more(shown, len(topics) - len(shown))


def brings_words(topic: str, stories: int, feeds: int, is_new: bool) -> str:
    """What a new subscription can be expected to bring: `stories` of the last week, or articles of `feeds` soon."""
    name = f"**{escape_to(topic, NAME)}**"
    if is_new and feeds:
        return tr_plural(
            "{topic}: the bot reads {count} feed for it, and posts new articles from now on.",
            "{topic}: the bot reads {count} feeds for it, and posts new articles from now on.",
            feeds,
            topic=name,
        )
    return tr_plural(
        "{topic}: {count} story in the last 7 days.",
        "{topic}: {count} stories in the last 7 days.",
        stories,
        topic=name,
    )


def digest_lines(planned: Sequence[PlannedDigest], off: bool, has_topics: bool) -> list[str]:
    """The present state of a channel's digests."""
    match planned:
        case []:
            lines = [tr("The digest is turned off.") if off else tr("This channel has no digest yet.")]
        case [
            PlannedDigest(
                digest=ChannelDigest(name="", topic=None, next_at=datetime() as at), schedule=schedule
            )
        ]:
            lines = [
                tr_plural(
                    "The digest is sent {when}, with at most {count} story.",
                    "The digest is sent {when}, with at most {count} stories.",
                    schedule.size,
                    when=schedule_words(schedule),
                ),
                tr("Next digest: {time}", time=f"<t:{int(at.timestamp())}:F>"),
            ]
        case _:
            lines = [f"• {next_line(one)}" for one in planned]
    if not has_topics and (not planned or any(one.digest.topic is None for one in planned)):
        lines.append(tr("⚠️ None of this channel's topics is in the digest yet."))
    return lines


def digest_choices(planned: Iterable[PlannedDigest], chosen: int) -> list[PanelChoice]:
    """The digests of a channel to choose from; `chosen` is the id of one."""
    return [
        PanelChoice(
            one.digest.title, str(one.digest.id), schedule_words(one.schedule), one.digest.id == chosen
        )
        for one in planned
    ]


def mute_lines(mutes: Iterable[Mute]) -> list[str]:
    """What is muted, and where."""
    return [f"• **{escape(mute.value)}** · {_scope(mute)}" for mute in mutes] or [tr("Nothing is muted.")]


def _scope(mute: Mute) -> str:
    if not mute.channel_id:
        return tr("across the server")
    return tr("in {channel}", channel=f"<#{mute.channel_id}>")
