"""What a query may cost: its price bounds the work that a document makes, and a query that is too dear is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.text import words
from bot.domain.topics.query.document import Document, Positions
from bot.domain.topics.query.language import MAX_PRICE, MOST_MARKS, Query, QueryError, explain, matches, parse
from bot.domain.topics.query.parser import MAX_PHRASE, MAX_TERMS
from bot.domain.topics.query.tree import MOST_OCCURRENCES
from tests.domain.topics.query.test_language import DOCUMENTS, QUERIES

BEGINNINGS = [first + second for first, second in product("bdfklmnprst", "aeiou")]


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("ferry", 1),
        ('"a wind farm"', 1),
        ("ferr*", 2),
        ("-ferry storm", 2),
        ("ferry NEAR/5 storm", 10),
        ("title:(fer* NEAR/50 sto*)", 12),
        ("domain:bbc.co.uk quality>=60 (ferry OR storm)", 4),
        ("ferry OR ferry", 1),
    ],
)
def test_a_query_has_a_price(text: str, price: int) -> None:
    assert parse(text).price == price


def test_as_many_words_as_a_query_may_have_are_never_too_dear() -> None:
    assert parse(" OR ".join(f"word{number}" for number in range(MAX_TERMS))).price == MAX_TERMS
    assert parse(" OR ".join(f"w{number:02}*" for number in range(MAX_TERMS))).price == 2 * MAX_TERMS


def _pairs(number: int, more: str = "") -> str:
    pairs = list(pairwise(BEGINNINGS))[:number]
    return " OR ".join(f"({one}* NEAR/1 {two}*{more})" for one, two in pairs)


@pytest.mark.parametrize("more", ["", " topic:z", " -zz", " type:article"])
@pytest.mark.parametrize("shape", ["{}", "type:article ({})", "xx -({})", "title:({})"])
def test_many_pairs_are_refused_with_the_price_and_the_limit(more: str, shape: str) -> None:
    if shape.startswith("title") and ":" in more:
        more = ""
    text = shape.format(_pairs(20, more))
    with pytest.raises(QueryError) as caught:
        parse(text)
    error = caught.value
    assert f"the limit is {MAX_PRICE}." in error.message
    assert 0 < error.position < len(text)
    before, rest = text[: error.position], text[error.position :]
    assert rest.startswith(("NEAR", "topic:", "zz", "type:", *BEGINNINGS))
    assert before.count("NEAR") in range(14, 18)  # where the limit is passed, not at the end
    dear = int(error.message.partition("costs ")[2].partition(",")[0])
    assert dear > MAX_PRICE


def test_what_is_wrong_besides_is_said_first() -> None:
    with pytest.raises(QueryError, match=r"has no matching \)"):
        parse(f"({_pairs(20)}")


def test_a_phrase_has_a_limit() -> None:
    assert parse('"' + "a " * MAX_PHRASE + '"').price == 1
    with pytest.raises(QueryError, match="the phrase has more than 50 words") as caught:
        parse('storm "' + "a " * (MAX_PHRASE + 1) + '"')
    assert caught.value.position == 7


class Looked(Document):
    """A document that counts how often it is looked at."""

    __slots__ = ("looks",)

    def __init__(self, document: Document) -> None:
        texts, values = document.texts, document.values
        super().__init__(texts["title"], texts["excerpt"], outlet=texts["outlet"])
        self.looks = 0
        self.numbers, self.values = document.numbers, values

    def joined(self, field: str) -> str:
        self.looks += 1
        return super().joined(field)

    def positions(self, text: str) -> Positions:
        self.looks += 1
        return super().positions(text)


@given(QUERIES, DOCUMENTS)
def test_no_document_makes_more_work_than_the_price(query: Query, document: Document) -> None:
    looked = Looked(document)
    assert matches(query, looked) is matches(query, document)
    assert looked.looks <= query.price


@given(st.lists(st.sampled_from(["a", "ab", "abc", "b", "東"]), max_size=12), st.booleans(), st.data())
def test_positions_are_where_a_term_begins(words: list[str], begun: bool, data: st.DataObject) -> None:
    term = data.draw(st.lists(st.sampled_from(["a", "ab", "b", "東"]), min_size=1, max_size=3))
    found = Positions(words).of(" ".join(term), begun)
    expected = {
        start
        for start in range(len(words) - len(term) + 1)
        if words[start : start + len(term) - 1] == term[:-1]
        and (
            words[start + len(term) - 1].startswith(term[-1])
            if begun
            else words[start + len(term) - 1] == term[-1]
        )
    }
    assert {place for place in range(len(words)) if found >> place & 1} == expected


def test_the_words_of_a_text_are_cut_once_for_all_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: Counter[str] = Counter()

    def counted(name: str) -> Callable[[str], Any]:
        before: Callable[[str], Any] = getattr(words, name)

        def count(text: str) -> Any:
            cut[name] += 1
            return before(text)

        return count

    for name in ("plain_words", "word_places"):
        monkeypatch.setattr(f"bot.domain.topics.query.document.{name}", counted(name))
    document = Document("Storm near the coast", "A ferry in the storm")
    for number in range(30):
        query = parse(f"storm (st* NEAR/{number + 1} co*) OR ferry")
        matches(query, document)
        explain(query, document)
    assert cut == {"plain_words": 2, "word_places": 2}


@pytest.mark.parametrize("text", ["aa", "aa*", "aa NEAR/1 aa*", '"aa aa"'])
def test_an_explanation_is_bounded(text: str) -> None:
    marks = explain(parse(text), Document("aa " * 400, "aa " * 400, outlet="a"))
    assert len(marks) <= 2 * 2 * MOST_OCCURRENCES
    many = " OR ".join(f"{'a' * size}" for size in range(1, 20))
    words = " ".join("a" * size for size in range(1, 20))
    assert len(explain(parse(many), Document(f"{words} " * 30))) == MOST_MARKS
