"""Panels: messages of Discord's components with menus and buttons, which are drawn anew after each press.

They keep to the limits of a message: https://discord.com/developers/docs/components/reference
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import discord
from discord import ui

from bot.chat.errors import Modal, admit, answer_error, claim, is_mistake
from bot.chat.views import ANSWER_SECONDS, LABEL
from bot.domain.text.cleaning import clip
from bot.i18n import tr
from bot.messages.commands import with_mentions
from bot.messages.layout import CHOICE
from bot.messages.setup import EXPIRED, PanelChoice

Interaction = discord.Interaction[Any]
Press = Callable[[Interaction, Sequence[Any]], Awaitable[None]]
MOST_TYPED = 200  # characters of a field of a form
# Characters of texts, which may be longer in other languages: https://discord.com/developers/docs/components/reference
PLACEHOLDER = 150
FORM_TITLE = 45
FORM_LABEL = 45
FORM_EXAMPLE = 100
POSTABLE = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.public_thread,
    discord.ChannelType.private_thread,
    discord.ChannelType.news_thread,
    discord.ChannelType.forum,
    discord.ChannelType.media,
]


class Panel(ui.LayoutView):
    """A panel for one member. `allow` raises if the member may not press anything, and is asked at every press."""

    def __init__(self, interaction: Interaction, allow: Callable[[Interaction], object]) -> None:
        super().__init__(timeout=ANSWER_SECONDS)
        self._interaction = interaction
        self._allow = allow

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Accept members who may use the panel now, within the rate limits."""
        return await _is_allowed(interaction, self._allow)

    async def on_error(self, interaction: Interaction, error: Exception, _item: ui.Item[Any], /) -> None:
        """Answer any error of a press."""
        await answer_error(interaction, error)

    async def on_timeout(self) -> None:
        """Say that the panel has expired, unless the message is gone."""
        try:
            text = with_mentions(tr(EXPIRED), self._interaction.client.command_ids)
            await self._interaction.edit_original_response(view=still(ui.TextDisplay(text)))
        except discord.HTTPException:
            return


async def _is_allowed(interaction: Interaction, allow: Callable[[Interaction], object]) -> bool:
    """Whether a press may proceed. If not, it is answered."""
    claim(interaction)
    if not await admit(interaction):
        return False
    try:
        allow(interaction)
    except Exception as error:
        if not is_mistake(error):
            raise
        await answer_error(interaction, error)
        return False
    return True


def still(*items: ui.Item[Any]) -> ui.LayoutView:
    """A layout that no view of this process answers: its buttons are dynamic items, or there are none."""
    view = ui.LayoutView(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


class _PanelButton(ui.Button[Panel]):
    def __init__(self, press: Press, **look: Any) -> None:
        super().__init__(**look)
        self._press = press

    async def callback(self, interaction: Interaction) -> None:
        await self._press(interaction, ())


def button(
    label: str,
    press: Press,
    *,
    name: str = "",
    danger: bool = False,
    main: bool = False,
    disabled: bool = False,
) -> ui.Button[Panel]:
    """A button; `name` identifies it, by default by its label."""
    style = discord.ButtonStyle.danger if danger else discord.ButtonStyle.secondary
    style = discord.ButtonStyle.primary if main else style
    return _PanelButton(
        press, label=clip(label, LABEL), style=style, disabled=disabled, custom_id=f"panel:{name or label}"
    )


class _PanelMenu(ui.Select[Panel]):
    def __init__(self, press: Press, **look: Any) -> None:
        super().__init__(**look)
        self._press = press

    async def callback(self, interaction: Interaction) -> None:
        await self._press(interaction, self.values)


def menu(
    name: str, placeholder: str, choices: Sequence[PanelChoice], press: Press, *, several: bool = False
) -> ui.ActionRow[Panel]:
    """A menu of at least one choice: of one option, or of `several`, which may also be none."""
    options = [
        discord.SelectOption(
            label=clip(choice.label, CHOICE) or "…",
            value=choice.value,
            description=clip(choice.description, CHOICE) or None,
            default=choice.chosen,
        )
        for choice in {choice.value: choice for choice in choices}.values()  # values must differ
    ]
    least, most = (0, len(options)) if several else (1, 1)
    look = {
        "custom_id": f"panel:{name}",
        "placeholder": clip(placeholder, PLACEHOLDER),
        "min_values": least,
        "max_values": most,
    }
    return ui.ActionRow(_PanelMenu(press, options=options, **look))


class _PanelChannels(ui.ChannelSelect[Panel]):
    def __init__(self, press: Press, **look: Any) -> None:
        super().__init__(**look)
        self._press = press

    async def callback(self, interaction: Interaction) -> None:
        await self._press(interaction, self.values)


def channel_menu(channel_id: int, press: Press) -> ui.ActionRow[Panel]:
    """A menu of the channels that the bot can post in."""
    chosen = [discord.SelectDefaultValue(id=channel_id, type=discord.SelectDefaultValueType.channel)]
    return ui.ActionRow(
        _PanelChannels(
            press,
            custom_id="panel:channel",
            placeholder=tr("Choose a channel"),
            channel_types=POSTABLE,
            default_values=chosen if channel_id else [],
        )
    )


class _PanelRoles(ui.RoleSelect[Panel]):
    def __init__(self, press: Press, **look: Any) -> None:
        super().__init__(**look)
        self._press = press

    async def callback(self, interaction: Interaction) -> None:
        await self._press(interaction, self.values)


def role_menu(role_id: int | None, press: Press) -> ui.ActionRow[Panel]:
    """A menu of the server's roles, of which one or none can be chosen."""
    chosen = (
        [discord.SelectDefaultValue(id=role_id, type=discord.SelectDefaultValueType.role)] if role_id else []
    )
    return ui.ActionRow(
        _PanelRoles(
            press,
            custom_id="panel:role",
            placeholder=tr("Ping a role with each post (none)"),
            min_values=0,
            default_values=chosen,
        )
    )


class Form(Modal):
    """A form of a panel: `fields` are its text fields by their labels. `press` gets what was typed, in their order."""

    def __init__(
        self,
        title: str,
        fields: Mapping[str, ui.TextInput[Any]],
        press: Press,
        allow: Callable[[Interaction], object],
    ) -> None:
        super().__init__(title=clip(title, FORM_TITLE))
        self._fields = list(fields.values())
        self._press = press
        self._allow = allow
        for label, field in fields.items():
            self.add_item(ui.Label(text=clip(label, FORM_LABEL), component=field))

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Accept members who may use the panel now, within the rate limits."""
        return await _is_allowed(interaction, self._allow)

    async def on_submit(self, interaction: Interaction, /) -> None:
        """Pass on what was typed."""
        await self._press(interaction, [field.value.strip() for field in self._fields])


def field(
    name: str, *, default: str = "", example: str = "", required: bool = True, most: int = MOST_TYPED
) -> ui.TextInput[Any]:
    """A text field of a form, with at most so many characters. A longer `default` has no room."""
    return ui.TextInput(
        custom_id=name,
        default=default if 0 < len(default) <= most else None,
        placeholder=clip(example, FORM_EXAMPLE) or None,
        required=required,
        max_length=most,
    )
