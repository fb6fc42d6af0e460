"""Roles that members give themselves: the button of the panel, and that of the message that offers a role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import discord
from simcord.actors import MemberActor
from simcord.backend.models import Overwrite
from simcord.builders import RoleHandle
from simcord.enums import OverwriteType
from simcord.results import InteractionResult

from bot.chat.application import PERMISSIONS
from bot.chat.limits import ROLE_CHANGES
from tests.chat.followers import follow
from tests.chat.panel_user import PanelUser
from tests.chat.world import World, body, labels, mentions_in, seen
from tests.shown import plain

LABEL = "Get or give back the role"
MANAGE_ROLES = discord.Permissions(manage_roles=True).value


def grant(world: World, *, granted: bool = True) -> None:
    """Give the bot Manage Roles, or take it away."""
    roles = world.env.backend.get_guild(world.guild.id).roles.values()
    [role] = [role for role in roles if role.managed and role.name != "booster"]
    rights = PERMISSIONS.value | (MANAGE_ROLES if granted else 0)
    world.env.backend.edit_role(world.guild.id, role.id, {"permissions": rights})


async def pinging(world: World, name: str = "readers") -> RoleHandle:
    """A role that posts on Space ping."""
    role = world.role(name)
    await follow(world, "Space", mention_role_id=role.id)
    return role


async def settings(world: World) -> PanelUser:
    """The page of the subscription in the panel."""
    user = await PanelUser.opens(world)
    await user.presses("Posts")
    await user.chooses("topic", "Space")
    return user


async def offered(world: World) -> discord.Message:
    """The message that offers the role."""
    user = await settings(world)
    await user.presses("Offer the role")
    assert "to everybody" in user.text, user.text
    return world.posts()[-1]


def has(world: World, who: MemberActor, role: RoleHandle) -> bool:
    """Whether a member has a role."""
    return role.id in world.env.backend.get_member(world.guild.id, who.id).role_ids


def told(world: World, result: InteractionResult) -> str:
    """What a press answered."""
    return plain(seen(world.answer(result)))


async def test_a_member_gets_a_role_and_gives_it_back_after_a_restart_too(world: World) -> None:
    grant(world)
    role = await pinging(world)
    offer = await offered(world)
    assert labels(offer) == [LABEL]
    assert f"<@&{role.id}> is pinged with each post on **Space** in {world.news.mention}." in seen(offer)
    assert mentions_in(body(world.sends()[-1])) == ([], []), "the offer itself pings nobody"
    answer = seen(world.answer(await world.press(offer, LABEL, by=world.member)))
    assert answer.startswith(f"You now have <@&{role.id}>, which is pinged with each post on **Space**.")
    assert has(world, world.member, role)
    await world.restart()
    assert "You no longer have" in seen(world.answer(await world.press(offer, LABEL, by=world.member)))
    assert not has(world, world.member, role)


async def test_a_manager_changes_the_own_role_in_the_panel(world: World) -> None:
    grant(world)
    role = await pinging(world)
    user = await settings(world)
    await user.presses(LABEL)
    assert has(world, world.manager, role)
    assert "You now have" in user.text
    await user.presses(LABEL)
    assert not has(world, world.manager, role)


async def test_a_subscription_without_live_posts_or_without_a_role_offers_none(world: World) -> None:
    await follow(world, "Space")
    assert LABEL not in (await settings(world)).labels()
    await world.ask("subscribe", topic="Space", mode="digest", mention=world.role("readers"))
    assert LABEL not in (await settings(world)).labels()


async def test_without_manage_roles_the_button_says_what_to_grant(world: World) -> None:
    role = await pinging(world)
    user = await settings(world)
    for label in (LABEL, "Offer the role"):
        await user.presses(label)
        assert "The bot lacks the permission Manage Roles" in user.text
    assert world.posts() == []
    grant(world)
    offer = await offered(world)
    grant(world, granted=False)
    assert "lacks the permission Manage Roles" in told(
        world, await world.press(offer, LABEL, by=world.member)
    )
    world.errors = len(world.env.errors)
    assert not has(world, world.member, role)


def overwritten(**rights: bool | None) -> Callable[[World, RoleHandle], None]:
    """The role has an overwrite in the channel."""

    def change(world: World, role: RoleHandle) -> None:
        allow, deny = discord.PermissionOverwrite(**rights).pair()
        overwrite = Overwrite(role.id, OverwriteType.ROLE, allow=allow.value, deny=deny.value)
        world.env.backend.set_overwrite(world.news.id, overwrite)

    return change


def permitted(**rights: bool) -> Callable[[World, RoleHandle], None]:
    """The role has permissions in the server."""

    def change(world: World, role: RoleHandle) -> None:
        value = discord.Permissions(**rights).value
        world.env.backend.edit_role(world.guild.id, role.id, {"permissions": value})

    return change


def set_to(**fields: Any) -> Callable[[World, RoleHandle], None]:
    """The role has this property."""

    def change(world: World, role: RoleHandle) -> None:
        world.env.backend.edit_role(world.guild.id, role.id, fields)

    return change


def elevated_for_all(world: World, role: RoleHandle) -> None:
    """Everybody has a permission that is not for everybody, and so has the role."""
    everybody = world.env.backend.get_role(world.guild.id, world.guild.id).permissions
    rights = everybody | discord.Permissions(manage_messages=True).value
    for role_id in (world.guild.id, role.id):
        world.env.backend.edit_role(world.guild.id, role_id, {"permissions": rights})


def opens_board(world: World, role: RoleHandle) -> None:
    """A channel is for those with the role alone."""
    board = world.guild.create_text_channel("board")
    view = discord.Permissions(view_channel=True).value
    for who, allow, deny in ((world.guild.id, 0, view), (role.id, view, 0)):
        world.env.backend.set_overwrite(board.id, Overwrite(who, OverwriteType.ROLE, allow=allow, deny=deny))


ELEVATED = [name for name, elevated in discord.Permissions.elevated() if elevated]
REFUSED: dict[str, tuple[Callable[[World, RoleHandle], None], str]] = {
    **{name: (permitted(**{name: True}), "permissions that not everybody has") for name in ELEVATED},
    "mention_everyone": (permitted(mention_everyone=True), "permissions that not everybody has"),
    "view_audit_log": (permitted(view_audit_log=True), "permissions that not everybody has"),
    "an elevated one of everybody": (elevated_for_all, "permissions that not everybody has"),
    "managed": (set_to(managed=True), "belongs to a bot"),
    "above the bot": (set_to(position=99), "below its own"),
    "manages a channel": (overwritten(manage_channels=True), "permissions that not everybody has"),
    "opens a hidden channel": (opens_board, "permissions that not everybody has: View Channel"),
    "is a punishment": (overwritten(send_messages=False), "takes permissions away"),
}


@contextmanager
def changed(world: World, role: RoleHandle, change: Callable[[World, RoleHandle], None]) -> Iterator[None]:
    """The role is changed for a while."""
    backend, guild_id = world.env.backend, world.guild.id
    before = {
        one: {"permissions": backend.get_role(guild_id, one).permissions} for one in (guild_id, role.id)
    }
    place = backend.get_role(guild_id, role.id).position
    channels = set(backend.channels)
    change(world, role)
    yield
    for one, fields in before.items():
        backend.edit_role(guild_id, one, fields)
    backend.edit_role(guild_id, role.id, {"managed": False, "position": place})
    backend.delete_overwrite(world.news.id, role.id)
    for channel_id in set(backend.channels) - channels:
        backend.delete_channel(channel_id)


async def test_a_role_that_a_click_must_not_give_is_refused_when_offered_and_when_pressed(
    world: World,
) -> None:
    grant(world)
    role = await pinging(world)
    offer = await offered(world)
    user = await settings(world)
    count = len(world.posts())
    for case, (change, reason) in REFUSED.items():
        with changed(world, role, change):
            await world.env.settle()
            assert reason in told(world, await world.press(offer, LABEL, by=world.member)), case
            assert not has(world, world.member, role), case
            await user.presses("Offer the role")
            assert reason in user.text, case
        await world.env.settle()
        for given in (True, False):
            await world.press(offer, LABEL, by=world.member)
            assert has(world, world.member, role) is given, f"after {case}"
        await world.a_minute_later()
    assert len(world.posts()) == count
    world.errors = len(world.env.errors)


async def test_a_role_with_what_everybody_has_is_offered(world: World) -> None:
    """Roles made by Discord's API begin with the permissions of everybody."""
    grant(world)
    role = await pinging(world)
    everybody = world.env.backend.get_role(world.guild.id, world.guild.id).permissions
    assert everybody
    world.env.backend.edit_role(world.guild.id, role.id, {"permissions": everybody})
    await world.press(await offered(world), LABEL, by=world.member)
    assert has(world, world.member, role)


