"""A channel with several digests: each has its own time, its own history, and its own crash safety."""

from __future__ import annotations

import asyncio
from datetime import time, timedelta

import pytest

from bot.domain.model import Mode, Record
from bot.domain.posting.channel_digests import ChannelDigest
from bot.domain.posting.schedule import Schedule
from bot.domain.retry import Outcome, SendStatus
from bot.errors import InvalidInputError, NotFoundError, UnknownNameError
from bot.messages.digest import digest_payload
from bot.services import digests as use
from bot.services import server_topics
from bot.services.subscribe import SubscribeRequest, listing, subscribe, unsubscribe
from bot.store import digests
from bot.workers import digests as pipeline
from tests.databases import opened_as
from tests.make import Clock, at, record
from tests.shown import plain
from tests.store.store_helpers import CHANNEL, GUILD, ONE, OTHER, THREE, TWO
from tests.workers.desk import BotHarness, InterruptibleDatabase

MONDAY = frozenset((0,))
DAILY = Schedule(time(13), "UTC")
WEEKLY = Schedule(time(13), "UTC", MONDAY)
FIRST_MONDAY, NEXT_MONDAY = at(1), at(7 * 24 + 1)


def ai(title: str, outlet: str = "alpha.example", hours: float = 0) -> Record:
    """A record on AI."""
    return record(title, outlet, topics=["AI"], hours=hours)


async def stored(desk: BotHarness, channel: int = CHANNEL) -> dict[str, ChannelDigest]:
    """The digests of a channel by their titles."""
    async with desk.db.read() as connection:
        return {d.title: d for d in await digests.stored(connection, channel_ids=[channel])}


async def sent(desk: BotHarness) -> dict[str, str]:
    """Compose and send what is due: the texts of the digests that went out by it, by what each is called."""
    before = len(desk.mailbox.sent)
    await desk.digest()
    texts = [asked.text for asked in desk.mailbox.sent[before:]]
    titles = [plain(text).removeprefix("## ").partition(" · ")[0] for text in texts]
    assert len(set(titles)) == len(titles)
    return dict(zip(titles, texts, strict=True))


@pytest.fixture
async def both(desk: BotHarness) -> BotHarness:
    """It is Monday noon, and a channel gets a daily and a weekly digest of AI, both an hour from now."""
    await desk.follow(mode=Mode.DIGEST)
    for schedule in (DAILY, WEEKLY):
        await use.set_schedule(desk.context, GUILD, CHANNEL, schedule)
    return desk


# What each tells.


async def test_a_weekly_digest_covers_a_week_and_a_daily_one_a_day(both: BotHarness) -> None:
    both.clock.now = FIRST_MONDAY
    assert await sent(both) == {}
    for day, title in ((1, ONE), (4, TWO)):
        both.clock.now = at(day * 24)
        await both.take_in(ai(title, f"o{day}.example", hours=day * 24))
        both.clock.now = at(day * 24 + 1)
        texts = await sent(both)
        assert texts.keys() == {"Daily digest"}
        assert title in texts["Daily digest"]
    both.clock.now = NEXT_MONDAY - timedelta(hours=1)
    await both.take_in(ai(THREE, hours=7 * 24))
    both.clock.now = NEXT_MONDAY
    texts = await sent(both)
    shown = {called: [title in text for title in (ONE, TWO, THREE)] for called, text in texts.items()}
    assert shown == {"Daily digest": [False, False, True], "Weekly digest": [True, True, True]}
    assert await sent(both) == {}


async def test_a_first_weekly_digest_looks_back_a_week_and_a_first_daily_one_a_day(desk: BotHarness) -> None:
    await desk.follow(mode=Mode.DIGEST)
    await desk.take_in(ai(ONE))
    desk.clock.forward(days=6)
    await desk.take_in(ai(TWO, hours=6 * 24))
    for schedule in (DAILY, WEEKLY):
        await use.set_schedule(desk.context, GUILD, CHANNEL, schedule, name=str(len(schedule.days)))
    for name, told in (("7", [False, True]), ("1", [True, True])):
        if name == "7":  # the one that came with the subscription had its name, and its start
            await use.remove(desk.context, GUILD, CHANNEL, name="7")
            await use.set_schedule(desk.context, GUILD, CHANNEL, DAILY, name="7")
        composed = await use.preview(desk.context, GUILD, CHANNEL, name)
        titles = {entry.view.lead.record.title for entry in composed.digest.entries}
        assert [title in titles for title in (ONE, TWO)] == told


