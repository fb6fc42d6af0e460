"""Turns errors of commands, buttons and forms into answers.

The answer to a mistake says what to do. The answer to a bug has an id, under which the log has the traceback.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import secrets
from collections.abc import Sequence
from typing import Any, Self

import discord
from discord import app_commands, ui

from bot.chat.components import to_container, to_item, to_view
from bot.chat.limits import CommandLimits
from bot.chat.permissions import permission_name
from bot.chat.reply import acknowledge, reply
from bot.domain.text.cleaning import clip
from bot.errors import NotAllowedError, QueryRefusedError, StoreError, TopicwireError
from bot.i18n import comma_list, mark, speak, tr, tr_plural
from bot.messages.commands import CommandIds, escape_but_commands, mentioned
from bot.messages.layout import COMPONENTS, ROW, Layout, Room
from bot.messages.message import DESCRIPTION, Embed, panel
from bot.messages.story import GREY

log = logging.getLogger(__name__)

RED = 0xEB5757
BUG = mark(
    "Something went wrong. Try again. If it keeps happening, send the id below to the person who runs the bot."
)
EXPIRED = mark("This has expired. Use the command again.")
_CLAIMED = "heard"


def _names(permissions: list[str]) -> str:
    return comma_list(map(permission_name, permissions))


# Codes of an interaction: unknown, already acknowledged, token expired, message dismissed.
_ANSWER_IMPOSSIBLE = (10062, 40060, 10015, 10008)
_CHANNEL = re.compile(r"\\<\\#(\d+)\\>")


def _shown(text: str) -> str:
    """Plain text escaped for Markdown. Only mentions of channels and names of commands stay."""
    return _CHANNEL.sub(r"<#\1>", escape_but_commands(text))


def explain(error: BaseException) -> str | None:
    """The text for the user about an expected error; None for a bug."""
    match error:
        case StoreError():  # its message is for the person who runs the bot
            return tr(
                "The bot cannot use its database right now. Try again in a minute. "
                "If it keeps happening, send the id below to the person who runs the bot."
            )
        case QueryRefusedError():
            drawn = error.drawn.replace("`", "ˋ")  # which could end the block
            example = tr("For example: `{example}`", example=error.example)
            return f"{_shown(str(error))}\n```\n{drawn}\n```\n{example}"
        case TopicwireError():
            return _shown(str(error))
        case app_commands.AppCommandError():
            return _explain_refusal(error)
        case discord.HTTPException():
            return _explain_answer(error)
        case _:
            return None


def _explain_refusal(error: app_commands.AppCommandError) -> str | None:
    """The text about a check that failed before the command ran."""
    match error:
        case app_commands.MissingPermissions(missing_permissions=missing):
            return tr(
                "You need this permission: {permissions}. Ask an admin of this server.",
                permissions=_names(missing),
            )
        case app_commands.BotMissingPermissions(missing_permissions=missing):
            return tr(
                "The bot needs this permission here: {permissions}. Grant it in the channel's settings.",
                permissions=_names(missing),
            )
        case app_commands.NoPrivateMessage():
            return tr("This command only works in a server.")
        case app_commands.TransformerError():
            return tr(
                "“{typed}” is not a valid choice. Pick one from the list.",
                typed=_shown(clip(str(error.value), 100)),
            )
        case app_commands.CommandSignatureMismatch() | app_commands.CommandNotFound():
            return tr("Discord still shows an old version of this command. Try again in a minute.")
        case app_commands.CommandOnCooldown():
            return tr_plural(
                "Too many requests. Try again in {count} second.",
                "Too many requests. Try again in {count} seconds.",
                math.ceil(error.retry_after),
            )
        case app_commands.CheckFailure():
            return tr("You are not allowed to do that here.")
        case _:
            return None


def _explain_answer(error: discord.HTTPException) -> str | None:
    """The text about an error response of Discord."""
    match error:
        case discord.NotFound(code=code) if code in _ANSWER_IMPOSSIBLE:
            return tr("Discord no longer accepts an answer to this. Use the command again.")
        case discord.Forbidden():
            return tr("Discord did not allow this. Check the bot's permissions in the channel.")
        case _ if error.status >= 500:
            return tr("Discord is having problems right now. Try again in a few minutes.")
        case _:
            return None


def is_mistake(error: BaseException) -> bool:
    """Whether the user or Discord is the cause, so that the answer needs no id."""
    return explain(error) is not None and not isinstance(error, StoreError)


async def answer_error(
    interaction: discord.Interaction[Any], error: BaseException, view: View | None = None
) -> None:
    """Tell the user what went wrong and what to do, and log the error. `view` may offer choices."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    where = interaction.command.qualified_name if interaction.command else "a button"
    footer = ""
    if is_mistake(error):
        log.info(
            "a request was refused in %s: %s: %s",
            where,
            type(error).__name__,
            error,
            exc_info=error.__cause__,
        )
    else:
        incident = secrets.token_hex(4)
        footer = tr("Error {id}", id=incident)
        if isinstance(error, StoreError):
            log.error("error %s in %s: %s", incident, where, error, exc_info=error.__cause__)
        else:
            log.error("error %s in %s", incident, where, exc_info=error)
    description = clip(f"⚠️ {explain(error) or tr(BUG)}", DESCRIPTION)
    answer = Embed(description=description, footer=footer, colour=RED)
    ids = interaction.client.command_ids
    try:
        await reply(
            interaction, view=to_view((panel(answer),), ids) if view is None else view.showing(answer, ids)
        )
    except discord.HTTPException as send_error:
        log.warning("an error could not be shown: %s", send_error)


