"""No option of a slash command forges a line of the log or controls the terminal that shows it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.logs import Formatter
from tests.chat.world import World

EVIL = "x\x1b[2J\nINFO    bot: all is well\r\x07\u202e\u2028y"
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("subscribe", {"topic": EVIL}),
    ("unsubscribe", {"topic": EVIL}),
    ("related", {"story": EVIL}),
    ("why", {"story": EVIL}),
    ("latest", {"topic": EVIL}),
    ("search", {"query": f"({EVIL}"}),
    ("topic create", {"name": EVIL, "query": f"({EVIL}"}),
    ("topic test", {"query": f"({EVIL}"}),
    ("topic show", {"name": EVIL}),
    ("topic delete", {"name": EVIL}),
    ("source add", {"url": f"https://a.example/{EVIL}"}),
    ("source test", {"url": EVIL}),
    ("source remove", {"name": EVIL}),
]


@pytest.mark.parametrize(("command", "options"), OPTIONS, ids=[command for command, _ in OPTIONS])
async def test_no_option_of_a_command_forges_a_line_of_the_log(
    world: World, command: str, options: dict[str, Any]
) -> None:
    await world.manager.slash(world.news, command, **options)
    formatter = Formatter()
    ours = [record for record in world.caplog.records if record.name.startswith(("bot", "cogs"))]
    lines = [line for record in ours for line in formatter.format(record).split("\n")]
    assert not any(set(line) & {"\x1b", "\r", "\x07", "\u202e", "\u2028"} for line in lines)
    assert not any(line.startswith("INFO") for line in lines)
