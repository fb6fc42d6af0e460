"""Parsers that go wrong in every way that a process can. They stand in a module of their own, for a process to import."""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from pathlib import Path

from bot.sources.feeds.parse import NotAFeed


def never_ends(body: bytes) -> str:
    """Read on for ever."""
    while True:
        body = body[::-1]


def eats_memory(body: bytes) -> int:
    """Keep copies of a document without end."""
    copies = []
    while True:
        copies.append(bytearray(1_000_000) + body)


def crashes(_body: bytes) -> str:
    """End as a fault in a library's C code does."""
    os.abort()


def refuses(body: bytes) -> str:
    """Find no feed."""
    raise NotAFeed(f"{len(body)} bytes of nothing")


def has_a_bug(_body: bytes) -> str:
    """Raise what no parser should."""
    raise KeyError("missing")


def says(body: bytes) -> str:
    """Say what stands there."""
    os.write(1, b"a library says something on standard output")
    return body.decode()


def process(_body: bytes) -> int:
    """Say which process this is."""
    return os.getpid()


def memory_allowed(_body: bytes) -> tuple[int, int]:
    """The most address space that this process may have, and what it has."""
    import resource

    has = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    return resource.getrlimit(resource.RLIMIT_AS)[0], has


class _Command:
    def __init__(self, *command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[object, Sequence[str]]:
        return os.system, self._command


def runs(command: str) -> bytes:
    """An answer that runs a command where it is unpickled without care."""
    return pickle.dumps(("value", _Command(command)))