def claim(interaction: discord.Interaction[Any]) -> None:
    """Mark the interaction as handled, so that `answer_expired` ignores it, and speak the member's language from now on.

    discord.py runs each view, form and button in a task of its own, which begins with this.
    """
    interaction.extras[_CLAIMED] = True
    speak(interaction.locale.value)


async def answer_expired(interaction: discord.Interaction[Any]) -> None:
    """Answer a component or form without a handler: it is from an earlier process, or has expired."""
    if interaction.type not in (discord.InteractionType.component, discord.InteractionType.modal_submit):
        return
    await asyncio.sleep(0)  # discord.py has started the views before, and each calls `claim` at once
    if _CLAIMED in interaction.extras or interaction.response.is_done():
        return
    speak(interaction.locale.value)
    try:
        expired = panel(Embed(description=tr(EXPIRED), colour=GREY))
        await reply(interaction, view=to_view((expired,), interaction.client.command_ids))
    except discord.HTTPException as error:
        log.warning("an expired button could not be answered: %s", error)


def require_membership(interaction: discord.Interaction[Any]) -> None:
    """Raise NotAllowedError unless the interaction comes from a server of the bot.

    User-installed applications can be used anywhere, and permissions in an unknown server mean nothing.
    """
    if interaction.guild_id is None or interaction.client.get_guild(interaction.guild_id) is None:
        raise NotAllowedError(tr("This only works in servers that the bot was added to."))


def refusal(interaction: discord.Interaction[Any]) -> Exception | None:
    """Count the interaction. Returns the error if it comes from another server or exceeds a rate limit."""
    try:
        require_membership(interaction)
        interaction.client.tree.limits.count(interaction)
    except (NotAllowedError, app_commands.CommandOnCooldown) as error:
        return error
    return None


async def admit(interaction: discord.Interaction[Any]) -> bool:
    """Whether a command, button or form may proceed. If not, it is answered."""
    error = refusal(interaction)
    if error is not None:
        await answer_error(interaction, error)
    return error is None


class Tree(app_commands.CommandTree[Any]):
    """The command tree; answers errors with `answer_error`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.limits = CommandLimits()

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Acknowledge a command at once: Discord gives up on one after three seconds.

        A command may have to wait that long for the database while a large batch is stored. Every answer is visible to
        the user only. Users who exceed a rate limit, or are not in a server of the bot, get an error or no completions.
        """
        if (handler := asyncio.current_task()) is not None:
            self.client.keep(handler)
        speak(interaction.locale.value)
        if interaction.type is discord.InteractionType.autocomplete:
            return await self._may_complete(interaction)
        if interaction.type is not discord.InteractionType.application_command:
            return True
        return await acknowledge(interaction) and await admit(interaction)

    async def _may_complete(self, interaction: discord.Interaction[Any]) -> bool:
        if refusal(interaction) is None:
            return True
        await interaction.response.autocomplete([])
        return False

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /
    ) -> None:
        """Answer any error of a slash command."""
        if interaction.type is discord.InteractionType.autocomplete:
            log.warning("autocomplete failed", exc_info=error)
            return
        await answer_error(interaction, error)


class View(ui.LayoutView):
    """An answer with buttons and menus below it; answers errors with `answer_error`."""

    def __init__(self, *, timeout: float | None) -> None:
        super().__init__(timeout=timeout)
        self._shown: Layout = ()
        self._offers: list[ui.Item[Any]] = []

    def offer(self, *items: ui.Item[Any]) -> None:
        """Add buttons or menus, which stand below the text."""
        self._offers += items

    def withdraw_offers(self) -> None:
        """Remove all buttons and menus."""
        self._offers.clear()

    def showing(self, embed: Embed, ids: CommandIds) -> Self:
        """The view with this text, whose commands have these `ids`."""
        rows = _rows(self._offers)
        text = panel(embed, room=Room(components=COMPONENTS - len(rows) - len(self._offers)))
        self._shown = (text := mentioned((text,), ids)[0],)
        container = to_container(text)
        for row in rows:
            container.add_item(ui.ActionRow(*row))
        self.clear_items()
        self.add_item(container)
        return self

    def showing_layout(self, layout: Layout) -> Self:
        """The view with this layout, and its buttons and menus below it."""
        self._shown = layout
        self.clear_items()
        for part in layout:
            self.add_item(to_item(part))
        for row in _rows(self._offers):
            self.add_item(ui.ActionRow(*row))
        return self

    def without_offers(self) -> ui.LayoutView:
        """What it shows alone."""
        return to_view(self._shown)

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Accept every user who can see it, within the rate limits."""
        claim(interaction)
        return await admit(interaction)

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception, item: Any, /) -> None:
        """Answer any error of a button."""
        await answer_error(interaction, error)


def _rows(items: Sequence[ui.Item[Any]]) -> list[list[ui.Item[Any]]]:
    """The items in rows: up to five buttons, or one menu."""
    rows: list[list[ui.Item[Any]]] = []
    for item in items:
        is_button = isinstance(item, ui.Button)
        if is_button and rows and len(rows[-1]) < ROW and isinstance(rows[-1][0], ui.Button):
            rows[-1].append(item)
        else:
            rows.append([item])
    return rows


class Modal(ui.Modal):
    """A form; answers errors with `answer_error`."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Accept every user who can see it, within the rate limits."""
        claim(interaction)
        return await admit(interaction)

    async def on_error(
        self, interaction: discord.Interaction[Any], error: Exception, _item: Any = None, /
    ) -> None:
        """Answer any error of a form."""
        await answer_error(interaction, error)
