"""Entries of a feed into records: what they say, who says it, and by what they are known again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from urllib.parse import unquote

from bot.domain.model import MOST_FEED_QUALITY, Outlet, Record, RecordType
from bot.domain.records.identity import canonical, publisher_address, registered_domain
from bot.domain.records.intake import IN_FEED, OWN
from bot.domain.text.cleaning import clip
from bot.i18n import mark
from bot.sources.feeds.dates import read_date, unknown_zone
from bot.sources.feeds.html import captions
from bot.sources.feeds.images import choose_image
from bot.sources.feeds.links import is_web, resolve
from bot.sources.feeds.model import FeedEntry, ParsedFeed, Text
from bot.sources.feeds.text import body, choose_excerpts, digest, line, word_bytes
from bot.sources.feeds.wrappers import unwrap
from bot.sources.model import Item, Rejected
from bot.sources.records import MAX_EXCERPT, MAX_OUTLET, MAX_TITLE

_NO_LINK = mark("no link")
_TITLE_FROM_TEXT = 100  # characters
_TELLING = 8  # words of an excerpt that make a text one that nobody else writes
_REASON = 300
_SESSION = re.compile(r"[^=]+=(?=[^=]*[0-9])[0-9a-zA-Z]{16,128}")
_SHOWN = 40  # characters of a date in a note
_MOST_ADDRESSES = 20  # of an entry

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,3}")
_VIDEO = re.compile(r"https://(?:youtube\.com/watch\?|vimeo\.com/\d|dailymotion\.com/video/)")
_FEED_HOSTS = frozenset({"feedburner.com", "feedproxy.google.com", "feedblitz.com", "feedpress.me"})


@dataclass(frozen=True, slots=True)
class FeedPublisher:
    """Whose feed it is, as far as its records need to know. Without `domains` all pages are the owner's.

    `domains` are partly what the feed itself says. `proven` is the domain that it was fetched from, empty where
    that is a service that publishes feeds of others: a feed speaks for the pages of this one alone.
    """

    path: str
    name: str
    domains: tuple[str, ...]
    proven: str = ""
    home: str = ""  # the canonical address of its site
    topics: tuple[str, ...] = ()
    quality: int = 0
    language: str = ""


@dataclass(slots=True)
class _Draft:
    """A record in the making. `page` is its canonical address, which other entries can have as well, and `host` its host."""

    entry: FeedEntry
    page: str
    host: str
    title: str
    is_stand_in: bool = False  # the page is not the entry's, but what there is to open for it
    excerpt: str = ""
    published: datetime | None = None
    unreadable: bool = False  # there is a date, but nobody can read it
    notes: tuple[str, ...] = ()
    key: str = ""
    twins: list[str] = field(default_factory=list)


def build_publisher(
    feed: ParsedFeed, url: str, name: str, topics: tuple[str, ...], quality: int, language: str
) -> FeedPublisher:
    """The owner: by the user's name for the feed or its own title, and by its address and that of its site."""
    domains = [domain for link in (feed.link, url) if (domain := _domain(link)) and domain not in _FEED_HOSTS]
    title = name or line(feed.title, MAX_OUTLET)
    proven = _domain(url)
    return FeedPublisher(
        url,
        title,
        tuple(dict.fromkeys(domains)),
        "" if proven in _FEED_HOSTS or _hostname(url) in _FEED_HOSTS else proven,
        _canonical(feed.link),
        topics,
        quality,
        _language(feed.language, language),
    )


