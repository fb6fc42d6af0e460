"""What put an article into its story, for readers. It is stored in English words when the article comes in. Pure."""

from __future__ import annotations

import re

from bot.i18n import mark, tr

BETWEEN = " · "  # reasons that were stored together

# What `bot.domain.posting.plan` and `bot.services.curate` write -> the text for readers.
_REASONS = (
    (re.compile(r"first article of the story", re.IGNORECASE), mark("first article of the story")),
    (re.compile(r"linked from (?P<outlet>.+)", re.IGNORECASE), mark("linked from {outlet}")),
    (re.compile(r"links to (?P<outlet>.+)", re.IGNORECASE), mark("links to {outlet}")),
    (re.compile(r"shared words: (?P<words>.+)", re.IGNORECASE), mark("shared words: {words}")),
    (re.compile(r"the same in another language", re.IGNORECASE), mark("the same in another language")),
    (
        re.compile(r"moved out of #(?P<number>\d+) by a moderator", re.IGNORECASE),
        mark("moved out of #{number} by a moderator"),
    ),
)


def assignment_words(stored: str) -> str:
    """The stored reasons in the language spoken; what is none of those that are known stays as it is.

    >>> assignment_words("Linked from Harbour Courier · shared words: pier, lamp")
    'Linked from Harbour Courier · shared words: pier, lamp'
    """
    text = BETWEEN.join(map(_in_words, stored.split(BETWEEN)))
    return text[:1].upper() + text[1:]


def _in_words(reason: str) -> str:
    for pattern, message in _REASONS:
        if (match := pattern.fullmatch(reason)) is not None:
            return tr(message, **match.groupdict())
    return reason
