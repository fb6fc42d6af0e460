"""A pool of processes for parsing untrusted documents in bounded time and memory.

Parsing blocks neither the event loop nor shared threads. A process that takes too long or too much memory is killed.
Idle processes end after a while.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import is_dataclass
from enum import Enum
from io import BytesIO
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, TypeVarTuple
from weakref import WeakValueDictionary

from bot.i18n import tr
from bot.sources.parsing.worker import BUG, LENGTH, OUT_OF_MEMORY, RAISED, READY, VALUE

log = logging.getLogger(__name__)

PROCESSES = 3
DEADLINE_SECONDS = 30.0  # for one document; ten megabytes of the worst text take about ten
START_SECONDS = 60.0
IDLE_SECONDS = 20.0  # then a process is ended: it holds about 40 MB
MEMORY = 512_000_000  # bytes that parsing may take; ten megabytes of markup take a quarter of it
MAX_ANSWER = 64_000_000  # bytes
# Bytes that are parsed in this process if the operator chose the source: a tenth of a second for the worst text,
# a few milliseconds for a usual one.
SMALL = 50_000

# The process has the same import path, and nothing else of the environment.
_BOOT = (
    "import sys; memory, deadline, *sys.path = sys.argv[1:]; "
    "from bot.sources.parsing.worker import main; main(int(memory), float(deadline))"
)
_PLAIN = frozenset({("datetime", "datetime"), ("datetime", "timedelta"), ("datetime", "timezone")})

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class TooCostlyError(Exception):
    """A document takes too long or too much memory to parse; the text says which."""


class ParserBugError(Exception):
    """A parser raised an unexpected error; the text is its traceback."""


class Parsers(Protocol):
    """Runs parsers on untrusted documents."""

    async def run(self, server: int, parser: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """The result of the parser. `server` is the server whose members chose the document; 0 is the operator.

        Raises the ValueErrors of the parser, and TooCostlyError.
        """


async def run_parser(
    parsers: Parsers,
    server: int,
    parser: Callable[[bytes, *Arguments], T],
    body: bytes,
    *arguments: *Arguments,
) -> T:
    """The result of the parser for a body. Small bodies of the operator's sources are parsed in this process."""
    if not server and len(body) < SMALL:
        return parser(body, *arguments)
    return await parsers.run(server, parser, body, *arguments)