def build_items(feed: ParsedFeed, publisher: FeedPublisher) -> tuple[list[Item], list[Rejected]]:
    """A record, or the reason why there is none, of each entry."""
    drafts: list[_Draft] = []
    rejected: list[Rejected] = []
    for entry in feed.entries:
        try:
            drafts.append(_draft(entry, feed.page))
        except ValueError as error:
            rejected.append(Rejected(publisher.path, entry.number, clip(str(error), _REASON)))
    excerpts = choose_excerpts(
        [draft.entry.texts for draft in drafts], [draft.title for draft in drafts], MAX_EXCERPT
    )
    for draft, excerpt in zip(drafts, excerpts, strict=True):
        draft.excerpt = excerpt
    drafts, repeated = _identified(drafts, publisher)
    rejected += [
        Rejected(publisher.path, entry.number, f"the same as entry {first.number}")
        for entry, first in repeated
    ]
    outlets: dict[object, Outlet] = {}
    items = [_item(draft, publisher, outlets) for draft in drafts]
    return items, sorted(rejected, key=lambda rejection: rejection.item)


def _draft(entry: FeedEntry, feed_page: str) -> _Draft:
    """What an entry says and where its page is. Raises `ValueError` where that is missing."""
    if entry.error:
        raise ValueError(entry.error)
    page, is_stand_in = _page(entry, feed_page)
    title = line(entry.title, MAX_TITLE) if entry.title is not None else ""
    title = title or _words(entry)
    if not title:
        if is_stand_in:
            raise ValueError("no title, text or link")
        title = clip(unquote(entry.url.partition("://")[2].rstrip("/")), _TITLE_FROM_TEXT)
    draft = _Draft(entry, page, _host(page), title, is_stand_in)
    _date(draft)
    return draft


def _page(entry: FeedEntry, feed_page: str) -> tuple[str, bool]:
    """The canonical address of the best of an entry's addresses that can be opened, which becomes its `url`.

    An entry without any has that of its feed, and True besides, if it has a guid to be told by. Raises `ValueError`.
    """
    problem = _NO_LINK
    for address in (entry.url, *entry.other_urls[:_MOST_ADDRESSES], *entry.stand_ins[:_MOST_ADDRESSES]):
        if not address:
            continue
        address_written = resolve(address, entry.base)
        url = publisher_address(unwrap(address_written))
        try:
            page = canonical(url)
        except ValueError as error:
            problem = f"link: {error}" if problem == _NO_LINK else problem
            continue
        entry.url = url
        if url != address_written:  # it may be known by that since an earlier version
            entry.other_urls = [*entry.other_urls, address_written]
        return page, False
    if entry.guid and feed_page:
        entry.url = feed_page
        return canonical(feed_page), True
    raise ValueError(problem)


def _words(entry: FeedEntry) -> str:
    """What to call an entry without a title: its first words, else what its pictures show."""
    candidates = chain(
        entry.texts, entry.captions, (Text(words) for text in entry.texts for words in captions(text.value))
    )
    return next((words for text in candidates if (words := body(text, _TITLE_FROM_TEXT))), "")


# ------------------------------------------------------------------------------------------ identity


def _identified(
    drafts: list[_Draft], publisher: FeedPublisher
) -> tuple[list[_Draft], list[tuple[FeedEntry, FeedEntry]]]:
    """The drafts with their keys and twins, and the entries that repeat an earlier one.

    A twin that two entries share tells neither, and one that is another's page is not its own.
    """
    pages = Counter(draft.page for draft in drafts)
    guids = Counter(draft.entry.guid for draft in drafts)
    sessions = _sessions(pages)
    by_key: dict[str, _Draft] = {}
    repeated: list[tuple[FeedEntry, FeedEntry]] = []
    titles = word_bytes([draft.title for draft in drafts])
    texts = word_bytes([draft.excerpt for draft in drafts])
    for draft, title, text in zip(drafts, titles, texts, strict=True):
        guid = draft.entry.guid if guids[draft.entry.guid] == 1 else ""
        name = digest(guid.encode("utf-8", "replace") or title)
        is_home = _is_home(draft.page) or draft.page == publisher.home
        shared = draft.is_stand_in or pages[draft.page] > 1 or is_home
        draft.key = f"{draft.page}#{name}" if shared else draft.page
        first = by_key.setdefault(draft.key, draft)
        if first is not draft:
            repeated.append((draft.entry, first.entry))
            continue
        draft.twins = _twins(draft, guid, name, title, text, publisher.proven)
        if sessions and (page := _without(draft.page, sessions)) != draft.page:
            draft.twins.append(f"{IN_FEED}page:{digest(title, page.encode())}")
    unique = list(by_key.values())
    shared_twins = Counter(chain.from_iterable([draft.twins for draft in unique]))
    ambiguous = {twin for twin, count in shared_twins.items() if count > 1} | (
        shared_twins.keys() & pages.keys()
    )
    if ambiguous:
        for draft in unique:
            draft.twins = [twin for twin in draft.twins if twin not in ambiguous]
    return unique, repeated


