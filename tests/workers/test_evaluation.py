"""Where queries are evaluated: off the event loop, outside of transactions, in turns, within a budget."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Topic, TopicMatch
from bot.domain.topics.matcher import TopicMatcher
from bot.domain.topics.query import language
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Query
from bot.services import evaluation, search, tryout
from bot.services import server_topics as use
from bot.services.evaluation import DOCUMENT, Evaluations, affordable
from bot.services.server_topics import Draft
from bot.store import server_topics as stored
from bot.workers import rematch
from tests.make import record
from tests.store.store_helpers import GUILD, headlines
from tests.workers.desk import BotHarness

DEAR = "storm* (wa* NEAR/50 wi*) (wa* NEAR/49 wi*) (wa* NEAR/48 wi*)"


async def filled(desk: BotHarness, number: int = 30) -> BotHarness:
    """Records of which every third is of a storm."""
    for_each = zip(range(number), headlines(number), strict=True)
    await desk.take_in(
        *(
            record(
                f"{title} {'storm' if n % 3 == 0 else 'calm'}",
                f"o{n}.example",
                excerpt="waves and wind",
                hours=-1,
            )
            for n, title in for_each
        )
    )
    return desk


@pytest.fixture
async def sea(fresh: BotHarness) -> BotHarness:
    return await filled(fresh)


class Watched(Evaluations):
    """Notes of each slice of work in which thread it ran, and whether a transaction was open."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()
        self.slices = 0
        self.open_transactions = 0

    async def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        assert self.open_transactions == 0

        def noted() -> Any:
            self.threads.add(threading.get_ident())
            return work(*args, **kwargs)

        self.slices += 1
        return await super().run(noted)


