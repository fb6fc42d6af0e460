"""All topics of a document at once: the same as asking each query, whatever was added and removed before."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Query, matches, parse
from bot.domain.topics.query.percolator import Index, Matcher
from bot.domain.topics.query.tree import Term
from tests.domain.topics.query.test_language import DOCUMENTS, QUERIES


def matcher(queries: Iterable[str]) -> Matcher[str]:
    """A matcher in which every query is a topic by its own text."""
    found: Matcher[str] = Matcher()
    for text in queries:
        found.add(text, parse(text))
    return found


MANY = [
    "ferry",
    '"wind farm"',
    '"wind farm off shore"',
    "ferry -council",
    "ferry AND (storm OR quality>=80)",
    "coast* NEAR/3 storm",
    '"wind fa*"',
    "title:storm",
    "excerpt:storm",
    "outlet:gazette",
    "domain:bbc.co.uk",
    "domain:co.uk -storm",
    "lang:en type:video",
    "quality>=60",
    "heat<100 quality=60",
    "東京",
    "ไทย OR gaz*",
    "topic:space storm",
]


@cache
def many() -> Matcher[str]:
    return matcher(MANY)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (Document("Nothing of interest"), set()),
        (Document(""), set()),
        (Document("Ferry"), {"ferry", "ferry -council"}),
        (Document("Ferry", "the council"), {"ferry"}),
        (Document("Ferry", quality=80), {"ferry", "ferry -council", "ferry AND (storm OR quality>=80)", "quality>=60"}),
        (Document("A wind farm off shore"), {'"wind farm"', '"wind farm off shore"', '"wind fa*"'}),
        (Document("A wind farm off"), {'"wind farm"', '"wind fa*"'}),
        (Document("Wind", "farm"), set()),
        (Document("Wind fast"), {'"wind fa*"'}),
        (Document("Storm off the coastline", topics=["Space"]), {"coast* NEAR/3 storm", "title:storm", "topic:space storm"}),
        (Document("Storm far off the coastline"), {"title:storm"}),
        (Document("x", "Storm"), {"excerpt:storm"}),
        (Document("Gazette"), {"ไทย OR gaz*"}),
        (Document("", outlet="The Gazette"), {"outlet:gazette"}),
        (Document("", domain="bbc.co.uk"), {"domain:bbc.co.uk", "domain:co.uk -storm"}),
        (Document("storm", domain="bbc.co.uk"), {"domain:bbc.co.uk", "title:storm"}),
        (Document("", lang="en-GB", type="video"), {"lang:en type:video"}),
        (Document("", lang="en-GB"), set()),
        (Document("", quality=60, heat=99), {"quality>=60", "heat<100 quality=60"}),
        (Document("新東京国際空港"), {"東京"}),
        (Document("ประเทศไทย"), {"ไทย OR gaz*"}),
    ],
)  # fmt: skip
def test_a_document_has_the_topics_whose_queries_it_satisfies(document: Document, found: set[str]) -> None:
    assert many().match(document) == found


@given(
    st.lists(st.tuples(st.integers(0, 9), st.none() | QUERIES), max_size=24),
    st.lists(DOCUMENTS, min_size=1, max_size=6),
    st.dictionaries(st.sampled_from(["a", "ab", "x", "東"]), st.integers(1, 9)),
)
def test_matching_is_asking_every_query(
    changes: list[tuple[int, Query | None]], documents: list[Document], frequencies: dict[str, int]
) -> None:
    found: Matcher[int] = Matcher(frequencies)
    queries: dict[int, Query] = {}
    for topic, query in changes:
        if query is not None:
            found.add(topic, query)
            queries[topic] = query
        elif topic in queries:
            found.remove(topic)
            del queries[topic]
        else:
            with pytest.raises(KeyError):
                found.remove(topic)
    for document in documents:
        assert found.match(document) == {topic for topic in queries if matches(queries[topic], document)}
    assert len(found) == len(queries)
    assert all(topic in found for topic in queries)


WORDS = st.sampled_from(["a", "of", "harbour", "bridges", "東"])


@given(
    st.lists(st.lists(WORDS, min_size=1, max_size=5), max_size=8),
    st.lists(st.integers(0, 7), max_size=4),
    st.lists(WORDS, max_size=14),
)
def test_phrases_are_found_wherever_their_longest_words_stand(
    phrases: list[list[str]], dropped: list[int], title: list[str]
) -> None:
    found: Matcher[int] = Matcher()
    queries = {n: parse('"' + " ".join(words) + '"') for n, words in enumerate(phrases)}
    for n, query in queries.items():
        found.add(n, query)
    for n in {*dropped} & queries.keys():
        found.remove(n)
        del queries[n]
    document = Document(" ".join(title))
    assert found.match(document) == {n for n, query in queries.items() if matches(query, document)}


@pytest.mark.parametrize(
    ("term", "text", "looked_for"),
    [
        ("of the photonics", "all of the day", False),
        ("of the photonics", "the photonics", True),
        ("photonics of the", "all of the day", False),
        ("all of the photonics of the day", "all of the day", False),
    ],
)
def test_a_phrase_is_looked_for_only_where_its_longest_words_stand(
    term: str, text: str, looked_for: bool
) -> None:
    index: Index[int] = Index()
    index.at(Term("", term))
    assert bool(index.find(Document(text))) is looked_for


def test_no_phrase_goes_from_the_end_of_a_text_to_its_beginning() -> None:
    found = matcher(['title:"a harbour bridges"', 'title:"bridges harbour a"'])
    assert found.match(Document("harbour bridges a")) == set()
    assert found.match(Document("a bridges harbour")) == set()


def test_what_is_added_or_removed_counts_at_once() -> None:
    found: Matcher[int] = Matcher()
    document = Document("Storm over the harbour")
    assert found.match(document) == set()
    found.add(1, parse("storm -ferry"))
    found.add(2, parse("harbour"))
    assert found.match(document) == {1, 2}
    found.add(2, parse("ferry"))
    assert found.match(document) == {1}
    assert found.match(Document("Ferry storm")) == {2}
    found.remove(1)
    assert found.match(document) == set()
    assert 1 not in found


class Counted(Document):
    """A document that knows how often it was looked into."""

    looks = 0

    def joined(self, field: str) -> str:
        self.looks += 1
        return super().joined(field)


def test_a_query_is_evaluated_once_for_all_its_topics_and_only_where_it_can_match() -> None:
    found: Matcher[int] = Matcher()
    for topic in range(1_000):
        found.add(topic, parse(["storm NEAR/3 Harbour", "harbour  NEAR/3 STORM"][topic % 2]))
    near, far = Counted("Harbour storm"), Counted("Storm")
    assert found.match(near) == set(range(1_000))
    assert near.looks == 2  # one for each of its terms
    assert found.match(far) == set()
    assert far.looks == 0


@pytest.mark.parametrize(
    ("query", "frequencies", "title", "looked"),
    [
        ("the photonics", {}, "the", False),  # what is long is rare
        ("the photonics", {"photonics": 1}, "the", True),  # but counts know better
        ('"the storm" photonics', {"the": 99, "storm": 2, "photonics": 3}, "photonics", False),
        ("(ferry OR storm) photonics", {}, "storm", False),
        ("(photonics OR electronics) ferry", {}, "ferry", False),
        ("storm NEAR/3 photonics -ferry", {}, "storm", False),
    ],
)
def test_a_query_waits_for_the_rarest_of_what_it_needs(
    query: str, frequencies: dict[str, int], title: str, looked: bool
) -> None:
    found: Matcher[int] = Matcher(frequencies)
    found.add(1, parse(f"{query} -(a b)"))  # without the last, words alone would tell
    document = Counted(title)
    assert found.match(document) == set()
    assert bool(document.looks) is looked


@pytest.mark.parametrize(
    "query", ["storm", "storm OR coast", "storm harbour", "storm (harbour OR gaz*) -ferry -(a OR lang:fr)"]
)
def test_a_query_of_two_parts_and_of_what_it_excludes_is_not_evaluated(query: str) -> None:
    found = matcher([query])
    document, other = Counted("Storm in the harbour"), Counted("Harbour ferry, storm")
    assert found.match(document) == {query}
    assert found.match(other) == (
        {query} if matches(parse(query), Document("Harbour ferry, storm")) else set()
    )
    assert document.looks == other.looks == 0


class Compared(int):
    """A topic that knows how often any was compared or looked up."""

    hashed = 0

    def __hash__(self) -> int:
        Compared.hashed += 1
        return int(self)


@pytest.mark.parametrize(("query", "number"), [("{} -storm", 0), ("{} coast", 1)])
def test_a_word_of_many_queries_costs_no_more_than_those_whose_other_part_is_found(
    query: str, number: int
) -> None:
    found: Matcher[Compared] = Matcher()
    for topic in range(1_000):
        found.add(Compared(topic), parse(query.format(f"number{topic}")))
    Compared.hashed = 0
    assert len(found.match(Document("Storm off the coast, number7"))) == number
    assert Compared.hashed < 10


def test_a_query_waits_for_words_rather_than_for_an_outlet_or_a_number() -> None:
    found: Matcher[int] = Matcher({"storm": 10**9})
    found.add(1, parse("storm domain:bbc.co.uk quality>=60"))
    document = Counted("Ferry", domain="bbc.co.uk", quality=60)
    assert found.match(document) == set()
    assert document.looks == 0


def reachable(root: object) -> Counter[type]:
    """How many values of each type hang on an object. Numbers that wait to be used again do not count."""
    seen: dict[int, object] = {}
    left = [root]
    while left:
        value = left.pop()
        if id(value) not in seen and not isinstance(value, type | int | str | None):
            seen[id(value)] = value
            left += gc.get_referents(value)
    return Counter(type(value) for value in seen.values())


@given(st.lists(QUERIES, max_size=8))
def test_nothing_is_left_of_what_was_removed(queries: list[Query]) -> None:
    found: Matcher[int] = Matcher()
    for field in ("", "title:", "excerpt:", "outlet:"):
        found.add(0, parse(f"{field}z OR {field}zz*"))
    for text in (
        "domain:z",
        "type:video",
        "lang:zz",
        "topic:z",
        "quality<5",
        "quality=5",
        "quality>5",
        "heat<5",
        "heat=5",
        "heat>5",
    ):
        found.add(0, parse(text))
    found.remove(0)
    before = reachable(found)
    for first in range(2):
        for topic, query in enumerate(queries, first):
            found.add(topic, query)
    for topic in range(len(queries) + 1 if queries else 0):
        found.remove(topic)
    assert reachable(found) == before
    found.add(0, parse("a"))
    assert found.match(Document("a")) == {0}
