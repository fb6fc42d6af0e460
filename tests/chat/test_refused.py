"""What Discord refuses costs no more than it must: a part, an edit, a message, and a channel only where it means that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord

from tests.chat.followers import follow, following
from tests.chat.world import METRO, ROCKET, WHALES, World, seen
from tests.form import sized
from tests.make import record
from tests.shown import Shown, plain, shown

PICTURE = "https://pictures.example/metro.png"
NOT_AN_ADDRESS = {"_errors": [{"code": "URL_TYPE_INVALID_URL", "message": "Not a well formed URL."}]}
TOO_LONG = {"_errors": [{"code": "BASE_TYPE_BAD_LENGTH", "message": "Must be shorter."}]}


def has_picture(sent: dict[str, Any]) -> bool:
    """Whether the picture is in it."""
    return shown(sent).picture == PICTURE


def in_card(place: int, error: dict[str, Any]) -> dict[str, Any]:
    """What Discord answers about a part of a post's container."""
    return {"components": {"0": {"components": {str(place): error}}}}


async def listed(world: World) -> str:
    """What `/subscriptions` shows."""
    return plain(seen(await world.ask("subscriptions")))


# The part of a card at a place, what Discord says of it, and what is left out then.
PARTS: tuple[tuple[int, dict[str, Any], str], ...] = (
    (0, {"content": TOO_LONG}, "Computer Vision"),
    (2, {"items": {"0": {"media": {"url": NOT_AN_ADDRESS}}}}, "picture"),
    (3, {"content": TOO_LONG}, "It was decided."),
    (5, {"content": TOO_LONG}, "A (a.example)"),
    (7, {"components": {"0": {"url": NOT_AN_ADDRESS}}}, "Read"),
    (7, {"components": {"0": {"url": NOT_AN_ADDRESS}, "1": {"label": TOO_LONG}}}, "Read, Related coverage"),
)


def left_out(page: Shown) -> list[str]:
    """What a post does not have of what the report brought."""
    texts = ("Computer Vision", "It was decided.", "A (a.example)")
    missing = [] if page.picture else ["picture"]
    missing += [text for text in texts if text not in map(plain, map(small, page.lines))]
    labels = [label for label, _ in page.buttons]
    return missing + [label for label in ("Read", "Related coverage") if label not in labels]


async def test_a_post_goes_out_without_the_part_that_discord_refuses(world: World) -> None:
    def whole(sent: dict[str, Any]) -> bool:
        return not left_out(shown(sent))

    channels = await following(world, "AI", *range(len(PARTS)))
    refused = [
        world.refuse(
            "POST", f"/channels/{channel.id}/messages", 400, 50035, parts=in_card(place, error), when=whole
        )
        for channel, (place, error, _) in zip(channels, PARTS, strict=True)
    ]
    await world.report(record(METRO[0], "a.example", quality=80, image=PICTURE, excerpt="It was decided."))
    for channel, (*_, gone), tries in zip(channels, PARTS, refused, strict=True):
        (post,) = world.posts(channel)
        assert len(tries) == 1, gone
        assert ", ".join(left_out(shown(post))) == gone
        assert shown(post).title == METRO[0], gone
    assert await world.later() == 0


def small(line: str) -> str:
    """A small line as it reads."""
    return line.removeprefix("-# ")


async def test_a_refused_nonce_costs_only_itself(world: World) -> None:
    def ours(sent: dict[str, Any]) -> bool:
        return len(sent["nonce"]) == 24  # else it is one that discord.py makes

    await follow(world, "AI")
    path = f"/channels/{world.news.id}/messages"
    world.refuse("POST", path, 400, 50035, parts={"nonce": TOO_LONG}, when=ours)
    await world.report(record(METRO[0], "a.example", quality=80, image=PICTURE))
    (post,) = world.posts()
    assert shown(post).picture == PICTURE


