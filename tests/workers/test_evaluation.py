"""Where queries are evaluated: off the event loop, outside of transactions, in turns, within a budget."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mode, Topic, TopicMatch, Volume
from bot.domain.posting.backtest import reached
from bot.domain.posting.digest import compose
from bot.domain.stories import story as stories
from bot.domain.stories.ranking import Sort
from bot.domain.stories.related import related_stories
from bot.domain.topics.matcher import TopicMatcher
from bot.domain.topics.query import language
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Query
from bot.messages.digest import digest_payload
from bot.messages.story import story_post
from bot.services import digests, evaluation, mutes, related, search, story_batches, topics, tryout
from bot.services import server_topics as use
from bot.services import subscribe as subscribing
from bot.services.evaluation import DOCUMENT, Evaluations, affordable
from bot.services.server_topics import Draft
from bot.services.subscribe import SubscribeRequest, post_now
from bot.store import server_topics as stored
from bot.workers import rematch
from tests.make import at, record
from tests.store.store_helpers import CHANNEL, GUILD, headlines
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


class RecordingEvaluations(Evaluations):
    """Notes of each slice of work in which thread it ran, and whether a transaction was open."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()
        self.slices = 0
        self.open_transactions = 0
        self.outside: list[str] = []  # what ran while its task had no turn
        self._in_turn: set[asyncio.Task[Any] | None] = set()

    @asynccontextmanager
    async def turn(self, guild_id: int) -> AsyncIterator[None]:
        async with super().turn(guild_id):
            self._in_turn.add(asyncio.current_task())
            try:
                yield
            finally:
                self._in_turn.discard(asyncio.current_task())

    async def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        assert self.open_transactions == 0

        def noted() -> Any:
            self.threads.add(threading.get_ident())
            return work(*args, **kwargs)

        self.slices += 1
        if asyncio.current_task() not in self._in_turn:
            self.outside.append(work.__name__)
        return await super().run(noted)


def watch(desk: BotHarness, monkeypatch: pytest.MonkeyPatch) -> RecordingEvaluations:
    """Watch what is evaluated from now on."""
    watched = RecordingEvaluations()
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
    assert len((await tryout.newest(sea.context, GUILD, DEAR)).matches) == 10
    assert (await tryout.backtest(sea.context, GUILD, 1, "storm")).records == 10
    assert (await use.create(sea.context, GUILD, Draft("Storms", DEAR))).records == 10
    assert watched.slices >= 8
    assert not watched.outside
    assert threading.get_ident() not in watched.threads | set(evaluated_here)
    assert evaluated_here


