"""Kills the bot, and then processes of all roles, at random moments, hundreds of times (`make soak`).

python -m tests.soak [KILLS [SEED]]

The modules are imported only where they are used: each forked process imports this one again, as the program that it comes from.
"""

from __future__ import annotations

import sys


def main(kills: str = "200", seed: str = "1") -> int:
    """Kill that often in each way. Returns how many ways went wrong."""
    from tests import kills as of_one
    from tests import role_kills as of_roles

    return of_one.soak(int(kills), int(seed)) + of_roles.soak(int(kills), int(seed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
