"""A server writes a template of its posts, sees it on a story before it is saved, and is told when it does not work."""

from __future__ import annotations

from simcord.actors import MemberActor
from simcord.results import InteractionResult

from tests.chat.followers import follow
from tests.chat.panel_user import PanelUser
from tests.chat.world import METRO, ROCKET, World, body, labels, mentions_in, seen
from tests.make import record
from tests.shown import plain, shown

TEXT = "## {headline}\n-# {outlet_count} outlets on {topics}\n{brief}"


async def write(world: World, text: str, *, by: MemberActor | None = None) -> InteractionResult:
    """Use the command, press its button and send the form. What is answered to it."""
    by = by or world.manager
    editor = await world.ask("appearance template set", by=by)
    form = await by.click(editor.message, label="Write the template…")
    assert form.modal is not None
    return await by.submit_modal(form, {"template": text})


async def save(world: World, text: str) -> None:
    """Write a template and save it."""
    preview = world.answer(await write(world, text))
    assert "Saved." in seen(world.answer(await world.press(preview, "Save")))


async def report(world: World) -> None:
    """A story comes in."""
    await world.report(record(METRO[0], "a.example", quality=80, excerpt="The council decided it on Monday."))


async def test_a_template_is_previewed_saved_and_used(world: World) -> None:
    role = world.role("readers")
    await world.ask("subscribe", topic="AI", mention=role)
    await report(world)
    preview = world.answer(await write(world, TEXT))
    assert f"## [{METRO[0]}]" in shown(preview).text
    assert "Only you can see it" in seen(preview)
    assert "no template yet" in await world.refused("appearance set", layout="template"), (
        "nothing is saved so far"
    )
    await world.press(preview, "Save")
    await world.ask("appearance set", layout="template")
    assert "template layout" in seen(await world.ask("subscriptions"))
    world.clock.forward(minutes=5)
    await world.report(
        record(METRO[1], "b.example", quality=60), record(ROCKET[0], quality=80, topics=["AI"])
    )
    for post in world.posts():
        text = shown(post).text
        assert "## [" in text
        assert " outlets on " in text
        assert labels(post) == ["Read", "Related coverage", "Follow this story"]
    assert mentions_in(body(world.sends()[-1])) == ([], [str(role.id)])
    assert "outlet_count" in seen(await world.ask("appearance template show"))
    assert "## [" in shown(await world.ask("appearance template preview")).text
    assert "Template" in labels(await world.ask("appearance preview"))


async def test_a_mistake_has_its_place_and_the_text_is_kept(world: World) -> None:
    answer = world.answer(await write(world, "## {headline}\nby {outlts}"))
    assert "Line 2, column 4:" in plain(seen(answer))
    assert "Did you mean" in seen(answer)
    assert "{outlets}" in shown(answer).text.replace("\\", "")
    form = await world.manager.click(answer.message, label="Edit…")
    assert form.modal is not None
    assert "{outlts}" in str(form.modal)
    fixed = world.answer(await world.manager.submit_modal(form, {"template": "## {headline}\nby {outlets}"}))
    assert "Save" in labels(fixed)
    assert "with an invented story" in seen(fixed), "nothing has come in yet"


async def test_nobody_is_pinged_by_a_template(world: World) -> None:
    role = world.role("readers")
    await save(world, f"@everyone {role.mention} <@{world.member.id}>\n{{title}}")
    await world.ask("subscribe", topic="AI", layout="template")
    await report(world)
    [post] = world.posts()
    assert (post.mention_everyone, post.role_mentions, post.mentions) == (False, [], [])
    assert mentions_in(body(world.sends()[-1])) == ([], [])


async def test_a_post_without_room_is_a_card_and_managers_are_told(world: World) -> None:
    await save(world, "{headline}" * 40)
    await world.ask("subscribe", topic="AI", layout="template")
    assert "had no room" not in seen(await world.ask("status"))
    wide = record(METRO[0], "a.example", url="https://a.example/" + "x" * 200, quality=80)
    await world.report(wide)
    [post] = world.posts()
    assert "Story #1 ·" in seen(post), "the last line of a card"
    for command in ("status", "appearance template show"):
        assert "Story #1 had no room in a message with the template" in seen(await world.ask(command))
    await save(world, TEXT)
    assert "had no room" not in seen(await world.ask("status"))


async def test_without_its_template_a_channel_gets_cards(world: World) -> None:
    for command in ("show", "preview", "remove"):
        assert "no template yet" in await world.refused(f"appearance template {command}")
    assert "no template yet" in await world.refused("subscribe", topic="AI", layout="template")
    await save(world, TEXT)
    await world.ask("subscribe", topic="AI", layout="template")
    assert "get cards" in seen(await world.ask("appearance template remove"))
    assert "template" not in seen(await world.ask("subscriptions"))
    await report(world)
    assert "Story #1 ·" in seen(world.posts()[0])


async def test_only_who_manages_channels_everywhere_may_write_it(world: World) -> None:
    world.open_command("appearance", world.member)
    for command in ("set", "show", "preview", "remove"):
        assert "Manage Channels" in await world.refused(f"appearance template {command}", by=world.member)
    curator = world.guild.add_member(world.env.create_user("clara"))
    world.allow(world.news, curator, manage_channels=True)
    for command in ("set", "remove"):
        refusal = await world.refused(f"appearance template {command}", by=curator)
        assert "whole server" in refusal
    preview = world.answer(await write(world, TEXT))
    world.env.backend.edit_role(world.guild.id, world.managers.id, {"permissions": 0})
    assert "Manage Channels" in world.refusal(await world.press(preview, "Save"))


async def test_the_panel_leads_to_the_same_form(world: World) -> None:
    user = await PanelUser.opens(world)
    await user.presses("Server")
    form = await world.manager.click(user.panel.message, label="Template of posts…")
    assert form.modal is not None
    assert "{headline}" in str(form.modal)
    preview = world.answer(await world.manager.submit_modal(form, {"template": TEXT}))
    assert "Saved." in seen(world.answer(await world.press(preview, "Save")))
    await follow(world, "AI")
    panel = await PanelUser.opens(world)
    await panel.presses("Channel")
    await panel.chooses("layout", "template")
    assert "template layout" in seen(await world.ask("subscriptions"))
