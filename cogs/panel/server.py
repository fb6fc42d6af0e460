"""The page of the server: its own topics, votes, and how briefs are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from discord import ui

from bot.chat.panel import Press, button, menu
from bot.domain.model import Topic
from bot.domain.text.cleaning import clip
from bot.domain.text.words import name_key
from bot.i18n import tr
from bot.messages.layout import CHOICE
from bot.messages.message import escape_to
from bot.messages.setup import NAME, PanelChoice, PanelState
from bot.services import rephrasing, server_topics, votes
from bot.services.rephrasing import BriefStyle
from bot.services.server_topics import EXAMPLE
from cogs import template_form
from cogs.common import Interaction, guild_of
from cogs.panel.server_topics import TopicActions, topic_buttons, topic_fields
from cogs.panel.session import Action, PageParts, Session, page_of, turning

QUERY_SHOWN = 150  # UTF-16 units


async def server_page(session: Session, interaction: Interaction) -> PageParts:
    """What is set for the server, with buttons to change it, and its topics."""
    context, guild_id = session.context, guild_of(interaction).id
    topics = await server_topics.listing(context, guild_id)
    page = page_of(session, topics)
    chosen = next((t for t in topics if name_key(t.name) == name_key(session.state.topic)), None)
    has_votes = await votes.are_on(context, guild_id)
    rephrased = await rephrasing.style(context, guild_id) is BriefStyle.REPHRASED
    actions = TopicActions(session)
    rows = [ui.ActionRow(*_switches(session, actions, has_votes=has_votes, rephrased=rephrased))]
    if page:
        choices = [
            PanelChoice(t.name, clip(t.name, CHOICE), clip(t.query, CHOICE), t is chosen) for t in page
        ]
        rows.append(menu("topic", tr("Choose a topic to change"), choices, session.on(actions.choose(page))))
    rows += turning(session, len(page), len(topics))
    rows += [topic_buttons(session, actions, chosen)] if chosen is not None else []
    return PageParts(_lines(page, has_votes=has_votes, rephrased=rephrased), rows)


def _lines(page: Sequence[Topic], *, has_votes: bool, rephrased: bool) -> Iterator[str]:
    yield "• " + (
        tr("Posts have the buttons 👍 and 👎. `/votes` shows how members voted.")
        if has_votes
        else tr("Posts have no buttons to vote with.")
    )
    yield "• " + (
        tr("A language model may rephrase briefs.")
        if rephrased
        else tr("Briefs are sentences of the articles, word for word.")
    )
    if not page:
        yield "• " + tr(
            "This server has no topics of its own. A topic is a query, such as `{query}`.", query=EXAMPLE
        )
    for topic in page:
        yield f"• **{escape_to(topic.name, NAME)}** {escape_to(topic.query, QUERY_SHOWN)}"


def _switches(
    session: Session, actions: TopicActions, *, has_votes: bool, rephrased: bool
) -> Iterator[ui.Button[Any]]:
    create = session.ask(tr("A topic of this server"), topic_fields(None), actions.create)
    yield button(tr("New topic…"), create, name="create", main=True)
    label = tr("Switch votes off") if has_votes else tr("Switch votes on")
    yield button(label, session.on(_switch_votes(session, on=not has_votes)), name="votes")
    yield button(tr("Template of posts…"), _write_template(session), name="template")
    if session.context.model or rephrased:
        label = tr("Keep briefs word for word") if rephrased else tr("Let a model rephrase briefs")
        style = BriefStyle.VERBATIM if rephrased else BriefStyle.REPHRASED
        yield button(label, session.on(_write_briefs(session, style)), name="briefs")


def _write_template(session: Session) -> Press:
    async def press(interaction: Interaction, _values: Sequence[Any]) -> None:
        await template_form.open_form(session.context, interaction)

    return press


def _switch_votes(session: Session, *, on: bool) -> Action:
    """Switch votes on or off."""

    async def switch(interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        await votes.switch(session.context, guild_of(interaction).id, on=on)
        notice = (
            tr("Votes are on. Posts get the buttons with their next update.") if on else tr("Votes are off.")
        )
        return session.state.after(notice=f"✅ {notice}")

    return switch


def _write_briefs(session: Session, style: BriefStyle) -> Action:
    """Have briefs rephrased, or not."""

    async def choose(interaction: Interaction, _values: Sequence[Any]) -> PanelState:
        guild_id, user_id = guild_of(interaction).id, interaction.user.id
        await rephrasing.choose(session.context, guild_id, user_id, style)
        notice = (
            tr(
                "A model rephrases the briefs of new posts. Their sentences are sent to it, also those from this server's feeds."
            )
            if style is BriefStyle.REPHRASED
            else tr("Briefs are sentences of the articles, word for word.")
        )
        return session.state.after(notice=f"✅ {notice}")

    return choose
