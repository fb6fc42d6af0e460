"""Identifies the records of a batch: new, changed, or stored already.

A record is identified by its keys: canonical URLs, and other identifiers of its source. Records of a
server's own sources have keys of their own, so that they are apart from the shared ones.

Feeds are written by strangers. What a feed declares beyond the page of an item identifies records of that
feed alone (`IN_FEED`), and a page belongs to whoever publishes it: a record that another's feed brought
first becomes that of the outlet's own feed (`OWN`) as soon as that has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property, partial
from itertools import chain
from types import MappingProxyType

from bot.domain.clustering.story_cluster import Report, Terms, day_of
from bot.domain.model import UNKNOWN_DATE, Record, Stored, TopicMatch
from bot.domain.records.analysis import Analyses, TextAnalysis, Texts, analyse
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics

# How far an outlet's clock may be ahead: what is dated later still counts as published when it came.
AHEAD = timedelta(days=1)
CORRECTED = timedelta(days=1)  # how much later a date may be that corrects another one
IN_FEED = "feed:"  # begins a key that is trusted within one feed
OWN = "own:"  # begins the key of a page that a feed of the same outlet has


@dataclass(frozen=True, slots=True)
class StoredContext:
    """What is stored of the records that a batch names.

    `by_key`: those records by their keys (canonical URLs and twins), and `records` by id: those, and the newest
    of what declares the batch's own. `content_hashes`: the hash of the content of each by id. `feeds`: those of their sources that are feeds.
    `forgotten`: keys of the batch's own records that were deleted because of their age, with the times when those were published.
    """

    by_key: Mapping[str, int]
    records: Mapping[int, Stored]
    content_hashes: Mapping[int, str]
    next_record: int = 1
    next_story: int = 1
    feeds: Collection[int] = ()
    forgotten: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrival:
    """A record as it came in, and how.

    `source` is the id of its source. `guild_id`: the server whose own source that is; 0: shared.
    `silent`: it is of its source's first intake, which is taken in without posting. `replay`: an old
    record told on its own clock; it was first seen when it was published. `polled`: it is from a feed.
    """

    record: Record
    source: int | None = None
    guild_id: int = 0
    silent: bool = False
    replay: bool = False
    polled: bool = False

    def scoped(self) -> Record:
        """The record under keys of its feed and server: no server's source can speak for another's, or for a shared one."""
        return self._scoped_record

    @cached_property
    def _scoped_record(self) -> Record:
        record = self.record
        if self.polled:
            twins = tuple(
                f"feed {self.source}:{twin.removeprefix(IN_FEED)}" if twin.startswith(IN_FEED) else twin
                for twin in record.twins
            )
            record = replace(record, twins=twins)
        return _scoped(record, self.guild_id) if self.guild_id else record

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """The keys by which a deleted record is recognised: its guids in its feed, or else its address.

        A page that has another report every day keeps its address, and each report has a guid of its own.
        """
        scoped_record = self.scoped()
        pairs = zip(self.record.twins, scoped_record.twins, strict=True)
        guids = tuple(key for twin, key in pairs if twin.startswith(f"{IN_FEED}guid:"))
        return guids or (scoped_record.key,)

    def was_deleted(self, forgotten: Mapping[str, datetime]) -> bool:
        """Whether it is a record that was deleted because of its age, and not a later report at the same address.

        `forgotten`: see `StoredContext`.
        """
        times = [forgotten[key] for key in self.identity if key in forgotten]
        published = self.record.published
        return bool(times) and (published is None or published <= max(times) + CORRECTED)

    @property
    def page(self) -> str:
        """The key of the record's page, where the feed of the page's own outlet has it; else empty."""
        page_key = f"{OWN}{self.record.key}"
        return scoped(page_key, self.guild_id) if self.polled and page_key in self.record.twins else ""


class Fate(StrEnum):
    """What a record of a batch turned out to be."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Identified:
    """What the records of a batch are: new, changed, or stored already; see `identify`.

    `fates`: what each is, in the batch's order. `changed`: the records to be written, whole, by id; with
    `content_hashes`, and with `topics` and `declares` where they came in themselves. `keys`: keys that were not known
    before, with the records that they stand for. `analyses`: what the texts of the changed records say. `records`: all
    that the batch is about, by id, as they are now.

    For clustering: `arrivals` came in themselves, and belong into stories; `related` declare them, or are declared
    by them; `withdrawn` are ids of removed records, each with the story that it leaves.
    """

    context: StoredContext
    fates: tuple[Fate, ...] = ()
    changed: Mapping[int, Stored] = field(default_factory=dict)
    content_hashes: Mapping[int, str] = field(default_factory=dict)
    topics: Mapping[int, tuple[TopicMatch, ...]] = field(default_factory=dict)
    declares: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)
    analyses: Mapping[int, TextAnalysis] = field(default_factory=dict)
    records: Mapping[int, Stored] = field(default_factory=dict)
    arrivals: tuple[Report, ...] = ()
    related: Mapping[int, Report] = field(default_factory=dict)
    withdrawn: tuple[tuple[int, int], ...] = ()


