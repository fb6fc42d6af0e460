"""The reply to a story's post that says that the story has become notable or major since. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.model import StorySize, StoryView
from bot.domain.text.cleaning import length
from bot.i18n import mark, tr, tr_plural
from bot.messages.layout import Beside, Button, Container, Markdown
from bot.messages.message import Embed, Message, escape_to, heading, link, panel, safe_url, small
from bot.messages.story import GREY, MOST_ROLES, RELATED_ACTION

TITLE = 256
URL = 1000  # of an address that the headline links to

_BECAME: Mapping[StorySize, str] = {
    StorySize.ANY: "",
    StorySize.NOTABLE: mark("This story is now notable."),
    StorySize.MAJOR: mark("This story is now major."),
}


def escalation_message(view: StoryView, size: StorySize, roles: Sequence[int], accent: int | None) -> Message:
    """What is said in reply to the post of a story that has reached a size: its headline, and that it is so big now."""
    record = view.lead.record
    title = escape_to(record.title, TITLE, alone=True)
    if length(safe_url(record.url)) <= URL:
        title = link(record.title, record.url, TITLE + URL)
    became = " ".join((tr(_BECAME[size]), outlets_words(view.outlets)))
    text = Markdown.of(heading(title), small(became))
    button = Button(tr("Related coverage"), action=f"{RELATED_ACTION}{view.number}")
    return Message(
        layout=(Container((Beside(text, button),), accent),), roles=tuple(dict.fromkeys(roles))[:MOST_ROLES]
    )


def continued(number: int, survivor: int) -> Message:
    """What stands in a reply to the post of a story that was merged into another one: nothing of what either says."""
    title = tr("This story continues in #{number}", number=survivor)
    return Message(layout=(panel(Embed(title=title, footer=f"#{number} → #{survivor}", colour=GREY)),))


def outlets_words(outlets: int) -> str:
    """How many outlets report a story, as a sentence."""
    return tr_plural("{count} outlet reports it.", "{count} outlets report it.", outlets)
