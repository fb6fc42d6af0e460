"""Which pages a menu offers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.messages.layout import OPTIONS
from bot.messages.paging import FEW, jump_options, jump_targets


@given(st.integers(1, 5000), st.integers(3, OPTIONS), st.data())
def test_the_pages_to_jump_to_are_few_spread_and_include_both_ends_and_the_present_one(
    pages: int, most: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, pages - 1))
    targets = jump_targets(pages, at, most)
    assert len(targets) <= most
    assert list(targets) == sorted(set(targets))
    assert {0, at, pages - 1} <= set(targets) <= set(range(pages))
    widest = max((after - before for before, after in pairwise(targets)), default=1)
    assert widest <= max(1, -(-(pages - 1) // (most - 2)))


def test_a_few_pages_need_no_menu_and_more_are_numbered_from_one() -> None:
    assert jump_options(FEW, 0) == ()
    options = jump_options(FEW + 1, 2)
    assert [(option.label, option.value) for option in options] == [
        ("Page 1 of 4", "0"),
        ("Page 2 of 4", "1"),
        ("Page 3 of 4", "2"),
        ("Page 4 of 4", "3"),
    ]
