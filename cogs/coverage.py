"""What commands, buttons and menus answer about a story, to the user only."""

from __future__ import annotations

from bot.chat.views import Opening, answer_pages
from bot.domain.stories.ranking import Sort
from bot.i18n import mark, tr
from bot.messages.message import escape_to
from bot.messages.story import related_pages, story_pages
from bot.messages.why import notes, why_pages
from bot.services import related
from bot.services.context import Context
from cogs.common import Interaction, guild_of, target_channel_id
from cogs.curate import actions

TITLES = {  # of a list of stories: with a topic, and without
    Sort.NEWEST: (mark("Latest: {topic}"), mark("Latest stories")),
    Sort.HOT: (mark("Hottest: {topic}"), mark("Hottest stories")),
}


async def show_related(context: Context, interaction: Interaction, story: str) -> None:
    """Show all coverage of a story, best first."""
    guild_id = guild_of(interaction).id
    coverage = await related.related(context, story, guild_id, target_channel_id(interaction))
    remarks = notes(coverage.view.number, coverage.asked, coverage.fate)
    pages = await context.evaluations.in_turn(
        guild_id,
        related_pages,
        coverage.view,
        remarks,
        coverage.topics,
        coverage.before,
        coverage.after,
        additions=coverage.additions,
        figures=coverage.figures,
    )
    buttons = actions(context, interaction, coverage.view)
    await answer_pages(interaction, pages, buttons, opening_stories(context))


async def show_why(context: Context, interaction: Interaction, story: str) -> None:
    """Show why a story has its topics and articles, and whether it was posted in the channel."""
    guild_id = guild_of(interaction).id
    explained, reasons = await related.why(context, story, guild_id, target_channel_id(interaction))
    remarks = notes(explained.view.number, explained.asked, explained.fate)
    pages = await context.evaluations.in_turn(
        guild_id, why_pages, explained.view, remarks, explained.topics, explained.matches, reasons
    )
    await answer_pages(interaction, pages)


async def show_latest(
    context: Context, interaction: Interaction, topic: str | None, order: Sort = Sort.NEWEST
) -> None:
    """Show the newest stories, or the hottest, of a topic or (None) of all."""
    guild_id = guild_of(interaction).id
    name, stories = await related.latest(context, topic, guild_id, target_channel_id(interaction), sort=order)
    of_topic, of_all = TITLES[order]
    title = tr(of_topic, topic=escape_to(name, 200)) if name else tr(of_all)
    empty = tr("There are no stories yet.")
    pages = await context.evaluations.in_turn(guild_id, story_pages, title, stories, empty)
    await answer_pages(interaction, pages, opening=opening_stories(context))


def opening_stories(context: Context) -> Opening:
    """What the menu below a list of stories does: it shows all coverage of the chosen one."""

    async def press(interaction: Interaction, story: str) -> None:
        await show_related(context, interaction, story)

    return Opening(tr("Open a story"), press)


def opening_topics(context: Context) -> Opening:
    """What the menu below a list of topics does: it shows the newest stories of the chosen one."""

    async def press(interaction: Interaction, topic: str) -> None:
        await show_latest(context, interaction, topic)

    return Opening(tr("Show the stories of a topic"), press)
