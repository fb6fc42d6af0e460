"""Every server belongs to one shard of one cluster."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.shards import Shards


@given(st.integers(1, 20), st.integers(0, 60), st.lists(st.integers(1, 2**63 - 1), max_size=20))
def test_each_server_and_each_shard_belong_to_exactly_one_cluster(
    clusters: int, more: int, guild_ids: list[int]
) -> None:
    count = clusters + more
    parts = [Shards(cluster, clusters, count) for cluster in range(clusters)]
    assert sorted(shard for part in parts for shard in part.ids) == list(range(count))
    assert all(part.ids for part in parts)
    for guild_id in guild_ids:
        having = [part for part in parts if part.have(guild_id)]
        assert len(having) == 1
        assert (guild_id >> 22) % count in having[0].ids


def test_a_bot_without_clusters_has_all_servers() -> None:
    assert Shards().have(123)
