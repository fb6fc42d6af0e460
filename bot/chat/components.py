"""Converts layouts to discord.py's components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, assert_never

import discord
from discord import ui

from bot.messages.commands import NO_IDS, CommandIds, mentioned
from bot.messages.layout import (
    Beside,
    Button,
    Buttons,
    Container,
    Divider,
    Download,
    Gallery,
    Illustration,
    Layout,
    Markdown,
    Menu,
    Part,
    texts,
)
from bot.messages.message import Message


def to_item(part: Container | Part) -> ui.Item[Any]:
    """A part as a component."""
    match part:
        case Markdown():
            return ui.TextDisplay(part.text)
        case Gallery(pictures):
            items = (discord.MediaGalleryItem(one.url, description=one.alt or None) for one in pictures)
            return ui.MediaGallery(*items)
        case Beside(text, accessory):
            return ui.Section(ui.TextDisplay(text.text), accessory=_accessory(accessory))
        case Divider(line):
            return ui.Separator(visible=line)
        case Download(name):
            return ui.File(f"attachment://{name}")
        case Buttons(buttons):
            return ui.ActionRow(*map(_button, buttons))
        case Menu():
            return ui.ActionRow(_menu(part))
        case Container():
            return to_container(part)
        case _:
            assert_never(part)


def to_container(container: Container) -> ui.Container[Any]:
    """A container as a component."""
    accent = container.accent  # as a number, 0 would count as none
    colour = None if accent is None else discord.Colour(accent)
    return ui.Container(*map(to_item, container.parts), accent_colour=colour)


def _accessory(accessory: Illustration | Button) -> ui.Item[Any]:
    if isinstance(accessory, Button):
        return _button(accessory)
    return ui.Thumbnail(accessory.url, description=accessory.alt or None)


def _button(button: Button) -> ui.Button[Any]:
    return ui.Button(label=button.label, url=button.url or None, custom_id=button.action or None)


def _menu(menu: Menu) -> ui.Select[Any]:
    options = [
        discord.SelectOption(label=option.label, value=option.value, description=option.description or None)
        for option in menu.options
    ]
    return ui.Select(custom_id=menu.action, placeholder=menu.placeholder or None, options=options)


def to_view(layout: Layout, ids: CommandIds = NO_IDS) -> ui.LayoutView:
    """A layout as what discord.py sends, with mentions of the commands that have these `ids`.

    The dynamic items of the cogs answer buttons and menus, also after a restart. The view is stopped at once, because
    discord.py would otherwise keep one in memory for every message.
    """
    view = ui.LayoutView(timeout=None)
    for part in mentioned(layout, ids):
        view.add_item(to_item(part))
    view.stop()
    return view


def to_embed(layout: Layout) -> discord.Embed:
    """The texts of a layout as an embed: for a message that cannot be made of components, and must not stay as it is."""
    accents = (part.accent for part in layout if isinstance(part, Container))
    text = "\n".join(part.text for part in texts(layout))
    return discord.Embed(description=text, colour=next(accents, None))


def with_roles_of(guild: discord.Guild | None, message: Message) -> Message:
    """The message without mentions of deleted roles, which Discord shows as `@deleted-role`."""
    if guild is None:
        return message
    roles = tuple(role for role in message.roles if guild.get_role(role) is not None)
    return replace(message, roles=roles)


def mentions(roles: Sequence[int], users: Sequence[int] = ()) -> discord.AllowedMentions:
    """Allow pings of these roles and users only."""
    return discord.AllowedMentions(
        everyone=False,
        users=[discord.Object(user) for user in users] or False,
        replied_user=False,
        roles=[discord.Object(role) for role in roles] or False,
    )