async def test_only_a_role_that_posts_ping_now_is_given(world: World) -> None:
    grant(world)
    role = await pinging(world)
    offer = await offered(world)
    await world.ask("subscribe", topic="Space", reset="mention")
    assert "No post of this server pings that role now" in told(
        world, await world.press(offer, LABEL, by=world.member)
    )
    assert not has(world, world.member, role)
    world.errors = len(world.env.errors)


async def test_a_role_that_is_deleted_before_or_during_a_press_is_said_to_be(world: World) -> None:
    grant(world)
    role = await pinging(world)
    offer = await offered(world)
    world.env.inject_error("PUT", f"/guilds/*/members/*/roles/{role.id}", status=404, code=10011)
    assert "That role was deleted." in told(world, await world.press(offer, LABEL, by=world.member))
    world.env.backend.delete_role(world.guild.id, role.id)
    await world.env.settle()
    assert "That role was deleted." in told(world, await world.press(offer, LABEL, by=world.member))
    world.errors = len(world.env.errors)


async def test_a_refusal_of_discord_names_what_is_needed(world: World) -> None:
    grant(world)
    role = await pinging(world)
    offer = await offered(world)
    world.env.inject_error("PUT", f"/guilds/*/members/*/roles/{role.id}", status=403, code=50013)
    assert "its role must be above" in told(world, await world.press(offer, LABEL, by=world.member))
    world.errors = len(world.env.errors)


