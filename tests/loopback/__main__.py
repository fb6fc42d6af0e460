"""`topicwire` with short waits."""

from __future__ import annotations

from bot.cli.main import main as topicwire
from tests.loopback.hurry import short_waits

for owner, name, value in short_waits():
    setattr(owner, name, value)
topicwire()
