"""Posts under a name and picture of their own, through a webhook of the bot."""

from __future__ import annotations

import logging
from io import BytesIO
from typing import Any

import aiohttp
import discord
import pytest
import sqlalchemy as sa
from PIL import Image
from simcord.backend.errors import BackendError
from simcord.http.client import FakeWebhookAdapter, _raise_for

from bot.chat import webhooks
from bot.domain.posting.face import WebhookKey
from bot.runtime.logs import SECRETIVE
from bot.store import schema
from tests.chat.panel_user import PanelUser
from tests.chat.webhooks import Webhooks, as_on_discord
from tests.chat.world import METRO, ROCKET, World, body, labels, mentions_in, seen, unrelated
from tests.form import sized
from tests.make import record

PICTURE = "https://pictures.example/fox.png"


@pytest.fixture
def hooks(world: World, monkeypatch: pytest.MonkeyPatch) -> Webhooks:
    """A world in which the bot and the manager may manage webhooks."""
    as_on_discord(world.env, monkeypatch)
    rights = discord.Permissions(manage_channels=True, manage_guild=True, manage_webhooks=True)
    world.env.backend.edit_role(world.guild.id, world.managers.id, {"permissions": rights.value})
    hooks = Webhooks(world)
    hooks.allow_bot()
    return hooks


async def report(world: World, title: str = ROCKET[0], outlet: str = "a.example") -> None:
    await world.report(record(title, outlet, quality=80, topics=["Space"]))


async def faced(world: World, **options: Any) -> str:
    """The channel follows Space, and has a face."""
    await world.ask("subscribe", topic="Space", volume="everything")
    return seen(await world.ask("appearance face", use="on", **options))


async def stored(world: World, column: sa.Column[Any]) -> list[Any]:
    async with world.app.context.db.read() as connection:
        return list((await connection.execute(sa.select(column))).scalars())


async def test_posts_appear_under_the_name_of_their_topic(world: World, hooks: Webhooks) -> None:
    answer = await faced(world)
    assert f"New posts in {world.news.mention} appear under the name of their topic." in answer
    await report(world)
    (post,) = world.posts()
    assert post.author.name == "Space"
    assert post.webhook_id == hooks.only.id
    assert hooks.only.creator_id == world.env.backend.bot_user.id
    assert labels(post) == ["Read", "Related coverage", "Follow this story"]
    assert ROCKET[0] in seen(world.answer(await world.press(post, "Related coverage", by=world.member)))
    assert world.sends() == []


async def test_a_name_and_a_picture_can_be_chosen_and_given_up_again(world: World, hooks: Webhooks) -> None:
    answer = await faced(world, name="  Night *fox*  ", picture_address=PICTURE)
    assert f"New posts in {world.news.mention} appear as **Night \\*fox\\***." in answer
    assert "They have the picture that you chose." in answer
    await report(world)
    await world.ask("appearance face", use="on", picture_address="bot")
    await report(world, METRO[0], "b.example")
    await world.ask("appearance face", use="on", name="topic")
    (first, *rest) = [body(request) for request in hooks.sends()]
    assert (first["username"], first["avatar_url"]) == ("Night *fox*", PICTURE)
    assert [sent["username"] for sent in rest] == ["Night *fox*"]
    assert all("pictures.example" not in sent["avatar_url"] for sent in rest)
    assert len(hooks.made) == 1, "the webhook is used again"
    await world.report(*unrelated(1))
    assert body(hooks.sends()[-1])["username"] == "Space"


