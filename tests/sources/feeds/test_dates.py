"""Dates in the many spellings that feeds have, and what is told where one is unsure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.feeds.dates import parse_moment, read_date
from bot.sources.records import parse as parse_records
from tests.sources.feeds.writing import item, read, rss

NOON = datetime(2026, 4, 3, 12, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    "text",
    [
        # separators and missing parts
        "Fri,03 Apr 2026 12:00:00 GMT", "Fri 03 Apr 2026 12:00:00", "Fri, 3 April 2026 12:00", "3-Apr-2026 12:00:00",
        "03/Apr/2026:12:00:00 +0000", "Friday, April 3, 2026 - 12:00", "2026-04-03 at 12:00", "2026-04-03T12:0:0Z",
        "Friday 3rd April 2026 at 12:00", "April 3rd, 2026, 12:00 p.m.", "Apr. 3, 2026, 12 PM", "'3 Apr 26' 12:00",
        "2026/04/03 12:00", "2026.04.03 12:00", "20260403120000", "202604031200", "20260403T120000Z", "2026-W14-5T12:00Z",
        "2026-04-03T12", "26-04-03 12:00", "2026-04-03T12:00:00.123456789Z", "2026-04-03 12:00:00,5",
        # numbers whose order the separator or the day of the week tells
        "3.4.2026 12:00", "03. 04. 2026 12.00", "Fri, 04/03/2026 - 12:00", "Fri, 03/04/2026 12:00", "4/3/26 12:00 PM",
        "03-04-2026 12:00",
        # other languages
        "ven., 03 avr. 2026 12:00:00 +0000", "vr, 03 apr 2026 12:00:00 +0000", "3. April 2026, 12:00 Uhr",
        "3 de abril de 2026 12:00", "3 апреля 2026 г., 12:00", "3 kwietnia 2026 12:00", "3 Nisan 2026 Cuma 12:00",
        "Παρ, 03 Απρ 2026 12:00:00 GMT", "2026年4月3日 12:00", "2026년 4월 3일 오후 12:00", "3 квітня 2026 12:00", "3 avril 2026 12h00",
        # zones
        "Fri, 03 Apr 2026 12:00:00 +0000 (UTC)", "2026-04-03 12:00:00 +0000 UTC m=+0.01", "Fri Apr 03 2026 14:00:00 GMT+0200 (CEST)",
        "Fri Apr 3 14:00:00 CEST 2026", "Fri Apr 03 12:00:00 +0000 2026", "14:00 03.04.2026 +0200", "12:00, 3 April 2026 (UTC)",
        "Fri, 03 Apr 2026 08:00:00 ET", "Fri, 03 Apr 2026 07:00:00 EST", "Fri, 03 Apr 2026 08:00:00 America/New_York",
        "Fri, 03 Apr 2026 19:00:00 WIB", "Fri, 03 Apr 2026 17:00:00 PKT", "Fri, 03 Apr 2026 17:30:00 +0530", "2026-04-03T07:00:00−05:00",
        "Fri, 03 Apr 2026 13:00:00 UTC+1",
        # other clocks
        "1775217600", "1775217600000", "@1775217600", "/Date(1775217600000)/",
        # what stands around it
        "Published: 3 Apr 2026 12:00", "Fri, 03 Apr 2026 12:00:00 GMT by Ann", "\u200e3 Apr 2026 12:00", "３ Apr ２０２６ 12:00",
    ],
)  # fmt: skip
def test_a_date_is_read_however_it_is_spelled(text: str) -> None:
    found = parse_moment(text)
    assert found is not None
    assert found.replace(microsecond=0) == NOON


@pytest.mark.parametrize(
    "text",
    ["Fri, 03 Mon 2026 12:00:00 GMT", "0000-00-00 00:00:00", "Wed, 30 Nov -0001 00:00:00 +0000", "today at 12:00", "12:00", "N/A",
     "2026-04-31", "31/31/2026", "2026-04-03 77", "3 Apr", "03 Foo 2026", "Vol. 3, 2026", "Fri, 03 Apr 2569 12:00:00 GMT", "2026-04-03T31:00:00Z"],
)  # fmt: skip
def test_what_is_not_surely_a_date_is_none(text: str) -> None:
    assert parse_moment(text) is None


def test_midnight_can_be_the_end_of_a_day() -> None:
    assert parse_moment("Thu, 02 Apr 2026 24:00:00 GMT") == NOON.replace(hour=0)


@pytest.mark.parametrize(
    ("zone", "hour"), [("HAE", 16), ("MEZ", 11), ("Etc/GMT+5", 17), ("US/Eastern", 16), ("EST5EDT", 16)]
)
def test_a_zone_by_any_of_its_names(zone: str, hour: int) -> None:
    assert parse_moment(f"Fri, 03 Apr 2026 12:00:00 {zone}") == NOON.replace(hour=hour)


@pytest.mark.parametrize("name", ["QQT", "Europe/Atlantis", "../../etc/passwd", "America/Argentina"])
def test_a_zone_that_nobody_knows_is_utc(name: str) -> None:
    assert parse_moment(f"Fri, 03 Apr 2026 12:00:00 {name}") == NOON


def test_an_unknown_zone_is_noted_in_feeds_and_in_records() -> None:
    note = "the time zone QQT is unknown; UTC is assumed"
    (found,) = read(rss(item(1, "<pubDate>Fri, 03 Apr 2026 12:00:00 QQT</pubDate>"))).items
    assert (found.record.published, found.notes) == (NOON, (note,))
    line = b'{"title": "T", "webUrl": "https://a.example/1", "publishedDateTime": "Fri, 03 Apr 2026 12:00:00 QQT"}'
    (record,) = parse_records(line, "a.jsonl").items
    assert (record.record.published, record.notes) == (NOON, (f"publishedDateTime: {note}",))


@pytest.mark.parametrize(
    "text", ["Fri, 03 Apr 2026 19:00:00 WIB", "Fri, 03 Apr 2026 08:00:00 ET", "3 avril 2026 12:00"]
)
def test_feeds_and_records_read_the_same_dates(text: str) -> None:
    line = f'{{"title": "T", "webUrl": "https://a.example/1", "publishedDateTime": "{text}"}}'
    (record,) = parse_records(line.encode(), "a.jsonl").items
    assert record.record.published == parse_moment(text) == NOON


def test_an_entry_whose_date_cannot_be_read_is_old_and_says_so() -> None:
    (found,) = read(rss(item(1, "<pubDate>soon</pubDate>"))).items
    assert (found.record.published, found.record.date_unreadable) == (None, True)
    assert found.notes == ("its date 'soon' cannot be read; the article counts as old",)


@pytest.mark.parametrize("extra", ["", "<pubDate/>", "<pubDate> \n </pubDate>"])
def test_an_entry_without_a_date_is_not_old(extra: str) -> None:
    (found,) = read(rss(item(1, extra))).items
    assert (found.record.published, found.record.date_unreadable, found.notes) == (None, False, ())


PIECES = st.sampled_from(
    ["Fri", ",", " ", "3", "03", "2026", "26", "Apr", "avril", "12:00", "12", ":", "00", "-", "/", ".", "T", "Z", "+0200", "GMT", "ET",
     "(", ")", "pm", "年", "오후", "W14", "1775217600", "٣", "\u200e", "'", "th", "h", "Europe/", "QQT"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=14).map("".join))
def test_parts_in_any_order_are_a_sensible_date_or_none(text: str) -> None:
    reading = read_date(text)
    assert reading is None or (reading.moment.tzinfo is UTC and 1990 <= reading.moment.year <= 2100)