async def test_a_forum_post_goes_out_without_the_part_that_discord_refuses(world: World) -> None:
    forum = world.forum(tags=["AI"])
    await follow(world, "AI", forum)
    errors = {"message": in_card(2, {"items": {"0": {"media": {"url": NOT_AN_ADDRESS}}}})}
    world.refuse("POST", f"/channels/{forum.id}/threads", 400, 50035, parts=errors, when=has_picture)
    await world.report(record(METRO[0], "a.example", quality=80, image=PICTURE))
    (thread,) = forum.threads
    assert thread.name == METRO[0]
    assert [tag.name for tag in thread_of(world, thread.id).applied_tags] == ["AI"]


def thread_of(world: World, thread_id: int) -> discord.Thread:
    """A forum's post as the bot's client knows it."""
    found = world.app.client.get_channel(thread_id)
    assert isinstance(found, discord.Thread)
    return found


async def test_what_is_refused_without_a_name_goes_out_as_text(world: World) -> None:
    await follow(world, "AI")
    world.refuse("POST", f"/channels/{world.news.id}/messages", 400, 50035, when=has_picture)
    await world.report(record(METRO[0], "a.example", quality=80, image=PICTURE, excerpt="It was decided."))
    (post,) = world.posts()
    assert (shown(post).title, shown(post).body) == (METRO[0], "It was decided.")
    assert (shown(post).pictures, shown(post).buttons) == ((), ())


async def test_a_part_that_is_refused_again_and_again_ends_at_some_point(world: World) -> None:
    await follow(world, "AI")
    refused = world.refuse("POST", f"/channels/{world.news.id}/messages", 400, 50035)
    await world.report(record(METRO[0], "a.example", quality=80))
    assert await world.later() == 0
    assert len(refused) == 2
    assert "paused" not in await listed(world)


async def test_an_edit_is_made_without_the_part_that_discord_refuses(world: World) -> None:
    await follow(world, "AI")
    errors = in_card(2, {"items": {"0": {"media": {"url": NOT_AN_ADDRESS}}}})
    world.refuse("PATCH", "/channels/*/messages/*", 400, 50035, parts=errors, when=has_picture)
    await world.report(record(METRO[0], "a.example", quality=80))
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90, image=PICTURE))
    (post,) = world.posts()
    assert (shown(post).title, shown(post).picture) == (METRO[1], "")


async def test_a_refused_edit_ends_and_the_next_one_is_made(world: World) -> None:
    cases = ((403, 99_999), (404, 99_999), (400, 240000), (400, 200000))
    channels = dict(zip(cases, await following(world, "AI", *cases), strict=True))
    await world.report(record(METRO[0], "a.example", quality=80))
    for (status, code), channel in channels.items():
        path = f"/channels/{channel.id}/messages/*"
        world.env.inject_error("PATCH", path, status=status, code=code)
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90))
    assert await world.later() == 0
    for case, channel in channels.items():
        told = plain(seen(await world.ask("related", story="1", at=channel)))
        assert "Its last update failed" in told, case
    assert "paused" not in await listed(world)
    await world.report(record(METRO[2], "c.example", quality=95, hours=4))
    await world.a_minute_later()
    for case, channel in channels.items():
        assert shown(world.posts(channel)[0]).title == METRO[2], case
        assert "failed" not in plain(seen(await world.ask("related", story="1", at=channel))), case


async def test_a_withdrawn_story_goes_from_its_post_however_often_discord_refuses(world: World) -> None:
    refusals = sized(12, 60)  # any other edit is given up after the first
    await follow(world, "AI")
    await world.report(story := record(METRO[0], "a.example", quality=80))
    world.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=99_999, times=refusals)
    world.clock.forward(minutes=5)
    await world.report(replace(story, removed=True))
    for _ in range(refusals):
        assert METRO[0] in seen(world.posts()[0])
        world.clock.forward(minutes=30)
        await world.deliver()
    assert METRO[0] not in seen(world.posts()[0])


async def test_a_message_of_another_bot_account_is_left_alone_and_the_channel_goes_on(world: World) -> None:
    await follow(world, "AI")
    await world.report(record(METRO[0], "a.example", quality=80))
    world.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=50005, times=None)
    world.clock.forward(minutes=5)
    await world.report(record(METRO[1], "b.example", quality=90), record(WHALES[0], "w.example", quality=80))
    assert WHALES[0] in [shown(post).title for post in world.posts()]
    assert "paused" not in await listed(world)
    told = plain(seen(await world.ask("related", story="1")))
    assert "The post is no longer updated: the message belongs to another bot account." in told


