"""The texts of roles that members give themselves. They are Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from bot.i18n import comma_list, tr, tr_plural
from bot.messages.message import escape_to

MOST_TOPICS = 10  # named in one text
NAME = 80  # UTF-16 units


def offer_text(role_id: int, topics: Sequence[str], channel_id: int) -> str:
    """The message that offers a role, which posts on these topics in a channel ping."""
    return tr(
        "### Do you want to be pinged?\n{role} is pinged with each post on {topics} in {channel}. "
        "Press the button to get the role, and press it again to give it back.",
        role=f"<@&{role_id}>",
        topics=_names(topics),
        channel=f"<#{channel_id}>",
    )


def role_given(role_id: int, topics: Sequence[str]) -> str:
    """What a member reads who has the role now. `topics` are those that the member can see posts on."""
    role = f"<@&{role_id}>"
    if not topics:
        return tr("You now have {role}, which is pinged. Press the button again to give it back.", role=role)
    return tr(
        "You now have {role}, which is pinged with each post on {topics}. Press the button again to give it back.",
        role=role,
        topics=_names(topics),
    )


def role_taken(role_id: int) -> str:
    """What a member reads who no longer has the role."""
    return tr("You no longer have {role}. Press the button again to get it back.", role=f"<@&{role_id}>")


def _names(topics: Sequence[str]) -> str:
    names = list(dict.fromkeys(topics))
    shown = comma_list(f"**{escape_to(name, NAME)}**" for name in names[:MOST_TOPICS])
    more = len(names) - MOST_TOPICS
    if more <= 0:
        return shown
    return tr_plural(
        "{topics} and {count} more topic", "{topics} and {count} more topics", more, topics=shown
    )
