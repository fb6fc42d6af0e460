"""What is installed as `topicwire`: the command, and below it the packages of the program.

The program's packages are called `bot` and `cogs`. Installed under these names they could replace those of another
program, so the wheel has them inside of this package (see pyproject.toml).
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """The command `topicwire`."""
    if (HERE / "bot").is_dir():  # installed; in a working copy they are on the path already
        sys.path.insert(0, str(HERE))
    from bot.cli.main import main as run

    run()
