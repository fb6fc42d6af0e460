"""The values of the domain: records, topics, stories, subscriptions.

Everything here is immutable and knows neither Discord, nor a database, nor a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

NOTABLE_HEAT = 70
MAJOR_HEAT = 150
HEAT_PER_OUTLET = 20
# The quality of a feed is that of its outlet, and says nothing of a single article: a report of a feed alone is never
# notable. Two outlets are, where nothing else is set.
FEED_QUALITY = 60
MOST_FEED_QUALITY = NOTABLE_HEAT - 1
# When a record was published whose date cannot be read: before everything that is news. Nobody is shown it as a date.
UNKNOWN_DATE = datetime(1970, 1, 1, tzinfo=UTC)


class Volume(StrEnum):
    """How much a subscription brings.

    The first three are about so many posts a day (`bot.domain.posting.volume`). The others go by the story alone: any,
    a heat of `NOTABLE_HEAT` or declared as notable, a heat of `MAJOR_HEAT`.
    """

    FEW = "few"
    SOME = "some"
    MANY = "many"
    EVERYTHING = "everything"
    NOTABLE = "notable"
    MAJOR = "major"


class Mode(StrEnum):
    """How a subscription delivers its stories."""

    LIVE = "live"
    DIGEST = "digest"
    BOTH = "both"


class StorySize(StrEnum):
    """How big a story has to be: any, `NOTABLE_HEAT` or declared as notable, `MAJOR_HEAT`."""

    ANY = "any"
    NOTABLE = "notable"
    MAJOR = "major"


class PostLayout(StrEnum):
    """How much a post shows: all of it, a headline and a line, a headline with its picture, or what the server's template says."""

    CARD = "card"
    COMPACT = "compact"
    HEADLINE = "headline"
    TEMPLATE = "template"


class Relation(StrEnum):
    """How a record stands to a story: a report of the same event, or background to it."""

    SAME = "same"
    BACKGROUND = "background"


RecordType = Literal["article", "video", "podcast"]


@dataclass(frozen=True, slots=True)
class Outlet:
    """A publisher; `domain` (the registered domain, lower case) is its identity."""

    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture's http(s) address and, where known, its size in pixels (0 = unknown)."""

    url: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One article or video of one outlet, as it came in, repaired and bounded.

    `key` is the canonical URL, the identity; `url` the address as received (http or https);
    `twins` the canonical URLs of its AMP, mobile and original versions.
    `published` is the outlet's word (aware UTC) or None where it gave none.
    `date_unreadable`: it gave a time that cannot be read, so the record counts as old and never as news.
    That is no part of its content, so it stays out of `repr`.
    `heat` is the declared heat where it is >= 0, else None; `notable` is the declared
    `published: true`. `related` are the partial records that it declares, in its order.
    """

    key: str
    url: str
    title: str
    outlet: Outlet
    excerpt: str = ""
    published: datetime | None = None
    type: RecordType = "article"
    quality: int = 0
    heat: int | None = None
    notable: bool = False
    topics: tuple[str, ...] = ()
    image: Image | None = None
    twins: tuple[str, ...] = ()
    related: tuple[Record, ...] = ()
    language: str = ""
    removed: bool = False
    date_unreadable: bool = field(default=False, repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as the store knows it.

    `record.related` is empty here; what it declares is in `declares` (ids, in its order).
    `partial`: known only because another record declares it. `published` is never None: where
    the outlet gave no time it is `first_seen`. `news`: may be posted live (see the design's words).
    `story` is the number of the story that it is a same-event member of, or None. `guild_id` is the
    server whose own source it came from, and which alone sees it; 0: everybody does. `source` is the id of
    the source that it came from. `meaning` is its vector; empty: it is not known.
    """

    id: int
    record: Record
    published: datetime
    first_seen: datetime
    partial: bool = False
    news: bool = False
    story: int | None = None
    declares: tuple[int, ...] = ()
    guild_id: int = 0
    source: int | None = None
    meaning: bytes = b""


