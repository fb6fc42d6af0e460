"""By what an item of a feed is known again, and what no feed can say about the pages of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice, product

from bot.domain.records.identity import canonical
from bot.store import records
from tests.feeds import Entry
from tests.store.store_helpers import headlines
from tests.workers.test_poller import FeedHarness
from tests.workers.test_poller import room as room  # the fixture

ONE, TWO, THREE, FOUR, FIVE = headlines(5)
WORDS = "The harbour office counted eleven boats more than on any day of the year before."
PAGE = "https://paper.example/x"


def _posts(room: FeedHarness) -> tuple[list[str], int]:
    """The titles of the posts so far, and how many edits there were."""
    return room.desk.mailbox.titles, len(room.desk.mailbox.edited)


async def test_a_page_with_another_report_each_day_brings_a_post_each_day(room: FeedHarness) -> None:
    pages = ("https://paper.example/", "https://paper.example/status", "https://else.example/log?a=1")
    titles = headlines(4 * len(pages))
    reports = {
        f"/{number}": [
            Entry(title, 24 * day, WORDS, page, f"report {day}")
            for day, title in enumerate(islice(titles, 4))
        ]
        for number, page in enumerate(pages)
    }
    for path in reports:
        await room.add(path)

    async def show(day: int, **later: float) -> None:
        for path, entries in reports.items():
            room.publish(entries[day], path=path)
        await room.poll(**later)

    for day in range(4):
        await show(day, hours=24 * bool(day))
    told = sorted(entry.title for entries in reports.values() for entry in entries[1:])
    assert (sorted(room.desk.mailbox.titles), len(room.desk.mailbox.edited)) == (told, 0)
    for day in (1, 2, 3):  # each stays what it is
        await show(day, hours=1)
    assert (sorted(room.desk.mailbox.titles), len(room.desk.mailbox.edited)) == (told, 0)
    for path, entries in reports.items():
        assert (await room.feed(room.site.url(path))).taken == 4, entries[0].link
        entries[2] = replace(entries[2], title=f"{entries[2].title} again")
    await show(2, hours=1)
    assert sorted(room.desk.mailbox.titles) == told


async def test_a_report_of_another_day_under_the_same_title_is_another_one(room: FeedHarness) -> None:
    await room.add()
    await room.poll(minutes=0)
    for day in (1, 2, 3):
        room.publish(Entry(TWO, 24 * day, f"{WORDS} On day {day}.", PAGE, f"report {day}"))
        await room.poll(days=1)
    assert (await room.feed()).taken == 4


# What an edit can change of an item that was `a`.
EDITS: dict[str, Callable[[Entry], Entry]] = {
    "title": lambda a: replace(a, title=f"{a.title} at last"),
    "title, text and date": lambda a: replace(a, title=f"{a.title} at last", hours=30, text=f"{WORDS} More."),
    "guid, title and text": lambda a: replace(a, title=f"{a.title} at last", text=f"{WORDS} More.", guid="b"),
    "guid, text and hour": lambda a: replace(a, hours=30, text=f"{WORDS} More.", guid="b"),
    "guid and day": lambda a: replace(a, hours=96, guid="b"),
}


async def test_an_article_that_was_edited_is_still_the_same(room: FeedHarness) -> None:
    articles = {
        case: Entry(title, 24, WORDS, f"{PAGE}/{number}", "a")
        for number, (case, title) in enumerate(zip(EDITS, headlines(len(EDITS)), strict=True))
    }
    paths = {case: f"/{number}" for number, case in enumerate(EDITS)}
    for path in paths.values():
        await room.add_with_item(path)
    await room.poll(minutes=0)
    for case, article in articles.items():
        room.publish(article, path=paths[case])
    await room.poll()
    posted = room.desk.mailbox.titles
    assert sorted(posted) == sorted(article.title for article in articles.values())
    stored = await room.desk.db_records()
    for case, article in articles.items():
        room.publish(EDITS[case](article), path=paths[case])
    await room.poll()
    assert await room.desk.db_records() == stored
    assert room.desk.mailbox.titles == posted


async def test_a_feed_whose_addresses_are_others_now_posts_and_edits_nothing(room: FeedHarness) -> None:
    guids = ("id-{}", "")  # by what an item is recognised: its guid, or title and date
    moves = ("https://newpaper.example/{}", "https://paper.example/{}?reader=0a1b2c3d4e5f{}0718")
    cases = {f"/{number}": case for number, case in enumerate(product(guids, moves))}
    titles = {path: list(islice(headlines(4 * len(cases)), 4 * n, 4 * n + 4)) for n, path in enumerate(cases)}

    def items(path: str, address: str) -> list[Entry]:
        guid, numbers = cases[path][0], [path[1:] + str(n) for n in range(3)]
        return [
            Entry(title, 20 + n, WORDS if n else "Poll", address.format(number, number), guid.format(number))
            for n, (number, title) in enumerate(zip(numbers, titles[path], strict=False))
        ]

    for path in cases:
        await room.add_with_item(path)
    await room.poll(minutes=0)
    for path in cases:
        room.publish(*items(path, "https://paper.example/{}"), path=path)
    await room.poll()
    before = _posts(room)
    assert sorted(before[0]) == sorted(title for some in titles.values() for title in some[:3])
    for change in (("", ""), ("0a1b", "ffee")):
        for path, (_, to) in cases.items():
            room.publish(*items(path, to.replace(*change)), path=path)
        await room.poll()
        assert _posts(room) == before
    for path, (guid, to) in cases.items():
        assert (await room.feed(room.site.url(path))).taken == 4, (guid, to)
        number = path[1:] + "9"
        last = Entry(titles[path][3], 90, WORDS, to.format(number, number), f"id-{number}")
        room.publish(*items(path, to), last, path=path)
    await room.poll()
    assert sorted(room.desk.mailbox.titles[len(before[0]) :]) == sorted(some[3] for some in titles.values())


async def test_items_that_share_a_page_are_told_apart_by_their_guids_alone(room: FeedHarness) -> None:
    pages = {"/front": "https://paper.example/", "/x": PAGE}
    titles = {path: list(islice(headlines(6), 3 * n, 3 * n + 3)) for n, path in enumerate(pages)}
    edited = {
        path: [
            Entry(f"{titles[path][0]} at last", 44, f"{WORDS} More.", page, "a"),
            Entry(f"{titles[path][1]} too", 45, "", page, "b"),
        ]
        for path, page in pages.items()
    }
    for path in pages:
        await room.add_with_item(path)
    await room.poll(minutes=0)
    for path, page in pages.items():
        one, two, _ = titles[path]
        room.publish(Entry(one, 20, WORDS, page, "a"), Entry(two, 21, "", page, "b"), path=path)
    await room.poll()
    for shown in (slice(2), slice(1), slice(1, 2)):
        for path in pages:
            room.publish(*edited[path][shown], path=path)
        await room.poll()
    for path, page in pages.items():
        room.publish(*edited[path], Entry(titles[path][2], 90, "", page, "c"), path=path)
    await room.poll()
    assert sorted(room.desk.mailbox.titles) == sorted(title for some in titles.values() for title in some)
    for path, page in pages.items():
        feed = await room.feed(room.site.url(path))
        assert (feed.polling.failures, feed.rejected) == (0, 0), page


async def test_an_article_that_moved_within_its_site_is_shown_at_its_new_address(room: FeedHarness) -> None:
    await room.add()
    await room.poll(minutes=0)
    room.publish(Entry(TWO, 24, WORDS, PAGE, "a"))
    await room.poll()
    room.publish(Entry(TWO, 24, WORDS, "https://paper.example/moved", "a"))
    await room.poll()
    assert room.desk.mailbox.titles == [TWO]
    assert room.desk.mailbox.edited[-1].shown.url == "https://paper.example/moved"


async def test_the_posts_of_one_poll_go_out_oldest_first(room: FeedHarness) -> None:
    await room.add()
    await room.poll(minutes=0)
    room.publish(Entry(FOUR, 23), Entry(TWO, 20), Entry(FIVE, None), Entry(THREE, 21))
    await room.poll()
    assert room.desk.mailbox.titles == [TWO, THREE, FOUR, FIVE]


# What a stranger's feed can say of somebody else's pages.


async def _stranger(room: FeedHarness, *entries: Entry) -> None:
    """Another feed, of another domain, has these."""
    room.publish(*entries, path="/stranger")
    await room.add("/stranger", host="stranger.example")


async def _words_of(room: FeedHarness, page: str) -> tuple[str, str]:
    """Title and address of what is known at a page."""
    async with room.desk.db.read() as connection:
        ids = await records.ids_by_key(connection, [canonical(page)])
        found = await records.by_id(connection, ids.values())
    (stored,) = found.values()
    return stored.record.title, stored.record.url


async def test_no_feed_takes_over_an_article_that_it_names_as_its_own(room: FeedHarness) -> None:
    """By its guid, or by the same guid, title, text and date; whichever of both is first."""
    guids = (f"{PAGE}/{{}}", "https://paper.example/?p={}", "id-{}")
    cases = [*product(guids, (True, False))]
    articles = [
        Entry(title, 24, WORDS, f"{PAGE}/{number}", guid.format(number))
        for number, ((guid, _), title) in enumerate(zip(cases, headlines(len(cases)), strict=True))
    ]
    copies = [
        replace(article, link=f"https://stranger.example/copy/{number}")
        for number, article in enumerate(articles)
    ]
    for number in range(len(cases)):
        for path, host in ((f"/own/{number}", "paper.example"), (f"/stranger/{number}", "stranger.example")):
            await room.add_with_item(path, host=host)
    await room.poll(minutes=0)
    for is_first in (True, False):
        for number, (_, is_own_first) in enumerate(cases):
            if is_first is is_own_first:
                room.publish(articles[number], path=f"/own/{number}")
            else:
                room.publish(copies[number], path=f"/stranger/{number}")
        await room.poll()
    for case, *entries in zip(cases, articles, copies, strict=True):
        for entry in entries:
            assert await _words_of(room, entry.link) == (entry.title, entry.link), case


async def test_an_outlets_own_feed_has_the_last_word_on_its_pages(room: FeedHarness) -> None:
    claimed = Entry("Paper admits that it made all of it up", 24, "Nothing of this is so.", PAGE, "x")
    await room.add()
    await _stranger(room, claimed)
    await room.poll(minutes=0)
    assert (await _words_of(room, PAGE))[0] == claimed.title
    room.publish(Entry(TWO, 24, WORDS, PAGE, "a"))
    await room.poll()
    assert (await _words_of(room, PAGE))[0] == TWO
    for number in range(3):
        room.publish(replace(claimed, text=f"{claimed.text} {number}"), path="/stranger")
        room.publish(Entry(TWO, 24, f"{WORDS} {number}", PAGE, "a"))
        await room.poll()
        assert (await _words_of(room, PAGE))[0] == TWO


async def test_two_feeds_of_one_outlet_do_not_take_an_article_from_each_other(room: FeedHarness) -> None:
    await room.add()
    room.publish(Entry(TWO, 24, WORDS, PAGE), path="/second")
    await room.add("/second")
    await room.poll(minutes=0)
    room.publish(Entry(f"{TWO}: a report", 24, WORDS, PAGE))
    await room.poll()
    assert (await _words_of(room, PAGE))[0] == TWO


async def test_two_pages_of_an_outlet_stay_two_whatever_a_stranger_links(room: FeedHarness) -> None:
    """One item that names first one of them and then the other makes no twins of them."""
    await room.add()
    await _stranger(room, Entry(FIVE, 24, WORDS, "https://paper.example/1", "same"))
    await room.poll(minutes=0)
    room.publish(Entry(FIVE, 24, WORDS, "https://paper.example/2", "same"), path="/stranger")
    await room.poll()
    room.publish(
        Entry(TWO, 40, "", "https://paper.example/1"), Entry(THREE, 41, "", "https://paper.example/2")
    )
    await room.poll()
    assert [(await _words_of(room, f"https://paper.example/{n}"))[0] for n in (1, 2)] == [TWO, THREE]


async def test_a_page_behind_a_host_that_looks_like_a_cache_is_that_hosts(room: FeedHarness) -> None:
    wrappers = ("evilbing-amp.com/c/s", "cdn.ampproject.org.evil.example/c/s", "google.evl.xyz/amp/s")
    addresses = [f"https://{wrapper}/paper.example/x" for wrapper in wrappers]
    room.publish(Entry(TWO, 24, WORDS, PAGE))
    await room.add()
    await _stranger(room, *[Entry(f"Claimed by {address}", 24, "", address) for address in addresses])
    await room.poll(minutes=0)
    assert await _words_of(room, PAGE) == (TWO, PAGE)
    for address in addresses:
        assert await _words_of(room, address) == (f"Claimed by {address}", address)


async def test_a_page_in_a_cache_is_shown_at_its_own_address(room: FeedHarness) -> None:
    await room.add()
    await room.poll(minutes=0)
    room.publish(Entry(TWO, 24, WORDS, "https://www.google.com/amp/s/paper.example/x"))
    await room.poll()
    assert room.desk.mailbox.sent[0].shown.url == PAGE
