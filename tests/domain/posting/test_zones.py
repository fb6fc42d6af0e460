"""Time zones as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.posting import zones
from bot.domain.posting.zones import read, shown, suggest

NAMES = available_timezones()  # looks at hundreds of files each time
ZONES = zones.index(NAMES)
JULY, JANUARY = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


def zone_of(text: str) -> str:
    """The zone that is read."""
    reading = read(text, ZONES)
    assert reading is not None
    return reading.zone


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/Oslo", "Europe/Oslo"),
        ("europe / oslo", "Europe/Oslo"),
        ("OSLO", "Europe/Oslo"),
        ("new york", "America/New_York"),
        ("São Paulo", "America/Sao_Paulo"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("Munich", "Europe/Berlin"),
        ("india", "Asia/Kolkata"),
        ("UTC", "UTC"),
        ("Pacific Time", "America/Los_Angeles"),
        ("Eastern standard time", "America/New_York"),
        ("PDT", "America/Los_Angeles"),
        ("cest", "Europe/Berlin"),
        ("HST", "Pacific/Honolulu"),
        ("US/Eastern", "US/Eastern"),
    ],
)
def test_a_zone_is_read_from_a_name_a_city_or_an_abbreviation(typed: str, zone: str) -> None:
    assert zone_of(typed) == zone


@pytest.mark.parametrize(
    ("typed", "hours"),
    [
        ("GMT+2", 2), ("UTC-5", -5), ("utc + 10", 10), ("+03:00", 3), ("-0800", -8), ("UTC−4", -4), ("GMT+14", 14),
        ("UTC+5:30", 5.5), ("gmt-9:30", -9.5), ("UTC+0", 0),
    ],
)  # fmt: skip
def test_an_offset_has_the_sign_that_people_give_it(typed: str, hours: float) -> None:
    for moment in (JULY, JANUARY):
        assert moment.astimezone(ZoneInfo(zone_of(typed))).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("typed", ["EST", "CST", "MST", "PST", "AKST", "AST", "NST", "AEST", "NZST", "BST"])
def test_an_abbreviation_of_a_place_with_summer_time_is_that_place_and_says_so(typed: str) -> None:
    reading = read(typed.lower(), ZONES)
    assert reading is not None
    assert f"{typed} is read as {reading.zone}" in reading.note
    assert "summer time" in reading.note
    zone = ZoneInfo(reading.zone)
    assert JULY.astimezone(zone).utcoffset() != JANUARY.astimezone(zone).utcoffset()
    assert all(read(other, ZONES) for other in reading.others)


@pytest.mark.parametrize("typed", ["GMT", "GMT+5", "UTC-3", "GMT0", "Etc/GMT+5"])
def test_a_fixed_offset_warns_that_it_has_no_summer_time(typed: str) -> None:
    reading = read(typed, ZONES)
    assert reading is not None
    assert "no summer time" in reading.note


def test_what_the_tables_name_exists() -> None:
    for text in [*zones._ABBREVIATIONS, *zones._PLAIN]:
        assert zone_of(text) in NAMES
    assert set(zones._BROKEN.values()) <= NAMES


def test_every_zone_is_read_by_its_name() -> None:
    for zone in sorted(NAMES):
        if "/" in zone:
            here, read_back = (JULY.astimezone(ZoneInfo(name)).utcoffset() for name in (zone, zone_of(zone)))
            assert read_back == here, zone
            assert zone_of(shown(zone)) == zone or "Etc/GMT" not in zone or zone.endswith("0"), zone


@pytest.mark.parametrize("typed", ["", " ", "Nowhere", "GMT+15", "UTC-13", "+5:99", "25", "Etc"])
def test_what_is_no_zone_is_none(typed: str) -> None:
    assert read(typed, ZONES) is None


def test_completion_offers_what_is_meant_first() -> None:
    assert suggest("EST", ZONES)[:2] == ["America/New_York", "UTC-5"]
    assert suggest("gmt+2", ZONES) == ["UTC+2"]
    assert suggest("oslo", ZONES) == ["Europe/Oslo"]
    assert len(suggest("", ZONES)) == 25


@given(st.text(max_size=60))
def test_any_text_is_read_or_not(text: str) -> None:
    reading = read(text, ZONES)
    assert reading is None or ZoneInfo(reading.zone)
    assert all(read(name, ZONES) for name in suggest(text, ZONES))