async def test_a_member_can_change_a_role_only_so_often(world: World) -> None:
    grant(world)
    await pinging(world)
    offer = await offered(world)
    for _ in range(ROLE_CHANGES.member):
        await world.press(offer, LABEL, by=world.member)
    changes = len(world.requests("*", "/guilds/*/members/*/roles/*"))
    assert "Too many requests." in told(world, await world.press(offer, LABEL, by=world.member))
    assert len(world.requests("*", "/guilds/*/members/*/roles/*")) == changes
    world.errors = len(world.env.errors)


async def test_topics_of_channels_that_a_member_cannot_see_are_not_named(world: World) -> None:
    grant(world)
    role = await pinging(world)
    board = world.guild.create_text_channel("board")
    await follow(world, "AI", board, mention_role_id=role.id)
    world.hide(board, world.member)
    answer = seen(world.answer(await world.press(await offered(world), LABEL, by=world.member)))
    assert "Space" in answer
    assert "AI" not in answer


async def test_a_forum_has_no_place_for_the_offer(world: World) -> None:
    grant(world)
    forum = world.forum()
    await world.ask("subscribe", topic="Space", channel=forum, mention=world.role("readers"))
    user = await PanelUser.opens(world)
    await user.chooses("channel", forum)
    await user.presses("Posts")
    await user.chooses("topic", "Space")
    await user.presses("Offer the role")
    assert "Offer the role in a text channel." in user.text
