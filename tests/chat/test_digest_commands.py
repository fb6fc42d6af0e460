"""/digest set, off, preview and now, and the digest that comes of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

import pytest

from bot.runtime.app import App
from bot.services import digests as use
from bot.workers import digests as pipeline
from tests.chat.world import METRO, ROCKET, WHALES, World, body, labels, mentions_in, seen, unrelated
from tests.discord_markdown import links
from tests.form import sized
from tests.make import at, record
from tests.shown import plain, shown


async def test_a_digest_is_set_in_the_words_people_use(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    answer = await world.ask(
        "digest set", time="9 pm", timezone="europe/berlin", days="mon, Thursday", size=5
    )
    assert seen(answer).splitlines() == [
        "Digest set",
        f"{world.news.mention} gets a digest on Monday and Thursday at 21:00 (Europe/Berlin) with at most 5 stories.",
        f"Next digest: <t:{int(at(8).timestamp())}:F>",
        "Topics: Space",
    ]
    listed = seen(await world.ask("subscriptions", by=world.member))
    assert "• Digest on Monday and Thursday at 21:00 (Europe/Berlin)" in listed


async def test_a_digest_shows_headlines_only_where_that_was_set(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    said = "A rocket of the town landed in the harbour on Monday."
    await world.report(record(ROCKET[0], quality=80, excerpt=said, topics=["Space"]))
    assert said in seen(await world.ask("digest preview"))
    answer = await world.ask("digest set", time="9", timezone="UTC", style="headlines")
    assert "with at most 10 stories (headlines only)." in seen(answer)
    shown = seen(await world.ask("digest preview"))
    assert ROCKET[0] in shown
    assert said not in shown


async def test_a_digest_without_a_topic_says_what_is_missing(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    answer = seen(await world.ask("digest set", time="9", timezone="UTC"))
    assert "gets a digest every day at 09:00 (UTC) with at most 10 stories." in answer
    assert "⚠️ The digest has no topics yet. Use `/subscribe` with the mode *digest* or *both*." in answer


async def test_what_cannot_be_read_is_told_with_what_is_allowed(world: World) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        (
            {"time": "25:00", "timezone": "UTC"},
            "“25:00” is not a time of day: write it like 09:00, 21:30 or 9 pm.",
        ),
        (
            {"time": "at dawn", "timezone": "UTC"},
            "“at dawn” is not a time of day: write it like 09:00, 21:30 or 9 pm.",
        ),
        ({"time": "9", "timezone": "Berl"}, "“Berl” is not a time zone. Did you mean: Europe/Berlin?"),
        (
            {"time": "9", "timezone": "new yor"},
            "“new yor” is not a time zone. Did you mean: America/New_York?",
        ),
        (
            {"time": "9", "timezone": "Nowhere"},
            "“Nowhere” is not a time zone. Write it like Europe/Berlin, Berlin or UTC+2.",
        ),
        (
            {"time": "9", "timezone": "UTC", "days": "someday"},
            "“someday” is not a day: use daily, weekdays, weekends, or days such as mon, thu or mon-fri.",
        ),
        ({"time": "x" * 6000, "timezone": "UTC"}, "is not a time of day"),
        ({"time": "9", "timezone": "x" * 6000}, "is not a time zone"),
        ({"time": "9", "timezone": "UTC", "days": "x" * 6000}, "is not a day"),
    ]
    for options, told in cases:
        assert told in await world.refused("digest set", **options)


async def test_times_zones_and_days_are_taken_as_people_type_them(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"time": "noon", "timezone": "Oslo"}, "every day at 12:00 (Europe/Oslo)"),
        ({"time": "midnight", "timezone": "UTC", "days": "mon-fri"}, "Monday to Friday at 00:00 (UTC)"),
        ({"time": "7", "timezone": "GMT+2"}, "every day at 07:00 (UTC+2)"),
    ]
    for options, when in cases:
        assert f"gets a digest {when}" in seen(await world.ask("digest set", **options))
        assert when in seen(await world.ask("subscriptions"))


async def test_an_abbreviation_is_read_as_a_place_and_its_offset_is_one_press_away(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    answer = await world.ask("digest set", time="9", timezone="EST", days="fri")
    assert "every" not in seen(answer)
    assert "Friday at 09:00 (America/New_York)" in seen(answer)
    assert "EST is read as America/New_York, which has summer time" in plain(seen(answer))
    assert labels(answer) == ["Use UTC-5", "Use Australia/Sydney"]
    fixed = world.answer(await world.press(answer, "Use UTC-5"))
    assert "Friday at 09:00 (UTC-5)" in seen(fixed)
    assert "This time zone has no summer time" in plain(seen(fixed))


async def test_did_you_mean_has_a_button_that_does_it(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    result = await world.manager.slash(world.news, "digest set", time="9", timezone="Europe/Osl")
    answer = world.answer(result)
    assert "Did you mean: Europe/Oslo?" in world.refusal(result)
    assert labels(answer) == ["Europe/Oslo"]
    done = world.answer(await world.press(answer, "Europe/Oslo"))
    assert "gets a digest every day at 09:00 (Europe/Oslo)" in seen(done)


HEADINGS = [("sat", "Weekly digest"), ("mon, sat", "Digest")]


@pytest.mark.parametrize(
    ("days", "heading"),
    sized(HEADINGS, [*HEADINGS, ("daily", "Daily digest"), ("weekdays", "Digest")]),
)
async def test_a_digest_is_called_what_it_is(world: World, days: str, heading: str) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.ask("digest set", time="9", timezone="UTC", days=days)
    world.clock.forward(minutes=1)
    await world.take_in(record(ROCKET[0], quality=80))
    assert shown(await world.ask("digest preview")).title.startswith(f"{heading} · ")
    world.clock.forward(days=6)
    await world.digest()
    assert shown(world.posts()[0]).title.startswith(f"{heading} · ")


@pytest.mark.parametrize(
    ("default", "hours"),
    [("18:00", 30), ("06:00", 18), ("13:00", 25), ("09:00", 21)],
)
async def test_a_changed_default_time_holds_from_the_next_digest(
    world: World, default: str, hours: int
) -> None:
    """It is noon; the next digest was to come at nine the next day."""
    other = world.guild.create_text_channel("other")
    for channel in (world.news, other):
        await world.ask("subscribe", topic="Space", channel=channel, mode="digest")
    await world.ask("digest set", at=other, time="9", timezone="UTC")
    world.clock.forward(minutes=1)
    await world.take_in(record(ROCKET[0], quality=80))
    await world.restart(digest={"time": default})
    world.clock.now = at(hours) - timedelta(minutes=1)
    await world.digest()
    assert world.posts() == []
    world.clock.now = at(hours)
    await world.digest()
    assert len(world.posts()) == 1
    world.clock.forward(hours=12)
    await world.digest()
    assert (len(world.posts()), len(world.posts(other))) == (1, 1)


async def test_autocomplete_finds_time_zones(world: World) -> None:
    offered = await world.typing("digest set", "timezone", "berl", time="9")
    assert offered == {"Europe/Berlin": "Europe/Berlin"}
    assert "America/New_York" in await world.typing("digest set", "timezone", "new york")
    assert len(await world.typing("digest set", "timezone", "")) == 25


async def test_the_time_zones_of_the_system_are_read_once_and_not_with_every_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def read() -> set[str]:
        reads.append(1)
        return available_timezones()

    monkeypatch.setattr(use, "available_timezones", read)
    for typed in ("b", "be", "ber"):
        await world.typing("digest set", "timezone", typed, time="9")
    await world.ask("digest set", time="9", timezone="europe/berlin")
    assert len(reads) <= 1


async def test_setting_needs_a_channel_where_the_bot_may_post(world: World) -> None:
    world.deny(world.news, embed_links=True)
    text = await world.refused("digest set", time="9", timezone="UTC")
    assert f"The bot cannot post in {world.news.mention}. Give it Embed Links there, then try again." in text


async def test_switching_off(world: World) -> None:
    told = "This channel has no digest to turn off."
    assert told in await world.refused("digest off")
    await world.ask("subscribe", topic="Space", mode="both")
    answer = await world.ask("digest off")
    assert (
        seen(answer) == f"Digest off\n{world.news.mention} no longer gets a digest. Its subscriptions stay."
    )
    assert told in await world.refused("digest off")
    assert "• Digest" not in seen(await world.ask("subscriptions"))
    await world.report(record(ROCKET[0], quality=80))
    assert len(world.posts()) == 1
    world.clock.forward(days=2)
    await world.digest()
    assert len(world.posts()) == 1
    await world.ask("digest set", time="9", timezone="UTC")
    world.clock.forward(days=1)
    await world.report(record(WHALES[0], "w.example", hours=72, quality=80, topics=["Space"]))
    await world.digest()
    assert len(world.posts()) == 3


async def test_a_preview_is_for_everybody_and_changes_nothing(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.take_in(record(ROCKET[0], quality=80), record(METRO[0], quality=80))
    for _ in range(2):
        answer = await world.ask("digest preview", by=world.member)
        assert shown(answer).titles == ["Daily digest · Monday, 2 March", "Space"]
        since = int(at(-24).timestamp())
        assert shown(answer).small == [
            "1 story",
            f"Preview · stories since <t:{since}:f> · every day at 09:00 (UTC)",
        ]
        assert [text for text, _ in links(seen(answer))] == [ROCKET[0]]
    assert await world.deliver() == 0
    assert world.posts() == []


async def test_a_preview_of_an_empty_day_and_of_a_channel_without_topics(world: World) -> None:
    assert "This channel has no subscriptions yet. Start with /subscribe." in await world.refused(
        "digest preview", by=world.member
    )
    await world.ask("subscribe", topic="Space", mode="digest")
    answer = seen(await world.ask("digest preview", by=world.member))
    assert (
        f"There have been no new stories since <t:{int(at(-24).timestamp())}:f>. A digest is only sent when there are new stories."
        in answer
    )


async def test_a_digest_now_is_sent_and_the_next_one_starts_from_here(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.take_in(record(ROCKET[0], quality=80))
    answer = await world.ask("digest now")
    assert seen(answer) == "Digest\nSending a digest with 1 story."
    await world.deliver()
    (post,) = world.posts()
    assert shown(post).title == "Daily digest · Monday, 2 March"
    assert "There are no new stories, so no digest is sent." in seen(await world.ask("digest now"))
    world.clock.forward(hours=21)  # 09:00 of the next day
    await world.digest()
    assert len(world.posts()) == 1


async def test_a_digest_now_needs_subscriptions_and_permissions(world: World) -> None:
    assert "This channel has no subscriptions yet" in await world.refused("digest now")
    await world.ask("subscribe", topic="Space", mode="digest")
    world.deny(world.news, send_messages=True)
    assert "Give it Send Messages there" in await world.refused("digest now")


async def test_only_who_manages_the_channel_sets_switches_off_and_sends(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    for text in (
        await world.refused("digest set", by=world.member, time="9", timezone="UTC"),
        await world.refused("digest off", by=world.member),
        await world.refused("digest now", by=world.member),
    ):
        assert "You need this permission: Manage Channels. Ask an admin of this server." in text


async def test_typed_in_a_post_of_a_forum_it_means_the_forum(world: World) -> None:
    forum = world.forum()
    await world.ask("subscribe", topic="Space", channel=forum, mode="both")
    await world.report(record(ROCKET[0], quality=80))
    (post,) = forum.threads
    answer = await world.ask("digest set", at=post, time="9", timezone="UTC")
    assert f"{forum.mention} gets a digest every day at 09:00" in seen(answer)
    assert "Topics: Space" in seen(answer)
    world.clock.forward(hours=21)
    await world.digest()
    assert [thread.name for thread in forum.threads] == [ROCKET[0], "Digest of 3 March 2026"]


# The digest itself.


async def test_the_scheduled_digest_comes_at_nine_in_its_zone_and_once(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.ask("digest set", time="09:00", timezone="America/New_York")
    await world.take_in(
        record(ROCKET[0], "a.example", quality=80), record(ROCKET[1], "b.example", quality=70)
    )
    world.clock.forward(hours=1, minutes=59)  # 13:59 UTC is 08:59 there
    await world.digest()
    assert world.posts() == []
    world.clock.forward(minutes=1)
    await world.digest()
    (post,) = world.posts()
    assert shown(post).titles == ["Daily digest · Monday, 2 March", "Space"]
    line = plain(shown(post).body)
    assert ROCKET[0] in line
    assert "2 outlets" in line
    assert mentions_in(body(world.sends()[0])) == ([], [])
    for _ in range(3):
        world.clock.forward(minutes=20)
        await world.digest()
    assert len(world.posts()) == 1


async def test_a_story_told_before_comes_again_only_when_outlets_joined(world: World) -> None:
    await world.ask("subscribe", topic="AI", mode="digest")
    await world.take_in(record(METRO[0], "a.example", quality=80), record(WHALES[0], "b.example", quality=80))
    world.clock.forward(hours=21)
    await world.digest()
    assert len(links(seen(world.posts()[0]))) == 2
    world.clock.forward(hours=1)
    await world.take_in(
        record(METRO[1], "c.example", hours=22, quality=70),
        record(METRO[2], "d.example", hours=23, quality=60),
    )
    world.clock.forward(hours=23)
    await world.digest()
    again = seen(world.posts()[1])
    assert [text for text, _ in links(again)] == [METRO[0]]
    assert "**+2 outlets since yesterday**" in again
    world.clock.forward(days=1)
    await world.digest()
    assert len(world.posts()) == 2


async def test_an_empty_day_says_nothing(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    for _ in range(3):
        world.clock.forward(days=1)
        await world.digest()
    assert world.posts() == []
    world.clock.forward(hours=1)
    await world.take_in(record(ROCKET[0], hours=72, quality=80))
    world.clock.forward(hours=23)
    await world.digest()
    assert len(world.posts()) == 1


async def test_after_a_downtime_one_digest_covers_the_gap(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    first, second, third = unrelated(3)
    await world.take_in(first)
    world.clock.forward(hours=21)
    await world.digest()
    world.clock.forward(hours=1)
    await world.take_in(second)
    world.clock.forward(days=2)
    await world.take_in(third)
    await world.restart()
    world.clock.forward(days=1)
    await world.digest()
    assert [len(links(seen(post))) for post in world.posts()] == [1, 2]


async def test_the_digest_stands_in_sections_by_topic_and_leaves_out_what_is_muted(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.ask("subscribe", topic="AI", mode="digest")
    await world.ask("mute", what="dull.example")
    await world.take_in(
        record(ROCKET[0], "a.example", quality=80),
        record(METRO[0], "b.example", quality=90),
        record(WHALES[0], "dull.example", quality=99),
    )
    world.clock.forward(hours=21)
    await world.digest()
    assert shown(world.posts()[-1]).titles[1:] == ["AI", "Space"]
    assert [text for text, _ in links(seen(world.posts()[-1]))] == [METRO[0], ROCKET[0]]


async def test_a_digest_waits_while_its_channel_is_paused(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.take_in(record(ROCKET[0], quality=80))
    world.deny(world.news, send_messages=True)
    world.clock.forward(hours=21)
    await world.digest()
    assert "paused" in seen(await world.ask("subscriptions"))
    world.mend(world.news)
    await world.app.mend()
    await world.deliver()
    (post,) = world.posts()
    assert [text for text, _ in links(seen(post))] == [ROCKET[0]]


async def test_the_size_is_the_most_stories_and_the_rest_is_counted(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.ask("digest set", time="9", timezone="UTC", size=3)
    await world.take_in(*unrelated(7))
    world.clock.forward(hours=21)
    await world.digest()
    (post,) = world.posts()
    assert len(links(seen(post))) == 3
    assert plain(shown(post).small[-1]) == "4 more stories: /latest"


async def test_a_digest_that_fails_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    other = world.guild.create_text_channel("other")
    for channel in (world.news, other):
        await world.ask("subscribe", topic="Space", channel=channel, mode="digest")
    await world.take_in(record(ROCKET[0], quality=80))
    world.clock.forward(hours=21)
    good = use.compose_for_channel

    async def bad(*arguments: Any) -> Any:
        if arguments[3].channel_id == world.news.id:
            raise ZeroDivisionError("a bug")
        return await good(*arguments)

    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "compose_for_channel", bad)
        await world.digest()
    assert (len(world.posts()), len(world.posts(other))) == (0, 1)
    assert "ZeroDivisionError: a bug" in world.caplog.text
    world.clock.forward(minutes=1)
    await world.digest()
    assert (len(world.posts()), len(world.posts(other))) == (1, 1)


async def test_a_digest_on_demand_serves_live_topics_where_there_are_no_others(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    await world.take_in(record(ROCKET[0], quality=80))
    assert ROCKET[0] in seen(await world.ask("digest preview", by=world.member))
    await world.ask("digest now")
    await world.deliver()
    assert ["Daily digest" in shown(post).title for post in world.posts()] == [False, True]


async def test_two_processes_send_a_digest_once(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.take_in(record(ROCKET[0], quality=80))
    world.clock.forward(hours=21)
    other = App(world.app.context)
    await asyncio.gather(world.app.digest(), other.digest())
    await world.deliver()
    assert len(world.posts()) == 1
