"""Which gateway process serves which servers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shards:
    """The shards of one cluster, which is one process, of `clusters` that share `count` shards. Counted from 0."""

    cluster: int = 0
    clusters: int = 1
    count: int = 1

    @property
    def ids(self) -> tuple[int, ...]:
        """The shards of this cluster."""
        return tuple(range(self.cluster, self.count, self.clusters))

    def have(self, guild_id: int) -> bool:
        """Whether a server belongs to this cluster: https://discord.com/developers/docs/events/gateway#sharding."""
        return (guild_id >> 22) % self.count % self.clusters == self.cluster
