"""The process that a pool's parsers run in: it reads a call from its input, answers on its output, and again.

A call is a pickled function with its arguments, from the pool. An answer is a pickled `Answer`, and the pool trusts
nothing in it. The process ends with its input, and by itself where a call outlasts its deadline and nobody ends it.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

LENGTH = struct.Struct(">Q")  # of the call or answer that follows
VALUE, RAISED, OUT_OF_MEMORY, BUG = "value", "raised", "out of memory", "bug"
READY = b"\n"
GRACE = 10  # seconds beyond its deadline after which a call is ended although the pool has not ended it

Answer: TypeAlias = "tuple[str, Any]"  # one of the words above, and what belongs to it


def main(memory: int, deadline: float) -> None:
    """Answer calls until the input ends, with at most so many bytes of memory more than at the start."""
    calls = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    _limit_memory(memory)
    answers.write(READY)
    answers.flush()
    while call := _next(calls):
        _alarm(deadline + GRACE)
        answer = pickle.dumps(_answer(call), pickle.HIGHEST_PROTOCOL)
        _alarm(0)
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _next(calls: IO[bytes]) -> bytes:
    head = calls.read(LENGTH.size)
    return calls.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""


def _answer(call: bytes) -> Answer:
    try:
        function, arguments = pickle.loads(call)  # noqa: S301 - from the pool, which is this program
        return VALUE, function(*arguments)
    except MemoryError:
        return OUT_OF_MEMORY, None
    except ValueError as error:  # a parser's objection to what it was given
        return (RAISED, error) if type(error).__module__.startswith("bot.") else (BUG, traceback.format_exc())
    except Exception:
        return BUG, traceback.format_exc()


def _limit_memory(extra: int) -> None:
    """Where the system limits the address space. macOS accepts a limit without keeping it; Windows has none."""
    if sys.platform == "win32":
        return
    import resource

    statm = Path("/proc/self/statm")
    now = int(statm.read_text("ascii").split()[0]) * resource.getpagesize() if statm.exists() else 0
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (now + extra, now + extra))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no copy of a hostile document stays on the disk


def _alarm(seconds: float) -> None:
    """Have the system end this process after so many seconds; 0: not at all."""
    if sys.platform != "win32":
        signal.alarm(int(seconds))
