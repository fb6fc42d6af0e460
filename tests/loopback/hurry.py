"""Short waits for a bot that is tested, which takes what seconds are for."""

from __future__ import annotations

from datetime import timedelta


def replacements(port: int) -> list[tuple[object, str, object]]:
    """What leads a program to this Discord, and shortens its waits: an object, its attribute, and the new value."""
    import discord
    import yarl
    from discord.gateway import DiscordWebSocket
    from discord.state import ConnectionState

    from bot.chat import connection
    from bot.domain import retry
    from bot.store import identifies
    from bot.workers import delivery

    return [
        (discord.http.Route, "BASE", f"http://127.0.0.1:{port}/api"),
        (DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(f"ws://127.0.0.1:{port}/gateway/")),
        # discord.py waits so long for another server before it says that it is ready.
        (ConnectionState, "guild_ready_timeout", property(lambda _: 0.1, lambda *_: None)),
        (connection, "FIRST_PAUSE", timedelta(milliseconds=10)),
        (retry, "FIRST_RETRY", timedelta(milliseconds=100)),
        (delivery, "SETTLING", timedelta(milliseconds=200)),
        (identifies, "SPACING", timedelta(milliseconds=50)),
    ]
