"""A server moves from one bot to another: what it takes along, and what a file cannot do."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from bot.domain.model import Mode, PostLayout, StorySize, Topic, Volume
from bot.domain.polling import FeedOrigin, NewFeed, Polls
from bot.domain.posting.quiet import QuietHours
from bot.domain.posting.schedule import DigestStyle, Schedule
from bot.errors import DatabaseLostError, InvalidInputError
from bot.services import (
    alerts,
    appearance,
    curate,
    digests,
    languages,
    moving,
    mutes,
    pace,
    rephrasing,
    server_file,
    server_topics,
    story_threads,
    subscribe,
    templates,
    votes,
)
from bot.services.context import Context
from bot.services.curate import Editor
from bot.services.moving import EntryKind, KindChanges, ServerPlaces
from bot.services.server_topics import Draft
from bot.services.subscribe import SubscribeRequest
from bot.store import feeds, schema
from bot.store.database import Database
from bot.workers import rematch
from tests.databases import opened
from tests.make import START, Clock, examples, record
from tests.store.store_helpers import statements, take

GUILD, NEWS, TALK, ROLE = 1 << 60, (1 << 60) + 7, (1 << 60) + 8, (1 << 60) + 9
ELSEWHERE = (1 << 60) + 100  # a channel or role of another server
ADMIN, MOVER = 41, 42
PLACES = ServerPlaces(
    GUILD, frozenset((NEWS, TALK)), frozenset((NEWS, TALK)), frozenset((NEWS,)), frozenset((ROLE,))
)
SHARED = (Topic("Rivers", keywords=("river",)), Topic("Harbours", keywords=("harbour",)))

REPORTS = (
    record("River ferry runs aground near the old lighthouse", "a.example", url="https://a.example/1"),
    record("Carpenters rebuild a medieval water mill", "b.example", url="https://b.example/1"),
    record("Stranded ferry blocks the river for hours", "c.example", url="https://c.example/1"),
)
# What differs for a reason: ids, who set something and when, and what is computed or learned anew.
NOT_MOVED = {
    "id", "source_id", "topic_id", "digest_id", "user_id", "added_by", "set_at", "added_at", "next_poll", "threshold",
    "stories_a_day", "posts_a_day", "posts_from", "calibrate_at", "first_posts_until", "interval", "one", "other",
}  # fmt: skip
AT_OF_SETTING = {"rephrasing_servers", "translation_channels"}  # whose `at` is when it was set
MOVED = (
    schema.subscriptions, schema.topics, schema.feeds, schema.channels, schema.digests, schema.mutes,
    schema.post_templates, schema.alert_channels, schema.voting_servers, schema.rephrasing_servers,
    schema.translation_channels, schema.server_languages, schema.story_overrides,
)  # fmt: skip


def is_set_anew(table: str, column: str) -> bool:
    """Whether a column is not what moved, but ids, who set it and when, or what is learned."""
    return column in NOT_MOVED or (column == "at" and table in AT_OF_SETTING)


@dataclass(frozen=True)
class House:
    """A bot with its own database."""

    db: Database
    context: Context

    async def rows(self) -> dict[str, list[list[Any]]]:
        """The rows of what a server can take along, topics by their names."""
        async with self.db.read() as connection:
            names = dict(
                (await connection.execute(sa.select(schema.topics.c.id, schema.topics.c.name))).all()
            )
            result = {}
            for table in MOVED:
                rows = await connection.execute(sa.select(table).where(table.c.guild_id == GUILD))
                result[table.name] = sorted(
                    (
                        [
                            names.get(row.get("topic_id"), ""),
                            *(pair for pair in row.items() if not is_set_anew(table.name, pair[0])),
                        ]
                        for row in rows.mappings()
                    ),
                    key=repr,
                )
            return result

    async def everything(self) -> dict[str, list[str]]:
        """All rows of all tables."""
        async with self.db.read() as connection:
            return {
                table.name: sorted(map(repr, await connection.execute(sa.select(table))))
                for table in schema.metadata.sorted_tables
            }


async def house(db: Database, clock: Clock) -> House:
    """A bot that has the same topics and articles as any other of these."""
    context = Context(db, clock, model="some-model", editors="all", polls=Polls(per_server=3))
    await rematch.configure(context, SHARED)
    for report in REPORTS:
        await take(db, report)
    return House(db, context)


@pytest.fixture
async def old(sqlite_url: str, clock: Clock) -> AsyncIterator[House]:
    async with opened(sqlite_url) as db:
        yield await house(db, clock)


@pytest.fixture
async def new(postgres_url: str, clock: Clock) -> AsyncIterator[House]:
    async with opened(postgres_url) as db:
        yield await house(db, clock)


async def furnish(house: House, clock: Clock) -> None:
    """Set one thing of every kind that a server can set."""
    context = house.context
    await templates.save(context, GUILD, "{headline}\n{outlets}", ADMIN)
    await languages.choose(context, GUILD, "de")
    await votes.switch(context, GUILD, on=True)
    await rephrasing.choose(context, GUILD, ADMIN, rephrasing.BriefStyle.REPHRASED)
    await server_topics.create(
        context, GUILD, Draft("Water mills", '"water mill" -flour', "Mills, Millwheels", "Rivers")
    )
    async with house.db.intake() as connection:
        feed = NewFeed(
            "https://mills.example/feed",
            FeedOrigin.SERVER,
            "",
            ("Water mills",),
            None,
            GUILD,
            ADMIN,
            "Mill news",
        )
        await feeds.add(connection, feed, context.polls.bounds.least, clock())
    live = SubscribeRequest(
        GUILD, NEWS, "Rivers", Mode.BOTH, Volume.MANY, ROLE, True, None, PostLayout.TEMPLATE, Volume.FEW,
        StorySize.MAJOR, True,
    )  # fmt: skip
    await subscribe.subscribe(context, live)
    await subscribe.subscribe(context, SubscribeRequest(GUILD, TALK, "Water mills", Mode.DIGEST))
    await appearance.choose(context, GUILD, NEWS, colour="#2D9CDB")
    await digests.set_schedule(
        context, GUILD, TALK, Schedule(time(7, 30), "Europe/Berlin", frozenset((0, 3)), 5, DigestStyle.HEADLINES),
        topic="Water mills", name="Mill days",
    )  # fmt: skip
    async with house.db.write() as connection:
        await connection.execute(sa.update(schema.digests).values(covered_until=clock()))
    await mutes.mute(context, GUILD, None, "flour.example")
    await mutes.mute(context, GUILD, NEWS, "cake recipe")
    await pace.limit(context, GUILD, NEWS, 3)
    await pace.set_quiet(context, GUILD, NEWS, QuietHours(time(22), time(6, 30), "Europe/Berlin"))
    await story_threads.switch(context, GUILD, NEWS, on=True)
    await alerts.set_open(context, GUILD, TALK, is_open=True)
    await rephrasing.translate(context, GUILD, TALK, ADMIN, "de")
    await curate.merge(context, Editor(GUILD, ADMIN), 1, "#3")


async def moved(old: House, new: House) -> server_file.ServerFile:
    """What an export has and an import gets."""
    return server_file.decode(server_file.encode(await moving.export(old.context, GUILD)))


async def test_a_server_moves_with_no_row_that_differs(old: House, new: House, clock: Clock) -> None:
    await furnish(old, clock)
    file = await moved(old, new)
    before = await new.everything()
    shown = await moving.preview(new.context, PLACES, MOVER, file)
    assert {kind: changes.new for kind, changes in shown.kinds.items()} == {
        EntryKind.SETTINGS: 4, EntryKind.TOPICS: 1, EntryKind.FEEDS: 1, EntryKind.CHANNELS: 2, EntryKind.SUBSCRIPTIONS: 2, EntryKind.DIGESTS: 3,
        EntryKind.MUTES: 2, EntryKind.DECISIONS: 1,
    }  # fmt: skip
    assert await new.everything() == before
    done = await moving.apply(new.context, PLACES, MOVER, file)
    assert done.kinds == shown.kinds
    there = await old.rows()
    assert all(there.values())
    assert await new.rows() == there
    again = await moving.export(new.context, GUILD)
    assert replace_time(server_file.encode(again)) == replace_time(server_file.encode(file))
    async with new.db.read() as connection:
        stories = (
            await connection.execute(sa.select(schema.records.c.story).order_by(schema.records.c.id))
        ).scalars()
        assert list(stories) == [1, 2, 1]
        users = (await connection.execute(sa.select(schema.post_templates.c.user_id))).scalars().all()
    assert users == [MOVER]
    text = server_file.encode(file).decode()
    assert str(ADMIN) not in json.loads(text).get("settings", {}).values()
    assert await _matched(new) == 1


def replace_time(content: bytes) -> dict[str, Any]:
    """The file without the time of its export."""
    data: dict[str, Any] = json.loads(content)
    del data["exported_at"]
    return data


async def test_the_same_file_again_changes_nothing(old: House, clock: Clock) -> None:
    await furnish(old, clock)
    file = await moving.export(old.context, GUILD)
    before = await old.everything()
    done = await moving.apply(old.context, PLACES, MOVER, file)
    assert done.changes_nothing
    assert await old.everything() == before


async def test_what_is_here_already_changes_and_nothing_is_removed(old: House, clock: Clock) -> None:
    await furnish(old, clock)
    file = document(await moving.export(old.context, GUILD))
    file["subscriptions"][0]["mode"] = "live"
    file["topics"][0]["query"] = "ferry OR mill"
    file["mutes"] = [{"value": "opera"}]
    done = await moving.apply(old.context, PLACES, MOVER, parsed(file))
    assert [
        done.kinds[kind].changed for kind in (EntryKind.SUBSCRIPTIONS, EntryKind.TOPICS, EntryKind.MUTES)
    ] == [1, 1, 0]
    assert await _matched(old) == len(REPORTS), "earlier articles are matched with the new query"
    assert len(await mutes.listing(old.context, GUILD)) == 3


async def test_decisions_about_others_articles_are_left_out(old: House, clock: Clock) -> None:
    await furnish(old, clock)
    file = document(await moving.export(old.context, GUILD))
    file["decisions"].append({**file["decisions"][0], "one": "https://nowhere.example/1"})
    async with old.db.write() as connection:
        await connection.execute(sa.delete(schema.story_overrides))
    guest = replace(old.context, editors=frozenset())
    done = await moving.apply(guest, PLACES, MOVER, parsed(file))
    assert done.kinds[EntryKind.DECISIONS].left_out == 2
    async with old.db.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(schema.story_overrides)) == 0


async def test_an_import_that_loses_the_database_among_its_decisions_says_so_and_the_next_one_makes_them(
    old: House, new: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await furnish(old, clock)
    file = await moved(old, new)

    async def lost(*_: object) -> None:
        raise DatabaseLostError("the database is gone")

    with monkeypatch.context() as broken:
        broken.setattr(curate, "decide", lost)
        with pytest.raises(DatabaseLostError):
            await moving.apply(new.context, PLACES, MOVER, file)
    assert await _matched(new) == 1, "its topics are matched with earlier articles before the decisions"
    done = await moving.apply(new.context, PLACES, MOVER, file)
    assert done.kinds[EntryKind.DECISIONS] == KindChanges(new=1)
    assert await new.rows() == await old.rows()


async def test_an_import_that_ends_in_its_look_back_is_made_up_for(
    old: House, new: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await furnish(old, clock)
    file = await moved(old, new)

    async def ends(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as stopping:
        stopping.setattr(server_topics, "look_back", ends)
        with pytest.raises(asyncio.CancelledError):
            await moving.apply(new.context, PLACES, MOVER, file)
    assert await _matched(new) == 0
    clock.forward(seconds=server_topics.UNFINISHED_AFTER.total_seconds() + 1)
    await server_topics.finish_look_backs(new.context)
    assert await _matched(new) == 1


async def _matched(house: House) -> int | None:
    """How often an article has a topic of the server."""
    async with house.db.read() as connection:
        tagged = sa.select(sa.func.count()).select_from(schema.record_topics).join(schema.topics)
        count: int | None = await connection.scalar(tagged.where(schema.topics.c.guild_id == GUILD))
        return count


async def test_the_statements_of_an_import_do_not_grow_with_its_entries(old: House) -> None:
    """An intake waits for it, so there are few statements in its transaction. A decision is a transaction of its own."""
    counts, largest = [], []
    for count, guild_id in ((3, GUILD), (60, GUILD + 1)):
        channels = [str(guild_id + 10 + n) for n in range(count)]
        ids = frozenset(map(int, channels))
        every = [{"channel": channel, "topic": "Rivers"} for channel in channels]
        quiet = {"start": "22:00", "end": "06:00", "zone": "UTC"}
        pairs = ((0, 1), (0, 2), (1, 2))
        data = FORM | {
            "server": str(guild_id),
            "topics": [{"name": f"Mine {n}", "query": f"mine{n}"} for n in range(count)],
            "channels": [
                {"channel": channel, "posts_per_hour": 2, "quiet_hours": quiet, "threads": True, "open_to_alerts": True}
                for channel in channels
            ],
            "subscriptions": [entry | {"mode": "both"} for entry in every],
            "digests": [entry | {"at": "9"} for entry in every[: count // 2]],
            "mutes": [{"value": f"word{n}"} for n in range(count)],
            "decisions": [
                {"one": REPORTS[a].key, "other": REPORTS[b].key, "same": False, "at": "2026-03-02T12:00:00Z"}
                for a, b in pairs[: 1 if count == 3 else 3]
            ],
        }  # fmt: skip
        places = ServerPlaces(guild_id, ids, ids, ids)
        with statements(old.db) as seen:
            await moving.preview(old.context, places, MOVER, parsed(data))
        assert not any(sql.lstrip().startswith(WRITES) for sql, _ in seen)
        with statements(old.db) as seen:
            done = await moving.apply(old.context, places, MOVER, parsed(data))
        assert [done.kinds[kind].new for kind in (EntryKind.TOPICS, EntryKind.CHANNELS)] == [count, count]
        transactions = parts(sql for sql, _ in seen)
        counts.append(max(map(len, transactions)))
        largest.append(sum(any("INTO story_overrides" in sql for sql in part) for part in transactions))
    assert counts[0] == counts[1]
    assert largest == [1, 2], "each decision by itself; one was made by the first server"


WRITES = ("INSERT", "UPDATE", "DELETE")


def parts(seen: Iterable[str]) -> list[list[str]]:
    """The statements of each transaction."""
    found: list[list[str]] = [[]]
    for sql in seen:
        if sql.startswith("BEGIN"):
            found.append([])
        found[-1].append(sql)
    return found


def document(file: server_file.ServerFile) -> dict[str, Any]:
    """A file, to be changed by hand."""
    data: dict[str, Any] = json.loads(server_file.encode(file))
    return data


def parsed(data: dict[str, Any]) -> server_file.ServerFile:
    """A file that was changed by hand."""
    return server_file.decode(json.dumps(data).encode())


Hostile = tuple[Callable[[dict[str, Any]], Any], str]


def _set(kind: str, entry: Any, *more: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda data: data.update({kind: [entry, *more]})


MINE = {"channel": str(NEWS), "topic": "Rivers"}
NOT_IMPORTED: dict[str, Hostile] = {
    "another server's file": (lambda d: d.update(server=str(GUILD + 1)), "only be imported into the server"),
    "another server's channel": (
        _set("subscriptions", {**MINE, "channel": str(ELSEWHERE)}),
        f"subscriptions[0]: {ELSEWHERE}",
    ),
    "another server's role": (
        _set("subscriptions", {**MINE, "mention": str(ELSEWHERE)}),
        "not a role of this server",
    ),
    "everyone": (_set("subscriptions", {**MINE, "mention": str(GUILD)}), "not a role of this server"),
    "a digest elsewhere": (_set("digests", {"channel": str(ELSEWHERE)}), "digests[0]"),
    "a mute elsewhere": (_set("mutes", {"value": "x", "channel": str(ELSEWHERE)}), "mutes[0]"),
    "a channel elsewhere": (
        _set("channels", {"channel": str(ELSEWHERE), "open_to_alerts": True}),
        "channels[0]",
    ),
    "an unknown topic": (_set("subscriptions", {**MINE, "topic": "Nothing"}), "no topic “Nothing”"),
    "an unknown mode": (
        _set("subscriptions", {**MINE, "mode": "shout"}),
        "not one of these: live, digest, both",
    ),
    "an unknown layout": (_set("subscriptions", {**MINE, "layout": "x"}), "card"),
    "no template": (_set("subscriptions", {**MINE, "layout": "template"}), "no template"),
    "a colour": (_set("subscriptions", {**MINE, "colour": "red"}), "not a colour"),
    "publishing nowhere": (
        _set("subscriptions", {**MINE, "channel": str(TALK), "publish": True}),
        "no followers",
    ),
    "twice the same": (
        _set("subscriptions", MINE, {**MINE, "topic": "rivers"}),
        "subscriptions[1]: This repeats an earlier entry of the file",
    ),
    "two equal digests": (_set("digests", *[{"channel": str(NEWS), "at": "9:00"}] * 2), "two digests"),
    "a dear query": (
        _set("topics", {"name": "Dear", "query": " OR ".join(f"(a{i}* NEAR b{i}*)" for i in range(90))}),
        "topics[0]",
    ),
    "no query": (_set("topics", {"name": "Empty"}), "needs a query"),
    "a built-in topic": (_set("topics", {"name": "rivers", "query": "x"}), "built-in"),
    "names that collide": (
        _set(
            "topics",
            {"name": "One", "query": "x", "aliases": ["Same"]},
            {"name": "Two", "query": "y", "aliases": ["same"]},
        ),
        "same",
    ),
    "too many topics": (
        _set("topics", *({"name": f"T{i}", "query": "x"} for i in range(101))),
        "100 are allowed",
    ),
    "a feed that is none": (_set("feeds", {"address": "javascript:alert(1)"}), "feeds[0]"),
    "too many feeds": (_set("feeds", *({"address": f"https://f{i}.example/"} for i in range(4))), "3 feeds"),
    "too many mutes": (_set("mutes", *({"value": f"word{i}"} for i in range(201))), "200 mutes"),
    "too many digests": (
        _set("digests", *({"channel": str(NEWS), "name": f"n{i}", "at": "9"} for i in range(11))),
        "the limit",
    ),
    "a zone": (_set("digests", {"channel": str(NEWS), "at": "9", "zone": "Mars/Base"}), "not a time zone"),
    "a size": (_set("digests", {"channel": str(NEWS), "at": "9", "size": 10**30}), "1 to 25"),
    "a limit": (_set("channels", {"channel": str(NEWS), "posts_per_hour": -1}), "posts an hour"),
    "a language": (lambda d: d["settings"].update(language="xx"), "one of these languages"),
    "a template": (lambda d: d["settings"].update(template="{nonsense}"), "nonsense"),
}


async def test_a_file_with_one_wrong_entry_changes_nothing_and_names_it(old: House) -> None:
    before = await old.everything()
    for case, (change, message) in NOT_IMPORTED.items():
        data = document(await moving.export(old.context, GUILD))
        data["mutes"] = [{"value": "a good entry"}]
        change(data)
        for act in (moving.preview, moving.apply):
            with pytest.raises(InvalidInputError) as error:
                await act(old.context, PLACES, MOVER, parsed(data))
            assert message in str(error.value), case
        assert await old.rows() == {table.name: [] for table in MOVED}, case
    assert await old.everything() == before


FORM = {
    "format": server_file.FORMAT,
    "version": 1,
    "server": str(GUILD),
    "exported_at": "2026-03-02T12:00:00Z",
}

CHANNELS = st.sampled_from((str(NEWS), str(TALK)))
VOLUMES = st.sampled_from(tuple(volume.value for volume in Volume))
WORDS = st.sampled_from(("osprey", "ferry pier", "Mühle", "船", "peat-bog"))
TIMES = st.times().map(lambda moment: f"{moment:%H:%M}")
ZONES = st.sampled_from(("UTC", "Europe/Berlin", "Asia/Kathmandu"))
PAST = st.integers(0, 10**6).map(lambda ago: (START - timedelta(seconds=ago)).isoformat())


def some(needed: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    """An entry of a file with the fields that it needs, and any of the others."""
    return st.fixed_dictionaries(needed, optional=optional)


def by(*names: str) -> Callable[[Any], tuple[Any, ...]]:
    """What no two entries may share."""
    return lambda entry: tuple(entry.get(name) for name in names)


def numbered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries, each with a name that no other has."""
    return [entry | {"name": f"Entry {place}"} for place, entry in enumerate(entries)]


