"""Exporting, importing and deleting what a server has, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.i18n import comma_list, mark, tr, tr_plural
from bot.messages.message import Embed
from bot.messages.story import GREY

KINDS = {
    "settings": mark("Settings of the server"),
    "topics": mark("Topics"),
    "feeds": mark("Feeds"),
    "channels": mark("Settings of channels"),
    "subscriptions": mark("Subscriptions"),
    "digests": mark("Digests"),
    "mutes": mark("Mutes"),
    "decisions": mark("Merged and separated stories"),
}


@dataclass(frozen=True, slots=True)
class KindRow:
    """Of one of `KINDS`: how many entries are new, change what is there, are there already, or are left out."""

    kind: str
    new: int
    changed: int
    same: int
    left_out: int


def _line(row: KindRow) -> str:
    parts = {
        tr_plural("{count} new", "{count} new", row.new): row.new,
        tr_plural("{count} changes", "{count} change", row.changed): row.changed,
        tr_plural("{count} stays as it is", "{count} stay as they are", row.same): row.same,
        tr_plural("{count} left out", "{count} left out", row.left_out): row.left_out,
    }
    counts = comma_list(text for text, count in parts.items() if count)
    return f"• **{tr(KINDS[row.kind])}**: {counts}"


def _lines(rows: Iterable[KindRow]) -> str:
    shown = [row for row in rows if row.new or row.changed or row.same or row.left_out]
    text = "\n".join(map(_line, shown)) or tr("The file has no entries.")
    if any(row.left_out for row in shown):
        reason = tr(
            "Left out: decisions about articles that this bot does not have, or that this server may not decide about, "
            "and settings that need a language model, which this bot does not have."
        )
        text += f"\n\n{reason}"
    return text


def import_preview(rows: Iterable[KindRow], *, changes_nothing: bool) -> Embed:
    """What an import would do."""
    hint = (
        tr("Everything in the file is here already. Nothing would change.")
        if changes_nothing
        else tr("Nothing has been changed yet. An import adds and changes; it removes nothing.")
    )
    return Embed(title=tr("Import"), description=f"{_lines(rows)}\n\n{hint}", colour=GREY)


def imported(rows: Iterable[KindRow]) -> Embed:
    """What an import did."""
    return Embed(title=tr("Imported"), description=_lines(rows), colour=GREY)


def exported() -> str:
    """What the file of an export has, and what it does not."""
    return tr(
        "The file has this server's subscriptions, topics, feeds, digests, mutes, channel settings and decisions. It has "
        "no posts, no secrets such as API tokens, and nothing that members set for themselves. Import it into another "
        "Topicwire in this server with `/data import`."
    )


def deletion_warning() -> Embed:
    """What `/data delete` would delete."""
    text = tr(
        "This deletes **everything** that the bot has stored about this server, at once and for good: subscriptions, "
        "topics, feeds and their articles, digests, mutes, settings, API tokens, forwards, decisions, and the alerts, "
        "followed stories and votes of members. Messages in channels stay; the bot updates them no more. To have it all "
        "again some day, export it first."
    )
    return Embed(title=tr("Delete everything?"), description=text, colour=GREY)


def deleted() -> Embed:
    """The answer when everything is deleted."""
    text = tr("The bot has nothing stored about this server any more. Start anew with `/setup`.")
    return Embed(title=tr("Everything deleted"), description=text, colour=GREY)


def rows_of(kinds: Mapping[str, tuple[int, int, int, int]]) -> list[KindRow]:
    """The rows in the order of `KINDS`."""
    return [KindRow(kind, *kinds[kind]) for kind in KINDS if kind in kinds]
