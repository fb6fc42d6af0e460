"""How a present outage reads in `/status`. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.outages import Outage, OutageKind
from bot.i18n import mark, tr, tr_stored
from bot.messages.message import escape_to, relative

REASON = 200  # UTF-16 units

_SENTENCES = {
    OutageKind.CONNECTION: mark("The bot lost its connection to Discord {time}: {reason}"),
    OutageKind.SENDING: mark("Sending is paused. Discord stopped taking messages {time}: {reason}"),
    OutageKind.DATABASE: mark("The database stopped answering {time}: {reason}"),
    OutageKind.FEEDS: mark("No feed can be reached. This began {time}: {reason}"),
}


def outage_lines(outages: Iterable[Outage]) -> list[str]:
    """A line for each outage: what does not work, since when, and why."""
    return [
        "⚠️ "
        + tr(
            _SENTENCES[outage.kind],
            time=relative(outage.since),
            reason=escape_to(tr_stored(outage.reason), REASON),
        )
        for outage in outages
    ]
