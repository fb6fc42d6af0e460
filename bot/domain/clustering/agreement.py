"""How well a grouping agrees with a known one, item by item and pair by pair.

Each of the two maps items to the label of their group; what the labels are does not matter. An item that
was put nowhere counts as a group of its own, items without a known group are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Quality:
    """Precision and recall, each 0 to 1, and the number of groups that were found."""

    precision: float
    recall: float
    groups: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def b_cubed(truth: Mapping[Item, Hashable], found: Mapping[Item, Hashable]) -> Quality:
    """The mean over items of how much of an item's group is right, and of how much of what is right it holds.

    Bagga and Baldwin, 1998. Unlike counting pairs it does not let the largest groups decide alone.
    """
    groups, known, both = _sizes(truth, found)
    if not truth:
        return Quality(1.0, 1.0, 0)
    # All items that two groups share have the same share of each: one term for all of them.
    precision = sum(size * size / groups[group] for (group, _), size in both.items())
    recall = sum(size * size / known[label] for (_, label), size in both.items())
    return Quality(precision / len(truth), recall / len(truth), len(groups))


def pairwise(truth: Mapping[Item, Hashable], found: Mapping[Item, Hashable]) -> Quality:
    """How many of the pairs that were put together belong together, and the other way round.

    Where there is no pair to be wrong about, nothing is: 1.
    """
    groups, known, both = _sizes(truth, found)
    right, put, belong = _pairs(both.values()), _pairs(groups.values()), _pairs(known.values())
    return Quality(right / put if put else 1.0, right / belong if belong else 1.0, len(groups))


_Group = tuple[bool, Hashable]  # whether it was found, and its label; or else the only item in it


def _sizes(
    truth: Mapping[Item, Hashable], found: Mapping[Item, Hashable]
) -> tuple[Counter[_Group], Counter[Hashable], Counter[tuple[_Group, Hashable]]]:
    """How many items there are in each group, under each known label, and in both at once."""
    placed: dict[Item, _Group] = {
        item: (True, found[item]) if item in found else (False, item) for item in truth
    }
    return (
        Counter(placed.values()),
        Counter(truth.values()),
        Counter((placed[item], label) for item, label in truth.items()),
    )


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)
