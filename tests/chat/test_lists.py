"""/subscriptions, /topics and /latest: what everybody may look at."""

from __future__ import annotations

from typing import Any

from bot.domain.model import Topic
from bot.workers import rematch
from tests.chat.world import METRO, ROCKET, TOPICS, WHALES, World, buttons, labels, seen, unrelated
from tests.discord_markdown import links
from tests.make import at, record
from tests.shown import plain, shown


async def test_subscriptions_stand_by_channel_with_how_they_are_told(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.ask("subscribe", topic="AI")
    await world.ask("subscribe", topic="Space", mode="both", volume="everything")
    await world.ask("subscribe", topic="Space", channel=other, mode="digest")
    answer = await world.ask("subscriptions", by=world.member)
    assert seen(answer).splitlines() == [
        "Subscriptions",
        f"**{world.news.mention}**",
        "• AI · live posts · some stories (about 8 posts a day)",
        "• Space · live posts and digest · all stories",
        "• Digest every day at 09:00 (UTC)",
        f"**{other.mention}**",
        "• Space · digest",
        "• Digest every day at 09:00 (UTC)",
    ]
    assert labels(answer) == []


async def test_no_subscriptions_yet(world: World) -> None:
    answer = await world.ask("subscriptions", by=world.member)
    assert plain(seen(answer)) == "Subscriptions\nNo channel has a subscription yet. Start with /subscribe."


async def test_channels_that_somebody_cannot_see_are_not_listed_for_him(world: World) -> None:
    hidden = world.guild.create_text_channel("board")
    await world.ask("subscribe", topic="AI")
    await world.ask("subscribe", topic="Space", channel=hidden)
    thread = world.thread("minutes", hidden)
    await world.ask("subscribe", topic="Space", channel=thread)
    world.hide(hidden, world.member)
    answer = seen(await world.ask("subscriptions", by=world.member))
    assert world.news.mention in answer
    assert hidden.mention not in answer
    assert thread.mention not in answer
    assert hidden.mention in seen(await world.ask("subscriptions"))


async def test_a_paused_channel_is_listed_with_the_reason(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    world.deny(world.news, send_messages=True)
    await world.report(record(ROCKET[0], quality=80))
    answer = seen(await world.ask("subscriptions", by=world.member))
    assert (
        "⚠️ This channel is paused: the bot cannot post there. Give it Send Messages and Embed Links"
        in plain(answer)
    )


async def test_many_subscriptions_come_in_pages_that_name_their_channel(world: World) -> None:
    await world.take_in(*[record(f"{n} of {n}", topics=[f"Topic {n:02}"]) for n in range(20)])
    for number in range(20):
        await world.ask("subscribe", topic=f"Topic {number:02}")
    answer = await world.ask("subscriptions")
    assert seen(answer).splitlines()[1:3] == [
        f"**{world.news.mention}**",
        "• Topic 00 · live posts · some stories (about 8 posts a day)",
    ]
    assert "page 1 of 2" in seen(answer)
    assert labels(answer) == ["Next"]
    await world.press(answer, "Next")
    assert seen(answer).splitlines()[1:3] == [
        f"**{world.news.mention}** (continued)",
        "• Topic 14 · live posts · some stories (about 8 posts a day)",
    ]
    assert "• Topic 19 · live posts · some stories (about 8 posts a day)" in seen(answer)


async def test_topics_stand_as_a_tree_with_their_stories(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    await world.take_in(
        record(METRO[0], "a.example"), record(METRO[1], "b.example"), record(WHALES[0]), record(ROCKET[0])
    )
    answer = await world.ask("topics", by=world.member)
    assert seen(answer).splitlines() == [
        "Topics",
        "**AI** · 2 stories",
        "\u2003**Computer Vision** · 2 stories",
        "**Space** · 1 story · subscribed here",
    ]


async def eventful(world: World) -> None:
    """Ten days with a story on Space every fifth, then one on which three more come in."""
    titles = [one.title for one in unrelated(6)]
    for day, title in zip((0, 5), titles, strict=False):
        world.clock.now = at(24 * day)
        await world.take_in(record(title, hours=24 * day, topics=["Satellites"]))
    world.clock.now = at(24 * 10)
    await world.take_in(
        *[record(title, f"{n}.example", hours=239, topics=["Space"]) for n, title in enumerate(titles[2:5])]
    )


async def test_a_topic_far_above_its_usual_volume_is_marked(world: World) -> None:
    await rematch.configure(world.app.context, (*TOPICS, Topic("Satellites", parent="Space")))
    await eventful(world)
    marked = "**Space** · 5 stories · ▲ 3 stories today, usually 1 every 7 days"
    answer = await world.ask("topics", by=world.member)
    assert seen(answer).splitlines()[-2:] == [marked, "\u2003**Satellites** · 2 stories"]
    assert marked in seen(await world.ask("topics", search="space", by=world.member))
    world.clock.forward(days=1)
    assert "▲" not in seen(await world.ask("topics", by=world.member))


async def test_a_digest_marks_it_in_the_heading_and_a_post_does_not(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="both", volume="everything")
    await world.ask("subscribe", topic="AI", mode="digest")
    await eventful(world)
    await world.take_in(record(WHALES[0], "w.example", hours=239))
    preview = await world.ask("digest preview", by=world.member)
    assert shown(preview).titles[1:] == ["Space · ▲ 3 stories today, usually none", "AI"]
    await world.deliver()
    assert not any("▲" in seen(post) for post in world.posts())


async def test_topics_can_be_searched(world: World) -> None:
    answer = await world.ask("topics", search="vision", by=world.member)
    assert seen(answer).splitlines() == ["Topics", "**Computer Vision** · 0 stories · part of AI"]
    answer = await world.ask("topics", search="*zzzz*")
    assert plain(seen(answer)) == "Topics\nNo topic matches “*zzzz*”."
    assert "No topic matches “xxx" in seen(await world.ask("topics", search="x" * 6000))


async def test_many_topics_come_in_pages(world: World) -> None:
    await world.take_in(*[record(f"{n} of {n}", topics=[f"Topic {n:02}"]) for n in range(30)])
    answer = await world.ask("topics", by=world.member)
    assert len(seen(answer).splitlines()) == 22
    assert "page 1 of 2 · 33 entries" in seen(answer)
    await world.press(answer, "Next", by=world.member)
    assert "**Topic 29** · 1 story" in seen(answer)


async def test_the_latest_stories_come_newest_first(world: World) -> None:
    await world.take_in(record(METRO[0], "a.example"))
    world.clock.forward(hours=1)
    await world.take_in(record(ROCKET[0], "b.example", hours=1))
    world.clock.forward(hours=1)
    await world.take_in(record(METRO[1], "c.example", hours=2))  # #1 grows
    answer = await world.ask("latest", by=world.member)
    assert seen(answer).splitlines()[0] == "Latest stories"
    first, second = seen(answer).splitlines()[1:]
    assert first.startswith("• `#1` [")
    assert " · 2 outlets · <t:1772460000:R>" in first
    assert second.startswith(f"• `#2` [{ROCKET[0]}](https://b.example/")
    assert " — B · <t:1772456400:R>" in second


async def test_the_hottest_stories_come_first_and_older_ones_fall_behind(world: World) -> None:
    await world.take_in(*[record(title, f"{n}.example", quality=60) for n, title in enumerate(METRO[:2])])
    world.clock.forward(hours=20)
    await world.take_in(
        record(ROCKET[0], "b.example", hours=20, quality=60), record("Calm", hours=20, quality=1)
    )

    async def told(**options: Any) -> list[str]:
        answer = await world.ask("latest", by=world.member, **options)
        return [text for text, _ in links(seen(answer))]

    assert seen(await world.ask("latest", sort="hot")).splitlines()[0] == "Hottest stories"
    assert await told(sort="hot") == [ROCKET[0], METRO[0], "Calm"]
    assert await told(sort="hot", topic="AI") == [METRO[0]]
    assert await told(sort="newest") == await told() != await told(sort="hot")
    await world.ask("mute", what="b.example")
    assert await told(sort="hot") == [METRO[0], "Calm"]


async def test_the_latest_of_a_topic_and_of_those_below_it(world: World) -> None:
    await world.take_in(record(METRO[0]), record(ROCKET[0]))
    answer = await world.ask("latest", topic="artificial intelligence", by=world.member)
    assert seen(answer).splitlines()[0] == "Latest: AI"
    assert [text for text, _ in links(seen(answer))] == [METRO[0]]
    offered = await world.member.autocomplete(world.news, "latest", "topic", "sp")
    assert [choice["value"] for choice in offered] == ["Space"]
    text = await world.refused("latest", topic="Spacy", by=world.member)
    assert "There is no topic “Spacy”. Did you mean: Space?" in text


async def test_nothing_has_come_in_yet(world: World) -> None:
    assert seen(await world.ask("latest", by=world.member)) == "Latest stories\nThere are no stories yet."


async def test_what_is_muted_is_not_among_the_latest(world: World) -> None:
    await world.take_in(record(METRO[0], "a.example"), record(ROCKET[0], "b.example"))
    await world.ask("mute", what="b.example", channel=world.news)
    assert [text for text, _ in links(seen(await world.ask("latest")))] == [METRO[0]]
    other = world.guild.create_text_channel("other")
    assert len(links(seen(await world.ask("latest", at=other)))) == 2


async def test_buttons_turn_the_pages(world: World) -> None:
    await world.take_in(*unrelated(20))
    answer = await world.ask("latest", by=world.member)
    assert [(b.label, b.disabled) for b in buttons(answer)] == [("Previous", True), ("Next", False)]
    shown = [links(seen(answer))]
    for page in (2, 3):
        result = await world.press(answer, "Next", by=world.member)
        assert result.acknowledged
        assert f"page {page} of 3 · 20 entries" in seen(answer)
        shown.append(links(seen(answer)))
    assert [len(page) for page in shown] == [8, 8, 4]
    assert len({href for page in shown for _, href in page}) == 20
    assert labels(answer) == ["Previous"]
    await world.press(answer, "Previous", by=world.member)
    assert links(seen(answer)) == shown[1]


async def test_the_page_buttons_go_when_nobody_used_them_for_long(world: World) -> None:
    await world.take_in(*unrelated(20))
    answer = await world.ask("latest")
    await world.env.advance_time(10 * 60)
    await world.press(answer, "Next")
    await world.env.advance_time(10 * 60)
    assert labels(answer) == ["Previous", "Next"]
    await world.env.advance_time(5 * 60)
    assert buttons(answer) == []
