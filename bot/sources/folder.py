"""A folder of record files, or a single one, as a source.

A file is read again only if its size or time changed, and parsed again only if its content changed. Its progress entry
is part of the batch with its last item, so after a crash in between the file is read again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from bot.domain.text.terminal import one_line
from bot.sources.documents import MAX_DOCUMENT, SUFFIXES
from bot.sources.model import JSON, Item, ItemBatch, Progress, Rejected
from bot.sources.records import read

log = logging.getLogger(__name__)

BATCH_ITEMS = 200
BATCH_RECORDS = 2000  # declared related ones included
SETTLE_MS = 50  # a change is reported when nothing more has changed for this time,
SETTLE_MOST_MS = 400  # or after this time
LOOK_AGAIN_MS = 30_000  # some network and container mounts never report changes
APPEAR_SECONDS = 1.0

_VERSION = 1  # raise it when files should be read again because more of them can be understood
_SKIPPED = frozenset({"_data"})  # topics and other definitions beside the records
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Entry:
    """The progress entry of a file: its state, the version of the reader, and the results."""

    size: int
    mtime: int
    digest: str
    reader: str
    items: int
    rejected: list[list[Any]]  # item number and reason of each

    @classmethod
    def of(cls, value: Mapping[str, JSON] | None, reader: str) -> _Entry | None:
        """The stored entry; None if there is none, or if another version of the reader wrote it."""
        if value is None or value.get("reader") != reader:
            return None
        try:
            return cls(**value)  # type: ignore[arg-type]  # our own, as the reader says
        except TypeError:
            return None


class _RecordFile(NamedTuple):
    """A file of the folder: its path relative to the root, its full path, and its state."""

    key: str
    path: Path
    state: os.stat_result


class _FileEnd(NamedTuple):
    """The end of a file: its new entry, and the number of its unchanged items."""

    key: str
    entry: _Entry | None
    unchanged: int


@dataclass(slots=True)
class _BatchBuilder:
    """Collects the items of a batch."""

    items: list[Item] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    unchanged: int = 0
    progress: dict[str, Mapping[str, JSON]] = field(default_factory=dict)
    records: int = 0

    @property
    def full(self) -> bool:
        return len(self.items) + len(self.rejected) >= BATCH_ITEMS or self.records >= BATCH_RECORDS

    def add(self, part: Item | Rejected | _FileEnd) -> None:
        if isinstance(part, Item):
            self.items.append(part)
            self.records += 1 + len(part.record.related)
        elif isinstance(part, Rejected):
            self.rejected.append(part)
        else:
            self.unchanged += part.unchanged
            if part.entry is not None:
                self.progress[part.key] = asdict(part.entry)

    def batch(self, *, last: bool = False) -> ItemBatch:
        return ItemBatch(tuple(self.items), tuple(self.rejected), self.unchanged, self.progress, last)


class FolderSource:
    """The record files below `root`, or `root` itself if it is a file.

    Hidden directories and files, `_data`, symlinked directories and links that lead out of `root` are
    ignored. `quality` is the default of records. Paths in items and errors begin with `root` as given; keys of the
    progress are relative to it.
    """

    kind = "folder"

    def __init__(self, root: Path, quality: int = 0) -> None:
        self.root = root
        self._quality = quality
        self._reader = f"{_VERSION}:{quality}"

    @property
    def name(self) -> str:
        """The identity: `folder:` and the absolute path without symlinks."""
        return f"{self.kind}:{self.root.resolve()}"

    async def fetch(self, progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """Read new and changed files in order of their paths. Raises OSError if `root` cannot be read."""
        batches = self._batches(progress)
        last = False
        try:
            while not last:
                batch = await asyncio.to_thread(next, batches)
                last = batch.last
                yield batch
        finally:
            # After a cancellation the thread may still be running; the generator ends with it.
            with suppress(ValueError):
                batches.close()

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield once when watching starts, then within a second of a change, and at least every half minute.

        Waits while the root does not exist. If the system cannot watch it (too many watches, an unusual file
        system), yields every half minute.
        """
        warned = False
        while True:
            while not await asyncio.to_thread(self.root.exists):
                if not warned:
                    log.warning("%s does not exist; waiting until it does", self.root)
                warned = True
                await asyncio.sleep(APPEAR_SECONDS)
            warned = False
            try:
                async with aclosing(self._watch()) as changed:
                    async for _ in changed:
                        yield
            except FileNotFoundError:
                continue
            except (OSError, RuntimeError) as error:  # watchfiles raises either
                log.warning("%s cannot be watched: %s", self.root, error)
                yield
                await asyncio.sleep(LOOK_AGAIN_MS / 1000)

    async def _watch(self) -> AsyncGenerator[None, None]:
        """Yield like `changes`, until the watched directory is deleted or replaced."""
        from watchfiles import awatch  # only a running bot watches

        is_file = self.root.is_file()
        # A file is watched through its directory: editors and `mv` put a new file in its place.
        place = self.root.parent if is_file else self.root
        identity = _identity(place)
        watcher = awatch(
            place,
            watch_filter=lambda _, path: self.concerns(Path(path)),
            step=SETTLE_MS,
            debounce=SETTLE_MOST_MS,
            rust_timeout=LOOK_AGAIN_MS,
            yield_on_timeout=True,
            recursive=not is_file,
            ignore_permission_denied=True,
        )
        # The watch starts with the first wait, which must precede the first yield. Otherwise changes between the
        # caller's first read and its next step would be missed.
        waiting = asyncio.ensure_future(anext(watcher))
        try:
            await asyncio.sleep(0)
            yield
            while True:
                await waiting
                yield
                if await asyncio.to_thread(_identity, place) != identity:
                    return
                waiting = asyncio.ensure_future(anext(watcher))
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await watcher.aclose()

    def concerns(self, path: Path) -> bool:
        """Whether a change of this path can affect the records."""
        if self.root.is_file():
            return path.name == self.root.name
        with suppress(ValueError):
            path = path.relative_to(self.root)
        return not any(_is_ignored(part) for part in path.parts)

    def _batches(self, progress: Progress) -> Generator[ItemBatch, None, None]:
        builder = _BatchBuilder()
        for file in self._files():
            parts = (file,) if isinstance(file, Rejected) else self._file(file, progress)
            for part in parts:
                builder.add(part)
                if builder.full:
                    yield builder.batch()
                    builder = _BatchBuilder()
        yield builder.batch(last=True)

    def _files(self) -> Iterator[_RecordFile | Rejected]:
        """The record files in order of their keys."""
        if not self.root.is_dir():
            yield _RecordFile(self.root.name, self.root, self.root.stat())
            return
        files: dict[str, _RecordFile | Rejected] = {}
        real_root = self.root.resolve()
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(self.root / folder) as entries:
                    for entry in entries:
                        key = f"{folder}{entry.name}"
                        if _is_ignored(entry.name):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(f"{key}/")
                        elif _is_record_file(entry, real_root):
                            files[key] = self._found(key, entry)
            except OSError as error:
                if not folder:
                    raise
                files[folder] = _unreadable(self.root / folder, error)
        yield from (files[key] for key in sorted(files))

    def _found(self, key: str, entry: os.DirEntry[str]) -> _RecordFile | Rejected:
        path = self.root / key
        try:
            key.encode()
            return _RecordFile(key, path, entry.stat())
        except UnicodeEncodeError:  # the file system may hold any bytes, the store may not
            return Rejected(_shown(path), 1, "the file name is not valid text")
        except OSError as error:
            return _unreadable(path, error)

    def _file(self, file: _RecordFile, progress: Progress) -> Iterator[Item | Rejected | _FileEnd]:
        """The items of the file and its new entry; for an unchanged file only the remembered results."""
        key, path, state = file
        entry = _Entry.of(progress.get(key), self._reader)
        if entry and (entry.size, entry.mtime) == (state.st_size, state.st_mtime_ns):
            yield from _remembered(path, key, entry, None)
            return
        if not stat.S_ISREG(state.st_mode):
            yield Rejected(_shown(path), 1, "not a regular file")
            return
        items, rejected = 0, []
        try:
            with path.open("rb") as stream:
                state = os.fstat(stream.fileno())
                digest = _digest(stream, state.st_size)
                if entry and digest and entry.digest == digest:
                    touched = replace(entry, size=state.st_size, mtime=state.st_mtime_ns)
                    yield from _remembered(path, key, entry, touched)
                    return
                stream.seek(0)
                for part in read(stream, _shown(path), self._quality, state.st_size):
                    if isinstance(part, Item):
                        items += 1
                    else:
                        rejected.append([part.item, part.reason])
                    yield part
        except OSError as error:  # no entry is stored, so that the file is read again
            yield _unreadable(path, error)
            return
        entry_now = _Entry(state.st_size, state.st_mtime_ns, digest, self._reader, items, rejected)
        yield _FileEnd(key, entry_now, 0)