async def test_growth_is_counted_for_each_digest_since_its_own_last_one(both: BotHarness) -> None:
    await both.take_in(ai(ONE, "a.example"))
    both.clock.now = FIRST_MONDAY
    assert (await sent(both)).keys() == {"Daily digest", "Weekly digest"}
    both.clock.now = at(24)
    await both.take_in(ai(ONE, "b.example", hours=24))
    both.clock.now = at(25)
    texts = await sent(both)
    assert texts.keys() == {"Daily digest"}
    assert "+1 outlet since yesterday" in texts["Daily digest"]
    both.clock.now = NEXT_MONDAY
    texts = await sent(both)
    assert texts.keys() == {"Weekly digest"}
    assert "+1 outlet since 2 March" in texts["Weekly digest"]


async def test_a_digest_of_a_topic_goes_to_a_channel_that_follows_nothing(desk: BotHarness) -> None:
    done = await use.set_schedule(desk.context, GUILD, OTHER, DAILY, topic="space")
    assert (done.digest.title, done.topics) == ("Daily digest: Space", ("Space",))
    await desk.take_in(ai(ONE), record(TWO, topics=["Space"]))
    desk.clock.now = FIRST_MONDAY
    texts = await sent(desk)
    assert TWO in texts["Daily digest: Space"]
    assert ONE not in texts["Daily digest: Space"]
    [entry] = await listing(desk.context, GUILD)
    assert (entry.channel_id, entry.subscriptions) == (OTHER, ())
    assert (await stored(desk, OTHER))["Daily digest: Space"].next_at == at(25)


async def test_subscribing_to_something_for_digests_leaves_those_that_were_set(desk: BotHarness) -> None:
    await use.set_schedule(desk.context, GUILD, CHANNEL, WEEKLY)
    done = await subscribe(desk.context, SubscribeRequest(GUILD, CHANNEL, "AI", Mode.DIGEST))
    assert (done.schedule, done.default_schedule, done.next_digest) == (WEEKLY, False, FIRST_MONDAY)
    assert (await stored(desk)).keys() == {"Weekly digest"}
    await use.set_schedule(desk.context, GUILD, OTHER, DAILY, topic="Space")
    done = await subscribe(desk.context, SubscribeRequest(GUILD, OTHER, "AI", Mode.BOTH))
    assert done.default_schedule
    assert (await stored(desk, OTHER)).keys() == {"Daily digest: Space", "Daily digest"}


async def test_without_topics_the_general_ones_rest_and_go_on_with_the_next(both: BotHarness) -> None:
    await use.set_schedule(both.context, GUILD, CHANNEL, DAILY, topic="Space")
    await unsubscribe(both.context, "AI", CHANNEL)
    both.clock.now = FIRST_MONDAY
    await sent(both)
    planned = {title: digest.next_at for title, digest in (await stored(both)).items()}
    assert planned == {"Daily digest": None, "Weekly digest": None, "Daily digest: Space": at(25)}
    await both.follow(mode=Mode.DIGEST)
    planned = {title: digest.next_at for title, digest in (await stored(both)).items()}
    assert planned == {"Daily digest": at(25), "Weekly digest": NEXT_MONDAY, "Daily digest: Space": at(25)}


# Never twice, never lost.


async def send_into_doubt(both: BotHarness) -> None:
    """Both digests tell of a story, and nobody knows whether they arrived. A day later, both are due again."""
    await both.take_in(ai(ONE))
    both.mailbox.answers[CHANNEL] = Outcome(SendStatus.UNREACHABLE)
    both.clock.now = FIRST_MONDAY
    await both.digest()
    both.clock.now = at(25)
    await pipeline.step(both.context)


async def test_one_that_may_have_been_sent_is_looked_for_before_its_stories_are_told_again(
    both: BotHarness,
) -> None:
    await send_into_doubt(both)
    assert await both.queue() == 2, "both still wait, and no other one"
    both.clock.forward(hours=2)
    both.mailbox.answers.clear()
    both.mailbox.standing[CHANNEL] = Outcome(SendStatus.EXISTS, message_id=77)
    await both.deliver()
    both.mailbox.standing[CHANNEL] = Outcome(SendStatus.MISSING)
    await both.take_in(ai(TWO, hours=27))
    [(title, text)] = (await sent(both)).items()
    assert title == "Daily digest"
    assert TWO in text
    assert ONE not in text


async def test_one_that_may_have_been_sent_and_is_not_there_is_told_by_the_next(both: BotHarness) -> None:
    await send_into_doubt(both)
    both.mailbox.answers.clear()
    both.clock.forward(hours=2)
    await both.deliver()
    assert await both.given_up() == ["the digest waited for more than a day"] * 2
    texts = await sent(both)
    both.clock.now = NEXT_MONDAY
    texts |= await sent(both)
    assert sorted(texts) == ["Daily digest", "Weekly digest"]
    assert all(ONE in text for text in texts.values())


