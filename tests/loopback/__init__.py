"""A small Discord on the loopback: as much of its HTTP API, limits and gateway as the bot uses.

For what the simulated Discord cannot show: the whole process with its real sockets, its start, its memory, its end by
a signal, and its pace. `Loopback.environment` are the settings that lead `topicwire` to it; `python -m tests.loopback run`
is `topicwire run` with short waits.

`Loopback()` limits nothing; `Loopback(limits=DISCORD)` limits what Discord limits. It remembers nonces for
`nonce_life` seconds, fails as `faults` say, and logs what it `accepted`.
"""

from tests.loopback.faults import Accepted, Fault
from tests.loopback.hurry import short_waits
from tests.loopback.limits import DISCORD, UNLIMITED, Bucket, Limit, Limits, Sublimit
from tests.loopback.objects import (
    BOT,
    CHANNEL,
    FORUM,
    GUILD,
    MANAGE_ALL,
    SEND_ALL,
    WEBHOOK,
    GuildLayout,
    large,
)
from tests.loopback.ports import Handler, answering, on_a_free_port
from tests.loopback.preparation import first_intake, follow_trains, give_face
from tests.loopback.server import Loopback

__all__ = [
    "BOT",
    "CHANNEL",
    "DISCORD",
    "FORUM",
    "GUILD",
    "MANAGE_ALL",
    "SEND_ALL",
    "UNLIMITED",
    "WEBHOOK",
    "Accepted",
    "Bucket",
    "Fault",
    "GuildLayout",
    "Handler",
    "Limit",
    "Limits",
    "Loopback",
    "Sublimit",
    "answering",
    "first_intake",
    "follow_trains",
    "give_face",
    "large",
    "on_a_free_port",
    "short_waits",
]
