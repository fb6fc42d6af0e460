"""What stands in the thread of a story's post: what came since, a line for each change. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.model import Coverage, Relation, StoryView
from bot.domain.posting.story_threads import arrived
from bot.domain.stories.owners import MediaOwners
from bot.domain.text.cleaning import clip
from bot.i18n import comma_list, mark, tr
from bot.messages.briefs import change_since
from bot.messages.layout import Markdown
from bot.messages.message import THREAD_NAME, Message, more_line
from bot.messages.story import WHAT_CHANGED, changes, coverage_line

SHOWN_REPORTS = 5
REPORT = 300  # UTF-16 units of the line of a report
NO_ARTICLES = mark("The articles that this message named do not belong to the story any more.")


def thread_name(view: StoryView) -> str:
    """The headline, as the name of a thread."""
    return clip(view.lead.record.title, THREAD_NAME) or tr("News")


def update_title() -> str:
    """The first line of every `thread_update`, by which one that may have been sent is recognised."""
    return tr(WHAT_CHANGED)


def thread_update(view: StoryView, after: int, until: int, owners: MediaOwners) -> Message:
    """What came of the story with the records `after` that ID, up to `until`: what changed, as in the post, and further reports."""
    members = arrived(view, after, until)
    if not members:
        return no_update()
    then = replace(view, members=tuple(m for m in view.members if m.id <= until))
    before = [m for m in then.members if m.id <= after]
    since = max((m.first_seen for m in before), default=None)
    news = change_since(then, since, owners)
    others = [m for m in members if news is None or m.id != news.report.id]
    lines = [
        f"• {coverage_line(Coverage(m, Relation.SAME), REPORT)}" for m in reversed(others[-SHOWN_REPORTS:])
    ]
    if left_out := len(others) - len(lines):
        lines.append(more_line(left_out))
    joined = {m.record.outlet.domain for m in members} - {m.record.outlet.domain for m in before}
    changed = " · ".join(changes(len(joined) if before else 0, news))
    return _of_lines([update_title(), changed, *lines])


def no_update() -> Message:
    """What stands in place of an update whose articles are no part of the story any more."""
    return _of_lines([update_title(), tr(NO_ARTICLES)])


def thread_farewell(survivor: int, jump_url: str) -> Message:
    """The last line in the thread of a story that was merged into another one."""
    line = tr("This story continues in [story #{number}]({address}).", number=survivor, address=jump_url)
    return _of_lines([line])


def switched_text(channel: str, *, on: bool, missing: Sequence[str]) -> str:
    """The answer after threads were switched on or off; `channel` is its mention, `missing` are permissions by name."""
    if not on:
        return tr(
            "Posts in {channel} get no threads any more. Those that are there stay, and nothing more is written in them.",
            channel=channel,
        )
    text = tr(
        "Each story in {channel} gets a thread, in which later articles and changes are written. Posts that are already "
        "there get theirs when they are updated.",
        channel=channel,
    )
    if not missing:
        return text
    warning = tr(
        "The bot cannot open threads there yet. Give it {permissions} in the channel.",
        permissions=comma_list(missing),
    )
    return f"{text}\n⚠️ {warning}"


def _of_lines(lines: list[str]) -> Message:
    return Message(layout=(Markdown.of(*lines),))
