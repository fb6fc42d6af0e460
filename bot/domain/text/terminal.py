"""Text from outside that is safe on a terminal and in a log: nothing in it moves the cursor, starts a line or turns it round."""

from __future__ import annotations

import json
import re

# Control characters, line and paragraph separators, marks of writing direction, and halves of surrogate pairs. Joiners
# stay, without which emoji and several scripts fall apart.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def one_line(text: str) -> str:
    """The text with every unsafe character written as its escape, line breaks too: `\\n`, `\\x1b`, `\\u202e`."""
    return _UNSAFE.sub(_escape, text)


def lines(text: str) -> str:
    """The same for a text of several lines: line breaks and tabs stay."""
    return "\n".join("\t".join(map(one_line, line.split("\t"))) for line in text.split("\n"))


def json_line(value: object) -> str:
    """A value as one line of JSON in which nothing unsafe stands: JSON has escapes of its own."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")
