"""`topicwire`, with Discord at the port that comes first."""

from __future__ import annotations

import sys

from bot.cli.main import main as topicwire
from tests.loopback.hurry import replacements

for owner, name, value in replacements(int(sys.argv.pop(1))):
    setattr(owner, name, value)
topicwire()