def watch(desk: BotHarness, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Watch what is evaluated from now on."""
    watched = Watched()
    object.__setattr__(desk.context, "evaluations", watched)
    for name in ("read", "write"):
        begin = getattr(desk.db, name)

        @asynccontextmanager
        async def counted(begin: Any = begin) -> AsyncIterator[AsyncConnection]:
            async with begin() as connection:
                watched.open_transactions += 1
                try:
                    yield connection
                finally:
                    watched.open_transactions -= 1

        monkeypatch.setattr(desk.db, name, counted)
    return watched


@pytest.fixture
def evaluated_here(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads in which anything is evaluated or explained."""
    threads: list[int] = []
    for name in ("matches", "explain"):
        before = getattr(language, name)

        def noted(*args: Any, before: Any = before) -> Any:
            threads.append(threading.get_ident())
            return before(*args)

        monkeypatch.setattr(language, name, noted)
    return threads


async def test_commands_evaluate_in_a_thread_and_in_no_transaction(
    sea: BotHarness, monkeypatch: pytest.MonkeyPatch, evaluated_here: list[int]
) -> None:
    watched = watch(sea, monkeypatch)
    assert len((await search.find(sea.context, "storm*", GUILD)).hits) == 10
    assert len((await tryout.newest(sea.context, GUILD, DEAR, 300)).matches) == 10
    assert (await tryout.backtest(sea.context, GUILD, 1, "storm")).records == 10
    assert (await use.create(sea.context, GUILD, Draft("Storms", DEAR))).records == 10
    assert watched.slices >= 8
    assert threading.get_ident() not in watched.threads | set(evaluated_here)
    assert evaluated_here


async def test_rematching_is_no_work_of_the_event_loop(
    sea: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    of = TopicMatcher.of

    def noted(known: TopicMatcher, *args: Any) -> tuple[TopicMatch, ...]:
        threads.append(threading.get_ident())
        return of(known, *args)

    monkeypatch.setattr(TopicMatcher, "of", noted)
    await rematch.configure(sea.context, [Topic("Storms", keywords=("storm",))])
    assert len(threads) == 30
    assert threading.get_ident() not in threads


async def test_looking_back_evaluates_the_new_topic_alone(
    sea: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await use.create(sea.context, GUILD, Draft(f"Topic {number}", f"storm (wa* NEAR/{number + 1} wi*)"))
    evaluated: list[str] = []
    matches = language.matches

    def noted(query: Query, document: Document) -> bool:
        evaluated.append(str(query))
        return matches(query, document)

    monkeypatch.setattr("bot.domain.topics.matcher.matches", noted)
    made = await use.create(sea.context, GUILD, Draft("One more", "calm (wa* NEAR/5 wi*)"))
    assert made.records == 20
    assert evaluated == [str(language.parse("calm (wa* NEAR/5 wi*)"))] * 30


async def test_what_changed_since_it_was_looked_at_keeps_what_the_intake_said(sea: BotHarness) -> None:
    first = record("Storm over the bay", "bay.example", hours=-1, excerpt="waves and wind")
    await sea.take_in(first)

    tag = stored.tag

    async def late(connection: AsyncConnection, topic: Topic, matches: Any) -> int:
        # as if the records had been read before they changed
        older = [(s, m) for s, m in matches if "over the bay" not in s.record.title]
        changed = [(s, m) for s, m in matches if s.record.title == "Storm over the bay"]
        assert changed
        await connection.exec_driver_sql(
            "UPDATE records SET title = 'Calm over the bay' WHERE title = 'Storm over the bay'"
        )
        return await tag(connection, topic, [*older, *changed])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "tag", late)
        made = await use.create(sea.context, GUILD, Draft("Storms", "storm"))
    assert made.records == 10  # that of the bay is another one by now


async def test_a_server_has_one_evaluation_at_a_time_and_others_go_on() -> None:
    evaluations, order = Evaluations(), []

    async def work(guild_id: int, name: str, wait: asyncio.Event | None = None) -> None:
        async with evaluations.turn(guild_id):
            order.append(f"{name} begins")
            if wait:
                await wait.wait()
            await evaluations.run(order.append, name)

    blocked = asyncio.Event()
    first = asyncio.create_task(work(1, "first", blocked))
    second = asyncio.create_task(work(1, "second"))
    await asyncio.sleep(0)
    await work(2, "another server")
    assert order == ["first begins", "another server begins", "another server"]
    blocked.set()
    await asyncio.gather(first, second)
    assert order[3:] == ["first", "second begins", "second"]


async def test_a_dear_query_looks_at_fewer_articles(sea: BotHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap, dear = language.parse("nothing"), language.parse(DEAR.replace("storm*", "nothing"))
    assert affordable(dear.price) < affordable(cheap.price)
    monkeypatch.setattr(evaluation, "STEPS", 10 * (DOCUMENT + dear.price))
    tested = await tryout.newest(sea.context, GUILD, str(dear), 300)
    assert (tested.looked_at, tested.cut) == (10, True)
    tested = await tryout.newest(sea.context, GUILD, str(cheap), 300)
    assert tested.looked_at == affordable(cheap.price)
    assert (await tryout.backtest(sea.context, GUILD, 1, str(dear))).cut
    made = await use.create(sea.context, GUILD, Draft("Dear", str(dear)))
    assert made.looked_at == 10


async def test_what_is_within_the_budget_is_not_cut(sea: BotHarness) -> None:
    assert not (await tryout.newest(sea.context, GUILD, "nothing", 300)).cut
    assert not (await tryout.backtest(sea.context, GUILD, 1, "nothing")).cut
    assert (await use.create(sea.context, GUILD, Draft("Storms", "storm"))).looked_at is None


async def test_a_backtest_of_too_many_stories_goes_back_less_far(
    fresh: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tryout, "MOST_STORIES", 4)
    for number, title in enumerate(headlines(8)):
        await fresh.take_in(record(f"{title} storm", f"o{number}.example", topics=["Sea"], hours=24 * number))
        fresh.clock.forward(days=1)
    whole = len((await tryout.backtest(fresh.context, GUILD, 1, "calm")).backtest.days)
    for asked in ("storm", "Sea"):
        found = await tryout.backtest(fresh.context, GUILD, 1, asked)
        assert found.cut
        assert len(found.backtest.days) < whole
