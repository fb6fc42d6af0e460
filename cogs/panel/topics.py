"""The page that chooses the topics of a channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discord import ui

from bot.chat.panel import button, field, menu
from bot.domain.text.cleaning import clip
from bot.i18n import tr, tr_plural
from bot.messages.layout import CHOICE
from bot.messages.message import escape_to
from bot.messages.setup import (
    OPTIONS,
    Page,
    PanelChoice,
    PanelState,
    brings_words,
    offer_words,
    subscribed_words,
)
from bot.services import setup, subscribe
from bot.services.setup import TopicCatalogue
from bot.services.subscribe import SubscribeRequest
from cogs.common import Interaction, guild_of, require_postable
from cogs.panel.session import Action, PageParts, Row, Session, turning

MOST_DETAILS = 5  # topics of which the answer says what they bring


async def topics_page(session: Session, interaction: Interaction) -> PageParts:
    """A menu of categories, and one of the topics of the chosen category, where those of the channel are chosen."""
    state = session.state
    catalogue = await setup.topic_catalogue(
        session.context,
        guild_of(interaction).id,
        state.channel_id,
        category=state.category,
        search=state.search,
        first=state.first,
        size=OPTIONS,
    )
    return PageParts(_lines(catalogue, state), _rows(session, catalogue))


def _lines(catalogue: TopicCatalogue, state: PanelState) -> list[str]:
    if state.search:
        name = escape_to(state.search, CHOICE)
        return [
            tr_plural(
                "{count} topic for “{search}”", "{count} topics for “{search}”", catalogue.total, search=name
            )
        ]
    if not catalogue.total:
        return [tr("There are no topics yet. Create one with `/topic create`.")]
    last = catalogue.first + len(catalogue.offers)
    category = f"**{escape_to(_category_name(catalogue.category), CHOICE)}**"
    if catalogue.total <= OPTIONS:
        return [category]
    return [
        tr(
            "{category}, {first} to {last} of {total}",
            category=category,
            first=catalogue.first + 1,
            last=last,
            total=catalogue.total,
        )
    ]


def _category_name(name: str) -> str:
    return tr(name) if name in (setup.OTHERS, setup.SERVER) else name


def _topics(count: int) -> str:
    return tr_plural("{count} topic", "{count} topics", count)


def _rows(session: Session, catalogue: TopicCatalogue) -> list[Row]:
    rows: list[Row] = []
    if catalogue.categories:
        categories = [
            PanelChoice(
                clip(_category_name(category.name), CHOICE),
                category.name,
                " · ".join(filter(None, (_topics(category.topics), offer_words(category.feeds, None)))),
                category.name == catalogue.category,
            )
            for category in catalogue.categories[:OPTIONS]
        ]
        rows.append(
            menu("category", tr("Choose a category"), categories, session.on(_choose_category(session)))
        )
    if catalogue.offers:
        offers = [
            PanelChoice(
                offer.name,
                clip(offer.name, CHOICE),
                offer_words(offer.feeds, offer.per_day),
                offer.is_subscribed,
            )
            for offer in catalogue.offers
        ]
        choose = session.on(_choose_topics(session, catalogue))
        rows.append(menu("topics", tr("Choose topics"), offers, choose, several=True))
    rows += turning(session, len(catalogue.offers), catalogue.total)
    find = session.ask(tr("Find a topic"), _search_field, _search(session))
    rows.append(
        ui.ActionRow(
            button(tr("Find a topic…"), find),
            button(tr("How they are posted"), session.to(page=Page.POSTS, first=0)),
        )
    )
    return rows


def _search_field() -> Mapping[str, ui.TextInput[Any]]:
    return {tr("Part of its name"): field("search", example=tr("Robotics"))}


def _search(session: Session) -> Action:
    async def search(_interaction: Interaction, values: Sequence[Any]) -> PanelState:
        return session.state.after(search=values[0], first=0)

    return search


def _choose_category(session: Session) -> Action:
    async def choose(_interaction: Interaction, values: Sequence[Any]) -> PanelState:
        return session.state.after(category=values[0], search="", first=0)

    return choose


def _choose_topics(session: Session, catalogue: TopicCatalogue) -> Action:
    async def choose(interaction: Interaction, values: Sequence[Any]) -> PanelState:
        channel = session.managed(interaction)
        guild_id, context = guild_of(interaction).id, session.context
        chosen = {offer.name for offer in catalogue.offers if clip(offer.name, CHOICE) in values}
        added = [o.name for o in catalogue.offers if o.name in chosen and not o.is_subscribed]
        removed = [o.name for o in catalogue.offers if o.name not in chosen and o.is_subscribed]
        if added:
            require_postable(channel)
        brings = []
        for name in added:
            interaction.client.tree.limits.count_as("subscribe", interaction)
            forecast = (
                await subscribe.subscribe(context, SubscribeRequest(guild_id, channel.id, name))
            ).forecast
            brings.append(brings_words(name, len(forecast.stories), forecast.feeds, forecast.newest is None))
        for name in removed:
            await subscribe.unsubscribe(context, name, channel.id, guild_id)
        notice = [
            subscribed_words(added, removed, channel.id),
            *(f"• {line}" for line in brings[:MOST_DETAILS]),
        ]
        return session.state.after(notice="\n".join(notice))

    return choose
