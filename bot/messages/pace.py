"""How fast a channel is posted to, in words. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.domain.posting.quiet import QuietHours
from bot.domain.posting.zones import shown
from bot.i18n import time_of_day, tr, tr_plural


def quiet_words(quiet: QuietHours) -> str:
    """`from 22:00 to 07:00 (Europe/Berlin)`."""
    return tr(
        "from {start} to {end} ({zone})",
        start=time_of_day(quiet.start),
        end=time_of_day(quiet.end),
        zone=shown(quiet.zone),
    )


def limit_text(channel: str, limit: int) -> str:
    """The answer after a limit was set; `channel` is its mention."""
    return tr_plural(
        "{channel} gets at most {count} post an hour: the biggest stories. "
        "If there are more, one message lists them. Earlier posts are still updated.",
        "{channel} gets at most {count} posts an hour: the biggest stories. "
        "If there are more, one message lists them. Earlier posts are still updated.",
        limit,
        channel=channel,
    )


def quiet_text(channel: str, quiet: QuietHours, until: datetime | None) -> str:
    """The answer after quiet hours were set; `until`: it is quiet now, and no longer then."""
    text = tr(
        "{channel} gets no new posts {hours}. Afterwards, one message lists the stories that came in. "
        "Earlier posts are still updated, and digests still come at their time.",
        channel=channel,
        hours=quiet_words(quiet),
    )
    if until is None:
        return text
    end = f"<t:{int(until.timestamp())}:t>"
    return f"{text}\n{tr('Quiet hours have begun and end at {time}.', time=end)}"