FILES = st.fixed_dictionaries(
    {
        "settings": some(
            {}, language=st.sampled_from(("de", "fr")), votes=st.booleans(), template=st.just("{link}")
        ),
        "topics": st.lists(
            some(
                {"query": WORDS.map(lambda word: f'"{word}" -golf')}, parent=st.sampled_from(("", "Rivers"))
            ),
            max_size=3,
        ).map(numbered),
        "subscriptions": st.lists(
            some(
                {"channel": CHANNELS, "topic": st.sampled_from(("Rivers", "Harbours"))},
                mode=st.sampled_from(("live", "digest", "both")),
                volume=VOLUMES,
                digest_volume=VOLUMES,
                mention=st.just(str(ROLE)),
                ping_from=st.sampled_from(("any", "notable", "major")),
                layout=st.sampled_from(("card", "compact", "headline")),
                colour=st.integers(0, 0xFFFFFF).map(lambda colour: f"#{colour:06x}"),
                announces_major=st.booleans(),
                created_at=PAST,
            ),
            max_size=4,
            unique_by=by("channel", "topic"),
        ),
        "digests": st.lists(
            some(
                {"channel": CHANNELS, "at": TIMES},
                topic=st.sampled_from(("Rivers", "Harbours")),
                zone=ZONES,
                days=st.sampled_from(("daily", "mon", "tue-fri", "weekends")),
                size=st.integers(1, 25),
                style=st.sampled_from(("brief", "headlines")),
                planned=st.booleans(),
                covered_until=PAST,
            ),
            max_size=4,
        ).map(numbered),
        "mutes": st.lists(
            some({"value": WORDS}, channel=CHANNELS),
            max_size=4,
            unique_by=by("value", "channel"),
        ),
        "channels": st.lists(
            some(
                {"channel": CHANNELS},
                posts_per_hour=st.integers(1, 10),
                quiet_hours=st.builds(
                    lambda hour, zone: {"start": f"{hour:02}:00", "end": f"{hour:02}:30", "zone": zone},
                    st.integers(0, 23),
                    ZONES,
                ),
                threads=st.booleans(),
                digests_off=st.booleans(),
                open_to_alerts=st.booleans(),
                brief_language=st.sampled_from(("de", "en")),
            ),
            max_size=2,
            unique_by=by("channel"),
        ),
    }
)