async def test_one_that_was_never_sent_is_told_by_the_next_of_its_own(both: BotHarness) -> None:
    await both.take_in(ai(ONE))
    both.mailbox.answers[CHANNEL] = Outcome(SendStatus.REFUSED, status=429)
    both.clock.now = FIRST_MONDAY
    await both.digest()
    waiting = await both.queue()
    assert waiting == 2
    both.clock.now = at(25)
    await pipeline.step(both.context)
    assert await both.queue() == waiting, "a new daily one takes the place of the one that waits"
    both.mailbox.answers.clear()
    both.clock.forward(hours=2)
    before = len(both.mailbox.sent)
    await both.deliver()
    texts = [asked.text for asked in both.mailbox.sent[before:]]
    assert [text.partition(" · ")[0] for text in texts] == ["## Daily digest"]
    assert await both.given_up() == ["the digest waited for more than a day", "replaced by a newer digest"]
    both.clock.now = NEXT_MONDAY
    texts += (await sent(both)).values()
    assert [text.partition(" · ")[0] for text in texts] == ["## Daily digest", "## Weekly digest"]
    assert all(ONE in text for text in texts)
    assert not any("since" in text for text in texts)


async def test_a_removed_digest_is_not_sent_any_more_and_another_is_not_taken_for_it(
    both: BotHarness,
) -> None:
    await both.take_in(ai(ONE))
    both.clock.now = FIRST_MONDAY
    await pipeline.step(both.context)
    removed = await use.remove(both.context, GUILD, CHANNEL, name="Weekly digest")
    assert removed.title == "Weekly digest"
    await use.set_schedule(both.context, GUILD, CHANNEL, WEEKLY)
    await both.deliver()
    assert [asked.text.partition(" · ")[0] for asked in both.mailbox.sent] == ["## Daily digest"]
    assert await both.given_up() == ["the digest was removed"]
    assert (await stored(both))["Weekly digest"].covered_until is None


async def test_a_digest_that_fails_is_put_off_and_the_other_one_comes(both: BotHarness) -> None:
    async def crash() -> None:
        raise MemoryError

    await both.take_in(ai(ONE))
    both.clock.now = FIRST_MONDAY
    both.db.at_commit(crash)
    assert (await sent(both)).keys() == {"Weekly digest"}
    both.clock.forward(minutes=1)
    assert (await sent(both)).keys() == {"Daily digest"}


@pytest.mark.both_stores
async def test_two_processes_send_each_digest_once(both: BotHarness, store_url: str, clock: Clock) -> None:
    await both.take_in(ai(ONE))
    clock.now = FIRST_MONDAY
    async with opened_as(store_url, InterruptibleDatabase) as db:
        rival = BotHarness(db, clock)
        await asyncio.gather(*(pipeline.step(desk.context) for desk in (both, rival) * 2))
        await asyncio.gather(both.deliver(), rival.deliver())
        texts = [asked.text for asked in (*both.mailbox.sent, *rival.mailbox.sent)]
    assert sorted(text.partition(" · ")[0] for text in texts) == ["## Daily digest", "## Weekly digest"]


@pytest.mark.both_stores
async def test_in_doubt_each_looks_for_its_own_first_line(both: BotHarness) -> None:
    await both.take_in(ai(ONE))
    both.mailbox.answers[CHANNEL] = Outcome(SendStatus.UNREACHABLE)
    both.clock.now = FIRST_MONDAY
    await both.digest()
    both.mailbox.answers.clear()
    both.clock.forward(minutes=30)
    await both.deliver()
    looked = [title for traits in both.mailbox.looked for title in traits.titles]
    assert sorted(looked) == ["## Daily digest · Monday, 2 March", "## Weekly digest · Monday, 2 March"]


# Which there are.


@pytest.mark.both_stores
async def test_the_same_digest_set_by_two_people_at_once_is_one(
    both: BotHarness, store_url: str, clock: Clock
) -> None:
    async with opened_as(store_url, InterruptibleDatabase) as db:
        rival = BotHarness(db, clock)
        tries = (
            use.set_schedule(desk.context, GUILD, OTHER, DAILY, topic="AI") for desk in (both, rival) * 3
        )
        done = await asyncio.gather(*tries)
    assert sum(one.is_new for one in done) == 1
    assert (await stored(both, OTHER)).keys() == {"Daily digest: AI"}


