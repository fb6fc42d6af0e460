"""The texts of roles that members give themselves. They are Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from bot.messages.message import escape_to

MOST_TOPICS = 10  # named in one text
NAME = 80  # UTF-16 units


def offer_text(role_id: int, topics: Sequence[str], channel_id: int) -> str:
    """The message that offers a role, which posts on these topics in a channel ping."""
    return (
        f"### Do you want to be pinged?\n<@&{role_id}> is pinged with each post on {_names(topics)} in <#{channel_id}>. "
        "Press the button to get the role, and press it again to give it back."
    )


def role_given(role_id: int, topics: Sequence[str]) -> str:
    """What a member reads who has the role now. `topics` are those that the member can see posts on."""
    about = f" with each post on {_names(topics)}" if topics else ""
    return f"You now have <@&{role_id}>, which is pinged{about}. Press the button again to give it back."


def role_taken(role_id: int) -> str:
    """What a member reads who no longer has the role."""
    return f"You no longer have <@&{role_id}>. Press the button again to get it back."


def _names(topics: Sequence[str]) -> str:
    names = list(dict.fromkeys(topics))
    shown = ", ".join(f"**{escape_to(name, NAME)}**" for name in names[:MOST_TOPICS])
    return f"{shown} and {len(names) - MOST_TOPICS} more topics" if len(names) > MOST_TOPICS else shown