def identify(
    batch: Sequence[Arrival],
    context: StoredContext,
    topics: Topics,
    now: datetime,
    max_age: timedelta,
    analyses: Analyses = MappingProxyType({}),
    *,
    semantic: bool = False,
) -> Identified:
    """Which records of a batch are new or changed, in its order, each visible to the next.

    `max_age`: how old a record may be to count as news. `analyses`: those of the batch's texts; others are made here, for
    what a record goes on to say that the batch does not. `semantic`: reports are compared by what they mean, too.
    """
    identification = _Identification(
        context, topics, now, max_age, partial(_analysis, analyses, semantic=semantic)
    )
    for arrival in batch:
        identification.take(arrival)
    # Most polls bring nothing new: then there is nothing to compare either.
    present = identification.records.items() if identification.arrivals else ()
    reports = {
        i: _report(stored, identification.analysis_of(stored))
        for i, stored in present
        if not stored.record.removed
    }
    removed = (identification.records[i] for i in identification.arrivals if i not in reports)
    return Identified(
        context,
        fates=tuple(identification.fates),
        changed=identification.changed,
        content_hashes=identification.content_hashes,
        topics=identification.topics,
        declares=identification.declares,
        keys=identification.keys,
        analyses=identification.analyses,
        records=identification.records,
        arrivals=tuple(reports[i] for i in identification.arrivals if i in reports),
        related=reports,
        withdrawn=tuple((stored.id, stored.story) for stored in removed if stored.story is not None),
    )


def _analysis(analyses: Analyses, stored: Stored, *, semantic: bool) -> TextAnalysis:
    """What the texts of a record say."""
    texts = Texts.of(stored.record, partial=stored.partial)
    return analyses.get(texts) or analyse(texts, semantic=semantic)


def _report(stored: Stored, analysis: TextAnalysis | None) -> Report:
    """A record as clustering sees it. Without an analysis it is not compared: it only declares, or is declared."""
    return Report(
        stored.id,
        analysis.terms if analysis else Terms(),
        day_of(stored.published),
        stored.record.outlet.domain,
        stored.guild_id,
        frozenset(stored.declares),
        stored.partial,
        stored.story,
        analysis.meaning if analysis else b"",
    )


def content_hash(record: Record) -> str:
    """A fingerprint of all that a record says; equal exactly where nothing changed.

    Of its address only what counts: another tracking parameter says nothing.
    """
    return hashlib.blake2b(repr(replace(record, url="")).encode(), digest_size=16).hexdigest()


def scoped(key: str, guild_id: int) -> str:
    """The key of a record that came from a server's own source; a canonical URL has no spaces."""
    return f"{guild_id} {key}" if guild_id else key


def _scoped(record: Record, guild_id: int) -> Record:
    return replace(
        record,
        key=scoped(record.key, guild_id),
        twins=tuple(scoped(twin, guild_id) for twin in record.twins),
        related=tuple(_scoped(entry, guild_id) for entry in record.related),
    )


def _content(stored: Stored) -> Stored:
    """What a record says, without the keys under which it is known."""
    record = replace(stored.record, url="", twins=(), related=(), published=stored.published)
    return replace(stored, record=record)


def _own_name(record: Record, arrival: Arrival) -> str:
    """The key that tells an item from others at its page; empty where that is its key already."""
    return next((key for key in record.twins if f"{arrival.record.key}#" in key), "")


def _path(key: str) -> str:
    return key.partition("?")[0]


def _is_another(old: Stored, record: Record, arrival: Arrival) -> bool:
    """Whether an item at the page of a record of its feed, but with another guid, is another report."""
    before = old.record
    if not any(twin.startswith(f"{IN_FEED}guid:") for twin in arrival.record.twins):
        return False
    if record.published == old.published:
        return False
    if record.title != before.title:
        return True
    texts = bool(record.excerpt and before.excerpt) and record.excerpt != before.excerpt
    return texts and record.published is not None and record.published.date() != old.published.date()


def keys_of(record: Record) -> tuple[str, ...]:
    """The canonical URLs under which a record is known."""
    return tuple(dict.fromkeys((record.key, *record.twins)))