def _twins(draft: _Draft, guid: str, name: str, title: bytes, text: bytes, proven: str) -> list[str]:
    """What else an entry is known by: its other addresses, its guid, its date and its text, each with its title.

    `name` tells the entries of one page apart; `title` and `text` are the words of both. Only a feed of the
    page's `proven` domain says something that counts in other feeds as well.
    """
    entry, date = draft.entry, draft.published
    domain = registered_domain(draft.host)
    is_publishers_page = domain == proven
    scope = "" if is_publishers_page else IN_FEED
    other_pages = _other_pages(draft, guid) if entry.other_urls or is_web(guid) else ()
    twins = [
        page if is_publishers_page and registered_domain(page) == domain else f"{IN_FEED}{page}"
        for page in other_pages
    ]
    if draft.key == draft.page:  # should another entry have the same page later, both are told by more
        twins.append(f"{scope}{draft.page}#{name}")
        if is_publishers_page:
            twins.append(f"{OWN}{draft.page}")
    if guid:
        twins.append(f"{IN_FEED}guid:{digest(guid.encode('utf-8', 'replace'), title)}")
    if date is not None and (not guid or is_web(guid)):  # an address can hold a session
        twins.append(f"{IN_FEED}date:{digest(title, date.isoformat().encode())}")
    if len(draft.excerpt) >= 2 * _TELLING - 1 and text.count(b" ") >= _TELLING - 1:
        # With its day: the same words at another page a week later are a column of every week.
        day = date.date().isoformat().encode() if date else b""
        twins.append(f"{scope}text:{domain if is_publishers_page else ''}:{digest(title, text, day)}")
    return twins


def _sessions(pages: Collection[str]) -> set[str]:
    """The parameters that all pages have in common and that are as long as no page's number: a reader's session."""
    if len(pages) < 2:
        return set()
    common: set[str] | None = None
    for page in pages:
        pairs = {pair for pair in page.partition("?")[2].split("&") if _SESSION.fullmatch(pair)}
        common = pairs if common is None else common & pairs
        if not common:
            break
    return common or set()


def _without(page: str, pairs: Collection[str]) -> str:
    path, _, query = page.partition("?")
    remaining = "&".join(pair for pair in query.split("&") if pair not in pairs)
    return f"{path}?{remaining}" if remaining else path


def _is_home(page: str) -> bool:
    """Whether a canonical address is that of a whole site, and so nobody's alone."""
    return "/" not in page[8:] and "?" not in page


def _other_pages(draft: _Draft, guid: str) -> list[str]:
    """The canonical addresses that an entry has besides its own."""
    entry = draft.entry
    addresses = dict.fromkeys([resolve(address, entry.base) for address in entry.other_urls])
    if is_web(guid):
        addresses[guid] = None
    addresses.pop(entry.url, None)
    pages: list[str] = []
    for address in addresses:
        try:
            page = canonical(address)
        except ValueError:
            continue
        if page != draft.page and not _is_home(page) and page not in pages:
            pages.append(page)
    return pages


# ------------------------------------------------------------------------------------------- records


