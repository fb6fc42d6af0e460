"""/related, and the button of that name below every post."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from simcord.builders import ChannelHandle

from tests.chat.followers import follow
from tests.chat.world import METRO, ROCKET, WHALES, World, buttons, labels, seen, unrelated
from tests.make import at, record
from tests.shown import plain, shown

LEAD = "https://lead.example/news/metro"


async def metro(world: World) -> None:
    """A story by three outlets, with two records of background; the best is not the first."""
    old = record(
        "Metro opened", "archive.example", hours=-900, quality=50, url="https://archive.example/opened"
    )
    law = record(
        "The law on cameras", "law.example", hours=-800, quality=70, url="https://law.example/cameras"
    )
    await world.take_in(record(METRO[0], "first.example", quality=50, url="https://first.example/1"))
    await world.take_in(
        record(METRO[1], "lead.example", hours=1, quality=90, url=LEAD, related=[law, old]),
        record(METRO[2], "third.example", hours=2, quality=60, url="https://third.example/1"),
    )


async def test_all_coverage_best_first_the_same_event_apart_from_the_background(world: World) -> None:
    await metro(world)
    answer = await world.ask("related", story="1", by=world.member)
    page = shown(answer)
    assert page.small == ["Lead", "Story #1 · Computer Vision"]
    assert (page.title, page.url) == (METRO[1], LEAD)
    assert page.parts[""][0] == (
        f"Published <t:{int(at(1).timestamp())}:R> · score 130 · notable · 3 outlets"
    )
    assert [*page.parts] == ["", "Same event", "Background"]
    assert page.parts["Same event"] == [
        f"[{METRO[2]}](https://third.example/1) — Third · <t:{int(at(2).timestamp())}:R>",
        f"[{METRO[0]}](https://first.example/1) — First · <t:{int(at().timestamp())}:R>",
    ]
    assert page.parts["Background"] == [
        f"[The law on cameras](https://law.example/cameras) — Law · <t:{int(at(-800).timestamp())}:R>",
        f"[Metro opened](https://archive.example/opened) — Archive · <t:{int(at(-900).timestamp())}:R>",
    ]


async def test_a_story_is_named_in_many_ways(world: World) -> None:
    await metro(world)
    for asked in (
        "1",
        "#1",
        " #1 ",
        LEAD,
        f"{LEAD}?utm_source=newsletter&fbclid=x#comments",
        "http://www.lead.example/news/metro",
        "https://first.example/1",
        METRO[1],
        "facial recognition halted",
    ):
        assert shown(await world.ask("related", story=asked, by=world.member)).title == METRO[1]


async def test_what_is_no_story_is_told_with_what_to_do(world: World) -> None:
    await metro(world)
    for asked, told in (
        ("99", "There is no story #99. A story's number is below its post."),
        ("9" * 30, "There is no story #99999999999999999999. A story's number is below its post."),
        (
            "https://nobody.example/x",
            "No story has that link. The bot may not have read the article, or other articles only list it as background.",
        ),
        ("ftp://x", "That link is not valid: not an http or https address."),
        (
            "unheard of",
            "No story has “unheard of” in its title. Use its number (such as #12), a link, or pick a suggestion.",
        ),
        ("   ", "Enter a story: its number (such as #12), a link, or words of its title."),
        ("**#**", "No story has “**#**” in its title."),
        ("x" * 6000, "No story has “xxx"),
    ):
        assert told in await world.refused("related", story=asked, by=world.member)


async def test_a_story_can_be_picked_by_its_title(world: World) -> None:
    await metro(world)
    await world.take_in(record(ROCKET[0], "r.example", quality=80))
    assert await world.typing("related", "story", "") == {f"#2 {ROCKET[0]}": "2", f"#1 {METRO[1]}": "1"}
    assert await world.typing("related", "story", "recognition") == {f"#1 {METRO[1]}": "1"}
    assert await world.typing("related", "story", "#2") == {f"#2 {ROCKET[0]}": "2"}
    assert await world.typing("related", "story", "nothing like it") == {}
    answer = await world.ask("related", story=(await world.typing("related", "story", "rocket")).popitem()[1])
    assert shown(answer).title == ROCKET[0]


async def test_much_coverage_comes_in_pages(world: World) -> None:
    background = [record(f"Background {n}", f"b{n}.example", hours=-500, quality=n) for n in range(20)]
    await world.take_in(record(METRO[0], quality=90, related=background), record(METRO[1], "b.example"))
    answer = await world.ask("related", story="1", by=world.member)
    assert "page 1 of 3" in seen(answer)
    assert "Same event" in seen(answer)
    found = shown(answer).links[1:]
    while "Next" in labels(answer):
        await world.press(answer, "Next", by=world.member)
        assert shown(answer).title == METRO[0]
        assert "Same event" not in seen(answer)
        found += shown(answer).links[1:]
    assert [text for text, _ in found] == [METRO[1], *(f"Background {n}" for n in reversed(range(20)))]


async def test_a_story_without_other_coverage_says_so(world: World) -> None:
    await world.take_in(record(METRO[0]))
    assert "There is no other coverage yet." in seen(await world.ask("related", story="1"))


async def test_a_merged_story_goes_on_under_the_number_that_stayed(world: World) -> None:
    await world.merge()
    answer = seen(await world.ask("related", story="#2", by=world.member))
    assert "Story #2 is now part of #1." in plain(answer)
    assert "Story #1" in answer
    assert "is now part of" not in seen(await world.ask("related", story="#1"))


async def test_a_withdrawn_story_says_so(world: World) -> None:
    story = record(METRO[0], url=LEAD)
    await world.take_in(story)
    await world.take_in(record(METRO[0], url=LEAD, removed=True))
    for asked in ("1", LEAD):
        text = await world.refused("related", story=asked)
        assert "Story #1 was withdrawn. Its outlets removed all articles." in text


# What became of a story in the channel that asks.


async def fate(world: World, story: str = "1", at: ChannelHandle | None = None) -> str:
    """The line on it."""
    return plain(shown(await world.ask("related", story=story, by=world.member, at=at)).body)


async def test_a_posted_story_says_since_when(world: World) -> None:
    await follow(world, "AI")
    await world.take_in(record(METRO[0], quality=80))
    assert "Waiting to be posted here." in await fate(world)
    world.clock.forward(minutes=1)
    await world.deliver()
    assert f"Posted here <t:{int(at(1 / 60).timestamp())}:R>." in await fate(world)


async def test_a_story_that_is_not_posted_says_why(world: World) -> None:
    early, small, old, muted, first, fine = unrelated(6)
    await world.report(early)
    world.clock.forward(days=1, hours=1)  # or it would be one of the first posts
    other, digest = world.guild.create_text_channel("other"), world.guild.create_text_channel("digest")
    await follow(world, "Space")
    await follow(world, "AI", other)
    await world.ask("subscribe", topic="Space", mode="digest", channel=digest)
    await world.ask("mute", what="muted.example")
    now = world.clock()
    await world.report(
        replace(small, quality=20, published=now),
        replace(old, published=now - timedelta(days=8)),
        record(muted.title, "muted.example", quality=80, topics=["Space"], hours=25),
        replace(fine, published=now),
    )
    world.new_source()
    await world.report(replace(first, published=now))
    for channel, story, reason in (
        (other, fine, "this channel is not subscribed to any of its topics."),
        (world.news, early, "it is older than the channel's subscription."),
        (digest, fine, "this channel gets its topics in the digest only."),
        (world.news, small, "smaller than the stories that the subscription posts."),
        (world.news, old, "too old when the bot read it."),
        (world.news, muted, "all articles muted."),
        (world.news, first, "already in the source when the bot first read it."),
    ):
        assert f"Not posted here: {reason}" in await fate(world, story.title, channel)
    assert [shown(post).title for post in world.posts()] == [fine.title]


async def test_a_story_that_waits_says_what_for(world: World) -> None:
    await follow(world, "AI")
    world.env.inject_error("POST", "/channels/*/messages", status=503, message="<html>")
    await world.report(record(METRO[0], quality=80))
    assert "Waiting to be posted here: Discord answered with HTTP 503." in await fate(world)
    world.clock.forward(seconds=5)
    await world.deliver()
    assert "Posted here" in await fate(world)


# The button.


async def test_the_button_below_a_post_shows_the_coverage_to_who_presses(world: World) -> None:
    await follow(world, "AI")
    await metro(world)
    await world.deliver()
    (post,) = world.posts()
    assert [button.label for button in buttons(post)] == ["Read", "Related coverage", "Follow this story"]
    assert buttons(post)[0].url == LEAD
    answer = world.answer(await world.press(post, "Related coverage", by=world.member))
    assert [*shown(answer).parts] == ["", "Same event", "Background"]
    assert "Posted here" in seen(answer)
    assert [m.id for m in world.posts()] == [post.id]


async def test_the_button_works_after_a_restart(world: World) -> None:
    await follow(world, "AI")
    background = [record(f"Background {n}", f"b{n}.example", hours=-500, quality=n) for n in range(20)]
    await world.report(record(METRO[0], quality=90, related=background))
    await world.restart()
    (post,) = world.posts()
    answer = world.answer(await world.press(post, "Related coverage", by=world.member))
    assert "page 1 of 3" in seen(answer)
    await world.press(answer, "Next", by=world.member)
    assert "page 2 of 3" in seen(answer)
    await world.report(record(WHALES[0], "w.example", quality=80))
    assert len(world.posts()) == 2


async def test_the_button_of_a_story_that_was_withdrawn_meanwhile(world: World) -> None:
    await follow(world, "AI")
    await world.report(record(METRO[0], url=LEAD, quality=80))
    await world.take_in(record(METRO[0], url=LEAD, removed=True))
    result = await world.press(world.posts()[0], "Related coverage", by=world.member)
    assert "Story #1 was withdrawn" in world.refusal(result)


async def test_in_a_forum_the_post_itself_counts_as_posted_here(world: World) -> None:
    forum = world.forum()
    await follow(world, "AI", forum)
    await world.report(record(METRO[0], quality=80), *unrelated(1))
    (post,) = forum.threads
    answer = world.answer(await world.press(world.posts(post)[0], "Related coverage", by=world.member))
    assert "Posted here" in seen(answer)
    assert "Posted here" in seen(await world.ask("related", story="1", at=post))


async def test_stories_before_and_after_stand_beside_it(world: World) -> None:
    await world.take_in(
        record("Council debates law on facial recognition cameras in stations", "law.example", hours=-900),
        record("Whale seen in the northern bay", "sea.example", hours=-900),
    )
    await world.take_in(record(METRO[0], "first.example"))
    await world.take_in(record("Court hears appeal on facial recognition ban", "court.example", hours=300))
    parts = shown(await world.ask("related", story=METRO[0], by=world.member)).parts
    assert "Council debates law" in parts["Earlier stories"][0]
    assert "Court hears appeal" in parts["Later stories"][0]
    assert "Whale" not in seen(await world.ask("related", story=METRO[0], by=world.member))


async def test_a_long_story_tells_how_it_went_on(world: World) -> None:
    titles = [METRO[0], METRO[1], METRO[2]]
    for hours, title in zip((0, 5, 20), titles, strict=True):
        await world.take_in(record(title, f"o{hours}.example", hours=hours))
    course = shown(await world.ask("related", story="1", by=world.member)).parts["Timeline"]
    assert [line.split(" · ")[1] for line in course] == ["1 outlet", "2 outlets", "3 outlets"]
    assert [line.split(" · ")[0] for line in course] == [
        f"<t:{int(at(hours).timestamp())}:f>" for hours in (0, 5, 20)
    ]