@examples(0.2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=FILES)
def test_whatever_a_server_has_comes_back_as_it_was(
    tmp_path: Path, migrated_file: Path, clock: Clock, data: dict[str, Any]
) -> None:
    async def lived_in(name: str, file: server_file.ServerFile) -> tuple[dict[str, Any], dict[str, Any]]:
        path = tmp_path / name
        shutil.copyfile(migrated_file, path)
        async with opened(str(path)) as db:
            context = Context(db, clock, model="some-model")
            await rematch.configure(context, SHARED)
            await moving.apply(context, PLACES, MOVER, file)
            export = document(await moving.export(context, GUILD))
            assert (await moving.apply(context, PLACES, MOVER, parsed(export))).changes_nothing
            return export, await House(db, context).rows()

    async def move() -> None:
        export, rows = await lived_in("old.db", parsed(FORM | data))
        assert await lived_in("new.db", parsed(export)) == (export, rows)

    asyncio.run(move())


MALFORMED: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{", "line 1, column 2"),
    "another JSON": (b"[]", "not a file from `/data export`"),
    "no text": (b"\xff\xfe", "UTF-8"),
    "a newer version": (json.dumps({**FORM, "version": 2}).encode(), "version 2"),
    "deep": (b"[" * 200_000, "nested too deeply"),
    "deep inside": (
        json.dumps(FORM).encode()[:-1] + b', "topics": ' + b"[" * 90_000 + b"]" * 90_000 + b"}",
        "deeply",
    ),
    "less deep": (
        json.dumps(FORM).encode()[:-1] + b', "topics": ' + b"[" * 500 + b"]" * 500 + b"}",
        "topics[0]: Expected an entry with fields",
    ),
    "no number": (json.dumps(FORM).encode()[:-1] + b', "x": NaN}', "NaN"),
    "a character that no database stores": (
        json.dumps({**FORM, "mutes": [{"value": "a\0b"}]}).encode(),
        "characters",
    ),
    "half a character": (json.dumps({**FORM, "mutes": [{"value": "\ud83d"}]}).encode(), "characters"),
    "an endless number": (json.dumps(FORM).encode()[:-1] + b', "x": ' + b"9" * 9000 + b"}", "too large"),
    "a field twice": (json.dumps(FORM).encode()[:-1] + b', "version": 1}', "“version” twice"),
    "huge": (json.dumps(FORM).encode() + b" " * server_file.MOST_BYTES, "larger than 1,000,000 bytes"),
    "many entries": (json.dumps({**FORM, "mutes": [{}] * 200_000}).encode(), "at most 1,000 entries"),
    "an unknown field": (json.dumps({**FORM, "webhooks": []}).encode(), "field “webhooks” is unknown"),
    "a number as id": (json.dumps({**FORM, "server": GUILD}).encode(), "server: Expected text"),
    "an id that is none": (json.dumps({**FORM, "server": "-1"}).encode(), "Discord ID"),
    "a missing field": (
        json.dumps({**FORM, "mutes": [{"channel": "5"}]}).encode(),
        "mutes[0]: The field “value” is missing",
    ),
    "a wrong type": (
        json.dumps({**FORM, "mutes": [{"value": ["x"]}]}).encode(),
        "mutes[0].value: Expected text, but the file has a list",
    ),
    "a time without zone": (
        json.dumps({**FORM, "exported_at": "2026-03-02T12:00:00"}).encode(),
        "exported_at: This must be a time",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_is_refused_with_the_place_of_the_mistake(case: str) -> None:
    content, message = MALFORMED[case]
    with pytest.raises(InvalidInputError) as error:
        server_file.decode(content)
    assert message in str(error.value)


class Compared(str):
    """A text that counts how often it is compared with another one."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Compared.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_a_field_that_is_there_twice_is_found_in_as_many_steps_as_there_are_fields() -> None:
    names = [Compared(f"field {number}") for number in range(2_000)]
    Compared.comparisons = 0
    with pytest.raises(InvalidInputError, match="“field 1999” twice"):
        server_file._unique([(name, 1) for name in [*names, Compared("field 1999")]])
    assert Compared.comparisons <= 3 * len(names)
