"""A roll-up: one message that lists the stories that have no post of their own. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.model import StoryView
from bot.domain.text.cleaning import length
from bot.i18n import tr, tr_plural
from bot.messages.digest import DIGEST_TAGS
from bot.messages.message import DESCRIPTION, Embed, Message, fit_lines, panel
from bot.messages.story import GREY, story_line

MOST_LINES = 25
LINE = 300
MORE = 80  # room for the last line


def rollup_title(*, is_quiet: bool) -> str:
    """The title, by which the message is found again after a crash: in whichever language, it never changes."""
    return tr("News from the quiet hours") if is_quiet else tr("More stories")


def rollup_message(views: Sequence[StoryView], others: int, *, is_quiet: bool) -> Message:
    """The list of these stories, the biggest first; `others`: how many more there are."""
    intro = (
        tr("These stories came in during this channel's quiet hours.")
        if is_quiet
        else tr(
            "More stories came in than this channel's hourly limit allows, so these have no post of their own."
        )
    )
    lines = [f"• {story_line(view, LINE)}" for view in views[:MOST_LINES]]
    text, cut = fit_lines(lines, DESCRIPTION - length(intro) - MORE)
    left = others + cut + max(0, len(views) - MOST_LINES)
    if not views:
        text = tr("All of them were removed.")
    elif left:
        text += "\n" + tr_plural(
            "… and {count} more story, see `/latest`", "… and {count} more stories, see `/latest`", left
        )
    title = rollup_title(is_quiet=is_quiet)
    embed = Embed(title=title, description=f"{intro}\n{text}", colour=GREY)
    return Message(layout=(panel(embed),), name=title, tags=DIGEST_TAGS)
