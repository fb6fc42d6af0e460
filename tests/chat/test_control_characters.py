"""No option of a slash command forges a line of the log or controls the terminal that shows it."""

from __future__ import annotations

from typing import Any

import discord
from discord import AppCommandOptionType, app_commands

from bot.runtime.logs import Formatter
from tests.chat.world import World

EVIL = "x\x1b[2J\nINFO    bot: all is well\r\x07\u202e\u2028y"
CONTROLS = frozenset("\x1b\r\x07\u202e\u2028")


def options_of(command: app_commands.Command[Any, ..., Any], world: World) -> dict[str, Any]:
    """Every text that somebody can type is hostile; what else must be given is."""
    filled: dict[str, Any] = {}
    for option in command.parameters:
        if option.type is AppCommandOptionType.string and not option.choices:
            text = EVIL[: option.max_value] if isinstance(option.max_value, int) else EVIL
            filled[option.name] = text
        elif option.required:
            values: dict[AppCommandOptionType, Any] = {
                AppCommandOptionType.channel: world.news,
                AppCommandOptionType.boolean: True,
                AppCommandOptionType.attachment: (f"{EVIL}.json", EVIL.encode()),
            }
            filled[option.name] = option.choices[0].value if option.choices else values.get(option.type, 1)
    return filled


async def test_no_option_of_a_command_forges_a_line_of_the_log(world: World) -> None:
    commands = [
        command
        for command in world.app.client.tree.walk_commands()
        if isinstance(command, app_commands.Command) and options_of(command, world)
    ]
    assert len(commands) > 10
    every = discord.Permissions(administrator=True).value
    world.env.backend.edit_role(world.guild.id, world.managers.id, {"permissions": every})
    for command in commands:
        await world.manager.slash(world.news, command.qualified_name, **options_of(command, world))
    formatter = Formatter()
    ours = [record for record in world.caplog.records if record.name.startswith(("bot", "cogs"))]
    lines = [line for record in ours for line in formatter.format(record).split("\n")]
    assert sum("\\x1b" in line for line in lines) > 5, "what was typed is logged, as its escapes"
    assert not any(CONTROLS & set(line) for line in lines)
    assert not any(line.startswith("INFO") for line in lines)
