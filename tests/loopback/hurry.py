"""Short waits for a bot that is tested, which takes what seconds are for."""

from __future__ import annotations

from datetime import timedelta


def short_waits() -> list[tuple[object, str, object]]:
    """What shortens the waits of a program: an object, its attribute, and the new value."""
    from discord.state import ConnectionState

    from bot.chat import connection
    from bot.domain import retry
    from bot.store import identifies
    from bot.workers import delivery, digests

    return [
        # discord.py waits so long for another server before it says that it is ready.
        (ConnectionState, "guild_ready_timeout", property(lambda _: 0.1, lambda *_: None)),
        (connection, "FIRST_PAUSE", timedelta(milliseconds=10)),
        (retry, "FIRST_RETRY", timedelta(milliseconds=100)),
        (digests, "RETRY", timedelta(milliseconds=200)),
        (delivery, "SETTLING", timedelta(milliseconds=200)),
        (identifies, "SPACING", timedelta(milliseconds=50)),
    ]


def main() -> None:
    """`topicwire` with short waits."""
    from bot.cli.main import main as topicwire

    for owner, name, value in short_waits():
        setattr(owner, name, value)
    topicwire()
