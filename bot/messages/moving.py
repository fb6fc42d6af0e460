"""Exporting, importing and deleting what a server has, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bot.i18n import comma_list, mark, tr, tr_plural
from bot.messages.message import Embed
from bot.messages.story import GREY

DECISIONS = "decisions"
KINDS = {
    "settings": mark("Settings of the server"),
    "topics": mark("Topics"),
    "feeds": mark("Feeds"),
    "channels": mark("Settings of channels"),
    "subscriptions": mark("Subscriptions"),
    "digests": mark("Digests"),
    "mutes": mark("Mutes"),
    DECISIONS: mark("Merged and separated stories"),
}


@dataclass(frozen=True, slots=True)
class KindRow:
    """Of one of `KINDS`: how many entries are new, change what is there, are there already, or are left out."""

    kind: str
    new: int
    changed: int
    same: int
    left_out: int


def _planned(row: KindRow) -> dict[str, int]:
    """What an import would do with the entries of a kind."""
    return {
        tr_plural("{count} to add", "{count} to add", row.new): row.new,
        tr_plural("{count} to change", "{count} to change", row.changed): row.changed,
        tr_plural("{count} unchanged", "{count} unchanged", row.same): row.same,
        tr_plural("{count} left out", "{count} left out", row.left_out): row.left_out,
    }


def _done(row: KindRow) -> dict[str, int]:
    """What an import did with the entries of a kind."""
    return {
        tr_plural("{count} added", "{count} added", row.new): row.new,
        tr_plural("{count} changed", "{count} changed", row.changed): row.changed,
        tr_plural("{count} unchanged", "{count} unchanged", row.same): row.same,
        tr_plural("{count} left out", "{count} left out", row.left_out): row.left_out,
    }


def _lines(rows: Iterable[KindRow], counts: Callable[[KindRow], dict[str, int]]) -> str:
    lines = []
    left_out = set()
    for row in rows:
        parts = [text for text, count in counts(row).items() if count]
        if parts:
            lines.append(f"• **{tr(KINDS[row.kind])}**: {comma_list(parts)}")
        if row.left_out:
            left_out.add(row.kind)
    text = "\n".join(lines) or tr("The file has no entries.")
    reasons = []
    if DECISIONS in left_out:
        reasons.append(
            tr(
                "Left out: stories whose articles this bot does not have, or that this server may not merge or separate."
            )
        )
    if left_out - {DECISIONS}:
        reasons.append(tr("Left out: settings that need a language model, as this bot has none."))
    return "\n\n".join([text, *reasons])


def import_preview(rows: Iterable[KindRow], *, changes_nothing: bool) -> Embed:
    """What an import would do."""
    hint = (
        tr("Everything in the file is here already. Nothing would change.")
        if changes_nothing
        else tr("Nothing has been changed yet. An import adds and changes; it removes nothing.")
    )
    return Embed(title=tr("Import"), description=f"{_lines(rows, _planned)}\n\n{hint}", colour=GREY)


def imported(rows: Iterable[KindRow]) -> Embed:
    """What an import did."""
    return Embed(title=tr("Imported"), description=_lines(rows, _done), colour=GREY)


def exported() -> str:
    """What the file of an export has, and what it does not."""
    return tr(
        "The file has this server's settings, subscriptions, topics, feeds, digests, mutes, and merged and separated "
        "stories. It has no posts, no secrets such as API tokens, and nothing that members set for themselves. To import "
        "it into another Topicwire bot in this server, use `/data import`."
    )


def deletion_warning() -> Embed:
    """What `/data delete` would delete."""
    text = tr(
        "This deletes **everything** that the bot has stored about this server, immediately and permanently: "
        "subscriptions, topics, feeds and their articles, digests, mutes, settings, API tokens, forwards, merged and "
        "separated stories, and members' alerts, followed stories and votes. Messages in channels stay, but the bot no "
        "longer updates them. If you may want the settings back one day, export them first."
    )
    return Embed(title=tr("Delete everything?"), description=text, colour=GREY)


def deleted() -> Embed:
    """The answer when everything is deleted."""
    text = tr("Nothing about this server is stored any more. To start again, use `/setup`.")
    return Embed(title=tr("Everything deleted"), description=text, colour=GREY)


def rows_of(kinds: Mapping[str, tuple[int, int, int, int]]) -> list[KindRow]:
    """The rows in the order of `KINDS`."""
    return [KindRow(kind, *kinds[kind]) for kind in KINDS if kind in kinds]
