"""The chart of a backtest: a picture of the right size, with what it says in its colours."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.chat.chart import HEIGHT, SCALE, WIDTH, Series, bars, grid_step

BLUE, YELLOW, RED = "#5865F2", "#F2C94C", "#EB5757"


def drawn(*values: tuple[int, int, int]) -> Image.Image:
    """A chart of so many days, each with a number for every series."""
    days = [date(2026, 2, 1) + timedelta(days=n) for n in range(len(values))]
    series = [
        Series(name, colour, [day[n] for day in values])
        for n, (name, colour) in enumerate([("all", BLUE), ("notable", YELLOW), ("major", RED)])
    ]
    return Image.open(BytesIO(bars(days, series)))


def area(picture: Image.Image, colour: str) -> int:
    """How many dots of a colour are below the legend."""
    wanted = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    below = picture.convert("RGB").crop((0, 30 * SCALE, *picture.size))
    counted = below.getcolors(maxcolors=1 << 16) or []
    return sum(count for count, found in counted if found == wanted)


def test_it_is_a_png_of_the_right_size() -> None:
    picture = drawn((3, 2, 1))
    assert picture.format == "PNG"
    assert picture.size == (WIDTH * SCALE, HEIGHT * SCALE)


def test_more_is_larger_and_nothing_is_not_drawn() -> None:
    few, many = drawn((10, 2, 0), (1, 1, 0)), drawn((10, 4, 0), (9, 1, 0))
    assert 0 < area(few, BLUE) < area(many, BLUE)
    assert 0 < area(few, YELLOW) < area(many, YELLOW)
    assert area(few, RED) == area(many, RED) == 0
    assert area(drawn((0, 0, 0)), BLUE) == 0


def test_a_higher_number_does_not_hide_a_lower_one_behind_it() -> None:
    """A story may be posted on one day at one volume and on the next at another."""
    for picture in (drawn((1, 5, 9)), *[drawn(*[(1, 5, 9)] * 30)]):
        assert min(area(picture, colour) for colour in (BLUE, YELLOW, RED)) > 0


@pytest.mark.parametrize(
    ("most", "step"), [(0, 1), (1, 1), (4, 1), (5, 2), (8, 2), (9, 5), (20, 5), (21, 10), (2400, 1000)]
)
def test_lines_stand_at_round_numbers(most: int, step: int) -> None:
    assert grid_step(most) == step


@given(st.integers(0, 10**7))
def test_four_lines_are_always_enough(most: int) -> None:
    assert grid_step(most) * 4 >= most


@pytest.mark.parametrize("days", [0, 1, 2, 7, 29, 30])
def test_any_number_of_days_can_be_drawn(days: int) -> None:
    assert drawn(*[(123_456, 7, 0)] * days).format == "PNG"