class InProcessParsers:
    """Runs parsers in this process, without bounds: for the command line, where the operator chose what is read."""

    async def run(self, _server: int, parser: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """The result of the parser."""
        return parser(*arguments)


IN_PROCESS = InProcessParsers()


class ParserPool:
    """Runs parsers in processes, which start when they are needed. Use it in one event loop, and close it.

    Documents chosen by servers never take all processes, and each server has at most one at a time.
    """

    def __init__(
        self,
        processes: int = PROCESSES,
        *,
        deadline: float = DEADLINE_SECONDS,
        memory: int = MEMORY,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self._deadline = deadline
        self._memory = memory
        self._idle_seconds = idle
        self._all = asyncio.Semaphore(processes)
        self._of_servers = asyncio.Semaphore(max(1, processes - 1))
        self._of_server: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()
        self._idle: list[_Worker] = []  # the one that was used last is used next
        self._running: set[_Worker] = set()
        self._ending: set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def processes(self) -> int:
        """The number of running processes."""
        return len(self._running)

    async def run(self, server: int, parser: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        """The result of the parser, which must be a module-level function. See `Parsers`."""
        call = pickle.dumps((parser, arguments), pickle.HIGHEST_PROTOCOL)
        async with AsyncExitStack() as turn:
            if server:  # the server's turn first, so that each server has at most one process
                server_turn = self._of_server.setdefault(server, asyncio.Semaphore(1))
                await turn.enter_async_context(server_turn)
                await turn.enter_async_context(self._of_servers)
            await turn.enter_async_context(self._all)
            kind, value = await self._answer(call)
        if kind == RAISED and isinstance(value, ValueError):
            raise value
        if kind == VALUE:
            return value  # type: ignore[no-any-return]  # what the parser returns, from its process
        raise ParserBugError(str(value))

    async def close(self) -> None:
        """End all processes; running parsers fail."""
        for worker in list(self._running):
            await self._end(worker)
        await asyncio.gather(*self._ending)

    async def _answer(self, call: bytes) -> tuple[str, Any]:
        """The answer of a process. If an idle process has died, another one is tried."""
        while True:
            is_new = not self._idle
            worker = await self._start() if is_new else self._idle_worker()
            try:
                async with asyncio.timeout(self._deadline):
                    answer = await worker.call(call)
            except TimeoutError:
                await self._end(worker)
                raise TooCostlyError(
                    tr(
                        "the document takes longer than {seconds} seconds to read",
                        seconds=f"{self._deadline:g}",
                    )
                ) from None
            except (EOFError, OSError):
                await self._end(worker)
                if is_new:
                    raise TooCostlyError(self._too_much()) from None
            except BaseException:  # the caller was cancelled
                await self._end(worker)
                raise
            else:
                if answer[0] == OUT_OF_MEMORY:
                    await self._end(worker)
                    raise TooCostlyError(self._too_much())
                if answer[0] == BUG:
                    await self._end(worker)
                else:
                    self._put_back(worker)
                return answer

    def _too_much(self) -> str:
        return tr(
            "the document needs more than {size} MB of memory, or crashes the parser",
            size=f"{self._memory / 1_000_000:g}",
        )

    async def _start(self) -> _Worker:
        try:
            worker = await _Worker.start(self._memory, self._deadline)
        except OSError as error:
            raise TooCostlyError(
                tr("the parser cannot be started ({detail})", detail=error.strerror)
            ) from error
        self._running.add(worker)
        try:
            async with asyncio.timeout(START_SECONDS):
                await worker.ready()
        except (TimeoutError, EOFError, OSError):
            await self._end(worker)
            raise TooCostlyError(tr("the parser cannot be started")) from None
        except BaseException:
            await self._end(worker)
            raise
        return worker

    def _idle_worker(self) -> _Worker:
        worker = self._idle.pop()
        if worker.retiring is not None:
            worker.retiring.cancel()
        return worker

    def _put_back(self, worker: _Worker) -> None:
        self._idle.append(worker)
        worker.retiring = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire, worker)

    def _retire(self, worker: _Worker) -> None:
        self._idle.remove(worker)
        ending = asyncio.ensure_future(self._end(worker))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _end(self, worker: _Worker) -> None:
        """Kill a process, and wait until it has ended."""
        if worker.retiring is not None:
            worker.retiring.cancel()
        if worker in self._idle:
            self._idle.remove(worker)
        worker.kill()
        await worker.wait_until_gone()
        self._running.discard(worker)


class _Worker:
    """A parser process."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._calls = process.stdin
        self._answers = process.stdout
        self.retiring: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, memory: int, deadline: float) -> _Worker:
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-c",
                _BOOT,
                str(memory),
                str(deadline),
                *sys.path,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                start_new_session=True,  # Ctrl+C is for the program, which ends its processes itself
            )
        )

    async def ready(self) -> None:
        """Wait until the process accepts calls."""
        if await self._answers.read(len(READY)) != READY:
            raise EOFError

    async def call(self, call: bytes) -> tuple[str, Any]:
        """The answer to a call. Raises EOFError or OSError if there is none."""
        self._calls.write(LENGTH.pack(len(call)))
        self._calls.write(call)
        await self._calls.drain()
        size = LENGTH.unpack(await self._answers.readexactly(LENGTH.size))[0]
        if size > MAX_ANSWER:
            raise EOFError
        answer = await self._answers.readexactly(size)
        try:
            return loads(answer)
        except Exception as error:  # only a compromised process sends this
            log.error("a parser process sent an invalid answer: %s", error)
            raise EOFError from error

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def wait_until_gone(self) -> None:
        """Wait for the end of the process. Its pipes must be read to the end first."""
        self._calls.close()
        while await self._answers.read(1 << 16):
            pass
        await self._process.wait()


def loads(answer: bytes) -> tuple[str, Any]:
    """Unpickle a worker's answer. Only the value types of parsers are allowed in it."""
    match _Values(BytesIO(answer)).load():
        case (str() as kind, value):
            return kind, value
    raise pickle.UnpicklingError("the answer has no valid form")


class _Values(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        if module.startswith(("bot.domain.", "bot.sources.")) and "." not in name:
            value_type = super().find_class(module, name)
            if isinstance(value_type, type) and (
                is_dataclass(value_type) or issubclass(value_type, (Enum, tuple, ValueError))
            ):
                return value_type
        raise pickle.UnpicklingError(f"an answer must not contain {module}.{name}")
