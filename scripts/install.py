"""`python scripts/install.py LOCK`: install what a lock lists, by version and hash, and then Topicwire itself.

pip refuses an editable project beside hashes, so it runs twice. Only the standard library is used: nothing else is
there yet.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Files are compiled when they are first imported: most of them never are.
PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
# Parts of what pip says when it reaches no index, in all versions since 23.
OFFLINE = (
    "NewConnectionError",
    "Failed to establish a new connection",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "Connection refused",
    "Connection aborted",
    "connection error",
    "Network is unreachable",
)


def failure(log: str) -> str:
    """What to say of a failed installation, given all that pip printed."""
    if any(sign in log for sign in OFFLINE):
        return (
            "Installation failed: pip cannot reach the Python package index. "
            "Check the network connection (behind a proxy, set HTTPS_PROXY), then run the same command again.\n"
        )
    return f"{log}\nInstallation failed. The output of pip above names the package.\n"


def main() -> int:
    """Run pip twice. The exit code is pip's."""
    lock = sys.argv[1]
    for what in (["--require-hashes", "-r", lock], ["--no-deps", "--no-build-isolation", "-e", "."]):
        run = subprocess.run([*PIP, *what], cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace")
        if run.returncode:
            sys.stderr.write(failure(run.stderr))
            return run.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
