"""How fast a channel is posted to, in words. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.domain.posting.quiet import QuietHours
from bot.domain.posting.zones import shown
from bot.domain.text.cleaning import plural


def quiet_words(quiet: QuietHours) -> str:
    """`from 22:00 to 07:00 (Europe/Berlin)`."""
    return f"from {quiet.start:%H:%M} to {quiet.end:%H:%M} ({shown(quiet.zone)})"


def limit_text(channel: str, limit: int) -> str:
    """The answer after a limit was set; `channel` is its mention."""
    return (
        f"{channel} gets at most {plural(limit, 'post')} an hour: the biggest stories. "
        "If there are more, one message lists them. Earlier posts are still updated."
    )


def quiet_text(channel: str, quiet: QuietHours, until: datetime | None) -> str:
    """The answer after quiet hours were set; `until`: it is quiet now, and no longer then."""
    text = (
        f"{channel} gets no new posts {quiet_words(quiet)}. Afterwards, one message lists the stories that came in. "
        "Earlier posts are still updated, and digests still come at their time."
    )
    return (
        text
        if until is None
        else f"{text}\nQuiet hours have begun and end at <t:{int(until.timestamp())}:t>."
    )
