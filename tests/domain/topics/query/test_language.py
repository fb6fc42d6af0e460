"""The language of queries: what is understood, how it is written, what is refused, what matches and why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.text.words import plain_words
from bot.domain.topics.query.document import TEXTS, Document
from bot.domain.topics.query.language import Mark, Query, QueryError, explain, matched_fields, matches, parse
from bot.domain.topics.query.tree import And, Near, Node, Not, Number, Or, Prefix, Term, Value, compares

# Understanding and writing.


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Ferry", "ferry"),
        ("  ferry\tHarbour\n", "ferry harbour"),
        ("harbour AND ferry", "ferry harbour"),
        ("b OR a", "a OR b"),
        ("a OR b OR (c OR a)", "a OR b OR c"),
        ("a b OR c", "a b OR c"),
        ("c OR b a", "a b OR c"),
        ("a (b OR c)", "a (b OR c)"),
        ("((a))", "a"),
        ("a NOT b", "a -b"),
        ("-b a", "a -b"),
        ("a AND NOT NOT b", "a b"),
        ("a -(b OR c)", "a -(b OR c)"),
        ("a -(b c)", "a -(b c)"),
        ("and or not near", "and near not or"),
        ("NEARBY ANDROID", "android nearby"),
        ('"Wind  Farm"', '"wind farm"'),
        ("“wind farm”", '"wind farm"'),
        ("« wind farm »", '"wind farm"'),
        ('"wind"', "wind"),
        ('wind"farm"', "farm wind"),
        ("model-driven", '"model driven"'),
        ("C++ .NET c#", ".net c# c++"),
        ("10:30", '"10 30"'),
        ("vis*", "vis*"),
        ('"computer vis*"', '"computer vis*"'),
        ("微软*", "微软"),
        ("微 软 件", "件 微 软"),
        ("微软 OR AI微软", '"ai 微软" OR 微软'),
        ("（a OR b） c", "(a OR b) c"),
        ("b NEAR/5 a", "a NEAR/5 b"),
        ("a NEAR/5 b c", "a NEAR/5 b c"),
        ("c -(b NEAR/5 ab*)", "c -(ab* NEAR/5 b)"),
        ("title:(b NEAR/5 a)", "title:(a NEAR/5 b)"),
        ("title:b NEAR/5 title:a", "title:(a NEAR/5 b)"),
        ("TITLE: moon", "title:moon"),
        ("title:moon title:landing", "title:(landing moon)"),
        ("title:(a OR b) OR c OR title:d", "c OR title:(a OR b OR d)"),
        ("title:(a -b) c", "c title:(a -b)"),
        ("title:(a (b OR c -d))", "(title:(c -d) OR title:b) title:a"),
        ("a -title:(b OR c)", "a -title:(b OR c)"),
        ('outlet:"The Times" excerpt:x', 'excerpt:x outlet:"the times"'),
        ("domain:(www.BBC.co.uk OR nytimes.com)", "domain:(bbc.co.uk OR nytimes.com)"),
        ('domain:"https://www.bbc.co.uk/news"', "domain:bbc.co.uk"),
        ("domain:bücher.example", "domain:xn--bcher-kva.example"),
        ('topic:"Computer Vision" Type:Video lang:EN_gb', 'lang:en-gb topic:"computer vision" type:video'),
        ("quality>=60", "quality>=60"),
        ("Quality > 60 heat < 7", "heat<=6 quality>=61"),
        ("heat = 0", "heat=0"),
        ("quality outlet", "outlet quality"),
    ],
)  # fmt: skip
def test_queries_are_written_in_one_way(text: str, written: str) -> None:
    assert str(parse(text)) == written
    assert parse(written) == parse(text)
    assert parse(written).root == parse(text).root


@pytest.mark.parametrize(
    ("text", "caret", "message"),
    [
        ("", "^", "the query is empty; expected a word, a phrase or ("),
        ("   ", "^", "the query is empty; expected a word, a phrase or ("),
        ("a AND", "     ^", "expected a word, a phrase or (, but the query ends here"),
        ("OR a", "^", 'expected a word, a phrase or (, not “OR”; to search for the word, write "or"'),
        ("a AND OR b", "      ^", 'expected a word, a phrase or (, not “OR”; to search for the word, write "or"'),
        ("()", " ^", "expected a word, a phrase or (, not “)”"),
        ("(a OR b", "^", "this ( has no matching )"),
        ("a OR b)", "      ^", "this ) has no matching ("),
        ('a "b c', "  ^", "the closing quotation mark is missing"),
        ('a ""', "   ^", "“” has no letter or digit to search for"),
        ("Johnson & Johnson", "        ^", "“&” has no letter or digit to search for"),
        ("a - b", "  ^", "“-” has no letter or digit to search for"),
        ("*", "^", "* alone would match everything"),
        ("v*", " ^", "* needs at least 2 letters before it"),
        ("vi*on", "  ^", "* is only allowed at the end of a word; to search for this text, put it in quotes"),
        ('"vision *"', "        ^", "* must directly follow the beginning of a word"),
        ("-a", "^", "this only excludes articles and would match almost everything; add words to search for"),
        ("-a -(b c)", "^", "this only excludes articles and would match almost everything; add words to search for"),
        ("a OR (b OR NOT c)", "           ^", "this only excludes articles and would match almost everything; add words to search for"),
        ("NOT (a -b)", "^", "this only excludes articles and would match almost everything; add words to search for"),
        ("quality>=0", "         ^", "quality is never below 0, so this would match everything"),
        ("heat<0", "     ^", "heat is never below 0, so this would match nothing"),
        ("quality>999999999", "        ^", "quality is never above 999,999,999, so this would match nothing"),
        ("quality >= high", "           ^", "expected a whole number, as in quality>=60"),
        ("quality:60", "^", "quality needs a comparison, as in quality>=60"),
        ("re:Invent", "^", "there is no field “re”; use title, excerpt, outlet, domain, type, lang, topic. To search for this text, put it in quotes"),
        ("title:", "      ^", "expected a word, a phrase or ( after title:, but the query ends here"),
        ("title:AND", "      ^", 'expected a word, a phrase or ( after title:, not “AND”; to search for the word, write "and"'),
        ("title:(a domain:b)", "         ^", "title:(…) takes only words, not another field"),
        ("title:(a quality>5)", "         ^", "title:(…) takes only words, not a comparison"),
        ("domain:a@b", "       ^", "expected a domain such as bbc.co.uk"),
        ("type:radio", "     ^", "expected article or video or podcast"),
        ("lang:english", "     ^", "expected a language such as en or pt-br"),
        ("topic:&", "      ^", "expected the name of a topic"),
        ("a NEAR b", "  ^", "expected a distance in words, from NEAR/1 to NEAR/50"),
        ("a NEAR/51 b", "       ^", "expected a distance in words, from NEAR/1 to NEAR/50"),
        ("a NEAR/5", "        ^", "expected a word, a phrase or (, but the query ends here"),
        ("a NEAR/5 (b c)", "         ^", "expected a word or a phrase after NEAR"),
        ("(a b) NEAR/5 c", "      ^", "NEAR needs a word or a phrase before it"),
        ("a NEAR/5 title:b", "         ^", "both sides of NEAR must share a field, as in title:(a NEAR/5 b)"),
        ("a NEAR/5 b NEAR/5 c", "           ^", "NEAR takes only two words or phrases; write (a NEAR/5 b) AND (b NEAR/5 c)"),
        ("c -a NEAR/5 b", "     ^", "it is unclear what this excludes; write -(a NEAR/5 b)"),
        ("東京 & x", "     ^", "“&” has no letter or digit to search for"),
        ("(" * 21 + "a" + ")" * 21, " " * 20 + "^", "parentheses are nested more than 20 deep"),
    ],
)  # fmt: skip
def test_errors_say_what_is_wrong_and_where(text: str, caret: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    error = caught.value
    assert error.message == message
    assert error.text == text
    assert str(error) == f"{message} (at character {error.position + 1})"
    assert error.drawn() == f"{text}\n{caret}"


def test_of_a_long_query_what_is_near_is_drawn() -> None:
    with pytest.raises(QueryError) as caught:
        parse("word " * 20 + "& \n" + "word " * 20)
    above, below = caught.value.drawn().split("\n")
    assert len(above) == 62
    assert above.startswith("…")
    assert above.endswith("…")
    assert above[len(below) - 1] == "&"


def test_queries_are_bounded() -> None:
    parse(" ".join(f"w{number}" for number in range(100)))
    with pytest.raises(QueryError, match="more than 100 terms") as caught:
        parse(" ".join(f"w{number:03}" for number in range(101)))
    assert caught.value.position == 500
    parse("a" * 1000)
    with pytest.raises(QueryError, match="longer than 1,000 characters"):
        parse("a" * 1001)
    with pytest.raises(QueryError, match="written in full, the query has"):
        parse("\ufdfa" * 900)
    parse("(" * 20 + "a" + ")" * 20)
    with pytest.raises(QueryError):
        parse("(" * 999)
    with pytest.raises(QueryError):
        parse("-" * 999 + "a")
    parse("-" * 998 + "a")


# Matching.

RECORD = Document(
    "Storm sinks ferry off the Côte d’Azur",
    "The model-driven C++ code saw it. 東京タワー, ประเทศไทย. One two three four five six.",
    outlet="The Harbour Gazette",
    domain="news.bbc.co.uk",
    type="video",
    lang="pt-BR",
    topics=["Computer Vision", "Ships"],
    quality=60,
    heat=120,
)


@pytest.mark.parametrize(
    "text",
    [
        "storm", "STORM", '"storm sinks"', "cote", "côte", "d'azur", "storm code", "harbour OR ferry", "storm -harbour",
        '"model driven"', "model-driven", "c++", "sto*", '"storm si*"', "storm*", "タワー", "京タ", "東京 ไทย", "ทศไทย",
        "title:ferry", "title:(storm ferry -code)", "excerpt:code", "outlet:harbour", 'outlet:"harbour gaz*"',
        "domain:news.bbc.co.uk", "domain:bbc.co.uk", "domain:co.uk", "type:video", "lang:pt", "lang:pt-br",
        'topic:"computer  VISION"', "topic:ships", "quality>=60", "quality=60", "quality<=60", "quality<61", "heat>100",
        "one NEAR/1 two", "two NEAR/1 one", "one NEAR/5 six", '"one two" NEAR/4 six', '"one two" NEAR/3 "five six"', "fo* NEAR/1 fi*",
        "storm -(ferry code nothing)", "storm -(one NEAR/4 six)", "x OR (ferry (y OR code))",
    ],
)  # fmt: skip
def test_matches(text: str) -> None:
    assert matches(parse(text), RECORD)


@pytest.mark.parametrize(
    "text",
    [
        "storms", "sto", '"sinks storm"', '"azur the"', "storm -ferry", "storm nothing", "harbour", "c", "title:code", "excerpt:storm",
        "outlet:ferry", "domain:uk.co", "domain:bbc.com", "type:article", "lang:pt-pt", "lang:en", "topic:vision", "topic:computer",
        "quality>60", "quality<60", "heat=119", "one NEAR/4 six", "storm NEAR/50 code", "storm NEAR/9 storm", '"one two" NEAR/9 "two three"',
        "title:(storm code)", "京東", "storm -(ferry code)", "storm -(one NEAR/5 six)",
    ],
)  # fmt: skip
def test_does_not_match(text: str) -> None:
    assert not matches(parse(text), RECORD)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("storm", ["Storm"]),
        ("cote -harbour", ["Côte"]),
        ("d'azur", ["d’Azur"]),
        ("storm OR code OR nothing", ["Storm", "code"]),
        ("x OR (storm y) OR (ferry code)", ["ferry", "code"]),
        ("model-driven AND c++", ["model-driven", "C++"]),
        ("タワー", ["タワー"]),
        ("fo* NEAR/1 fi*", ["four", "five"]),
        ("one NEAR/1 tw*", ["One", "two"]),
        ("the title:off", ["off", "the", "The"]),
        ("outlet:gazette domain:bbc.co.uk quality>5", ["Gazette"]),
        ("domain:bbc.co.uk", []),
        ("storm -ferry", []),
    ],
)
def test_the_words_that_made_a_document_match_are_marked(text: str, marked: list[str]) -> None:
    marks = explain(parse(text), RECORD)
    assert [RECORD.texts[mark.text][mark.start : mark.end] for mark in marks] == marked


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("domain:bbc.co.uk", ("domain:bbc.co.uk",)),
        ("DOMAIN:www.bbc.co.uk storm quality>59", ("domain:bbc.co.uk", "quality>=60")),
        ("lang:fr OR quality>=60 OR (lang:en domain:bbc.com)", ("quality>=60",)),
        ("domain:bbc.co.uk (domain:bbc.co.uk OR storm)", ("domain:bbc.co.uk",)),
        ("storm -lang:fr", ()),
        ("storm", ()),
        ("lang:fr", ()),
    ],
)
def test_what_made_a_document_match_beside_its_words_is_told_as_queries_write_it(
    text: str, told: tuple[str, ...]
) -> None:
    document = Document("Storm", domain="bbc.co.uk", lang="en", quality=60)
    assert matched_fields(parse(text), document) == told


def test_a_query_is_read_once() -> None:
    assert parse("storm  coast") is parse("storm  coast")


def test_marks_name_the_text_and_go_from_the_title_on() -> None:
    document = Document("b a", "a", outlet="a b")
    assert explain(parse("a OR outlet:a"), document) == (
        Mark("title", 2, 3),
        Mark("excerpt", 0, 1),
        Mark("outlet", 0, 1),
    )


# Any query on any document.

SOME = ["a", "ab", "abc", "é", "cafe", "Café", "x", "東", "京", "東京", "ไท", "が", "c++", "c"]
WORD = st.sampled_from(SOME)
PHRASE = st.lists(WORD, min_size=1, max_size=3).map(lambda own: f'"{" ".join(own)}"')
SIDE = WORD | PHRASE | st.sampled_from(["ab*", "ca*", '"a ab*"', "東*"])
NEAR = st.tuples(SIDE, st.integers(1, 4), SIDE).map(lambda own: f"({own[0]} NEAR/{own[1]} {own[2]})")
TEXT = SIDE | NEAR
OTHER = st.one_of(
    st.sampled_from(["domain:a.com", "domain:com", "type:video", "lang:en", "lang:en-gb", 'topic:"A b"', "topic:東"]),
    st.tuples(st.sampled_from(["quality", "heat"]), st.sampled_from(["=", "<", "<=", ">", ">="]), st.integers(1, 3)).map(
        lambda own: f"{own[0]}{own[1]}{own[2]}"
    ),
)  # fmt: skip


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner | inner.map(lambda own: f"-{own}"), min_size=1, max_size=3)
    return several.map(lambda own: f"({' '.join(own)})") | several.map(lambda own: f"({' OR '.join(own)})")


TEXTUAL = st.recursive(TEXT, _combined, max_leaves=5)
IN_FIELD = st.tuples(st.sampled_from(TEXTS), TEXTUAL).map(lambda own: f"{own[0]}:({own[1]})")
WRITTEN = st.recursive(TEXT | IN_FIELD | OTHER, _combined, max_leaves=8)


def _tried(text: str) -> tuple[Query | None, QueryError | None]:
    try:
        return parse(text), None
    except QueryError as error:
        return None, error


def _understood(text: str) -> Query:
    query, error = _tried(text)
    assert query or "only excludes articles" in str(error)
    return query or parse(f"a {text}")  # beside a word any is a query


QUERIES = WRITTEN.map(_understood)
RUN = st.lists(WORD, max_size=7).map(" ".join)
DOCUMENTS = st.builds(
    Document,
    RUN,
    RUN,
    outlet=RUN,
    domain=st.sampled_from(["", "a.com", "b.com"]),
    type=st.sampled_from(["article", "video", "podcast"]),
    lang=st.sampled_from(["", "en", "en_GB", "de"]),
    topics=st.lists(st.sampled_from(["A b", "東", "c"]), max_size=2),
    quality=st.integers(0, 4),
    heat=st.integers(0, 4),
)


def _found(term: Term | Prefix, run: list[str]) -> set[range]:
    """The places of a term, by looking at each."""
    own = term.words.split(" ")
    return {
        range(start, start + len(own))
        for start in range(len(run) - len(own) + 1)
        if all(
            there == word or (isinstance(term, Prefix) and place == len(own) - 1 and there.startswith(word))
            for place, (there, word) in enumerate(zip(run[start:], own, strict=False))
        )
    }


def satisfied(node: Node, document: Document) -> bool:
    """The meaning of a query, spelled out."""
    match node:
        case And(parts):
            return all(satisfied(part, document) for part in parts)
        case Or(parts):
            return any(satisfied(part, document) for part in parts)
        case Not(of):
            return not satisfied(of, document)
        case Value(field, value):
            return value in document.values[field]
        case Number(field, sign, bound):
            return compares(sign, document.numbers[field], bound)
    runs = [
        plain_words(document.texts[text]) for text in ([node.field] if node.field else ["title", "excerpt"])
    ]
    if not isinstance(node, Near):
        return any(_found(node, run) for run in runs)
    return any(
        0 < second.start - first.stop + 1 <= node.distance
        for run in runs
        for one in _found(node.first, run)
        for two in _found(node.second, run)
        for first, second in [(one, two), (two, one)]
    )


@given(QUERIES, DOCUMENTS)
def test_a_query_means_what_it_says(query: Query, document: Document) -> None:
    assert matches(query, document) is satisfied(query.root, document)


@given(QUERIES)
def test_a_query_is_read_again_as_it_is_written(query: Query) -> None:
    again = parse(str(query))
    assert again == query
    assert again.root == query.root
    assert str(again) == str(query)


@given(
    st.lists(WRITTEN, min_size=1, max_size=4),
    st.randoms(use_true_random=False),
    st.sampled_from([" OR ", " AND ", " "]),
)
def test_order_case_and_spacing_make_no_difference(parts: list[str], random: Any, joint: str) -> None:
    one = f"a ({joint.join(parts)})"
    random.shuffle(parts)
    other = f"(\n{joint.replace(' ', '   ').join(parts)} )  a"
    assert parse(one) == parse(other)
    assert hash(parse(one)) == hash(parse(other))


LIKELY = st.lists(
    st.sampled_from([*SOME, *'()"-*:&', " ", " OR ", " AND ", " NOT ", " NEAR/3 ", "title:", "domain:", "quality>=", "5", "\u0301", "゙", "ุ", "่"])
).map("".join)  # fmt: skip


@given(st.text() | LIKELY)
def test_any_text_is_a_query_or_an_error_at_one_of_its_characters(text: str) -> None:
    query, error = _tried(text)
    if query:
        assert parse(str(query)) == query
    if error:
        assert 0 <= error.position <= len(text)
        assert error.drawn().split("\n")[1].strip() == "^"


@given(QUERIES, DOCUMENTS)
def test_marks_are_words_of_the_text(query: Query, document: Document) -> None:
    for mark in explain(query, document):
        assert matches(query, document)
        assert plain_words(document.texts[mark.text][mark.start : mark.end])
