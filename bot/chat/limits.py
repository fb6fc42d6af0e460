"""Rate limits of commands, buttons and completions, by member and by server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import discord
from discord import app_commands
from discord.ext import commands

Interaction: TypeAlias = discord.Interaction[Any]

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Uses of these commands in a minute: of one member, and of all members of a server together."""

    commands: tuple[str, ...]
    member: int
    server: int


RATES = (
    Rate(("search",), member=20, server=60),
    Rate(("topic test", "topic backtest"), member=10, server=30),  # these read the articles of a month
    Rate(("topic create", "topic edit"), member=10, server=20),  # likewise
    Rate(("alert create",), member=10, server=60),
    Rate(("api-token create", "forward add"), member=6, server=12),
    Rate(("data export", "data import"), member=3, server=6),  # no articles are stored during an import
    Rate(("source add", "source test"), member=6, server=6),  # these send requests to other people's servers
    Rate(("appearance face",), member=6, server=12),  # this makes webhooks, which Discord limits
)
OTHERS = Rate((), member=60, server=240)  # every other command, and the buttons
# Of members' roles: each is a request to Discord and a line in the server's audit log.
ROLE_CHANGES = Rate((), member=6, server=60)
COMPLETIONS = Rate((), member=120, server=480)


class GuildRateLimit:
    """A rate limit by member and by server."""

    def __init__(self, rate: Rate) -> None:
        self._buckets: Sequence[commands.CooldownMapping[Interaction]] = (
            commands.CooldownMapping(commands.Cooldown(rate.member, MINUTE), _member),
            commands.CooldownMapping(commands.Cooldown(rate.server, MINUTE), _server),
        )

    def count(self, interaction: Interaction) -> None:
        """Count a use. Raises CommandOnCooldown, with the time to wait, if there were too many."""
        now = interaction.created_at.timestamp()
        for buckets in self._buckets:
            bucket = buckets.get_bucket(interaction, now)
            if bucket is not None and (wait := bucket.update_rate_limit(now)):
                raise app_commands.CommandOnCooldown(bucket, wait)


def _member(interaction: Interaction) -> tuple[int | None, int]:
    return interaction.guild_id, interaction.user.id


def _server(interaction: Interaction) -> int:
    """The server, or the member of a direct message, so that no others share a limit with it."""
    return interaction.guild_id or interaction.user.id


class CommandLimits:
    """The rate limits of all commands, buttons and completions."""

    def __init__(self) -> None:
        self._others = GuildRateLimit(OTHERS)
        self._completions = GuildRateLimit(COMPLETIONS)
        self._role_changes = GuildRateLimit(ROLE_CHANGES)
        self._by_command: dict[str, GuildRateLimit] = {}
        for rate in RATES:
            limit = GuildRateLimit(rate)
            self._by_command |= dict.fromkeys(rate.commands, limit)

    def count(self, interaction: Interaction) -> None:
        """Count a command, button or completion. Raises CommandOnCooldown if there were too many."""
        if interaction.type is discord.InteractionType.autocomplete:
            self._completions.count(interaction)
        else:
            self.count_as(interaction.command.qualified_name if interaction.command else "", interaction)

    def count_role_change(self, interaction: Interaction) -> None:
        """Count a change of a member's role. Raises CommandOnCooldown if there were too many."""
        self._role_changes.count(interaction)

    def count_as(self, command: str, interaction: Interaction) -> None:
        """Count a press that does the same as a command. Raises CommandOnCooldown if there were too many."""
        self._by_command.get(command, self._others).count(interaction)