def drawn(kind: str, side: int = 32) -> bytes:
    """A picture in that format."""
    file = BytesIO()
    Image.new("RGB", (side, 8)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_a_picture_can_be_uploaded(world: World, hooks: Webhooks, kind: str) -> None:
    await faced(world, name="Fox", picture=(f"fox.{kind.lower()}", drawn(kind)))
    (made,) = world.requests("POST", f"/channels/{world.news.id}/webhooks")
    assert body(made)["avatar"].startswith(f"data:image/{kind.lower()};base64,")
    await report(world)
    assert "avatar_url" not in body(hooks.sends()[0])
    await world.ask("appearance face", use="on", picture=(f"fox.{kind.lower()}", drawn(kind, 33)))
    (changed,) = world.requests("PATCH", f"/webhooks/{hooks.only.id}")
    assert body(changed)["avatar"].startswith(f"data:image/{kind.lower()};base64,")
    assert world.posts()[0].author.name == "Fox"


async def test_what_is_no_picture_or_too_large_is_refused(world: World, hooks: Webhooks) -> None:
    for upload, words in (
        (("fox.svg", b"<svg/>"), "must be a PNG, JPEG, GIF or WebP image"),
        (("fox.png", b"MZ\x90\x00"), "must be a PNG, JPEG, GIF or WebP image"),
        (("fox.png", drawn("BMP")), "must be a PNG, JPEG, GIF or WebP image"),
        (("fox.png", drawn("PNG", 5000)), "The picture is too large."),
        (("fox.png", drawn("PNG") + bytes(2_000_000)), "It may have 2 MB and 4096 pixels on a side."),
    ):
        assert words in await world.refused("appearance face", use="on", picture=upload)
        both = await world.refused(
            "appearance face", use="on", picture=("a.png", drawn("PNG")), picture_address=PICTURE
        )
        assert "not both" in both
        assert hooks.made == []
        await world.a_minute_later()


async def test_a_living_message_goes_on_being_edited_by_its_webhook(world: World, hooks: Webhooks) -> None:
    await faced(world)
    await report(world)
    hooks.forbid_bot()
    world.clock.forward(minutes=30)
    await report(world, ROCKET[1], "b.example")
    (post,) = world.posts()
    assert "b.example" in seen(post)
    assert post.author.name == "Space"
    assert len(hooks.edits()) == 1
    assert world.edits() == []
    assert mentions_in(body(hooks.edits()[0])) == ([], [])
    assert body(hooks.edits()[0])["flags"] == discord.MessageFlags(components_v2=True).value


async def test_only_the_role_of_the_subscription_is_pinged(world: World, hooks: Webhooks) -> None:
    role = world.role("readers")
    await world.ask("subscribe", topic="Space", mention=role)
    await world.ask("appearance face", use="on", name="@here and <@&1>")
    await report(world, f"@everyone {ROCKET[0]} <@&{role.id}1>")
    assert mentions_in(body(hooks.sends()[0])) == ([], [str(role.id)])
    (post,) = world.posts()
    assert [pinged.id for pinged in post.role_mentions] == [role.id]
    assert not post.mention_everyone


@pytest.mark.parametrize("loss", ["deleted", "token"])
async def test_without_its_webhook_new_posts_are_the_bots_and_old_ones_stay(
    world: World, hooks: Webhooks, loss: str
) -> None:
    await faced(world)
    await report(world)
    if loss == "deleted":
        hooks.delete()
    else:
        hooks.spoil()
    await report(world, METRO[0], "b.example")
    first, second = world.posts()
    assert (first.webhook_id is None, second.author.id) == (False, world.env.backend.bot_user.id)
    assert METRO[0] in seen(second)
    tries = len(hooks.sends())
    world.clock.forward(minutes=30)
    await report(world, ROCKET[1], "c.example")
    await world.report(*unrelated(1))
    assert await world.later() == 0
    assert len(world.posts()) == 3, "the story of the first post is not told again"
    assert (len(hooks.sends()), hooks.edits()) == (tries, []), "what is gone is not asked again"
    status = seen(await world.ask("status"))
    assert f"{world.news.mention}: Somebody deleted or moved the bot's webhook" in status
    assert "nobody can update it any more" in status


async def test_an_edit_finds_out_that_the_webhook_is_gone(world: World, hooks: Webhooks) -> None:
    await faced(world)
    await report(world)
    hooks.delete()
    world.clock.forward(minutes=30)
    await report(world, ROCKET[1], "b.example")
    assert await world.later() == 0
    (post,) = world.posts()
    assert "b.example" not in seen(post)
    assert "Somebody deleted or moved the bot's webhook" in seen(await world.ask("status"))
    assert "appear under the name of their topic" in seen(await world.ask("appearance face", use="on"))
    await report(world, METRO[0], "c.example")
    assert world.posts()[-1].webhook_id == hooks.only.id
    assert "Somebody deleted" not in seen(await world.ask("status"))


@pytest.mark.parametrize("status", [401, 404])
async def test_a_refusal_without_a_code_counts_as_well(world: World, hooks: Webhooks, status: int) -> None:
    await faced(world)
    world.env.inject_error("POST", f"/webhooks/{hooks.only.id}/*", status=status, message="no")
    await report(world)
    (post,) = world.posts()
    assert post.webhook_id is None


@pytest.mark.parametrize("status", sized([502], [500, 502]))
async def test_a_message_in_doubt_is_looked_for_and_never_sent_twice(
    world: World, hooks: Webhooks, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot does not see the components of its webhook's messages, so the webhook reads them."""
    await faced(world)
    lose_answer(world, monkeypatch, status)
    await report(world)
    assert len(world.posts()) == 1
    assert await stored(world, schema.outbox.c.message_id) == [None]
    await world.restart()
    world.clock.forward(minutes=1)
    await world.deliver()
    (post,) = world.posts()
    assert await stored(world, schema.outbox.c.message_id) == [post.id]
    assert await stored(world, schema.outbox.c.webhook_id) == [hooks.only.id]
    assert len(hooks.sends()) == 1
    world.clock.forward(minutes=30)
    await report(world, ROCKET[1], "b.example")
    assert "b.example" in seen(world.posts()[0])


async def test_what_cannot_be_read_any_more_is_not_sent_twice_either(
    world: World, hooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await faced(world)
    lose_answer(world, monkeypatch, 500)
    await report(world)
    hooks.delete()
    assert await world.later() >= 1
    assert len(world.posts()) == 1
    await report(world, METRO[0], "b.example")
    assert [post.webhook_id is None for post in world.posts()] == [False, True]


async def test_a_message_that_never_arrived_is_sent_once_discord_is_done_with_the_try(
    world: World, hooks: Webhooks
) -> None:
    await faced(world)
    world.env.inject_error("POST", f"/webhooks/{hooks.only.id}/*", status=500)
    await report(world)
    world.clock.forward(seconds=6)
    await world.deliver()
    assert world.posts() == []
    world.clock.forward(seconds=10)
    await world.deliver()
    assert len(world.posts()) == 1


async def test_without_the_history_a_message_in_doubt_pauses_the_channel(
    world: World, hooks: Webhooks
) -> None:
    await faced(world)
    world.env.inject_error("POST", f"/webhooks/{hooks.only.id}/*", status=500)
    world.deny(world.news, read_message_history=True)
    await report(world)
    world.clock.forward(minutes=1)
    await world.deliver()
    assert "Read Message History" in seen(await world.ask("status"))
    world.mend(world.news)
    await world.later()
    assert len(world.posts()) == 1


def lose_answer(world: World, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Discord makes the next message of a webhook, at the bot's time, and its answer is lost."""
    backend = world.env.backend
    backend.advance_clock((world.clock() - backend.clock.now()).total_seconds())
    accept = FakeWebhookAdapter.request

    async def request(self: Any, route: Any, session: Any, **more: Any) -> Any:
        answer = await accept(self, route, session, **more)
        if route.method == "POST" and route.webhook_id != backend.application_id:
            monkeypatch.setattr(FakeWebhookAdapter, "request", accept)
            _raise_for(BackendError(status, 0, "lost"))
        return answer

    monkeypatch.setattr(FakeWebhookAdapter, "request", request)


async def test_a_webhook_is_no_way_around_what_the_bot_may_not_do(world: World, hooks: Webhooks) -> None:
    await faced(world)
    world.deny(world.news, send_messages=True)
    await report(world)
    assert (world.posts(), hooks.sends()) == ([], [])
    assert "Send Messages" in seen(await world.ask("status"))
    world.mend(world.news)
    await world.later()
    (post,) = world.posts()
    assert post.webhook_id == hooks.only.id


async def test_a_webhook_that_was_moved_posts_nothing_in_the_other_channel(
    world: World, hooks: Webhooks
) -> None:
    other = world.guild.create_text_channel("other")
    await faced(world)
    world.env.backend.edit_webhook(hooks.only.id, {"channel_id": other.id})
    await report(world)
    (post,) = world.posts()
    assert (post.webhook_id, world.posts(other)) == (None, [])
    assert "Somebody deleted or moved the bot's webhook" in seen(await world.ask("status"))
    await world.ask("appearance face", use="on")
    await report(world, METRO[0], "b.example")
    assert (world.posts()[-1].author.name, world.posts(other)) == ("Space", [])


async def test_webhooks_of_others_are_never_used(world: World, hooks: Webhooks) -> None:
    other = world.env.backend.create_webhook(world.news.id, "Relay", world.manager.id)
    await faced(world)
    assert len(hooks.made) == 2
    await report(world)
    assert world.posts()[0].webhook_id not in (None, other.id)
    await world.ask("appearance face", use="off")
    assert hooks.made == [other]


async def test_off_deletes_the_webhook_and_posts_are_the_bots_again(world: World, hooks: Webhooks) -> None:
    await faced(world)
    await report(world)
    hooks.forbid_bot()
    answer = seen(await world.ask("appearance face", use="off"))
    assert "its webhook is deleted" in answer
    assert hooks.made == []
    assert await stored(world, schema.faces.c.channel_id) == []
    await report(world, METRO[0], "b.example")
    assert [post.webhook_id is None for post in world.posts()] == [False, True]
    refusal = await world.refused("appearance face", use="off")
    assert "Posts of this channel have the bot's name already." in refusal


async def test_who_may_not_manage_webhooks_is_told_so(world: World, hooks: Webhooks) -> None:
    await world.ask("subscribe", topic="Space")
    hooks.forbid_bot()
    refusal = await world.refused("appearance face", use="on")
    assert "The bot lacks the permission Manage Webhooks" in refusal
    hooks.allow_bot()
    rights = discord.Permissions(manage_channels=True, manage_guild=True)
    world.env.backend.edit_role(world.guild.id, world.managers.id, {"permissions": rights.value})
    for use in ("on", "off"):
        assert "You need the Manage Webhooks permission" in await world.refused("appearance face", use=use)
    assert hooks.made == []


async def test_a_full_channel_and_a_channel_without_webhooks_are_named(world: World, hooks: Webhooks) -> None:
    for number in range(15):
        world.env.backend.create_webhook(world.news.id, f"Relay {number}", world.manager.id)
    refusal = await world.refused("appearance face", use="on")
    assert "as many webhooks as Discord allows" in refusal
    for place in (world.forum(), world.thread()):
        refusal = await world.refused("appearance face", use="on", channel=place)
        assert "Only posts of text and announcement channels" in refusal


async def test_what_discord_would_refuse_is_refused_with_the_reason(world: World, hooks: Webhooks) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"name": "My Discord"}, "names that contain “discord”, “clyde”"),
        ({"name": "ＤＩＳＣＯＲＤ"}, "names that contain"),
        ({"name": "d\u200bi\u0301scord"}, "names that contain"),
        ({"name": "CLYDE"}, "names that contain"),
        ({"name": " \u2060 "}, "Choose a name that can be read."),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"name": "🦊" * 41}, "at most 80 characters"),
        ({"name": "@everyone"}, "looks like a ping"),
        (
            {"picture_address": "http://pictures.example/a.png"},
            "Write the address of the picture like https://",
        ),
        ({"picture_address": "https://ann:secret@pictures.example/a.png"}, "no password"),
        ({"picture_address": "https://127.0.0.1/a.png"}, "a public site"),
        ({"picture_address": "https://localhost/a.png"}, "a public site"),
        ({"picture_address": "https://pictures.example/" + "a" * 2100}, "at most 2048 characters"),
        ({"picture_address": "javascript:alert(1)"}, "https"),
    ]
    for options, words in cases:
        assert words in await world.refused("appearance face", use="on", **options)
        assert hooks.made == []
        await world.a_minute_later()