def threads_of(function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads in which a function of the domain runs from now on, once for each call, whoever imports it."""
    threads: list[int] = []

    def noted(*args: Any, **kwargs: Any) -> Any:
        threads.append(threading.get_ident())
        return function(*args, **kwargs)

    for name, module in list(sys.modules.items()):
        if name.startswith("bot.") and getattr(module, function.__name__, None) is function:
            monkeypatch.setattr(module, function.__name__, noted)
    return threads


async def _send_digest(desk: BotHarness) -> None:
    desk.clock.forward(days=1)
    await desk.digest()


async def _change_a_post(desk: BotHarness) -> None:
    await desk.take_in(record("Storm at the pier", "pier.example", topics=["Sea"]))
    await desk.deliver()


async def _subscribe(desk: BotHarness) -> None:
    request = SubscribeRequest(GUILD, CHANNEL + 1, "Sea", Mode.LIVE, Volume.EVERYTHING)
    await subscribing.subscribe(desk.context, request)


# What is asked of the bot, and what is computed for it.
COMPUTED: dict[str, tuple[Callable[[BotHarness], Awaitable[object]], Callable[..., Any]]] = {
    "a mute": (lambda d: mutes.effect(d.context, GUILD, None, "storm"), stories.story_view),
    "a new subscription": (_subscribe, stories.story_view),
    "the newest stories": (lambda d: related.latest(d.context, None, GUILD), stories.story_view),
    "the hottest stories": (
        lambda d: related.latest(d.context, "Sea", GUILD, sort=Sort.HOT),
        stories.story_view,
    ),
    "a story": (lambda d: related.related(d.context, "1", GUILD, CHANNEL), stories.story_view),
    "stories related to it": (lambda d: related.related(d.context, "1", GUILD, CHANNEL), related_stories),
    "why it has its topics": (lambda d: related.why(d.context, "1", GUILD, CHANNEL), stories.story_view),
    "a post on demand": (lambda d: post_now(d.context, 1, GUILD, CHANNEL), stories.story_view),
    "a backtest": (lambda d: tryout.backtest(d.context, GUILD, CHANNEL, "Sea"), reached),
    "a digest that is looked at": (lambda d: digests.preview(d.context, GUILD, CHANNEL), compose),
    "a digest on demand": (lambda d: digests.send_now(d.context, GUILD, CHANNEL, digest_payload), compose),
    "a digest that is due": (_send_digest, compose),
    "the digest of a topic": (
        lambda d: digests.between(d.context, "Sea", at(-9), at(9), 5),
        compose,
    ),
    "the list of topics": (lambda d: topics.listing(d.context, "", GUILD), topics._rows),
    "topics for an empty field": (lambda d: topics.suggest(d.context, "", GUILD), topics._most_followed),
    "a message": (_change_a_post, story_post),
}


async def test_what_is_asked_of_the_bot_is_computed_in_a_thread(
    fresh: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fresh.begin("Sea")
    await fresh.follow("Sea", mode=Mode.BOTH)
    await fresh.take_in(*(record(f"{title} storm", topics=["Sea"]) for title in headlines(4)))
    watched = watch(fresh, monkeypatch)
    for asked, (ask, computed) in COMPUTED.items():
        with monkeypatch.context() as patch:
            threads = threads_of(computed, patch)
            await ask(fresh)
        assert threads, asked
        assert threading.get_ident() not in threads, asked
        assert not watched.outside, f"{asked}: one server has the thread of all"


def test_commands_take_their_servers_turn_for_pages_as_well() -> None:
    for cog in (Path(__file__).parents[2] / "cogs").glob("*.py"):
        assert "evaluations.run(" not in cog.read_text(encoding="utf-8"), cog.name


async def test_many_stories_are_read_and_looked_at_in_batches(
    sea: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story_batches, "AT_ONCE", 12)
    watched = watch(sea, monkeypatch)
    numbers = [*range(30, 0, -1)]
    batches = story_batches.story_batches(
        sea.context, numbers, GUILD, lambda batch: [story.number for story in batch]
    )
    looked_at = [found async for found in batches]
    assert [len(found) for found in looked_at] == [12, 12, 6]
    assert [number for found in looked_at for number in found] == numbers
    assert threading.get_ident() not in watched.threads


@pytest.mark.parametrize("asked", ["a mute", "a new subscription"])
async def test_only_so_many_stories_are_looked_at(
    fresh: BotHarness, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutes, "MOST_STORIES", 3)
    monkeypatch.setattr(subscribing, "MOST_FORECAST", 3)
    await fresh.begin("Sea")
    await fresh.take_in(*(record(f"{title} storm", topics=["Sea"]) for title in headlines(8)))
    fresh.clock.forward(days=2)  # none of them is one of the first posts
    threads = threads_of(stories.story_view, monkeypatch)
    await COMPUTED[asked][0](fresh)
    assert len(threads) == 3


async def test_a_forecast_of_more_stories_than_are_looked_at_says_so(
    fresh: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fresh.begin("Sea")
    await fresh.take_in(*(record(f"{title} storm", topics=["Sea"]) for title in headlines(4)))
    request = SubscribeRequest(GUILD, CHANNEL, "Sea", Mode.LIVE, Volume.EVERYTHING)
    whole = (await subscribing.subscribe(fresh.context, request)).forecast
    assert (len(whole.stories), whole.cut) == (4, False)
    monkeypatch.setattr(subscribing, "MOST_FORECAST", 3)
    newest = (await subscribing.subscribe(fresh.context, request)).forecast
    assert (newest.stories, newest.cut) == (whole.stories[:3], True)


async def test_a_digest_of_too_many_stories_is_chosen_from_the_hottest(
    fresh: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "MOST_CANDIDATES", 2)
    await fresh.begin("Sea")
    await fresh.follow("Sea", mode=Mode.DIGEST)
    qualities = [70, 20, 90, 10]
    await fresh.take_in(
        *(
            record(f"{title} storm", topics=["Sea"], quality=quality)
            for title, quality in zip(headlines(4), qualities, strict=True)
        )
    )
    made = await digests.between(fresh.context, "Sea", at(-9), at(9), 5)
    assert [entry.view.heat for entry in made.entries] == [90, 70]


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
    tested = await tryout.newest(sea.context, GUILD, str(dear))
    assert (tested.looked_at, tested.cut) == (10, True)
    tested = await tryout.newest(sea.context, GUILD, str(cheap))
    assert tested.looked_at == affordable(cheap.price)
    assert (await tryout.backtest(sea.context, GUILD, 1, str(dear))).cut
    made = await use.create(sea.context, GUILD, Draft("Dear", str(dear)))
    assert made.looked_at == 10


async def test_what_is_within_the_budget_is_not_cut(sea: BotHarness) -> None:
    assert not (await tryout.newest(sea.context, GUILD, "nothing")).cut
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
