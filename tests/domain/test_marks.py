"""The words that matched, in bold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import marks
from bot.domain.document import Document
from bot.domain.message import link
from bot.domain.query import explain, parse
from bot.domain.text import ELLIPSIS

URL = "https://paper.example/1"


def linked(query: str, title: str, limit: int = 300) -> str:
    found = explain(parse(query), Document(title))
    return marks.linked(title, URL, found, limit)


@pytest.mark.parametrize(
    ("query", "title", "bold"),
    [
        ("ferry", "Night ferry aground", "Night **ferry** aground"),
        ('"wind farm"', "Wind farm, a wind-farm", "**Wind farm**, a **wind-farm**"),
        ("caf*", "Cafés and cafeterias", "**Cafés** and **cafeterias**"),
        ("鯨", "画像認識で鯨を守る", "画像認識で**鯨**を守る"),
        ("ferry OR topic:Sea", "Nothing of the kind", "Nothing of the kind"),
        ("wind", "[wind] *wind*", "(**wind**) ∗**wind**∗"),
    ],
)
def test_marked_words_are_bold_in_the_link(query: str, title: str, bold: str) -> None:
    assert linked(query, title) == f"[{bold}]({URL})"


def test_a_long_title_is_cut_and_what_was_marked_beyond_it_is_not_shown() -> None:
    text = linked("ferry OR last", "The ferry " + "goes on and on " * 20 + "to the last", 100)
    assert len(text) <= 100
    assert text.startswith("[The **ferry** goes")
    assert text.endswith(f"…]({URL})")


def test_without_room_for_the_address_there_is_no_link() -> None:
    found = explain(parse("ferry"), Document("A ferry [here]"))
    text = marks.linked("A ferry [here]", URL + "x" * 300, found, 300)
    assert text == "A **ferry** \\[here\\]"


def test_around_the_first_word_beyond_the_title_stands_what_is_near() -> None:
    document = Document(
        "A title", "Turbines turn in the morning. " * 5 + "Then a *ferry* comes. " + "And on. " * 40
    )
    text = marks.snippet(document, explain(parse("ferry"), document))
    assert text.startswith("…")
    assert "Then a \\***ferry**\\* comes." in text
    assert text.endswith("…")
    assert len(text) < 300


def test_there_is_nothing_around_what_matches_in_the_title_alone() -> None:
    document = Document("A ferry", "Nothing of it.")
    assert marks.snippet(document, explain(parse("ferry"), document)) == ""
    assert marks.snippet(document, ()) == ""


def test_an_outlet_that_matched_is_shown() -> None:
    document = Document("A ferry", outlet="The Ferry Times")
    assert marks.snippet(document, explain(parse("outlet:times"), document)) == "The Ferry **Times**"


def test_keywords_are_found_whatever_their_case_as_whole_words() -> None:
    document = Document("AI said: Computer  Vision, not aid")
    found = marks.of_keywords(["ai", "computer vision", ""], document)
    assert [document.texts["title"][mark.start : mark.end] for mark in found] == ["AI", "Computer  Vision"]


@given(st.text(max_size=80), st.text(max_size=300), st.data())
def test_whatever_is_marked_reads_as_it_did(title: str, excerpt: str, data: st.DataObject) -> None:
    """Each text is one line, as all that comes in is."""
    document = Document(" ".join(title.split()), " ".join(excerpt.split()))
    own = sorted({*document.words("title"), *document.words("excerpt")})
    found = explain(parse(f'"{data.draw(st.sampled_from(own))}"'), document) if own else ()
    text = marks.linked(document.texts["title"], URL, found, 4000)
    unmarked = marks.linked(document.texts["title"], URL, (), 4000)
    assert unmarked == link(document.texts["title"], URL, 4000)
    assert text.replace("**", "") == unmarked.replace("**", "")
    around = marks.snippet(document, found)
    assert around.startswith(("", ELLIPSIS))
    assert len(around) < 3 * (marks.SNIPPET + marks.BEFORE) + 2 * len(excerpt)