async def test_a_topic_whose_name_discord_forbids_has_posts_under_the_webhooks_name(
    world: World, hooks: Webhooks
) -> None:
    await world.ask("topic create", name="Discord bots", query="rocket")
    await world.ask("subscribe", topic="Discord bots", volume="everything")
    await world.ask("appearance face", use="on")
    await report(world)
    (request,) = hooks.sends()
    assert "username" not in body(request)
    assert world.posts()[0].webhook_id == hooks.only.id


async def test_a_name_that_discord_refuses_all_the_same_costs_no_post(
    world: World, hooks: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    await faced(world, name="Fox")
    async with world.app.context.db.write() as connection:
        await connection.execute(sa.update(schema.faces).values(name="dis" + "cord fox"))
    await report(world)
    (post,) = world.posts()
    assert post.webhook_id == hooks.only.id
    assert "Discord refused the name or picture of a post" in caplog.text
    assert labels(post) == ["Read", "Related coverage", "Follow this story"]


async def test_publishing_such_a_post_needs_manage_messages(world: World, hooks: Webhooks) -> None:
    announcements = world.guild.create_news_channel("announcements")
    await world.ask("subscribe", topic="Space", volume="everything", publish=True, channel=announcements)
    answer = seen(await world.ask("appearance face", use="on", channel=announcements))
    assert "Publishing such posts to followers needs the permission Manage Messages." in answer
    await report(world)
    assert await world.later() == 0
    assert len(world.posts(announcements)) == 1
    status = seen(await world.ask("status"))
    assert "Give it Manage Messages in the channel" in status
    assert "Paused channels" not in status
    assert world.published(announcements) == []
    hooks.allow_bot(manage_messages=True)
    again = seen(await world.ask("appearance face", use="on", channel=announcements))
    assert "Manage Messages" not in again
    await report(world, METRO[0], "b.example")
    await world.later()
    assert world.published(announcements) == world.posts(announcements)[1:]


async def test_a_digest_has_the_name_of_the_only_topic(world: World, hooks: Webhooks) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.ask("appearance face", use="on")
    await report(world)
    world.clock.forward(hours=23)
    await world.digest()
    (request,) = hooks.sends()
    assert body(request)["username"] == "Space"


async def test_the_token_is_in_no_log_answer_or_error(world: World, hooks: Webhooks) -> None:
    world.caplog.set_level(logging.DEBUG)
    for name in SECRETIVE:
        world.caplog.set_level(logging.WARNING, logger=name)
    answers = [await faced(world)]
    token = hooks.only.token
    await report(world)
    world.env.inject_error("POST", f"/webhooks/{hooks.only.id}/*", status=500, times=2)
    await report(world, METRO[0], "b.example")
    hooks.spoil()
    await world.later()
    answers += [seen(await world.ask("status")), seen(await world.ask("subscriptions"))]
    key = WebhookKey(hooks.only.id, token)
    assert token not in repr(key)
    assert token not in "\n".join([*answers, world.caplog.text, *map(str, world.env.errors)])


async def test_errors_of_the_network_name_no_address_of_a_webhook(
    world: World, hooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await faced(world)
    token = hooks.only.token

    class Unreachable:
        async def send(self, **_options: Any) -> None:
            raise aiohttp.ConnectionTimeoutError(f"no host at https://discord.com/api/webhooks/1/{token}")

        async def delete(self, **_options: Any) -> None:
            await self.send()

    monkeypatch.setattr(webhooks, "connect", lambda _client, _key: Unreachable())
    await report(world)
    reasons = await stored(world, schema.outbox.c.reason)
    assert reasons == ["Discord cannot be reached: no host at discord.com"]
    answer = await world.refused("appearance face", use="off")
    assert "Discord is having problems right now." in answer
    assert token not in "\n".join((*reasons, answer, world.caplog.text))


async def test_the_panel_gives_and_takes_a_face(world: World, hooks: Webhooks) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    user = await PanelUser.opens(world)
    await user.presses("Channel")
    await user.types("Name and picture…", name="Discord fox", address="")
    assert "Discord does not allow names that contain" in user.text
    await user.types("Name and picture…", name="Fox", address=PICTURE)
    assert "appear as Fox" in user.text
    await report(world)
    assert world.posts()[0].author.name == "Fox"
    await user.presses("Name and picture of the bot")
    assert "its webhook is deleted" in user.text
    assert (hooks.made, "Name and picture of the bot" in user.labels()) == ([], False)
    hooks.forbid_bot()
    await user.types("Name and picture…", name="", address="")
    assert "The bot lacks the permission Manage Webhooks" in user.text


async def test_the_panel_keeps_an_uploaded_picture(world: World, hooks: Webhooks) -> None:
    await faced(world, picture=("fox.png", drawn("PNG")))
    user = await PanelUser.opens(world)
    await user.presses("Channel")
    await user.types("Name and picture…", name="Fox", address="")
    await report(world)
    (request,) = hooks.sends()
    assert body(request)["username"] == "Fox"
    assert "avatar_url" not in body(request)


async def test_a_deleted_channel_takes_its_face_with_it(world: World, hooks: Webhooks) -> None:
    await faced(world)
    assert await stored(world, schema.faces.c.channel_id) == [world.news.id]
    world.env.backend.delete_channel(world.news.id)
    await world.env.settle()
    assert await stored(world, schema.faces.c.channel_id) == []
