"""Things that turn out to be one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.stories.groups import Groups

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20)


@given(PAIRS)
def test_all_of_a_group_have_one_root_and_it_is_that_of_whom_they_were_joined_into(
    pairs: list[tuple[int, int]],
) -> None:
    groups: Groups[int] = Groups()
    naive = {item: {item} for item in range(10)}
    roots = {item: item for item in range(10)}
    for item, into in pairs:
        groups.join(item, into)
        root = roots[into]
        together = naive[item] | naive[into]
        for member in together:
            naive[member] = together
            roots[member] = root
    assert {item: groups.root(item) for item in range(10)} == roots
    assert dict(groups) == {item: root for item, root in roots.items() if item != root}


def test_a_chain_of_thousands_is_followed_and_shortened() -> None:
    groups: Groups[int] = Groups()
    for item in range(5_000):
        groups.join(item, item + 1)
    assert groups.root(0) == 5_000
    assert set(dict(groups).values()) == {5_000}
