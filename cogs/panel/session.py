"""A member's panel while it is open: it draws pages, and does what is pressed if the member still may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from discord import ui

from bot.chat.errors import explain, is_mistake
from bot.chat.panel import Form, Panel, Press, button, channel_menu
from bot.chat.permissions import PostableChannel, missing
from bot.chat.reply import acknowledge, reply
from bot.errors import InvalidInputError, NotAllowedError
from bot.i18n import tr
from bot.messages.commands import with_mentions
from bot.messages.setup import OF_SERVER, OPTIONS, Page, PanelState, page_text
from bot.services.context import Context
from cogs.common import Interaction, channel_of, check, guild_of, managed, may_see, target_channel

ACCENT = 0x5865F2
Action = Callable[[Interaction, Sequence[Any]], Awaitable[PanelState]]
Row = ui.ActionRow[Panel]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageParts:
    """What a page shows between the panel's head and its buttons: lines of Markdown, and rows of buttons or menus."""

    lines: Iterable[str] = ()
    rows: Sequence[Row] = ()


PageBuilder = Callable[["Session", Interaction], Awaitable[PageParts]]


def allow(interaction: Interaction) -> None:
    """Raise an error unless the member may use the panel now."""
    guild_of(interaction)
    check(interaction, manage_guild=True)


def first_channel(interaction: Interaction) -> int:
    """The channel that a panel begins with: where it is opened, or none (0) if the bot cannot post in such a channel."""
    channel = target_channel(interaction)
    return channel.id if isinstance(channel, PostableChannel) else 0


class Session:
    """A panel of one member."""

    def __init__(self, context: Context, state: PanelState, pages: Mapping[Page, PageBuilder]) -> None:
        self.context = context
        self.state = state
        self._pages = pages
        self._panel: Panel | None = None

    async def open(self, interaction: Interaction) -> None:
        """Answer with the panel."""
        allow(interaction)
        await reply(interaction, view=await self._draw(interaction))

    def on(self, action: Action) -> Press:
        """What a button, menu or form does: the action, whose state is drawn. A mistake is shown in the panel."""

        async def press(interaction: Interaction, values: Sequence[Any]) -> None:
            if not await acknowledge(interaction, thinking=False):
                return
            try:
                self.state = await action(interaction, values)
            except Exception as error:
                if not is_mistake(error):
                    raise
                self.state = self.state.after(notice=f"⚠️ {explain(error)}")
            await interaction.edit_original_response(view=await self._draw(interaction))

        return press

    def ask(self, title: str, fields: Callable[[], Mapping[str, ui.TextInput[Any]]], action: Action) -> Press:
        """What a button does that opens a form, whose texts the action gets."""

        async def press(interaction: Interaction, _values: Sequence[Any]) -> None:
            await interaction.response.send_modal(Form(title, fields(), self.on(action), allow))

        return press

    def to(self, **changes: Any) -> Press:
        """What a button does that only changes what is shown."""

        async def turn(_interaction: Interaction, _values: Sequence[Any]) -> PanelState:
            return self.state.after(**changes)

        return self.on(turn)

    def channel(self, interaction: Interaction) -> PostableChannel | None:
        """The chosen channel; None if there is none, or if the bot or the member cannot see it."""
        channel = guild_of(interaction).get_channel_or_thread(self.state.channel_id)
        is_shown = isinstance(channel, PostableChannel) and may_see(interaction, self.state.channel_id)
        return channel if is_shown and isinstance(channel, PostableChannel) else None

    def managed(self, interaction: Interaction) -> PostableChannel:
        """The chosen channel. Raises an error unless the member has Manage Channels there now."""
        if not self.state.channel_id:
            raise InvalidInputError(tr("Choose a channel first."))
        if (channel := self.channel(interaction)) is None:
            raise NotAllowedError(
                tr(
                    "The bot cannot see {channel}. Give it View Channel there, or choose another channel.",
                    channel=f"<#{self.state.channel_id}>",
                )
            )
        return managed(interaction, channel)

    async def _draw(self, interaction: Interaction) -> Panel:
        if self.channel(interaction) is None:
            self.state = replace(self.state, channel_id=0)
        parts = await self._pages[self.state.page](self, interaction)
        if self._panel is not None:  # before the next one has its buttons: they have the same names
            self._panel.stop()
        self._panel = panel = Panel(interaction, allow)
        panel.add_item(ui.Container(*self._items(interaction, parts), accent_colour=ACCENT))
        return panel

    def _items(self, interaction: Interaction, parts: PageParts) -> Iterable[ui.Item[Panel]]:
        state, channel = self.state, self.channel(interaction)
        problems = missing(channel) if channel is not None else []
        text = page_text(state.page, state.channel_id, problems, state.notice, parts.lines)
        yield ui.TextDisplay(with_mentions(text, interaction.client.command_ids))
        if state.page not in OF_SERVER:
            yield channel_menu(state.channel_id, self.on(self._choose_channel))
        yield from parts.rows
        yield ui.Separator()
        pages = [self._page_button(page) for page in Page]
        yield ui.ActionRow(*pages[:4])
        yield ui.ActionRow(*pages[4:])

    def _page_button(self, page: Page) -> ui.Button[Panel]:
        async def turn(_interaction: Interaction, _values: Sequence[Any]) -> PanelState:
            return self.state.to(page)

        is_here = page is self.state.page
        # Named by the page: in some languages its label is also that of a button on it.
        return button(tr(page.value), self.on(turn), name=page.name, main=is_here, disabled=is_here)

    async def _choose_channel(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        [chosen] = values
        channel = channel_of(interaction, chosen.resolve() or chosen)
        if not may_see(interaction, channel.id):
            raise NotAllowedError(tr("You cannot see that channel. Choose another one."))
        return PanelState(channel.id, self.state.page, self.state.category, self.state.search)


def page_of(session: Session, items: Sequence[T]) -> Sequence[T]:
    """The items from `state.first` on that have room in a menu. A list that has become shorter begins anew."""
    if session.state.first >= len(items):
        session.state = replace(session.state, first=0)
    return items[session.state.first : session.state.first + OPTIONS]


def turning(session: Session, shown: int, total: int) -> list[Row]:
    """Buttons to turn the pages of a list that `state.first` begins, if it has several."""
    if total <= OPTIONS:
        return []
    first = session.state.first
    back = button(tr("Previous"), session.to(first=max(0, first - OPTIONS)), disabled=first == 0)
    more = button(tr("Next"), session.to(first=first + OPTIONS), disabled=first + shown >= total)
    return [ui.ActionRow(back, more)]
