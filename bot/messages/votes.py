"""Votes of members in words."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Protocol

from bot.i18n import number, tr, tr_plural
from bot.messages.message import FIELD_VALUE, Embed, Field, escape_to, fit_lines

LINES = 10  # of a list
NAME = 80  # UTF-16 units of a name in it


class Count(Protocol):
    """How many voted for and against."""

    @property
    def up(self) -> int: ...

    @property
    def down(self) -> int: ...


def vote_text(up: bool | None) -> str:
    """The answer to a member's press; None: the vote was taken back."""
    if up is None:
        return tr("Your vote is taken back.")
    sign = "👍" if up else "👎"
    return tr("{sign} Thank you. Press again to take your vote back.", sign=sign)


def votes_embed(
    *, are_on: bool, total: Count, topics: Mapping[str, Count], outlets: Mapping[str, Count], days: int
) -> Embed:
    """The answer of /votes."""
    lines = [
        tr("Posts in this server have the buttons 👍 and 👎. Digests begin with what members vote for.")
        if are_on
        else tr("Votes are switched off in this server. Switch them on with `/votes`.")
    ]
    if total.up + total.down:
        lines.append(
            tr_plural(
                "{count} vote in the last {days} days: {tally}",
                "{count} votes in the last {days} days: {tally}",
                total.up + total.down,
                days=days,
                tally=_tally(total),
            )
        )
    else:
        lines.append(tr("Nobody has voted in the last {days} days.", days=days))
    fields = [
        Field(name, _lines(counts))
        for name, counts in ((tr("Topics"), topics), (tr("Outlets"), outlets))
        if counts
    ]
    return Embed(title=tr("Votes"), description="\n".join(lines), fields=tuple(fields))


def _tally(count: Count) -> str:
    return f"👍 {number(count.up)} · 👎 {number(count.down)}"


def _lines(counts: Mapping[str, Count]) -> str:
    lines = [f"**{escape_to(name, NAME)}** {_tally(count)}" for name, count in islice(counts.items(), LINES)]
    return fit_lines(lines, FIELD_VALUE)[0]
