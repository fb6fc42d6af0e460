"""The short form of `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import kills
from tests.form import sized


@pytest.mark.timeout(600)  # real processes on real sockets, which wait for what they do
@pytest.mark.parametrize(("nonce_life", "by_webhook"), [(180.0, False), (0.0, False), (0.0, True)])
async def test_after_kills_every_story_is_told_once_and_as_it_is_now(
    tmp_path: Path, nonce_life: float, by_webhook: bool
) -> None:
    wrong = await kills.run(sized(1, long=2), 7, tmp_path, nonce_life=nonce_life, by_webhook=by_webhook)
    assert wrong == []
