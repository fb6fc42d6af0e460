"""Whose an outlet is: sites of one brand, and owners that somebody named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import HEAT_PER_OUTLET
from bot.domain.stories import story as stories
from bot.domain.stories.owners import MediaOwners, brand
from bot.domain.stories.voices import voices
from tests.make import record, stored, story

NAMED = MediaOwners(
    {"harbourpost.example": "Tide Group", "tidewatch.example": "Tide Group", "kestrel.net": "Kestrel"}
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bbc.com", "bbc.co.uk"),
        ("derstandard.at", "derstandard.de"),
        ("politico.com", "politico.eu"),
        ("kestrel.com", "kestrel.com.au"),
        ("kestrel.jp", "kestrel.co.jp"),
    ],
)
def test_sites_of_one_brand_have_one_owner(one: str, other: str) -> None:
    assert brand(one) == brand(other) != one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("news.com", "news.com.au"),  # generic words
        ("abc.es", "abc.net.au"),
        ("independent.ie", "independent.co.uk"),
        ("go.com", "go.dev"),  # short
        ("20.com", "20.fr"),
        ("365.com", "365.fr"),
        ("kestrel.github.io", "kestrel.com"),  # a suffix that gives names to everybody
        ("kestrel.blogspot.com", "kestrel.wordpress.com"),
        ("192.168.0.1", "192.168.0.2"),
        ("localhost", "kestrel.com"),
        ("co.uk", "co.jp"),  # suffixes themselves
        ("kestrel.com", "kestrels.com"),
    ],
)
def test_what_only_looks_alike_has_two(one: str, other: str) -> None:
    assert brand(one) != brand(other)


def test_owners_that_are_named_stand_above_brands() -> None:
    assert NAMED.of("harbourpost.example") == NAMED.of("tidewatch.example") == "Tide Group"
    assert NAMED.of("kestrel.net") != NAMED.of("kestrel.com")  # so a brand of two owners can be told apart
    assert NAMED.of("kestrel.com") == NAMED.of("kestrel.co.uk")
    assert MediaOwners().of("harbourpost.example") != MediaOwners().of("tidewatch.example")


def test_outlets_of_one_owner_count_once_for_heat() -> None:
    told = ["bbc.com", "bbc.co.uk", "tidewatch.example", "harbourpost.example", "other.example"]
    found = story(*[stored(record(f"Title {n}", outlet, quality=50)) for n, outlet in enumerate(told)])
    by_brand, by_name = stories.story_view(found), stories.story_view(found, owners=NAMED)
    assert by_brand is not None
    assert by_name is not None
    assert (by_brand.heat, by_name.heat) == (50 + 3 * HEAT_PER_OUTLET, 50 + 2 * HEAT_PER_OUTLET)
    assert by_brand.outlets == by_name.outlets == 5  # they are all told


LABELS = st.sampled_from(["bbc", "news", "go", "kestrel", "tidewatch"])
SUFFIXES = st.sampled_from(["com", "co.uk", "example", "github.io", "net", "com.au"])
DOMAINS = st.builds("{}.{}".format, LABELS, SUFFIXES)


@given(
    st.lists(DOMAINS, min_size=1, max_size=12), st.dictionaries(DOMAINS, st.sampled_from("AB"), max_size=4)
)
def test_never_more_voices_than_outlets_and_as_many_in_any_order(
    domains: list[str], named: dict[str, str]
) -> None:
    members = [stored(record("Title", domain)) for domain in domains]
    owners = MediaOwners(named)
    found = voices(members, owners)
    assert 1 <= found <= len(set(domains))
    assert found == voices(members[::-1], owners) == len({owners.of(domain) for domain in domains})
    assert found == voices(members * 2, owners)
