"""The words that matched, in bold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import Topic
from bot.domain.text.cleaning import ELLIPSIS, isolate, length
from bot.domain.text.words import word_places
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Mark, explain, parse
from bot.domain.topics.query.matching import keyword_marks
from bot.domain.topics.topics import Topics
from bot.messages import marks
from bot.messages.message import link
from tests import discord_markdown as markdown
from tests.hostile import PIECES, pieces
from tests.make import examples

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
        ("https", "https://a b", "a b"),
        ("https OR ferry", "hthttps://tps://x ferry", "x **ferry**"),
        ("everyone", "to @everyone here", "to ＠**everyone** here"),
        ("b", "a <b c", "a ‹**b** c"),
        ("smile", "a :smile: b", "a ∶**smile**: b"),
        ("_c_", "x_a_b_ _c_", "x_a_bˍ **_cˍ**"),
        ("東 OR 京", "東京タワー", "**東京**タワー"),
        ("izmir OR office", "\u0130zmir o\ufb03ce", "**\u0130zmir** **o\ufb03ce**"),
        ("cafe", "Cafe\u0301s and Cafe\u0301", "Cafe\u0301s and **Cafe\u0301**"),
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
    found = keyword_marks(["ai", "computer vision", ""], document)
    assert [document.texts["title"][mark.start : mark.end] for mark in found] == ["AI", "Computer  Vision"]


@pytest.mark.parametrize(
    ("keyword", "title", "marked"),
    [
        ("izmir", "Ferry to \u0130ZMIR", "\u0130ZMIR"),
        ("deep-sea", "A deep\u2011sea dive", "deep\u2011sea"),
        ("men's shed", "Men’s\u00a0Shed opens", "Men’s\u00a0Shed"),
        ("zoë", "zoe\u0308 sails", "zoe\u0308"),
        ("robot", "The ｒｏｂｏｔ", "ｒｏｂｏｔ"),
        ("カメラ", "新しいｶﾒﾗを", "ｶﾒﾗ"),
        ("c++", "C and C++", "C++"),
    ],
)
def test_a_keyword_is_marked_where_topics_find_it(keyword: str, title: str, marked: str) -> None:
    assert Topics([Topic("Any", keywords=(keyword,))]).matcher.match(title)
    (found,) = keyword_marks([keyword], Document(title))
    assert title[found.start : found.end] == marked


TITLES = pieces(PIECES, max_size=14).map(lambda text: " ".join(text.split()))


@examples(8)
@given(TITLES, st.integers(0, 400), st.data())
def test_whatever_is_marked_is_one_link_and_no_other_markup(
    title: str, limit: int, data: st.DataObject
) -> None:
    places = list(word_places(title))
    some = data.draw(st.lists(st.sampled_from(places), max_size=4)) if places else []
    found = [Mark("title", place.start, place.end) for place in some]
    text = marks.linked(title, URL, found, limit)
    assert length(text) <= limit
    (*_, node) = markdown.parse(f"• {text}") if title and text else (markdown.Node("text", ""),)
    if text.endswith(f"]({URL})") and title:
        assert (node.kind, node.href) == ("link", URL)
        assert {inner.kind for inner in node.inner} <= {"text", "bold"}
    else:
        assert markdown.kinds(f"• {text}") <= {"text", "bold"}
    if len(found) == 0 and limit > 300:
        assert text == link(title, URL, limit)


def test_a_title_from_right_to_left_is_isolated_as_a_whole() -> None:
    title = "السفينة: ferry غادرت 3 مرات"
    assert linked("ferry", title) == f"[{isolate(title.replace('ferry', '**ferry**'))}]({URL})"
    document = Document("A title", f"{title}. " * 3)
    around = marks.snippet(document, explain(parse("ferry"), document))
    assert isolate(around) == around


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
