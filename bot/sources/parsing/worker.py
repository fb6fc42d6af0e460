"""The main loop of a parser process: reads calls from its input and writes answers to its output.

A call is a pickled function with its arguments. An answer is a pickled `Answer`, which the pool does not trust. The
process ends with its input, or by itself if a call exceeds its deadline and the pool does not kill it.
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

LENGTH = struct.Struct(">Q")  # length of the following call or answer
VALUE, RAISED, OUT_OF_MEMORY, BUG = "value", "raised", "out of memory", "bug"
READY = b"\n"
GRACE = 10  # seconds beyond the deadline until the process kills itself

Answer: TypeAlias = "tuple[str, Any]"  # one of the words above, and its value


def main(memory: int, deadline: float) -> None:
    """Answer calls until the input ends. `memory` limits the additional bytes of memory, `deadline` the seconds of a call."""
    calls = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # keeps output of libraries out of the answers
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
    except ValueError as error:  # the parser rejects its input
        return (RAISED, error) if type(error).__module__.startswith("bot.") else (BUG, traceback.format_exc())
    except Exception:
        return BUG, traceback.format_exc()


def _limit_memory(extra: int) -> None:
    """Limit the address space. macOS accepts the limit but ignores it; Windows has none."""
    if sys.platform == "win32":
        return
    import resource

    statm = Path("/proc/self/statm")
    now = int(statm.read_text("ascii").split()[0]) * resource.getpagesize() if statm.exists() else 0
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (now + extra, now + extra))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core dump of a hostile document


def _alarm(seconds: float) -> None:
    """Have the system kill this process after this many seconds; 0 cancels that."""
    if sys.platform != "win32":
        signal.alarm(int(seconds))
