"""/mute and /unmute: what a server does not want to read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.records.identity import registered_domain
from tests.chat.world import METRO, ROCKET, WHALES, World, buttons, labels, seen, unrelated
from tests.discord_markdown import links
from tests.make import record
from tests.shown import plain, shown


async def test_a_muted_outlet_neither_leads_nor_counts(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    answer = await world.ask("mute", what="loud.example")
    assert seen(answer).startswith("Muted\n**loud.example** is muted across the server. Undo with `/unmute`.")
    await world.report(
        record(METRO[0], "loud.example", quality=95),
        record(METRO[1], "calm.example", quality=80),
        record(WHALES[0], "loud.example", quality=95),
    )
    (post,) = world.posts()
    assert shown(post).title == METRO[1]
    assert shown(post).small[:2] == ["Computer Vision", "Calm (calm.example)"]
    assert shown(post).small[2].startswith("Story #1 · 1 outlet · ")
    assert "loud" not in seen(post).lower()
    assert "loud" not in seen(await world.ask("related", story="1")).lower()


NAMED = (
    ("loud.example", "loud.example"),
    ("LOUD.example", "LOUD.example"),
    ("Loud", "Loud"),
    ("www.loud.example", "loud.example"),
    ("https://www.loud.example/news/1?x=y", "loud.example"),
    ("news.loud.example", "loud.example"),
    ("weather  satellite", "weather satellite"),
    ("KESTREL", "KESTREL"),
    ("@loud.example", "loud.example"),
    ("loud.example/space", "loud.example"),
    ("Loud.example.", "loud.example"),
    ("ＫＥＳＴＲＥＬ", "ＫＥＳＴＲＥＬ"),
)


async def test_an_outlet_or_words_are_named_in_many_ways(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    for week, (what, muted) in enumerate(NAMED):
        hours = week * 7 * 24
        answer = plain(seen(await world.ask("mute", what=what)))
        assert answer.startswith(f"Muted\n{muted} is muted across the server."), what
        await world.report(record(ROCKET[0], "loud.example", hours=hours, quality=80))
        assert len(world.posts()) == week, what
        await world.ask("unmute", what=what)
        await world.report(record(ROCKET[1], "other.example", hours=hours, quality=80))
        assert len(world.posts()) == week + 1, what
        world.clock.forward(days=7)
        await world.a_minute_later()


async def test_what_could_never_be_in_a_title_is_not_said_to_be_muted(world: World) -> None:
    for what in ("kes*rel", "kest*", "\u3164\u200b", "\ufe0f"):
        assert "Muted" not in await world.refused("mute", what=what)


async def test_an_outlet_is_muted_by_its_host_in_its_script(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    await world.ask("mute", what="küste.example")
    await world.report(record(ROCKET[0], registered_domain("küste.example"), quality=80))
    assert world.posts() == []


async def test_an_emoji_is_muted_in_whatever_form(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    await world.ask("mute", what="☎️")
    await world.report(record(f"☎ {ROCKET[0]}", quality=80))
    assert world.posts() == []


async def test_words_are_whole_words_of_the_title(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    await world.ask("mute", what="weather sat")
    await world.ask("mute", what="or")
    await world.report(record(ROCKET[0], quality=80))
    assert len(world.posts()) == 1


async def test_a_mute_of_one_channel_leaves_the_others_alone(world: World) -> None:
    other = world.guild.create_text_channel("other")
    for channel in (world.news, other):
        await world.ask("subscribe", topic="Space", channel=channel)
    answer = await world.ask("mute", what="Kestrel", channel=other)
    assert f"**Kestrel** is muted in {other.mention}." in seen(answer)
    await world.report(record(ROCKET[0], quality=80))
    assert len(world.posts()) == 1
    assert world.posts(other) == []


async def test_a_mute_of_another_server_does_not_count_here(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    elsewhere = world.env.create_guild("Elsewhere")
    owner = elsewhere.add_member(elsewhere.owner)
    await world.ask("mute", by=owner, at=elsewhere.create_text_channel("lobby"), what="Kestrel")
    await world.report(record(ROCKET[0], quality=80))
    assert len(world.posts()) == 1


async def test_a_post_that_stands_keeps_up_with_a_new_mute(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], "loud.example", quality=90))
    await world.ask("mute", what="loud.example")
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "calm.example", quality=70))
    (post,) = world.posts()
    assert shown(post).small[1] == "Calm (calm.example)"
    assert "Loud" not in seen(post)


async def test_taking_a_mute_back(world: World) -> None:
    await world.ask("mute", what="Kestrel")
    await world.ask("mute", what="loud.example", channel=world.news)
    assert "**Kestrel** is no longer muted across the server." in seen(
        await world.ask("unmute", what="kestrel")
    )
    text = await world.refused("unmute", what="loud.example")
    place = f"“loud.example” is muted in {world.news.mention}. To unmute it, choose that channel in the channel option."
    assert place in text
    text = await world.refused("unmute", what="Kestrel")
    assert "“Kestrel” is not muted. Muted: loud.example." in text
    await world.ask("unmute", what="loud.example", channel=world.news)
    assert "“x” is not muted. Nothing is muted." in await world.refused("unmute", what="x")


async def test_autocomplete_offers_what_is_muted(world: World) -> None:
    await world.ask("mute", what="Kestrel")
    await world.ask("mute", what="loud.example", channel=world.news)
    assert list(await world.typing("unmute", "what", "")) == ["Kestrel", "loud.example"]
    assert list(await world.typing("unmute", "what", "LOUD")) == ["loud.example"]


async def test_what_cannot_be_muted(world: World) -> None:
    for what in ("   ", "http://", "https://[x/"):
        text = await world.refused("mute", what=what)
        assert "Enter an outlet (example.com) or words" in text or "That address is not valid" in text


async def test_what_could_never_match_is_not_confirmed(world: World) -> None:
    for what, why in (
        ("ferr*", "A mute matches whole words and has no wildcards such as *: write the words out."),
        ("ferry OR boat", "A mute is one outlet or one phrase, not a query"),
        ("ed@quay.example", "People and e-mail addresses cannot be muted"),
    ):
        assert why in await world.refused("mute", what=what)
        assert (
            seen(await world.ask("mute")) == "Muted\nNothing is muted. Mute an outlet or words with `/mute`."
        )


async def test_a_mute_says_what_it_would_have_hidden_and_can_be_undone(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    await world.report(*unrelated(12), record(ROCKET[0], "loud.example", quality=80))
    answer = await world.ask("mute", what="Kestrel")
    text = plain(seen(answer))
    assert "Of 13 stories from the last 7 days, it would have hidden 1:" in text
    assert ROCKET[0] in text
    assert "with “kestrel” in the title" in text
    undone = world.answer(await world.press(answer, "Undo"))
    assert seen(undone) == "Unmuted\n**Kestrel** is no longer muted across the server."
    assert buttons(answer) == []
    assert "Nothing is muted." in seen(await world.ask("mute"))


async def test_a_mute_that_hides_more_than_one_story_in_ten_asks_first(world: World) -> None:
    await world.ask("subscribe", topic="Space")
    first, second, *others = unrelated(12)
    await world.report(*others, *(replace(one, title=f"A {one.title}") for one in (first, second)))
    asked = await world.ask("mute", what="a")
    assert "Of 12 stories from the last 7 days, it would have hidden **2**:" in seen(asked)
    assert "Mute **a** across the server?" in seen(asked)
    assert labels(asked) == ["Mute it", "Cancel"]
    left = world.answer(await world.press(asked, "Cancel"))
    assert seen(left) == "**a** was not muted."
    assert "Nothing is muted." in seen(await world.ask("mute"))
    asked = await world.ask("mute", what="a")
    done = world.answer(await world.press(asked, "Mute it"))
    assert seen(done).startswith("Muted\n**a** is muted across the server.")
    assert labels(done) == ["Undo"]
    assert "**a** · across the server" in seen(await world.ask("mute"))


async def test_a_mute_of_nothing_that_came_in_says_so_and_does_not_ask(world: World) -> None:
    assert "There are no stories from the last 7 days to compare with." in seen(
        await world.ask("mute", what="Kestrel")
    )
    await world.ask("subscribe", topic="Space")
    await world.report(*unrelated(3))
    text = seen(await world.ask("mute", what="whales"))
    assert "Of 3 stories from the last 7 days, it would have hidden none." in text
    assert "is already muted across the server." in seen(await world.ask("mute", what="WHALES"))


async def test_what_is_muted_is_listed_with_its_place(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.ask("mute", what="Kestrel")
    await world.ask("mute", what="loud.example", channel=other)
    assert seen(await world.ask("mute")).splitlines() == [
        "Muted",
        "• **Kestrel** · across the server",
        f"• **loud.example** · in {other.mention}",
    ]
    assert "loud" not in seen(await world.ask("mute", channel=world.news))
    world.hide(other, world.manager)
    assert "loud" not in seen(await world.ask("mute"))


async def test_a_misspelt_unmute_has_a_button_with_what_was_meant(world: World) -> None:
    await world.ask("mute", what="Kestrel")
    result = await world.manager.slash(world.news, "unmute", what="Kestrle")
    answer = world.answer(result)
    assert "“Kestrle” is not muted." in world.refusal(result)
    done = world.answer(await world.press(answer, "Kestrel"))
    assert seen(done) == "Unmuted\n**Kestrel** is no longer muted across the server."


async def test_markdown_in_a_mute_shows_as_text(world: World) -> None:
    answer = await world.ask("mute", what="**@everyone** <#1>")
    assert plain(seen(answer)).startswith("Muted\n**@everyone** <#1> is muted across the server.")
    assert links(seen(answer)) == []


async def test_there_is_a_most_of_mutes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.services.mutes.MOST", 2)
    for what in ("one", "two"):
        await world.ask("mute", what=what)
    text = await world.refused("mute", what="three")
    assert "This server has reached the limit of 2 mutes. Remove some with /unmute." in text


async def test_who_manages_one_channel_only_mutes_there_only(world: World) -> None:
    world.allow(world.news, world.member, manage_channels=True)
    text = await world.refused("mute", by=world.member, what="Kestrel")
    assert "You need the Manage Channels permission in the whole server." in text
    assert "To mute in one channel only, choose it in the channel option." in text
    await world.ask("mute", by=world.member, what="Kestrel", channel=world.news)
    other = world.guild.create_text_channel("other")
    text = await world.refused("mute", by=world.member, what="Kestrel", channel=other)
    assert f"You need the Manage Channels permission in {other.mention}." in text
    assert "whole server" in await world.refused("unmute", by=world.member, what="Kestrel")
