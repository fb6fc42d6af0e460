"""/why: which words, which decision, and which likeness made a story what it is."""

from __future__ import annotations

from bot.domain.model import Volume
from tests.chat.world import METRO, World, seen
from tests.make import record
from tests.shown import plain, shown


async def test_words_that_put_it_into_topics_and_what_each_report_shares(world: World) -> None:
    await world.ask("subscribe", topic="AI", volume=Volume.EVERYTHING.value)
    await world.report(
        record(METRO[0], "first.example", topics=["AI"]), record(METRO[1], "second.example", hours=1)
    )
    answer = await world.ask("why", story="1", by=world.member)
    assert shown(answer).title == f"Story #1 explained: {METRO[0]}"
    lines = plain(seen(answer)).splitlines()
    here = lines.index("This channel")
    assert lines[here + 1].startswith("Posted here")
    topics = lines.index("Topics")
    assert lines[topics + 1 : topics + 3] == [
        "Computer Vision, 2 of 2 outlets: “facial recognition” (First, Second)",
        "AI, 1 of 2 outlets: tagged by First",
    ]
    reports = lines.index("Articles")
    first, second = lines[reports + 1 : reports + 3]
    assert first.endswith("First article of the story")
    assert METRO[1] in second
    shared = second.rpartition("Shared words: ")[2].split(", ")
    assert set(shared) <= set(METRO[1].split())
    assert len(shared) >= 2


async def test_a_declaration_is_named_as_the_reason(world: World) -> None:
    one = record("Harbour bridge closed after crane collapse", "one.example")
    await world.take_in(one)
    await world.take_in(
        record("Trains diverted as crane blocks harbour crossing", "two.example", hours=1, related=[one])
    )
    lines = plain(seen(await world.ask("why", story="1", by=world.member))).splitlines()
    assert any("Links to One · shared words: " in line for line in lines)


async def test_what_is_held_back_here_says_why(world: World) -> None:
    await world.ask("subscribe", topic="AI", volume=Volume.MAJOR.value)
    await world.report(record(METRO[0], quality=10))
    assert "smaller than the stories that the subscription posts" in plain(
        seen(await world.ask("why", story="1", by=world.member))
    )


async def test_a_story_of_no_topic_says_so(world: World) -> None:
    await world.take_in(record("Whale seen in the bay"))
    assert "None. No topic matches its words" in plain(
        seen(await world.ask("why", story="1", by=world.member))
    ).replace("'", "’")


async def test_topics_that_too_few_outlets_say_are_named_and_reach_no_channel(world: World) -> None:
    """One report of twelve that is tagged with another topic does not take the story into that topic's channel."""
    await world.ask("subscribe", topic="Space", volume=Volume.EVERYTHING.value)
    many = [record(METRO[0], f"o{n}.example", quality=80 - n, hours=n / 10) for n in range(11)]
    await world.report(*many, record(METRO[0], "odd.example", quality=1, hours=1, topics=["Space"]))
    assert world.posts() == []
    lines = plain(seen(await world.ask("why", story="1", by=world.member))).splitlines()
    assert lines[lines.index("Topics") + 1].startswith("Computer Vision, 12 of 12 outlets: ")
    assert lines[lines.index("Topics") + 2] == "Too few outlets for: Space (1 of 12 outlets)"
