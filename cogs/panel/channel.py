"""The page of a channel: how its posts look, how many there may be, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from discord import ui

from bot.chat.panel import button, field, menu
from bot.domain.model import PostLayout
from bot.domain.posting import zones
from bot.errors import InvalidInputError
from bot.i18n import tr, tr_plural
from bot.messages.languages import language_name
from bot.messages.message import escape
from bot.messages.pace import limit_text, quiet_text, quiet_words
from bot.messages.setup import PanelChoice, PanelState, layout_choices
from bot.services import appearance, digests, pace, rephrasing, setup
from bot.services.pace import ChannelPace
from cogs.common import Interaction, guild_of
from cogs.panel.faces import face_row
from cogs.panel.session import PageParts, Row, Session
from cogs.panel.threads import thread_row


async def channel_page(session: Session, interaction: Interaction) -> PageParts:
    """What is set for the chosen channel, with menus and forms to change it."""
    channel_id = session.state.channel_id
    if not channel_id:
        return PageParts()
    context, guild_id = session.context, guild_of(interaction).id
    actions = _ChannelActions(session)
    present = await pace.of_channel(context, guild_id, channel_id)
    subscribed = (await setup.channel_setup(context, guild_id, channel_id)).subscriptions
    language = (await rephrasing.languages(context, guild_id)).get(channel_id, "")
    rows: list[Row] = []
    if subscribed:
        layouts = {subscription.layout for subscription in subscribed}
        choices = layout_choices(layouts.pop() if len(layouts) == 1 else None)
        rows.append(menu("layout", tr("How posts look"), choices, session.on(actions.set_layout)))
    if context.model:
        rows.append(_languages(session, language))
    rows.append(ui.ActionRow(*_buttons(session, actions, present, has_posts=bool(subscribed))))
    rows += await face_row(session, interaction)
    rows += await thread_row(session, interaction)
    return PageParts(_lines(present, language), rows)


def _lines(present: ChannelPace, language: str) -> Iterator[str]:
    yield "• " + tr_plural(
        "At most {count} post an hour. If there are more stories, one message lists them.",
        "At most {count} posts an hour. If there are more stories, one message lists them.",
        present.per_hour,
    )
    if present.quiet is not None:
        yield "• " + tr("No new posts {hours}.", hours=quiet_words(present.quiet))
    if language:
        yield "• " + tr(
            "A language model translates briefs into {language}.", language=language_name(language)
        )


def _buttons(
    session: Session, actions: _ChannelActions, present: ChannelPace, *, has_posts: bool
) -> Iterator[ui.Button[Any]]:
    def colour() -> Mapping[str, ui.TextInput[Any]]:
        return {tr("Colour (empty: that of the topic)"): field("colour", example="#2D9CDB", required=False)}

    def limit() -> Mapping[str, ui.TextInput[Any]]:
        default = str(present.per_hour) if present.is_chosen else ""
        return {tr("Posts an hour (empty: as usual)"): field("limit", default=default, required=False)}

    def quiet() -> Mapping[str, ui.TextInput[Any]]:
        hours = present.quiet
        return {
            tr("Begin"): field("start", default=f"{hours.start:%H:%M}" if hours else "", example="22:00"),
            tr("End"): field("end", default=f"{hours.end:%H:%M}" if hours else "", example="07:00"),
            tr("Time zone"): field(
                "zone",
                default=zones.shown(hours.zone) if hours else "",
                example=tr("Berlin, Europe/Berlin or UTC+2"),
            ),
        }

    if has_posts:
        form = session.ask(tr("The colour of posts"), colour, actions.set_colour)
        yield button(tr("Colour…"), form, name="colour")
    yield button(
        tr("Posts an hour…"), session.ask(tr("Posts an hour"), limit, actions.set_limit), name="limit"
    )
    yield button(tr("Quiet hours…"), session.ask(tr("Quiet hours"), quiet, actions.set_quiet), name="quiet")
    if present.quiet is not None:
        yield button(tr("No quiet hours"), session.on(actions.end_quiet), name="unquiet", danger=True)


def _languages(session: Session, present: str) -> Row:
    """A menu of the languages that a model can translate the channel's briefs into."""

    async def choose(interaction: Interaction, values: Sequence[Any]) -> PanelState:
        channel = session.managed(interaction)
        await rephrasing.translate(
            session.context, guild_of(interaction).id, channel.id, interaction.user.id, values[0]
        )
        return session.state.after(notice="✅ " + tr("The briefs of new posts are in this language."))

    choices = [
        PanelChoice(tr("Not translated"), rephrasing.ORIGINAL, chosen=not present),
        *(PanelChoice(language_name(code), code, chosen=code == present) for code in rephrasing.LANGUAGES),
    ]
    return menu("briefs", tr("Have a language model translate briefs"), choices, session.on(choose))


class _ChannelActions:
    """What the page's menu and forms do. Rights are those of the commands."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def _look(self, interaction: Interaction, **chosen: Any) -> PanelState:
        channel = self._session.managed(interaction)
        await appearance.choose(self._session.context, guild_of(interaction).id, channel.id, **chosen)
        notice = tr("New posts look like this, and older ones will too when they are updated.")
        return self._session.state.after(notice=f"✅ {notice}")

    async def set_layout(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Set the layout of all posts of the channel."""
        return await self._look(interaction, layout=PostLayout(values[0]))

    async def set_colour(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Set the colour of all posts of the channel."""
        return await self._look(interaction, colour=values[0] or appearance.OF_TOPIC)

    async def set_limit(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Set how many posts an hour the channel gets."""
        channel = self._session.managed(interaction)
        [text] = values
        if text and not (text.isascii() and text.isdigit() and len(text) < 9):
            raise InvalidInputError(tr("Enter a number of posts, such as 10."))
        chosen = int(text) if text else None
        limit = await pace.limit(self._session.context, guild_of(interaction).id, channel.id, chosen)
        return self._session.state.after(notice="✅ " + limit_text(channel.mention, limit))

    async def set_quiet(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Set hours without posts."""
        channel = self._session.managed(interaction)
        start, end, zone = values
        reading = digests.zone(zone)
        quiet = pace.quiet_hours(start, end, reading.zone)
        done = await pace.set_quiet(self._session.context, guild_of(interaction).id, channel.id, quiet)
        notice = "✅ " + quiet_text(channel.mention, quiet, done.until)
        if reading.note:
            notice += f"\n⚠️ {escape(reading.note)}"
        return self._session.state.after(notice=notice)

    async def end_quiet(self, interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        """No hours without posts any more."""
        channel = self._session.managed(interaction)
        await pace.end_quiet(self._session.context, channel.id)
        notice = tr("{channel} no longer has quiet hours.", channel=channel.mention)
        return self._session.state.after(notice=notice)
