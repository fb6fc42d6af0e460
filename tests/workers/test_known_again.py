"""By what an item of a feed is known again, and what no feed can say about the pages of others."""

from __future__ import annotations

from dataclasses import replace

import pytest

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


@pytest.mark.parametrize(
    "page", ["https://paper.example/", "https://paper.example/status", "https://else.example/log?a=1"]
)
async def test_a_page_with_another_report_each_day_brings_a_post_each_day(
    room: FeedHarness, page: str
) -> None:
    await room.add()
    reports = [
        Entry(title, 24 * day, WORDS, page, f"report {day}")
        for day, title in enumerate((ONE, TWO, THREE, FOUR))
    ]
    for report in reports:
        room.publish(report)
        await room.poll(hours=24 * bool(report.hours))
    assert _posts(room) == ([TWO, THREE, FOUR], 0)
    for report in reports[1:]:  # each stays what it is
        room.publish(report)
        await room.poll(hours=1)
    assert _posts(room) == ([TWO, THREE, FOUR], 0)
    assert (await room.feed()).taken == 4
    room.publish(replace(reports[2], title=f"{THREE} again"))
    await room.poll(hours=1)
    assert room.desk.mailbox.titles == [TWO, THREE, FOUR]


async def test_a_report_of_another_day_under_the_same_title_is_another_one(room: FeedHarness) -> None:
    await room.add()
    await room.poll(minutes=0)
    for day in (1, 2, 3):
        room.publish(Entry(TWO, 24 * day, f"{WORDS} On day {day}.", PAGE, f"report {day}"))
        await room.poll(days=1)
    assert (await room.feed()).taken == 4


@pytest.mark.parametrize(
    "after",
    [
        Entry(f"{TWO} at last", 24, WORDS, PAGE, "a"),
        Entry(f"{TWO} at last", 30, f"{WORDS} More.", PAGE, "a"),
        Entry(f"{TWO} at last", 24, f"{WORDS} More.", PAGE, "b"),
        Entry(TWO, 30, f"{WORDS} More.", PAGE, "b"),
        Entry(TWO, 96, WORDS, PAGE, "b"),
    ],
    ids=["title", "title, text and date", "guid, title and text", "guid, text and hour", "guid and day"],
)
async def test_an_article_that_was_edited_is_still_the_same(room: FeedHarness, after: Entry) -> None:
    await room.add()
    await room.poll(minutes=0)
    room.publish(Entry(TWO, 24, WORDS, PAGE, "a"))
    await room.poll()
    known = await room.desk.db_records()
    room.publish(after)
    await room.poll()
    assert await room.desk.db_records() == known
    assert room.desk.mailbox.titles == [TWO]


@pytest.mark.parametrize("guid", ["id-{}", ""], ids=["guid", "title and date"])
@pytest.mark.parametrize(
    "to", ["https://newpaper.example/{}", "https://paper.example/{}?reader=0a1b2c3d4e5f{}0718"]
)
async def test_a_feed_whose_addresses_are_others_now_posts_and_edits_nothing(
    room: FeedHarness,
    guid: str,
    to: str,
) -> None:
    def items(address: str) -> list[Entry]:
        return [
            Entry(title, 20 + n, WORDS if n else "Poll", address.format(n, n), guid.format(n))
            for n, title in enumerate((TWO, THREE, FOUR))
        ]

    await room.add()
    await room.poll(minutes=0)
    room.publish(*items("https://paper.example/{}"))
    await room.poll()
    before = _posts(room)
    assert sorted(before[0]) == sorted([TWO, THREE, FOUR])
    for address in (to, to.replace("0a1b", "ffee")):
        room.publish(*items(address))
        await room.poll()
    assert _posts(room) == before
    assert (await room.feed()).taken == 4
    room.publish(*items(to), Entry(FIVE, 90, WORDS, to.format(9, 9), "id-9"))
    await room.poll()
    assert room.desk.mailbox.titles[len(before[0]) :] == [FIVE]


@pytest.mark.parametrize("page", ["https://paper.example/", PAGE])
async def test_items_that_share_a_page_are_told_apart_by_their_guids_alone(
    room: FeedHarness, page: str
) -> None:
    await room.add()
    await room.poll(minutes=0)
    room.publish(Entry(TWO, 20, WORDS, page, "a"), Entry(THREE, 21, "", page, "b"))
    await room.poll()
    edited = [
        Entry(f"{TWO} at last", 44, f"{WORDS} More.", page, "a"),
        Entry(f"{THREE} too", 45, "", page, "b"),
    ]
    for items in (edited, edited[:1], edited[1:], [*edited, Entry(FOUR, 90, "", page, "c")]):
        room.publish(*items)
        await room.poll()
    assert room.desk.mailbox.titles == [TWO, THREE, FOUR]
    assert (await room.feed()).polling.failures == 0
    assert (await room.feed()).rejected == 0


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


GUIDS = [PAGE, "https://paper.example/?p=1", "id-1"]


@pytest.mark.parametrize("guid", GUIDS)
@pytest.mark.parametrize("first", ["own", "stranger"])
async def test_no_feed_takes_over_an_article_that_it_names_as_its_own(
    room: FeedHarness,
    guid: str,
    first: str,
) -> None:
    """By its guid, or by the same guid, title, text and date."""
    own = Entry(TWO, 24, WORDS, PAGE, guid)
    copied = replace(own, link="https://stranger.example/copy")
    await room.add()
    await _stranger(room, Entry(FIVE))
    await room.poll(minutes=0)
    for who in (first, "stranger" if first == "own" else "own"):
        if who == "own":
            room.publish(own)
        else:
            room.publish(copied, path="/stranger")
        await room.poll()
    assert await _words_of(room, PAGE) == (TWO, PAGE)
    assert await _words_of(room, "https://stranger.example/copy") == (TWO, "https://stranger.example/copy")


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


@pytest.mark.parametrize(
    "wrapper", ["evilbing-amp.com/c/s", "cdn.ampproject.org.evil.example/c/s", "google.evl.xyz/amp/s"]
)
async def test_a_page_behind_a_host_that_looks_like_a_cache_is_that_hosts(
    room: FeedHarness, wrapper: str
) -> None:
    address = f"https://{wrapper}/paper.example/x"
    room.publish(Entry(TWO, 24, WORDS, PAGE))
    await room.add()
    await _stranger(room, Entry("Claimed", 24, "", address))
    await room.poll(minutes=0)
    assert await _words_of(room, PAGE) == (TWO, PAGE)
    assert await _words_of(room, address) == ("Claimed", address)


async def test_a_page_in_a_cache_is_shown_at_its_own_address(room: FeedHarness) -> None:
    await room.add()
    await room.poll(minutes=0)
    room.publish(Entry(TWO, 24, WORDS, "https://www.google.com/amp/s/paper.example/x"))
    await room.poll()
    assert room.desk.mailbox.sent[0].shown.url == PAGE
