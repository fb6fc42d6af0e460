"""The short form of a part of `make soak`: two gateways, two pollers, two intakes and two senders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import role_kills
from tests.form import sized


@pytest.mark.timeout(600)  # real processes on real sockets, which wait for what they do
async def test_whichever_process_is_killed_every_story_stands_once_in_every_channel(
    tmp_path: Path, postgres_url: str
) -> None:
    wrong = await role_kills.run(sized(1, long=2), 3, postgres_url, tmp_path, role_kills.FEW)
    assert wrong == []