def _item(draft: _Draft, publisher: FeedPublisher, outlets: dict[object, Outlet]) -> Item:
    entry = draft.entry
    published = draft.published
    outlet_key = (draft.host, entry.source)
    outlet = outlets.get(outlet_key)
    if outlet is None:
        outlet = outlets[outlet_key] = _outlet(entry, draft.host, publisher)
    title = draft.title
    if entry.source is not None and title.endswith(f" - {outlet.name}"):  # as Google News writes them
        title = title.removesuffix(f" - {outlet.name}")
    record = Record(
        draft.key,
        entry.url,
        title,
        outlet,
        draft.excerpt,
        published,
        type=_type(entry, draft.page),
        quality=min(publisher.quality, MOST_FEED_QUALITY),
        topics=publisher.topics,
        image=choose_image(entry),
        twins=tuple(draft.twins),
        language=_language(entry.language, publisher.language),
        date_unreadable=draft.unreadable,
    )
    return Item(publisher.path, entry.number, record, draft.notes)


def _type(entry: FeedEntry, page: str) -> RecordType:
    """A video or an episode of a podcast if its main medium is one."""
    if entry.video or _VIDEO.match(page):
        return "video"
    return "podcast" if entry.podcast else "article"


def _date(draft: _Draft) -> None:
    """Read when an entry was published, by the first of its dates that can be read."""
    for date in draft.entry.dates:
        if reading := read_date(date):
            draft.published = reading.moment
            if reading.unknown_zone:
                draft.notes = (unknown_zone(reading),)
            return
    if draft.entry.dates:
        draft.unreadable = True
        draft.notes = (
            f"its date {clip(draft.entry.dates[0], _SHOWN)!r} cannot be read; the article counts as old",
        )


def _outlet(entry: FeedEntry, host: str, publisher: FeedPublisher) -> Outlet:
    """Who publishes the page: whoever has its host, under the name that the feed has for them.

    The pages of the feed's owner have the owner's name. A page elsewhere is another outlet's, as
    in a link blog. An aggregator that keeps readers on its own pages names the publisher.
    """
    domain = registered_domain(host)
    is_publishers_page = _is_publishers_domain(domain, publisher)
    if publisher.domains and (domain in _FEED_HOSTS or host in _FEED_HOSTS):  # a counter of clicks on the way
        domain, is_publishers_page = publisher.domains[0], True
    name = ""
    if entry.source is not None:
        source = _domain(resolve(entry.source.url, entry.base)) if entry.source.url else ""
        if (source and not _is_publishers_domain(source, publisher)) or (
            not source and not is_publishers_page
        ):
            name = clip(entry.source.name, MAX_OUTLET)
            domain, is_publishers_page = (source if is_publishers_page else domain), False
    if is_publishers_page:
        name = publisher.name
    return Outlet(name or clip(domain, MAX_OUTLET), domain)


def _is_publishers_domain(domain: str, publisher: FeedPublisher) -> bool:
    """Whether it is one of the owner's domains, or the same name under another suffix."""
    if not publisher.domains or domain in publisher.domains:
        return True
    name = domain.partition(".")[0]
    return any(owned.partition(".")[0] == name for owned in publisher.domains)


def _host(page: str) -> str:
    """The host of a canonical address, with its port."""
    end = page.find("/", 8)
    return page[8:].partition("?")[0] if end < 0 else page[8:end]


def _canonical(url: str) -> str:
    """The canonical form of an address, or nothing."""
    try:
        return canonical(url) if is_web(url) else ""
    except ValueError:
        return ""


def _hostname(url: str) -> str:
    return _host(_canonical(url))


def _domain(url: str) -> str:
    """The registered domain of an address, or nothing."""
    try:
        return registered_domain(url) if is_web(url) else ""
    except ValueError:
        return ""


def _language(declared: str, otherwise: str) -> str:
    """The language tag, if it is one."""
    if not declared or declared == otherwise:
        return otherwise
    declared = declared.strip()
    return declared.replace("_", "-") if _LANGUAGE.fullmatch(declared) else otherwise
