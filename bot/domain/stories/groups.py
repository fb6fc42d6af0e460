"""Things that turn out to be one, such as stories that are merged. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Groups(Generic[T]):
    """Disjoint groups, each with a member that stands for it: its root. Who was never joined is a group of one.

    Union-find with path compression, as in Cormen et al., Introduction to Algorithms, ch. 21. The caller chooses the
    root, so there is no union by size.
    """

    def __init__(self) -> None:
        self._above: dict[T, T] = {}

    def root(self, item: T) -> T:
        """Who stands for the group of an item."""
        passed = []
        while (above := self._above.get(item, item)) != item:
            passed.append(item)
            item = above
        for below in passed:  # or thousands that are joined one after the other become a chain that long
            self._above[below] = item
        return item

    def join(self, item: T, into: T) -> None:
        """Make one group of two. The root of `into` stands for it."""
        old, new = self.root(item), self.root(into)
        if old != new:
            self._above[old] = new

    def __iter__(self) -> Iterator[tuple[T, T]]:
        """Each item that does not stand for its group, with who does."""
        return ((item, self.root(item)) for item in tuple(self._above))
