"""What was decided about records is what is known of them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from bot.domain.clustering import embeddings
from bot.domain.clustering.story_cluster import day_of, extract_terms
from bot.domain.model import Mode, Record, Stored, Subscription, Topic, TopicMatch, Volume
from bot.domain.posting.decisions import Decisions
from bot.domain.posting.plan import IntakePlan
from bot.domain.records.intake import StoredContext
from bot.domain.stories import story as domain_stories
from bot.domain.stories.owners import NO_OWNERS
from bot.store import records, schema, stories, subscriptions, topics
from bot.store.database import Database
from bot.store.sql import IN_MOST
from bot.store.topic_cache import TopicCache
from tests.make import at, examples, record
from tests.store.store_helpers import (
    CHANNEL,
    FOUR,
    GUILD,
    ONE,
    THREE,
    TWO,
    load_context,
    merge,
    posts_of,
    stored_of,
    story_counts,
    story_numbers,
    take,
    two_events_and_their_report,
    wipe,
    withheld,
)


def bare(stored: Stored) -> Stored:
    """Without what is kept beside the record: what it declares is known by id, its twins by key."""
    return replace(stored, record=replace(stored.record, related=(), twins=()))


async def same(db: Database, made: IntakePlan, known: StoredContext) -> None:
    """Assert that everything that was planned is known."""
    async with db.read() as connection:
        found = await records.by_id(connection, made.records)
        keys = await records.ids_by_key(connection, made.keys)
        forwards = await stories.survivors(connection, made.merged)
        stored = await records.affected(connection, made.stories)
    for record_id, planned in made.records.items():
        if record_id in made.content_hashes:
            wanted = planned if planned.id in made.declares else replace(planned, declares=())
            assert found[record_id] == bare(wanted)
        else:  # only its story was decided
            assert found[record_id].story == planned.story
    assert keys == made.keys
    for record_id, digest in made.content_hashes.items():
        assert known.content_hashes.get(record_id, digest) == digest
    for record_id, matches in made.topics.items():
        if record_id in stored.topics:
            assert set(stored.topics[record_id]) == set(matches)
    existing = {old: new for old, new in made.merged.items() if old in forwards}
    assert forwards == existing


async def consistent(db: Database) -> None:
    """Assert what holds whenever no transaction is open."""
    async with db.read() as connection:
        rows = {row.number: row for row in await connection.execute(sa.select(schema.stories))}
        numbers = await story_numbers(connection)
        loaded = await stories.load(connection, rows)
        topic_names = dict(
            (await connection.execute(sa.select(schema.topics.c.id, schema.topics.c.name))).all()
        )
        tagged: dict[int, set[str]] = {}
        for story, topic_id, _ in (await connection.execute(sa.select(schema.story_topics))).all():
            tagged.setdefault(story, set()).add(topic_names[topic_id])
        everything = (await connection.execute(sa.select(schema.records))).all()
        keys: dict[str, int] = dict((await connection.execute(sa.select(schema.record_keys))).all())
    for number, row in rows.items():
        view = domain_stories.story_view(loaded[number])
        assert (number in numbers) == (row.merged_into is None and not row.removed)
        if row.merged_into is not None:
            assert rows[row.merged_into].merged_into is None, "a chain"
            assert view is None
            assert number not in tagged
        elif row.removed:
            assert view is None
            assert number not in tagged
        else:
            assert view is not None
            assert (row.lead_id, row.heat, row.notable, row.outlets, row.first, row.last) == (
                (view.lead.id, view.heat, view.notable, view.outlets, view.first, view.last)
            )
            assert tagged.get(number, set()) == set(view.topics)
            assert row.search == view.lead.record.title.casefold()
    for row in everything:
        assert keys[row.key] == row.id
        assert row.story is None or rows[row.story].merged_into is None
        assert row.partial or row.removed or row.story is not None


TITLES = (ONE, TWO, f"{ONE} again", f"{TWO} and {THREE}", FOUR)
OUTLETS = ("a.example", "b.example", "c.example")


@st.composite
def items(draw: st.DrawFn, *, nested: bool = True) -> Record:
    """One of few pages, in one of its versions."""
    page = draw(st.integers(0, 7))
    related = draw(st.lists(items(nested=False), max_size=3)) if nested else []
    return record(
        draw(st.sampled_from(TITLES)),
        OUTLETS[page % 3],
        url=f"https://{OUTLETS[page % 3]}/{page}",
        hours=draw(st.sampled_from((0, 1, 30, 80, 200))),
        quality=draw(st.sampled_from((0, 50, 90))),
        heat=draw(st.sampled_from((None, 0, 200))),
        topics=draw(st.lists(st.sampled_from(("AI", "Space", "Été")), max_size=2, unique=True)),
        excerpt=draw(st.sampled_from(("", "“Ça va” 🐋"))),
        image=draw(st.sampled_from(("", "https://img.example/x.png"))),
        notable=draw(st.booleans()),
        twins=[f"https://{OUTLETS[page % 3]}/amp/{page}"] if draw(st.booleans()) else [],
        removed=nested and draw(st.integers(0, 5)) == 0,
        related=related,
    )


# Few examples, each of several batches: what takes long is to make a database empty and to take batches in.
@examples(0.2, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batches=st.lists(st.lists(items(), min_size=1, max_size=5), min_size=3, max_size=4))
async def test_what_was_planned_is_known_after_every_batch(
    stores: Database, batches: Sequence[Sequence[Record]]
) -> None:
    await wipe(stores)
    for hours, batch in enumerate(batches):
        made = await take(stores, *batch, hours=hours)
        known = await load_context(stores, *batch)
        assert made.new + made.changed + made.unchanged == len(batch)
        await same(stores, made, known)
        await consistent(stores)
        assert known.next_record > max(known.records)
        again = await take(stores, batch[-1], hours=hours)
        assert (again.new, again.changed, again.unchanged) == (0, 0, 1)
        assert (again.records, again.decisions) == ({}, Decisions())


async def test_a_record_comes_back_with_all_it_says(stores: Database) -> None:
    whole = record(
        "“Café” opens 🐋 – again",
        "a.example",
        excerpt="One\ntwo",
        quality=80,
        heat=0,
        notable=True,
        topics=["AI", "Éducation"],
        image="https://img.example/x.png",
    )
    whole = replace(whole, type="video", language="fr")
    await take(stores, whole, hours=1)
    found = await stored_of(stores, whole)
    assert found.record == whole
    assert (found.published, found.first_seen, found.partial, found.news, found.story) == (
        (at(), at(1), False, True, 1)
    )


async def test_a_record_without_time_heat_and_picture_has_none(stores: Database) -> None:
    plain = replace(record(ONE), published=None)
    await take(stores, plain, hours=1)
    found = await stored_of(stores, plain)
    assert (found.record.heat, found.record.image) == (None, None)
    assert found.published == at(1)


async def test_an_item_is_new_then_unchanged_then_changed(stores: Database) -> None:
    one = record(ONE, url="https://a.example/1")
    counts = [
        (made.new, made.changed, made.unchanged)
        for made in [
            await take(stores, one),
            await take(stores, one),
            await take(stores, replace(one, quality=90)),
            await take(stores, replace(one, quality=90)),
        ]
    ]
    assert counts == [(1, 0, 0), (0, 0, 1), (0, 1, 0), (0, 0, 1)]


async def test_what_a_record_declares_keeps_its_order_and_is_replaced(stores: Database) -> None:
    others = [record(title, f"o{n}.example") for n, title in enumerate((TWO, THREE, FOUR))]
    lead = record(ONE, related=others)
    await take(stores, lead)
    declared = (await stored_of(stores, lead)).declares
    async with stores.read() as connection:
        named = await records.by_id(connection, declared)
    assert [named[i].record.title for i in declared] == [TWO, THREE, FOUR]
    assert all(stored.partial for stored in named.values())
    await take(stores, replace(lead, related=(others[2], others[0])), hours=1)
    assert (await stored_of(stores, lead)).declares == (declared[2], declared[0])
    await take(stores, replace(lead, related=()), hours=2)
    assert (await stored_of(stores, lead)).declares == ()


async def test_what_is_known_of_a_batch_is_what_it_names_and_what_declares_that(stores: Database) -> None:
    background, other = record(TWO, "b.example", hours=-1000), record(THREE)
    lead = record(ONE, related=[background])
    await take(stores, lead, other)
    known = await load_context(stores, background, record(FOUR))
    assert {stored.record.title for stored in known.records.values()} == {ONE, TWO}
    assert (known.next_record, known.next_story) == (4, 3)


async def test_what_a_story_affects_are_its_members_and_what_they_declare(stores: Database) -> None:
    background, other = record(TWO, "b.example", hours=-1000), record(THREE)
    lead = record(ONE, related=[background], topics=["AI"])
    await take(stores, lead, other)
    story = (await stored_of(stores, lead)).story
    assert story is not None
    async with stores.read() as connection:
        found = await records.affected(connection, [story])
    assert {stored.record.title for stored in found.records.values()} == {ONE, TWO}
    assert [match.topic for own in found.topics.values() for match in own] == ["AI"]


async def test_only_stories_near_in_time_are_read_for_clustering(stores: Database) -> None:
    for hours, title in ((0, ONE), (95, TWO), (500, THREE)):
        await take(stores, record(title, hours=hours), hours=hours)
    await take(stores, record(FOUR, removed=True), hours=501)

    async def titles(since: float, until: float | None = None) -> set[str]:
        async with stores.read() as connection:
            found = await records.reports(connection, at(since), None if until is None else at(until))
            stored = await records.by_id(connection, [report.id for report in found])
        assert all(report.story == stored[report.id].story for report in found)
        return {stored[report.id].record.title for report in found}

    assert await titles(-1) == {ONE, TWO, THREE}
    assert await titles(90) == {TWO, THREE}
    assert await titles(-1, 96) == {ONE, TWO}
    assert await titles(501) == set()


async def test_what_is_read_for_clustering_is_what_was_compared(stores: Database) -> None:
    whole = replace(
        record("“Café 7” opens 🐋 – again", "a.example", excerpt="One\ntwo harbours, 3"), language="fr"
    )
    await take(stores, whole, record("", "b.example"))
    async with stores.read() as connection:
        one, empty = await records.reports(connection, at(-1))
    terms = extract_terms(whole.title, whole.excerpt, whole.language)
    assert (one.terms, one.outlet) == (terms, "a.example")
    assert one.day == pytest.approx(day_of(at()), abs=1e-8)
    assert terms.title
    assert terms.marks
    assert terms.excerpt
    assert not any(empty.terms)


async def test_a_changed_article_keeps_the_reason_why_it_is_in_its_story(stores: Database) -> None:
    first = record("Harbour bridge closed after crane collapses", "a.example")
    await take(stores, first)
    await take(stores, replace(first, excerpt="The crane stood on the quay."))
    stored = await stored_of(stores, first)
    async with stores.read() as connection:
        assert await records.reasons(connection, [stored.id]) == {stored.id: "First article of the story"}


@pytest.mark.skipif(not embeddings.installed(), reason="the extra 'semantic' is not installed")
async def test_what_a_report_means_is_kept_and_read_only_where_it_is_wanted(stores: Database) -> None:
    whole = record("Harbour bridge closed after crane collapses", "a.example")
    await take(stores, whole, semantic=True)
    await take(stores, record(ONE, "b.example"))
    async with stores.read() as connection:
        meant = [report.meaning for report in await records.reports(connection, at(-1), semantic=True)]
        unread = [report.meaning for report in await records.reports(connection, at(-1))]
    assert meant[0] == embeddings.embed(whole.title, whole.excerpt, whole.language)
    assert unread == [b"", b""]
    assert (await stored_of(stores, whole)).meaning == meant[0]


@pytest.mark.skipif(not embeddings.installed(), reason="the extra 'semantic' is not installed")
async def test_the_same_event_in_another_language_joins_its_story_and_why_says_so(stores: Database) -> None:
    english = replace(
        record("Ferry sinks off Port Merel, all passengers rescued", "a.example"), language="en"
    )
    german = replace(record("Fähre gesunken: Reisende gerettet", "b.example"), language="de")
    await take(stores, english, semantic=True)
    await take(stores, german, semantic=True)
    one, other = await stored_of(stores, english), await stored_of(stores, german)
    assert one.story == other.story
    async with stores.read() as connection:
        why = await connection.scalar(sa.select(schema.records.c.why).where(schema.records.c.id == other.id))
    assert why == "The same in another language"


@pytest.mark.skipif(not embeddings.installed(), reason="the extra 'semantic' is not installed")
async def test_vectors_of_another_model_are_not_read(stores: Database) -> None:
    await take(stores, record("Harbour bridge closed after crane collapses", "a.example"), semantic=True)
    async with stores.write() as connection:
        await connection.execute(sa.update(schema.records).values(meaning=b"\x05" * 256))
    async with stores.read() as connection:
        [report] = await records.reports(connection, at(-1), semantic=True)
    assert report.meaning == b""


async def test_a_page_is_known_by_all_its_addresses(stores: Database) -> None:
    amp = "https://a.example/1-for-phones"
    page = record(ONE, url="https://a.example/1", twins=[amp])
    await take(stores, page)
    known = await load_context(stores, record(ONE, url=amp))
    assert known.by_key == {amp: 1}
    made = await take(stores, record(TWO, url=amp), hours=1)
    assert (made.new, made.changed) == (0, 1)
    async with stores.read() as connection:
        keys = [page.key, amp, "https://a.example/unknown"]
        assert await records.ids_by_key(connection, keys) == {page.key: 1, amp: 1}


async def test_any_number_of_keys_can_be_asked_for(stores: Database) -> None:
    page = record(ONE)
    await take(stores, page)
    keys = [f"https://a.example/other/{n}" for n in range(2 * IN_MOST + 1)]
    async with stores.read() as connection:
        assert await records.ids_by_key(connection, [*keys, page.key]) == {page.key: 1}


async def test_topics_are_learned_once_whatever_their_case(stores: Database) -> None:
    await take(stores, record(ONE, topics=["Space", "AI"]), record(TWO, topics=["space"]))
    async with stores.read() as connection:
        assert [topic.name for topic in await TopicCache().load(connection)] == ["Space", "AI"]
        found = await records.topics_of(connection, [1, 2])
    assert found == {
        1: (TopicMatch("Space", True), TopicMatch("AI", True)),
        2: (TopicMatch("Space", True),),
    }


async def test_topics_keep_their_server_in_every_part_of_a_long_read(stores: Database) -> None:
    await take(stores, record(ONE, topics=["Space"]), record(TWO, topics=["AI"]))
    async with stores.write() as connection:
        ids = await topics.ensure(connection, ["Mine", "Theirs"])
        for name, guild_id in (("Mine", GUILD), ("Theirs", GUILD + 1)):
            of = schema.topics.c.id == ids[name.casefold()]
            await connection.execute(sa.update(schema.topics).where(of).values(guild_id=guild_id))
            rows: list[dict[str, Any]] = [
                {"record_id": record_id, "topic_id": ids[name.casefold()], "declared": False, "keywords": []}
                for record_id in (1, 2)
            ]
            await connection.execute(sa.insert(schema.record_topics), rows)
        story_of = {i: one.story or 0 for i, one in (await records.by_id(connection, [1, 2])).items()}
        numbers = [story_of[1], *range(10**6, 10**6 + IN_MOST), story_of[2]]
        seen = await records.topics_of(connection, numbers, GUILD)
    assert {record_id: [match.topic for match in matches] for record_id, matches in seen.items()} == {
        1: ["Space", "Mine"],
        2: ["AI", "Mine"],
    }


async def test_a_record_keeps_why_it_has_a_topic(stores: Database) -> None:
    async with stores.write() as connection:
        await topics.define(connection, [Topic("Whales", keywords=("whale", "sea  life"))])
    await take(stores, record("A whale and other sea life", topics=["AI"]))
    async with stores.read() as connection:
        (matches,) = (await records.topics_of(connection, [1])).values()
    assert set(matches) == {TopicMatch("AI", True), TopicMatch("Whales", False, ("whale", "sea  life"))}


async def test_a_changed_record_loses_the_topics_it_has_no_more(stores: Database) -> None:
    page = record(ONE, topics=["AI", "Space"])
    await take(stores, page)
    await take(stores, replace(page, topics=("Space",)), hours=1)
    async with stores.read() as connection:
        assert await story_counts(connection) == {"AI": 0, "Space": 1}
    await consistent(stores)


async def test_removed_records_leave_their_story_and_come_back(stores: Database) -> None:
    page = record(ONE, url="https://a.example/1", topics=["AI"])
    await take(stores, page)
    await take(stores, replace(page, removed=True), hours=1)
    await consistent(stores)
    async with stores.read() as connection:
        assert await story_numbers(connection) == []
        assert (await stories.load(connection, [1]))[1].members == ()
    await take(stores, page, hours=2)
    await consistent(stores)
    async with stores.read() as connection:
        assert await story_numbers(connection) == [1]
        assert await story_counts(connection) == {"AI": 1}


async def test_a_merged_story_goes_on_under_the_other_number(stores: Database) -> None:
    one, two, both = two_events_and_their_report("AI")
    await take(stores, one, two)
    made = await take(stores, both, hours=1)
    assert made.merged == {2: 1}
    await consistent(stores)
    async with stores.read() as connection:
        assert await stories.survivor(connection, 2) == 1
        assert await stories.survivor(connection, 1) == 1
        assert await stories.survivor(connection, 3) is None
        assert await story_numbers(connection) == [1]
        assert len((await stories.load(connection, [1]))[1].members) == 3
    assert (await load_context(stores, one)).next_story == 3  # a number is never used again


async def test_a_story_that_was_merged_again_and_again_is_found_in_one_step(stores: Database) -> None:
    await take(stores, *(record(title, topics=["AI"]) for title in (ONE, TWO, THREE, FOUR)))
    for old, into in pairwise((4, 3, 2, 1)):
        await merge(stores, old, into)
        await consistent(stores)
    async with stores.read() as connection:
        assert await stories.survivors(connection, [1, 2, 3, 4, 5]) == {2: 1, 3: 1, 4: 1}
        assert await stories.latest(connection, ["AI"], 10) == [1]


async def test_held_back_and_then_posted(stores: Database) -> None:
    """The reason goes when the story is posted after all, and with a story that goes on elsewhere."""
    asked = Subscription(0, GUILD, CHANNEL, "AI", Mode.LIVE, Volume.NOTABLE)
    await take(stores, record(FOUR, topics=["AI"], hours=-1000), hours=-1000, silent=True)
    async with stores.write() as connection:
        ids = await topics.ids(connection)
        await subscriptions.subscribe(connection, asked, ids["ai"], at())
    one, two, both = (replace(item, quality=10) for item in two_events_and_their_report("AI"))
    await take(stores, one, two)
    assert await withheld(stores) == {2: "too small", 3: "too small"}
    await take(stores, replace(both, quality=90), hours=1)
    assert (await posts_of(stores), await withheld(stores)) == ([2], {})


async def test_rematching_replaces_the_topics_of_records_and_stories(stores: Database) -> None:
    same = [record("A whale in the harbour", f"o{n}.example", topics=["Sea"]) for n in range(2)]
    await take(stores, *same)
    async with stores.write() as connection:
        stored = await records.arrived_after(connection, 0, 10)
        assert list(stored) == [1, 2]
        assert list(await records.arrived_after(connection, 1, 10)) == [2]
        assert list(await records.arrived_after(connection, 0, 1)) == [1]
        matches = {1: (TopicMatch("Whales", False, ("whale",)),), 2: ()}
        await records.rematch(connection, matches)
        await stories.decide_topics(connection, [1], NO_OWNERS)
        assert await records.topics_of(connection, [1]) == {1: matches[1]}
        assert await story_counts(connection) == {"Sea": 0, "Whales": 1}
    await consistent(stores)


@pytest.mark.parametrize("column", ["story", "record_id"])
async def test_nothing_refers_to_what_is_not_there(stores: Database, column: str) -> None:
    """Foreign keys are kept, on SQLite too, where they have to be asked for."""
    tables = {"story": schema.story_topics, "record_id": schema.record_topics}
    row = {column: 99, "topic_id": 99} | ({"keywords": [], "declared": True} if column != "story" else {})
    with pytest.raises(sa.exc.IntegrityError):
        async with stores.write() as connection:
            await connection.execute(sa.insert(tables[column]).values(row))
