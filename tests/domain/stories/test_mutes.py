"""What can be muted, and that a mute that is taken does match."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Mute, Outlet
from bot.domain.records.identity import registered_domain
from bot.domain.stories.mutes import parse
from bot.domain.stories.story import muted_by
from tests.make import record


def mutes(typed: str, *, host: str = "other.example", title: str = "A ferry runs aground") -> bool:
    """Whether what was typed mutes an article of that host and title."""
    domain = registered_domain(host)
    muted = muted_by([Mute(1, 1, None, parse(typed))])
    return muted(replace(record(title, domain), outlet=Outlet(domain, domain)))


@pytest.mark.parametrize(
    "typed",
    [
        "quay.example", "QUAY.example", "www.quay.example", "news.quay.example", "https://quay.example", "http://quay.example/",
        "https://www.quay.example/news/1?x=y#z", "//quay.example/x", "quay.example/", "quay.example/sport", "quay.example:8080",
        "quay.example.", "@quay.example", "*.quay.example", "<https://quay.example/a>", "“quay.example”", "domain:quay.example",
        "site: quay.example", "quay", "Quay",
    ],
)  # fmt: skip
def test_an_outlet_is_muted_however_its_address_is_written(typed: str) -> None:
    assert mutes(typed, host="quay.example")
    assert not mutes(typed, host="elsewhere.example")


@pytest.mark.parametrize(
    "typed",
    ["kaffeehäuser.example", "https://kaffeehäuser.example/x", "KAFFEEHÄUSER.example", "xn--kaffeehuser-r8a.example", "kaffeehäuser"],
)  # fmt: skip
def test_an_outlet_with_a_name_in_unicode_is_muted(typed: str) -> None:
    assert mutes(typed, host="kaffeehäuser.example")


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("ferry", "A ferry runs aground"),
        ('"runs aground"', "A ferry runs aground"),
        ("“Ferry”", "A ferry runs aground"),
        ("ferry:", "Ferry: what is known"),
        ("C++", "A new C++ is out"),
        ("Node.js", "Node.js gets faster"),
        ("AC/DC", "AC/DC on tour"),
        ("24/7", "Open 24/7 again"),
        ("AT&amp;T", "AT&T cuts prices"),
        ("f**k", "What the f**k"),
        ("#quay", "All about #quay today"),
        ("🔴", "🔴 Live: the ferry"),
    ],
)
def test_words_are_muted_with_the_marks_around_them(typed: str, title: str) -> None:
    assert mutes(typed, title=title)
    assert not mutes(typed, title="Nothing of the kind")


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "Enter an outlet"), ("  ", "Enter an outlet"), ("x" * 101, "Enter an outlet"), ("\u200b", "Enter an outlet"),
        ("fer*y", "wildcards"), ("ferr*", "wildcards"),
        ("*", "wildcards"), ("f?rry", "wildcards"), ("ferry|boat", "not a query"), ("ferry OR boat", "not a query"),
        ("ed@quay.example", "People and e-mail addresses"), ("@ed@quay.example", "People and e-mail addresses"),
        ("http://", "is not valid"), ("https://[x/", "is not valid"),
    ],
)  # fmt: skip
def test_what_could_never_match_is_refused_with_what_to_do(typed: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(typed)


@given(st.text(min_size=1, max_size=60))
def test_what_is_taken_mutes_a_title_or_an_outlet_of_that_name(typed: str) -> None:
    try:
        value = parse(typed)
    except ValueError:
        return
    muted = muted_by([Mute(1, 1, None, value)])
    assert muted(record(value, "quay.example"))
