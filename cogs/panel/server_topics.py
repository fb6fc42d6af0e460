"""The server's own topics in its page: made, changed and deleted in forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from discord import ui

from bot.chat.panel import button, field
from bot.domain.model import Topic
from bot.domain.text.cleaning import clip
from bot.i18n import tr, tr_plural
from bot.messages.layout import CHOICE
from bot.messages.message import escape_to
from bot.messages.setup import NAME, PanelState
from bot.services import server_topics
from bot.services.server_topics import EXAMPLE, NOTHING, Draft, SavedTopic
from cogs.common import Interaction, guild_of
from cogs.panel.session import Action, Row, Session

QUERY_TYPED = 4000  # characters: https://discord.com/developers/docs/components/reference#text-input
ALIASES_TYPED = 1000


def topic_buttons(session: Session, actions: TopicActions, topic: Topic) -> Row:
    """What can be done with the chosen topic."""
    if session.state.doomed == topic.name:
        keep = session.to(notice=tr("Nothing was deleted."))
        delete = button(tr("Delete it"), session.on(actions.delete(topic)), danger=True)
        return ui.ActionRow(delete, button(tr("Keep it"), keep))
    change = session.ask(tr("A topic of this server"), topic_fields(topic), actions.edit(topic))
    name = clip(topic.name, NAME)
    return ui.ActionRow(
        button(tr("Change {topic}…", topic=name), change, name="change"),
        button(
            tr("Delete {topic}…", topic=name), session.on(actions.doom(topic)), name="delete", danger=True
        ),
    )


def topic_fields(topic: Topic | None) -> Callable[[], Mapping[str, ui.TextInput[Any]]]:
    """The fields of a topic's form, as they are now; None: of a new one."""

    def fields() -> Mapping[str, ui.TextInput[Any]]:
        name, query, aliases, parent = (
            (topic.name, topic.query, ", ".join(topic.aliases), topic.parent) if topic else ("", "", "", "")
        )
        return {
            tr("Name"): field("name", default=name),
            tr("Which articles belong to it (a query)"): field(
                "query", default=query, example=EXAMPLE, most=QUERY_TYPED
            ),
            tr("Other names, separated by commas"): field(
                "aliases", default=aliases, required=False, most=ALIASES_TYPED
            ),
            tr("Parent topic"): field("parent", default=parent, required=False),
        }

    return fields


class TopicActions:
    """What the menu, buttons and forms of the server's topics do. Everybody who may use the panel may."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _after(self, notice: str, **changes: Any) -> PanelState:
        return self._session.state.after(notice=notice, **changes)

    def choose(self, page: Sequence[Topic]) -> Action:
        """Choose a topic of the page."""

        async def choose(_interaction: Interaction, values: Sequence[Any]) -> PanelState:
            topic = next(topic for topic in page if clip(topic.name, CHOICE) == values[0])
            return self._session.state.after(topic=topic.name)

        return choose

    async def create(self, interaction: Interaction, values: Sequence[Any]) -> PanelState:
        """Create the topic that was typed."""
        name, query, aliases, parent = values
        interaction.client.tree.limits.count_as("topic create", interaction)
        draft = Draft(name, query, aliases, parent)
        return self._saved(await server_topics.create(self._session.context, guild_of(interaction).id, draft))

    def edit(self, topic: Topic) -> Action:
        """Change a topic to what was typed. An empty field takes back what was set."""

        async def edit(interaction: Interaction, values: Sequence[Any]) -> PanelState:
            name, query, aliases, parent = values
            interaction.client.tree.limits.count_as("topic edit", interaction)
            draft = Draft(name, query, aliases or NOTHING, parent or NOTHING)
            guild_id = guild_of(interaction).id
            return self._saved(await server_topics.edit(self._session.context, guild_id, topic.name, draft))

        return edit

    def _saved(self, saved: SavedTopic) -> PanelState:
        name = f"**{escape_to(saved.topic.name, NAME)}**"
        if saved.records is None:
            return self._after("✅ " + tr("{topic} was saved.", topic=name), topic=saved.topic.name)
        said = tr_plural(
            "{topic} was saved. {count} article of the last {days} days belongs to it. Follow it on the page *Topics*.",
            "{topic} was saved. {count} articles of the last {days} days belong to it. Follow it on the page *Topics*.",
            saved.records,
            topic=name,
            days=server_topics.LOOK_BACK.days,
        )
        return self._after(f"✅ {said}", topic=saved.topic.name)

    def doom(self, topic: Topic) -> Action:
        """Ask whether to delete a topic."""

        async def ask(interaction: Interaction, _values: Sequence[Any]) -> PanelState:
            details = await server_topics.show(
                self._session.context, guild_of(interaction).id, topic.name, server_only=True
            )
            question = tr_plural(
                "Delete **{topic}**? {count} channel follows it.",
                "Delete **{topic}**? {count} channels follow it.",
                len(details.channels),
                topic=escape_to(topic.name, NAME),
            )
            return self._after(question, doomed=topic.name)

        return ask

    def delete(self, topic: Topic) -> Action:
        """Delete a topic and its subscriptions."""

        async def delete(interaction: Interaction, _values: Sequence[Any]) -> PanelState:
            await server_topics.delete(self._session.context, guild_of(interaction).id, topic.name)
            return self._after(tr("**{topic}** was deleted.", topic=escape_to(topic.name, NAME)), topic="")

        return delete