async def test_digests_of_a_channel_and_of_a_server_are_limited(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(use.MOST_IN_CHANNEL):
        await use.set_schedule(desk.context, GUILD, CHANNEL, DAILY, name=f"No {number}")
    with pytest.raises(InvalidInputError, match="10 digests, which is the limit"):
        await use.set_schedule(desk.context, GUILD, CHANNEL, DAILY, name="One more")
    await use.set_schedule(desk.context, GUILD, CHANNEL, WEEKLY, name="No 3")
    monkeypatch.setattr(use, "MOST_IN_SERVER", use.MOST_IN_CHANNEL)
    with pytest.raises(InvalidInputError, match="This server has 10 digests, which is the limit"):
        await use.set_schedule(desk.context, GUILD, OTHER, DAILY)
    await use.set_schedule(desk.context, GUILD + 1, OTHER, DAILY)
    await subscribe(desk.context, SubscribeRequest(GUILD, OTHER + 1, "AI", Mode.DIGEST))
    assert (await stored(desk, OTHER + 1)).keys() == {"Daily digest"}, "at the default time one always comes"


async def test_titles_differ_within_a_channel(both: BotHarness) -> None:
    await use.set_schedule(both.context, GUILD, CHANNEL, DAILY, name="Sky")
    ids = {title: digest.id for title, digest in (await stored(both)).items()}
    with pytest.raises(InvalidInputError, match="already has a digest called “Sky”"):
        await use.set_schedule(both.context, GUILD, CHANNEL, DAILY, name="sky", digest_id=ids["Daily digest"])
    with pytest.raises(InvalidInputError, match="already has a digest called “Weekly digest”"):
        await use.set_schedule(both.context, GUILD, CHANNEL, WEEKLY, digest_id=ids["Daily digest"])
    with pytest.raises(InvalidInputError, match="at most 60 characters"):
        await use.set_schedule(both.context, GUILD, CHANNEL, DAILY, name="x" * 61)
    assert {title: digest.id for title, digest in (await stored(both)).items()} == ids


async def test_turned_off_none_comes_and_then_only_the_one_that_is_set_again(both: BotHarness) -> None:
    await both.take_in(ai(ONE))
    both.clock.now = FIRST_MONDAY
    await sent(both)
    await use.switch_off(both.context, CHANNEL)
    both.clock.now = at(25)
    assert await sent(both) == {}
    done = await use.set_schedule(both.context, GUILD, CHANNEL, DAILY)
    assert (done.is_new, done.others) == (False, ())
    assert (await stored(both)).keys() == {"Daily digest"}
    both.clock.now = at(49)
    assert await sent(both) == {}, "it knows what it has told"


async def test_with_the_last_digest_removed_a_subscription_brings_none_back(both: BotHarness) -> None:
    with pytest.raises(UnknownNameError) as error:
        await use.remove(both.context, GUILD, CHANNEL)
    assert error.value.near == ("Daily digest", "Weekly digest")
    for name in ("weekly DIGEST", ""):
        await use.remove(both.context, GUILD, CHANNEL, name=name)
    assert (await subscribe(both.context, SubscribeRequest(GUILD, CHANNEL, "AI"))).digest_off
    assert await stored(both) == {}
    with pytest.raises(NotFoundError, match="no digest to remove"):
        await use.remove(both.context, GUILD, CHANNEL)


async def test_one_on_demand_is_chosen_by_its_title_and_the_other_one_stays(both: BotHarness) -> None:
    await both.take_in(ai(ONE))
    with pytest.raises(UnknownNameError):
        await use.send_now(both.context, GUILD, CHANNEL, digest_payload)
    assert await use.send_now(both.context, GUILD, CHANNEL, digest_payload, name="Weekly digest") == 1
    await both.deliver()
    both.clock.now = FIRST_MONDAY
    assert (await sent(both)).keys() == {"Daily digest"}
    assert "Weekly digest" in both.mailbox.sent[0].text


async def test_with_a_server_topic_its_digests_go(desk: BotHarness) -> None:
    await server_topics.create(desk.context, GUILD, server_topics.Draft("Trees", "tree OR oak"))
    await use.set_schedule(desk.context, GUILD, CHANNEL, DAILY, topic="Trees")
    await use.set_schedule(desk.context, GUILD, CHANNEL, DAILY, topic="Space")
    await server_topics.delete(desk.context, GUILD, "Trees")
    assert (await stored(desk)).keys() == {"Daily digest: Space"}


async def test_nobody_sees_or_changes_the_digests_of_another_server(both: BotHarness) -> None:
    [first, _] = (await stored(both)).values()
    with pytest.raises(NotFoundError):
        await use.set_schedule(both.context, GUILD + 1, OTHER, DAILY, digest_id=first.id)
    assert await use.planned_digests(both.context, GUILD + 1) == ()
    assert await use.suggest(both.context, GUILD + 1, CHANNEL, "") == []