@dataclass(frozen=True, slots=True)
class Topic:
    """A named subject. `name` is its identity (compared without case); `parent` is a topic's name.

    A keyword matches whole words without regard to case, in the title alone or, with
    `fields="title+excerpt"`, in the excerpt too. A word of it that ends in `*` stands for all that begin with it.
    `language_keywords` are (ISO 639-1 code, keyword): they count in articles of that language. `query` is one in the language of `bot.domain.topics.query.language`: what
    it asks for belongs to the topic besides. `guild_id` is the server that made it, and which alone knows it;
    0: everybody does. Two servers may each have one of the same name. `suspended` says why its query is not
    matched any more; empty: it is.
    """

    name: str
    shortname: str = ""
    slug: str = ""
    parent: str = ""
    keywords: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    fields: Literal["title", "title+excerpt"] = "title"
    colour: int | None = None
    query: str = ""
    guild_id: int = 0
    suspended: str = ""
    language_keywords: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Mute:
    """What a server (or one channel of it) does not want: an outlet's domain or name, or words.

    `words` mutes match whole words of the title without regard to case.
    """

    id: int
    guild_id: int
    channel_id: int | None
    value: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel's subscription to a topic and to all topics below it.

    `volume` None means the mode's default: some for live posts, everything for digests. `digest_volume` is that of
    the digest where there is one beside live posts. `calibration` is what few, some and many mean for it now; None: that was not
    computed yet. `accent` is the colour of its posts (RGB); None: that of their topic. `ping_from` is the size of stories
    from which its role is pinged. `announces_major`: a story that is major only after its post is announced once.
    """

    id: int
    guild_id: int
    channel_id: int
    topic: str
    mode: Mode = Mode.LIVE
    volume: Volume | None = None
    mention_role_id: int | None = None
    publish: bool = False
    created_at: datetime | None = None
    paused_reason: str = ""
    layout: PostLayout = PostLayout.CARD
    accent: int | None = None
    digest_volume: Volume | None = None
    calibration: Calibration | None = None
    ping_from: StorySize = StorySize.ANY
    announces_major: bool = False


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a volume means for a topic: stories of at least the size `threshold` are posted.

    That is about `posts` a day, of about `stories` a day that the topic brings. `posts` None: too little is known of it.
    """

    threshold: int
    stories: float
    posts: float | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """One other record of a story, and how it stands to the story."""

    stored: Stored
    relation: Relation


@dataclass(frozen=True, slots=True)
class StoryView:
    """A story as one reader (a channel with its mutes, or the command line without any) sees it.

    `members` are the same-event records, the lead among them; `coverage` is everything but the
    lead, by quality, descending; `outlets` counts distinct outlets among the members.
    `topics` are the names of the topics that enough of the members say, without ancestors, sorted as first met;
    `evidence` is what speaks for these, and for those that too few say.
    `first` and `last` are the earliest and latest `published` of the members. `voices` counts those that are
    independent of each other: outlets of one owner, and copies of one text, are one.
    """

    number: int
    lead: Stored
    members: tuple[Stored, ...]
    coverage: tuple[Coverage, ...]
    heat: int
    notable: bool
    outlets: int
    topics: tuple[str, ...]
    first: datetime
    last: datetime
    evidence: tuple[TopicEvidence, ...] = ()
    voices: int = 1


@dataclass(frozen=True, slots=True)
class TopicEvidence:
    """What speaks for a topic in a story: `voices` of its `of` independent voices say so.

    `of_lead`: the lead does. `declared`: somebody declares it. `assigned`: that is enough. `servers` are those of the
    topics of that name (0: a shared one).
    """

    topic: str
    voices: int
    of: int
    of_lead: bool = False
    declared: bool = False
    assigned: bool = True
    servers: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class TopicMatch:
    """A topic of a record: `keywords` that put it there, and whether the record declares it.

    `guild_id` is that of the topic: the server that alone sees the match; 0: everybody does. `learned`: it is a guess
    by words that such titles have, which are the `keywords` then.
    """

    topic: str
    declared: bool = False
    keywords: tuple[str, ...] = field(default=())
    guild_id: int = 0
    learned: bool = False