def _remembered(path: Path, key: str, entry: _Entry, updated: _Entry | None) -> Iterator[Rejected | _FileEnd]:
    """The results of a file with unchanged content: its rejected items are reported again."""
    for item, reason in entry.rejected:
        yield Rejected(_shown(path), item, reason)
    yield _FileEnd(key, updated, entry.items)


def _unreadable(path: Path, error: OSError) -> Rejected:
    return Rejected(_shown(path), 1, f"cannot be read: {error.strerror or type(error).__name__}")


def _shown(path: Path) -> str:
    return one_line(str(path))


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED


def _is_record_file(entry: os.DirEntry[str], root: Path) -> bool:
    if not entry.name.lower().endswith(SUFFIXES):
        return False
    if not entry.is_symlink():
        return entry.is_file(follow_symlinks=False)
    try:
        return entry.is_file() and Path(entry.path).resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):  # a link loop
        return False


def _identity(place: Path) -> tuple[int, int] | None:
    """The device and inode of a directory; None if it does not exist."""
    try:
        state = place.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _digest(stream: BinaryIO, size: int) -> str:
    """A hash of the first `size` bytes; empty for large files, for which hashing costs more than it saves."""
    if size > MAX_DOCUMENT:
        return ""
    digest = blake2b(digest_size=16)
    while size > 0 and (chunk := stream.read(min(size, _CHUNK))):
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest()