async def test_a_page_of_a_proxy_is_no_verdict(world: World) -> None:
    statuses = (400, 403, 404, 409, 502)
    channels = dict(zip(statuses, await following(world, "Space", *statuses), strict=True))
    for status, channel in channels.items():
        page, path = "<html><title>Attention Required!</title>", f"/channels/{channel.id}/messages"
        world.env.inject_error("POST", path, status=status, message=page, times=2)
    await world.report(record(ROCKET[0], quality=80))
    assert "paused" not in await listed(world)
    for status, channel in channels.items():
        waiting = plain(seen(await world.ask("related", story="1", at=channel)))
        assert f"Waiting to be posted here: Discord answered with HTTP {status}." in waiting
    await world.later()
    for status, channel in channels.items():
        assert [shown(post).title for post in world.posts(channel)] == [ROCKET[0]], status


async def test_what_passes_by_itself_only_delays_a_post(world: World) -> None:
    forum = world.forum()
    await follow(world, "Space", world.news, forum)
    paths = (f"/channels/{world.news.id}/messages", f"/channels/{forum.id}/threads")
    await world.take_in(record(ROCKET[0], quality=80))
    for code in (20016, 20028, 20029, 40062, 110001, 130000, 160006, 160007):
        for path in paths:
            world.env.inject_error("POST", path, status=400, code=code)
        await world.deliver()
        assert not world.env.backend.faults, f"{code}: both were tried"
        assert "paused" not in await listed(world), code
        world.clock.forward(hours=1)
    await world.later()
    assert len(world.posts()) == len(forum.threads) == 1


async def test_what_passes_by_itself_only_delays_an_edit_that_opens_an_archived_post(world: World) -> None:
    forum = world.forum()
    await follow(world, "AI", forum)
    await world.report(record(METRO[0], "a.example", quality=80))
    (thread,) = forum.threads
    world.close(thread)
    world.clock.forward(minutes=5)
    await world.take_in(record(METRO[1], "b.example", quality=90))
    for status, code in ((400, 160006), (400, 130000), (403, 40333), (403, 0), (503, 0)):
        world.env.inject_error("PATCH", f"/channels/{thread.id}/messages/*", status=400, code=50083)
        world.env.inject_error("PATCH", f"/channels/{thread.id}", status=status, code=code)
        await world.deliver()
        assert not world.env.backend.faults, f"{status} {code}: it was tried"
        assert "paused" not in await listed(world), code
        world.clock.forward(hours=1)
    await world.later()
    assert shown(world.posts(thread)[0]).title == METRO[1]


async def test_edits_of_old_messages_wait_for_their_limit(world: World) -> None:
    await follow(world, "AI")
    await world.report(record(METRO[0], "a.example", quality=80))
    world.env.inject_error("PATCH", "/channels/*/messages/*", status=400, code=30046, times=4)
    world.clock.forward(hours=2)
    await world.report(record(METRO[1], "b.example", quality=90, hours=2))
    await world.later()
    assert shown(world.posts()[0]).title == METRO[1]


async def test_a_channel_that_is_no_announcement_channel_any_more_is_not_paused_by_publishing(
    world: World,
) -> None:
    wire = world.guild.create_news_channel("wire")
    await follow(world, "AI", wire, publish=True)
    world.env.inject_error("POST", "/channels/*/messages/*/crosspost", status=400, code=50024)
    await world.report(record(METRO[0], "a.example", quality=80))
    await world.report(record(WHALES[0], "w.example", quality=80))
    assert len(world.posts(wire)) == 2
    assert "paused" not in await listed(world)


async def test_what_was_published_already_is_published(world: World) -> None:
    """An answer that was lost leads to a second try."""
    wire = world.guild.create_news_channel("wire")
    await follow(world, "AI", wire, publish=True)
    world.env.inject_error("POST", "/channels/*/messages/*/crosspost", status=400, code=40033)
    await world.report(record(METRO[0], "a.example", quality=80))
    assert await world.later() == 0
    assert "Messages not sent" not in plain(seen(await world.ask("status")))
