"""Bar charts by day, readable on Discord's dark and light themes.

Their few words are English in every language: Pillow's font has no letters beyond ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported where something is drawn: it takes four megabytes, and most charts are of nobody
    from PIL import ImageDraw

WIDTH, HEIGHT = 640, 240
SCALE = 2  # drawn larger, for screens with small dots

_GROUND = "#2B2D31"  # the ground of an embed on the dark theme
_TEXT, _FAINT, _LINE = "#DBDEE1", "#949BA4", "#3F4248"
_EDGE, _RIGHT, _TOP, _BOTTOM = 14, 22, 38, 30
_FONT = 13
_WIDEST = 36.0  # pixels of a bar
_LINES = 4  # horizontal lines at most
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Series:
    """A number for each day, drawn in one colour (`#rrggbb`)."""

    name: str
    colour: str
    values: Sequence[int]


def bars(days: Sequence[date], series: Sequence[Series]) -> bytes:
    """A PNG: a bar for each day and series, the first series widest and behind the others."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), _GROUND)
    _Chart(ImageDraw.Draw(picture), days, series).draw()
    stream = BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def grid_step(largest: int) -> int:
    """The step between horizontal lines: 1, 2 or 5 times a power of ten, with at most `_LINES` lines."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power * _LINES >= largest:
                return step * power
        power *= 10


class _Chart:
    def __init__(self, draw: ImageDraw.ImageDraw, days: Sequence[date], series: Sequence[Series]) -> None:
        from PIL import ImageFont

        self._draw = draw
        self._days = days
        self._series = series
        self._font = ImageFont.load_default(size=_FONT * SCALE)
        largest = max((value for line in series for value in line.values), default=0)
        self._step = grid_step(largest)
        self._top = max(1, -(-largest // self._step)) * self._step  # the value of the topmost line
        self._left = _EDGE + 7 + self._font.getlength(f"{self._top:,}") / SCALE
        self._slot = (WIDTH - self._left - _RIGHT) / max(1, len(days))

    def draw(self) -> None:
        self._lines()
        self._legend()
        for position, day in enumerate(self._days):
            middle = self._left + self._slot * (position + 0.5)
            for number, line in enumerate(self._series):
                self._bar(middle, min(_WIDEST, self._slot) * (0.78 - 0.24 * number), line, position)
            if (len(self._days) - 1 - position) % self._every() == 0:
                self._text(middle, HEIGHT - _BOTTOM + 7, f"{day.day} {day:%b}", _FAINT, "ma")

    def _every(self) -> int:
        """Label every n-th day, so that the labels do not overlap."""
        return next((every for every in (1, 2, 3, 5, 7) if every * self._slot >= 58), 7)

    def _y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - value / self._top * (HEIGHT - _TOP - _BOTTOM)

    def _lines(self) -> None:
        for value in range(0, self._top + 1, self._step):
            y = self._y(value)
            box = (self._left * SCALE, y * SCALE, (WIDTH - _RIGHT) * SCALE, y * SCALE)
            self._draw.line(box, fill=_FAINT if value == 0 else _LINE, width=SCALE)
            self._text(self._left - 7, y, f"{value:,}", _FAINT, "rm")

    def _legend(self) -> None:
        x = self._left
        for line in self._series:
            name = f"{line.name} {sum(line.values):,}"
            self._draw.rounded_rectangle(
                (x * SCALE, 13 * SCALE, (x + 11) * SCALE, 24 * SCALE), 3 * SCALE, fill=line.colour
            )
            self._text(x + 17, 18.5, name, _TEXT, "lm")
            x += 17 + self._font.getlength(name) / SCALE + 20
        self._text(WIDTH - _RIGHT, 18.5, "posts a day", _FAINT, "rm")

    def _bar(self, middle: float, width: float, line: Series, position: int) -> None:
        value = line.values[position]
        if not value:
            return
        left_edge, right_edge = (middle - width / 2) * SCALE, (middle + width / 2) * SCALE
        foot = self._y(0) * SCALE - SCALE
        top = min(self._y(value) * SCALE, foot - 2)  # visible however small it is
        self._draw.rectangle((left_edge, top, right_edge, foot), fill=line.colour)

    def _text(self, x: float, y: float, text: str, colour: str, anchor: str) -> None:
        self._draw.text((x * SCALE, y * SCALE), text, fill=colour, font=self._font, anchor=anchor)
