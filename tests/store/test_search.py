"""The index of words: that it finds what a topic of the query would match, for whom it finds it, and what is like what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Outlet, Record, Stored, Topic
from bot.domain.stories.order import Order
from bot.domain.text.words import plain_words as words
from bot.domain.topics.query import language
from bot.domain.topics.query.language import QueryError
from bot.domain.topics.topics import Topics
from bot.messages.search import left_out_words
from bot.services import search as services
from bot.services.context import Context
from bot.services.search import CANDIDATES, find
from bot.store import records, schema, search, stories, topics
from bot.store.database import Database
from tests.form import sized
from tests.make import Clock, at, examples, record
from tests.store.store_helpers import (
    GUILD,
    HALVES,
    analysed,
    headlines,
    stored_of,
    take,
    two_events_and_their_report,
    wipe,
)

OTHERS = GUILD + 1


async def put(connection: AsyncConnection, *wanted: Stored) -> None:
    """Store records as they are, each with a story of its own."""
    rows = [
        {"number": s.id, "heat": 0, "first": s.published, "last": s.published, "last_seen": s.first_seen}
        for s in wanted
    ]
    await connection.execute(sa.insert(schema.stories), rows)
    await connection.execute(sa.insert(schema.records), [records.row_of(s, "", analysed(s)) for s in wanted])
    dialect = connection.dialect.name
    await search.index(connection, [search.row_of(dialect, s, analysed(s)) for s in wanted])


def numbered(*wanted: Record, **known: Any) -> list[Stored]:
    """Records as the store knows them, numbered from 1, each an hour newer than the one before."""
    found = []
    for number, own in enumerate(wanted, 1):
        own = replace(own, key=f"https://a.example/{number}", url=f"https://a.example/{number}")
        found.append(Stored(number, own, at(number), at(number), story=number, **known))
    return found


async def ids(db: Database, text: str, guild_id: int | None = 0, order: Order = Order.NEWEST) -> list[int]:
    """The stories that a search finds."""
    found = await find(Context(db, Clock()), text, guild_id, order=order, limit=1000)
    return [hit.view.number for hit in found.hits]


# What is found is what matches.

WORDS = [
    "ferry", "Ferry's", "ferries", "whale", "the", "of", "Café", "cafe", "C#", "c++", ".NET", "asp.net", "snake_case",
    "画像認識", "画像", "識別", "ไทย", "हिन्दी", "Straße", "STRASSE", "İstanbul", "x" * 250, "x" * 200, "ẍ" * 210, "AND", "NEAR",
    "o'neil", "back\\slash", 'quo"te', "1984", "½", "ﬁre", "a", "-", "*", ":", "’",
]  # fmt: skip
NAMES = ["BBC News", "Café Alpha", "朝日新聞", "a"]
DOMAINS = ["bbc.co.uk", "alpha.example", "münchen.de", "xn--mnchen-3ya.de", "localhost"]
LANGUAGES = ["", "en", "en-GB", "pt_br", "en us", "zh-Hant-TW", "e'n", "x y-z"]

texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
made = st.builds(
    lambda title, excerpt, name, domain, lang, kind, quality, heat, declared: replace(
        record(
            title, url="https://a.example/1", excerpt=excerpt, quality=quality, heat=heat, topics=declared
        ),
        outlet=Outlet(name, domain),
        language=lang,
        type=kind,
    ),
    texts,
    texts,
    st.sampled_from(NAMES),
    st.sampled_from(DOMAINS),
    st.sampled_from(LANGUAGES),
    st.sampled_from(["article", "video", "podcast"]),
    st.integers(0, 5),
    st.none() | st.integers(0, 5),
    st.lists(st.sampled_from(["AI", "Sea", "Café"]), max_size=2),
)

word = st.sampled_from([*(w for w in WORDS if w not in ("-", "*", ":", "’", "AND", "NEAR")), "vis", "zzz"])
quoted = st.lists(word.filter(lambda w: '"' not in w), min_size=1, max_size=3).map(
    lambda own: f'"{" ".join(own)}"'
)
term = word | quoted | word.map(lambda w: f"{w}*") | word.map(lambda w: f"{w[:2]}*")
leaf = st.one_of(
    term,
    term,
    st.tuples(st.sampled_from(["title", "excerpt", "outlet"]), term).map(":".join),
    st.tuples(term, term, st.integers(1, 3)).map(lambda own: f"({own[0]} NEAR/{own[2]} {own[1]})"),
    st.sampled_from(["bbc.co.uk", "co.uk", "example", "münchen.de"]).map(lambda v: f"domain:{v}"),
    st.sampled_from(["article", "video", "podcast"]).map(lambda v: f"type:{v}"),
    st.sampled_from(["en", "en-gb", "pt", "zh-hant"]).map(lambda v: f"lang:{v}"),
    st.sampled_from(["AI", "Sea", "Café"]).map(lambda v: f"topic:{v}"),
    st.tuples(st.sampled_from(["quality", "heat"]), st.sampled_from([">", "<", ">=", "<=", "="]), st.integers(0, 5)).map(
        lambda own: "".join(map(str, own))
    ),
)  # fmt: skip
queries = st.recursive(
    leaf,
    lambda inner: st.one_of(
        inner.map(lambda q: f"-({q})"),
        st.tuples(inner, inner).map(lambda own: f"({own[0]} {own[1]})"),
        st.tuples(inner, inner).map(lambda own: f"({own[0]} OR {own[1]})"),
        st.tuples(inner, inner).map(lambda own: f"({own[0]} -{own[1]})"),
    ),
    max_leaves=6,
)


def readable(text: str) -> bool:
    try:
        language.parse(text)
    except QueryError:
        return False
    return True


TOPICS = Topics([Topic("Sea", parent="AI", keywords=("ferry", "whale"))])


# Few examples, each of many queries: what takes long is to store records.
@examples(
    0.2,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
@given(st.lists(made, min_size=3, max_size=12), st.lists(queries.filter(readable), min_size=6, max_size=12))
async def test_a_search_finds_what_a_topic_of_its_query_would_match(
    stores: Database, batch: Sequence[Record], asked: Sequence[str]
) -> None:
    known = numbered(*batch)
    await wipe(stores)
    async with stores.intake() as connection:
        await topics.define(connection, TOPICS)
        await put(connection, *known)
    for text in asked:
        query = language.parse(text)
        naive = [s.id for s in reversed(known) if language.matches(query, TOPICS.matcher.document(s.record))]
        assert await ids(stores, text) == naive, text
        assert sorted(await ids(stores, text, order=Order.BEST), reverse=True) == naive, text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (record("Ferry", excerpt="Whales", heat=90, quality=10), 'ferry -"ferry whales"'),
        (record("x" * 300), f"xx* -{'x' * 200}"),
        (record("x" * 300), f"{'x' * 300} -{'x' * 299}"),
        (record("Ferry", heat=90, quality=10), "heat>=90 quality<=10"),
        (record("Ferry", heat=None, quality=90), "ferry heat=90"),
        (replace(record("Ferry"), language="en us"), "ferry -lang:en"),
        (record("A " * 150, excerpt="Ferry"), "a ferry"),
    ],
)
async def test_what_a_database_could_get_wrong(stores: Database, found: Record, text: str) -> None:
    assert language.matches(language.parse(text), TOPICS.matcher.document(found))
    async with stores.intake() as connection:
        await put(connection, *numbered(found))
    assert await ids(stores, text) == [1]


async def test_the_index_is_asked_for_words_and_not_for_everything(stores: Database) -> None:
    """Were it to find more than it has to, all would still be right, but slow."""
    known = numbered(*(record(f"{title} in the news", "a.example") for title in headlines(20)))
    wanted = known[4].record.title.split()
    async with stores.intake() as connection:
        await put(connection, *known)
        for text, found in {
            wanted[0]: [5],
            f'"{wanted[0]} {wanted[1]}" the': [5],
            f'"{wanted[1]} {wanted[0]}"': [],
            f"{wanted[0][:4]}* -golf": [5],
            f"title:{wanted[0]} OR outlet:{wanted[0]}": [5],
            f"excerpt:{wanted[0]}": [],
            f"news -({wanted[0]} OR domain:b.example)": [n for n in range(20, 0, -1) if n != 5],
            f"news -({wanted[0]} news)": [n for n in range(20, 0, -1) if n != 5],
            "domain:b.example": [],
            f"domain:b.example OR {wanted[2]}": [5],
            f"{wanted[0]} NEAR/2 the": [5],
            f"{wanted[0]} quality>60": [],
            f"{wanted[0]} quality=60 heat<61": [5],
        }.items():
            query = language.parse(text)
            assert await search.candidates(connection, query, 0, Order.NEWEST, 100) == found, text


async def test_the_best_has_the_words_in_its_title(stores: Database) -> None:
    one = record("Ferry company sold", excerpt="It sails to whales and to other islands in the north sea.")
    two = record("Whales near the harbour", excerpt="They were seen from the ferry.")
    three = record(
        "Budget passed", excerpt="Money for the harbour, whales and a museum, but for nothing else."
    )
    async with stores.intake() as connection:
        await put(connection, *numbered(two, one, three))
    assert await ids(stores, "whales") == [3, 2, 1]
    assert (await ids(stores, "whales", order=Order.BEST))[0] == 1


# For whom.


async def test_what_is_partial_removed_or_another_servers_is_never_found(stores: Database) -> None:
    one, two, three, four, five = numbered(*(record(f"Ferry {n}") for n in range(5)))
    async with stores.intake() as connection:
        await put(
            connection,
            one,
            replace(two, partial=True),
            replace(three, record=replace(three.record, removed=True)),
            replace(four, guild_id=GUILD),
            replace(five, guild_id=OTHERS),
        )
    for text in ("ferry", "quality>=1", "topic:ferry OR ferry"):
        assert await ids(stores, text, 0) == [1], text
        assert await ids(stores, text, GUILD) == [4, 1], text
        assert await ids(stores, text, OTHERS) == [5, 1], text
        assert await ids(stores, text, None) == [5, 4, 1], text


async def test_the_index_follows_what_becomes_of_a_record(stores: Database) -> None:
    one, two, three = headlines(3)
    first = record(one, url="https://a.example/1")
    background = record(two, url="https://a.example/2")
    await take(stores, replace(first, related=(background,)))
    assert await ids(stores, one) == [1]
    assert await ids(stores, two) == []
    await take(stores, background, hours=1)
    assert len(await ids(stores, two)) == 1
    await take(stores, replace(first, title=three), hours=2)
    assert await ids(stores, one) == []
    assert len(await ids(stores, three)) == 1
    await take(stores, replace(first, removed=True), hours=3)
    assert await ids(stores, three) == []
    await take(stores, first, hours=4)
    assert len(await ids(stores, one)) == 1
    async with stores.write() as connection:
        left = await connection.scalar(sa.text("SELECT count(*) FROM search"))
        assert left == 2
    await wipe(stores)
    async with stores.read() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM search")) == 0


async def test_records_of_one_story_are_one_line_with_its_lead_if_that_matches(stores: Database) -> None:
    one, two, both = two_events_and_their_report()
    await take(stores, one)
    await take(stores, two, hours=0.2)
    await take(stores, both, hours=1)
    found = await find(Context(stores, Clock()), "steel OR bridge")
    lead = found.hits[0].view.lead
    assert [hit.match.stored.id for hit in found.hits] == [lead.id]
    found = await find(Context(stores, Clock()), f'"{HALVES[1]}"')
    assert [hit.view.number for hit in found.hits] == [1]


async def test_what_is_left_out_is_said(stores: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = sized(100, long=CANDIDATES)
    monkeypatch.setattr(services, "CANDIDATES", limit)
    some = numbered(*(record(f"Ferry {n}") for n in range(limit + 1)))
    async with stores.intake() as connection:
        await put(connection, *some)
    context = Context(stores, Clock())
    found = await find(context, "ferry", limit=7)
    assert [hit.view.number for hit in found.hits] == [some[-n].id for n in range(1, 8)]
    assert left_out_words(found.left_out) == "only the first 7 stories are shown"
    found = await find(context, "topic:nothing OR (ferry 0)")
    assert found.hits == ()
    assert left_out_words(found.left_out) == f"only {limit:,} possible matches were checked"
    assert (await find(context, "ferry 0")).left_out is None
    assert [hit.view.number for hit in (await find(context, "ferry 0")).hits] == [1]


# What is like what.


async def like(db: Database, text: Iterable[str], guild_id: int = 0, **kept: Any) -> list[tuple[int, float]]:
    async with db.read() as connection:
        return await search.similar(connection, text, guild_id=guild_id, limit=kept.pop("limit", 10), **kept)


async def test_similar_stories_have_most_of_the_rare_words(stores: Database) -> None:
    one, two, three = headlines(3)
    rare, other = one.split(), two.split()
    batch = [
        record(one),
        record(f"{' '.join(rare[:3])} {' '.join(other[:2])}"),
        record("Something else", excerpt=f"{rare[0]} in passing"),
        record(two),
        *(record(f"{three} {n}", excerpt=rare[4]) for n in range(20)),
    ]
    async with stores.intake() as connection:
        await put(connection, *numbered(*batch))
    found = await like(stores, words(one))
    assert [number for number, _ in found[:3]] == [1, 2, 3]
    assert found[0][1] == pytest.approx(1)
    assert found[1][1] > 0.5 > found[2][1] > found[3][1], "a word that many have counts for less"
    assert len(found) == 10
    assert await like(stores, words(one), exclude=[1], limit=1) == found[1:2]
    assert await like(stores, ["zzzz"]) == await like(stores, []) == []


async def test_similar_stories_are_those_that_a_server_sees(stores: Database) -> None:
    one, two, three, four = numbered(*(record("Ferry sinks") for _ in range(4)))
    async with stores.intake() as connection:
        gone = replace(four, record=replace(four.record, removed=True))
        await put(connection, one, replace(two, guild_id=GUILD), replace(three, guild_id=OTHERS), gone)
    assert [number for number, _ in await like(stores, ["ferry", "sinks"], GUILD)] == [2, 1]
    assert [number for number, _ in await like(stores, ["ferry"], 0)] == [1]


async def test_a_story_is_as_similar_as_its_best_report(stores: Database) -> None:
    one, two, both = two_events_and_their_report()
    for position, own in enumerate((one, two, both)):
        await take(stores, own, hours=position / 4)
    number = (await stored_of(stores, both)).story
    assert number is not None
    assert await like(stores, words(HALVES[0])) == [(number, 1.0)]
    async with stores.read() as connection:
        assert await stories.survivor(connection, 2) == number


async def test_words_that_many_records_have_count_for_nothing(
    stores: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "COMMON", 3)
    async with stores.intake() as connection:
        await put(connection, *numbered(*(record(f"Ferry {n}") for n in range(3))))
    assert [number for number, _ in await like(stores, ["ferry", "1"])] == [2]
    assert await like(stores, ["ferry"]) == []


async def test_words_that_could_be_taken_for_something_else_are_words(stores: Database) -> None:
    async with stores.intake() as connection:
        await put(
            connection, *numbered(record("C# and .NET, हिन्दी, 画像認識"), record("C"), record("x" * 300))
        )
    assert [n for n, _ in await like(stores, ["c#", ".net", "'", '"', "\\", " ", "", "a:b", "*"])] == [1]
    assert [n for n, _ in await like(stores, words("हिन्दी"))] == [1]
    assert [n for n, _ in await like(stores, ["x" * 300])] == [3]
