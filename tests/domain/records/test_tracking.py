"""The list of tracking parameters: well formed, and applied by name and by beginning."""

from __future__ import annotations

from importlib.resources import files

import pytest

from bot.domain.records.identity import canonical
from bot.domain.records.tracking import NAMES, PREFIXES, is_tracking


def test_every_name_stands_once_in_lower_case_and_below_a_source() -> None:
    text = files("bot.domain.records").joinpath("tracking.txt").read_text("utf-8")
    names = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(names) == len(set(names)) == len(NAMES) + len(PREFIXES)
    assert all(name == name.strip().lower() for name in names)
    assert text.startswith("#")
    assert not [
        name for name in names if name not in PREFIXES and name.startswith(PREFIXES) and "*" not in name
    ]


@pytest.mark.parametrize("name", ["utm_anything", "fbclid", "_hsenc", "at_campaign_x", "wt.mc_id"])
def test_what_is_listed_is_no_part_of_a_page(name: str) -> None:
    assert is_tracking(name)
    assert canonical(f"https://a.example/x?id=1&{name.upper()}=2") == canonical("https://a.example/x?id=1")


@pytest.mark.parametrize("name", ["id", "p", "utm", "page", "ref", "source", "at", "fb"])
def test_what_is_not_listed_stays(name: str) -> None:
    assert not is_tracking(name)
    assert f"{name}=2" in canonical(f"https://a.example/x?{name}=2")