def all_keys(records: Iterable[Record]) -> set[str]:
    """The keys of records and of everything they declare: the keys that `StoredContext.by_key` must cover."""
    return {key for r in records for named in chain((r,), r.related) for key in keys_of(named)}


class _Identification:
    """Identifies items one after the other: stored records are updated, new ones numbered."""

    def __init__(
        self,
        context: StoredContext,
        topics: Topics,
        now: datetime,
        max_age: timedelta,
        analysis: Callable[[Stored], TextAnalysis],
    ) -> None:
        self._context = context
        self._topics = topics
        self._now = now
        self._max_age = max_age
        self._analysis = analysis
        self._by_key = dict(context.by_key)
        self._next = context.next_record
        self.fates: list[Fate] = []
        self.records = dict(context.records)
        self.arrivals: dict[int, None] = {}  # the records that came in themselves and are new or changed
        self.changed: dict[int, Stored] = {}
        self.content_hashes: dict[int, str] = {}
        self.topics: dict[int, tuple[TopicMatch, ...]] = {}
        self.declares: dict[int, tuple[int, ...]] = {}
        self.keys: dict[str, int] = {}
        self.analyses: dict[int, TextAnalysis] = {}

    def take(self, arrival: Arrival) -> None:
        record = arrival.scoped()
        match_id = self._find_polled(record, arrival) if arrival.polled else self._find(record)
        if match_id is None and arrival.was_deleted(self._context.forgotten):
            self.fates.append(Fate.UNCHANGED)
            return
        keys = set(keys_of(record))  # a record may list itself, or its AMP version
        related = [
            self._partial(entry, arrival) for entry in record.related if keys.isdisjoint(keys_of(entry))
        ]
        declares = tuple(dict.fromkeys(related))
        old = self.records.get(match_id) if match_id is not None else None
        if arrival.polled:
            record = self._placed(record, match_id, old, arrival)
        if old is not None and arrival.polled and self._is_anothers(old, arrival):
            self._join(old, record)
            return
        record_id = self._new_id() if match_id is None else match_id
        declares = tuple(i for i in declares if i != record_id)
        itself = replace(record, related=()) if record.related else record
        stored = self._stored(record_id, itself, old, declares, arrival)
        hashed = content_hash(record)
        if old is None or old.partial:
            self.fates.append(Fate.NEW)
        elif self._hash_of(old.id) == hashed or (arrival.polled and _content(stored) == _content(old)):
            self.fates.append(Fate.UNCHANGED)
            if arrival.polled:
                self._learn(old.id, record)
            return
        else:
            self.fates.append(Fate.CHANGED)
        self._put(stored, hashed, record)

    def analysis_of(self, stored: Stored) -> TextAnalysis | None:
        """What is compared of a record: of those that are written, and of partial ones that still look for a story."""
        if stored.id in self.analyses or not stored.partial or stored.story is not None:
            return self.analyses.get(stored.id)
        return self._analysis(stored)

    def _find_polled(self, record: Record, arrival: Arrival) -> int | None:
        """The id of the record that an item of a feed is.

        A page alone tells least: some have another report every day, each with a guid of its own.
        """
        page = (record.key, arrival.page)
        record_id = next(
            (self._by_key[k] for k in keys_of(record) if k in self._by_key and k not in page), None
        )
        if record_id is not None:
            return record_id
        record_id = self._by_key.get(record.key)
        old = self.records.get(record_id) if record_id is not None else None
        if old is None or old.partial or old.source != arrival.source or not _own_name(record, arrival):
            return record_id
        return None if _is_another(old, record, arrival) else record_id

    def _placed(self, record: Record, record_id: int | None, old: Stored | None, arrival: Arrival) -> Record:
        """The record at the address under which it is, or will be, known."""
        taken = self._by_key.get(record.key, record_id) != record_id
        if old is None or old.partial or self._takes_over(old, arrival):
            if not taken:
                return record
            if old is not None:
                return replace(record, key=old.record.key)
            return replace(record, key=_own_name(record, arrival))
        before = old.record
        if record.key == before.key:
            return record
        same_outlet = record.outlet.domain == before.outlet.domain
        if arrival.page and same_outlet and not taken and _path(record.key) != _path(before.key):
            return record  # the outlet's own feed says where the page is now
        outlet = record.outlet if same_outlet else before.outlet
        return replace(record, key=before.key, url=before.url, outlet=outlet)

    def _is_anothers(self, old: Stored, arrival: Arrival) -> bool:
        """Whether the record came from another source than this feed, and stays that source's."""
        same = old.partial or old.source in (None, arrival.source)
        return not same and not self._takes_over(old, arrival)

    def _takes_over(self, old: Stored, arrival: Arrival) -> bool:
        """Whether a feed of the page's own outlet has what is known from a feed of somebody else."""
        other = old.source in self._context.feeds and old.source != arrival.source
        return other and bool(arrival.page) and arrival.page not in self._by_key

    def _join(self, old: Stored, record: Record) -> None:
        """Another feed has a stored record: only its topics are added.

        Else two feeds that word it differently would change it with each of their polls.
        """
        topic_keys = {name_key(topic) for topic in old.record.topics}
        more = tuple(topic for topic in record.topics if name_key(topic) not in topic_keys)
        if not more:
            self.fates.append(Fate.UNCHANGED)
            return
        self.fates.append(Fate.CHANGED)
        joined = replace(old, record=replace(old.record, topics=(*old.record.topics, *more)))
        hashed = self._hash_of(old.id)
        assert hashed is not None
        self._put(joined, hashed, record)

    def _stored(
        self, record_id: int, record: Record, old: Stored | None, declares: tuple[int, ...], arrival: Arrival
    ) -> Stored:
        if old is not None and record.removed:
            # A removal may say nothing but the URL: what was known stays, marked as removed.
            record, declares = replace(old.record, removed=True), old.declares
        if old is not None and not old.partial:
            published = record.published or old.published
            if published - self._now > AHEAD:
                published = old.published
                record = replace(record, published=published)
            if arrival.polled:  # others of its source's kind may have said more of what it is about
                record = replace(record, topics=tuple(dict.fromkeys((*old.record.topics, *record.topics))))
            return replace(old, record=record, published=published, declares=declares, source=arrival.source)
        first_seen = self._first_seen(record, arrival)
        published = record.published or (UNKNOWN_DATE if record.date_unreadable else self._now)
        if published - self._now > AHEAD:
            published = self._now
            record = replace(record, published=published)
        is_news = (
            first_seen - published <= self._max_age and not arrival.silent and not record.date_unreadable
        )
        return Stored(
            record_id,
            record,
            published,
            first_seen,
            news=is_news,
            story=old.story if old is not None else None,
            declares=declares,
            guild_id=arrival.guild_id,
            source=arrival.source,
        )

    def _first_seen(self, record: Record, arrival: Arrival) -> datetime:
        """Now; but a first intake or a replay tells the past, so there it is when it was published.

        When what a first intake finds without a date came, nobody knows: it was there before anybody looked.
        A date that cannot be read may be of any time, so no digest takes the record for news either.
        """
        if record.published is None and (arrival.silent or record.date_unreadable):
            return UNKNOWN_DATE
        past = arrival.silent or arrival.replay
        return min(record.published or self._now, self._now) if past else self._now

    def _partial(self, entry: Record, arrival: Arrival) -> int:
        """The id of a declared record; unknown ones are noted as partial."""
        record_id = self._find(entry)
        if record_id is None:
            record_id = self._new_id()
            seen = self._first_seen(entry, arrival)
            stored = Stored(
                record_id, entry, entry.published or self._now, seen, partial=True, guild_id=arrival.guild_id
            )
            self._put(stored, content_hash(entry), entry)
        return record_id

    def _put(self, stored: Stored, hashed: str, record: Record) -> None:
        analysis = self.analyses[stored.id] = self._analysis(stored)
        meaning = b"" if stored.record.removed else analysis.meaning
        if meaning != stored.meaning:
            stored = replace(stored, meaning=meaning)
        self.records[stored.id] = stored
        self.changed[stored.id] = stored
        self.content_hashes[stored.id] = hashed
        if not stored.partial:
            self.topics[stored.id] = self._topics.matcher.of(stored.record, stored.guild_id, analysis.words)
            self.declares[stored.id] = stored.declares
            self.arrivals.setdefault(stored.id)
        self._learn(stored.id, record)

    def _learn(self, record_id: int, record: Record) -> None:
        # A stored record has its key already; that is not among those looked up if no item of the batch names it.
        old = self._context.records.get(record_id)
        for key in keys_of(record):
            if key not in self._by_key and (old is None or key != old.record.key):
                self._by_key[key] = record_id
                self.keys[key] = record_id

    def _find(self, record: Record) -> int | None:
        return next((self._by_key[key] for key in keys_of(record) if key in self._by_key), None)

    def _hash_of(self, record_id: int) -> str | None:
        return self.content_hashes.get(record_id) or self._context.content_hashes.get(record_id)

    def _new_id(self) -> int:
        self._next += 1
        return self._next - 1
