"""Which pages of a long list a menu offers to jump to."""

from __future__ import annotations

from bot.i18n import tr
from bot.messages.layout import OPTIONS, Option

FEW = 3  # pages, up to which buttons reach each one quickly


def jump_targets(pages: int, at: int, most: int = OPTIONS) -> tuple[int, ...]:
    """Up to `most` (at least 3) of the pages 0 to `pages - 1`, in order: the first, the last, page `at`, and others spread evenly.

    >>> jump_targets(9, 1, most=5)
    (0, 1, 2, 5, 8)
    """
    if pages <= most:
        return tuple(range(pages))
    gaps = most - 2  # between most - 1 pages, besides page `at`
    spread = {gap * (pages - 1) // gaps for gap in range(gaps + 1)}
    return tuple(sorted(spread | {at}))


def jump_options(pages: int, at: int) -> tuple[Option, ...]:
    """The pages that a menu on page `at` offers, by their place; none if the list has only a few pages."""
    if pages <= FEW:
        return ()
    return tuple(
        Option(tr("Page {page} of {pages}", page=target + 1, pages=pages), str(target))
        for target in jump_targets(pages, at)
    )
