"""A git repository of record files as a source: a working copy that is updated and read as a folder.

The repository is not trusted: hooks do not run, symlinks become plain files, and git settings of the user and system
are ignored. Programs that git starts inherit the environment, so SSH keys and proxies work as in a shell.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shlex
import shutil
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple
from urllib.parse import quote, unquote

from bot.domain.text.cleaning import repair
from bot.errors import SourceError
from bot.sources.folder import FolderSource
from bot.sources.model import ItemBatch, Progress

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
TIMEOUT = timedelta(minutes=10)
LOCK_SECONDS = 0.2  # interval of checks for the lock of another process
TOPICS = Path("_data", "topics")

_KEPT = 16_384  # bytes of git's output
_SHOWN = 200
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_WEB = re.compile(r"(?i:(https?))://(?:([^/]*)@)?([^/@]+)(/.*)?")
_SSH = re.compile(r"(?i:ssh)://(?:([^/:-][^/:]*)(?::[^/]*)?@)?([^/@-][^/@]*/.*)")
_PLAIN = re.compile(
    r"file:///.+|git://[^/@-][^/@]*/.+|/.+|[\w.][\w.-]*@[\w.][\w.-]*:[^:].*"
)  # the last as in scp

# Variables that a git hook sets for the processes that it starts.
_UNSET = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
)
_SET = {
    "LC_ALL": "C",  # git's messages are matched below
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",  # also where the server redirects
}
_OPTIONS = {
    "core.hooksPath": os.devnull,
    "core.symlinks": "false",
    "core.fsmonitor": "false",
    "core.logAllRefUpdates": "false",
    "submodule.recurse": "false",
    "gc.autoDetach": "false",  # nothing goes on when the command has ended
    "gc.pruneExpire": "now",
    "credential.helper": "",
}

# The first pattern that matches git's output gives the reason.
_REASONS = (
    ("No space left on device|Disk quota exceeded", "the disk is full"),
    (
        "dubious ownership",
        "the repository belongs to another user; make the bot's user its owner",
    ),
    ("cannot run ssh", "ssh is not installed"),
    (
        "Host key verification failed",
        "the server's SSH key is unknown; connect to the server once with ssh as the bot's user",
    ),
    (
        r"could not read (?:Username|Password)|Authentication failed|Permission denied \(|error: 40[13]",
        "the server asks for credentials: check the address; for a private repository write a token into it "
        "(https://TOKEN@host/path), or let the user who runs the bot have an SSH key",
    ),
    (
        r"[Rr]epository .*not found|does not appear to be a git repo|error: 404|[Rr]epository .*does not exist",
        "no git repository exists at this address, or it is private",
    ),
    ("certificate", "the server's certificate is not trusted"),
    (
        "[Cc]ould not resolve|[Cc]ouldn't (?:resolve|connect)|Connection (?:refused|reset|timed out|closed)"
        "|unreachable|unable to connect|Failed to connect|hung up",
        "the server cannot be reached",
    ),
)


class _GitError(Exception):
    """A git command failed; the message is what it wrote to standard error."""

    def reason(self) -> str:
        """The reason, as text for the person who configured the source."""
        output = str(self)
        for pattern, reason in _REASONS:
            if re.search(pattern, output):
                return reason
        lines = [line for line in output.splitlines() if line.startswith(("fatal:", "error:"))]
        return f"git failed: {repair(lines[-1] if lines else output, _SHOWN) or 'no error message'}"


class RepositoryAddress(NamedTuple):
    """A repository's address without credentials, and the credentials as a line of git's credential store."""

    url: str
    credentials: str = ""


def parse_address(url: str) -> RepositoryAddress:
    """Split an address. Raises ValueError with the allowed forms if it is not a repository address."""
    if _UNPRINTABLE.search(url):
        raise ValueError("the address contains control characters")
    if web := _WEB.fullmatch(url):
        scheme, user, host, path = web[1].lower(), web[2], web[3], web[4] or ""
        plain = f"{scheme}://{host}{path}"
        if not user:
            return RepositoryAddress(plain)
        name, _, password = user.partition(":")
        # Encoded again, because passwords are often pasted unencoded.
        secret = ":".join(quote(unquote(part), safe="") for part in (name, password))
        return RepositoryAddress(plain, f"{scheme}://{secret}@{host}")
    if ssh := _SSH.fullmatch(url):
        user, rest = ssh.groups()
        return RepositoryAddress(f"ssh://{user}@{rest}" if user else f"ssh://{rest}")
    if _PLAIN.fullmatch(url):
        return RepositoryAddress(url)
    raise ValueError(
        "not the address of a repository; write https://host/path, ssh://user@host/path, git@host:path, "
        "git://host/path, file:///path or an absolute path"
    )


class GitSource:
    """The record files of a repository, or of its directory `path`; of its default branch if no other is named.

    `place` is the source's directory, created if it is missing. It has the working copy and a lock, so that two processes
    can share it. Paths in items and errors are those in the repository. Raises ValueError for an invalid address,
    branch or path.
    """

    kind = "git"

    def __init__(
        self,
        url: str,
        place: Path,
        *,
        branch: str = "",
        path: str = "",
        quality: int = 0,
        every: timedelta = EVERY,
        timeout: timedelta = TIMEOUT,
    ) -> None:
        if branch.startswith("-") or _UNPRINTABLE.search(branch):
            raise ValueError(f"{repair(branch, _SHOWN)!r} is not a branch name")
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise ValueError(f"the path {path!r} is outside the repository")
        self._address = parse_address(url)
        self._place = place.absolute()
        self._copy = self._place / "copy"
        self._branch = branch
        self._path = path.strip("/")
        self._quality = quality
        self._every = every
        self._timeout = timeout

    @property
    def name(self) -> str:
        """The identity: `git:` and the address without credentials, then `#branch` and `:path` if given."""
        branch = f"#{self._branch}" if self._branch else ""
        path = f":{self._path}" if self._path else ""
        return f"{self.kind}:{self._address.url}{branch}{path}"

    async def fetch(self, progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """Bring the working copy up to date, then read new and changed files. Raises SourceError."""
        async with self._updated_copy():
            root = self._copy / self._path
            if not await asyncio.to_thread(root.exists):
                raise self._error(f"the repository does not contain {self._path!r}")
            async with aclosing(FolderSource(root, self._quality).fetch(progress)) as batches:
                async for batch in batches:
                    yield self._with_repository_paths(batch)

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield at once, and then at the interval `every`."""
        while True:
            yield
            await asyncio.sleep(self._every.total_seconds())

    async def update(self) -> None:
        """Bring the working copy up to date without reading its records. Raises SourceError."""
        async with self._updated_copy():
            pass

    def topic_directories(self) -> list[Path]:
        """The directories of topic files in the working copy; none before the first `update` or `fetch`."""
        return [directory] if (directory := self._copy / TOPICS).is_dir() else []

    def _error(self, reason: str) -> SourceError:
        return SourceError(f"{self._address.url}: {reason}")

    def _with_repository_paths(self, batch: ItemBatch) -> ItemBatch:
        """The batch with paths as they are in the repository."""

        def shown(path: str) -> str:
            return f"{self._address.url}: {path.removeprefix(f'{self._copy}/')}"

        return replace(
            batch,
            items=tuple(replace(item, path=shown(item.path)) for item in batch.items),
            rejected=tuple(replace(entry, path=shown(entry.path)) for entry in batch.rejected),
        )

    # ---------------------------------------------------------------------------- the working copy

    @asynccontextmanager
    async def _updated_copy(self) -> AsyncIterator[None]:
        """Lock and update the working copy; release the lock at the end."""
        if shutil.which("git") is None:
            raise self._error("git is not installed; install it and make sure that it is in the PATH")
        minutes = self._timeout.total_seconds() / 60
        lock: BinaryIO | None = None
        try:
            try:
                async with asyncio.timeout(self._timeout.total_seconds()):
                    while (lock := _lock(self._place)) is None:  # noqa: ASYNC110 - the lock has no notification
                        await asyncio.sleep(LOCK_SECONDS)
                    await self._update()
            except TimeoutError:
                problem = "git did not finish" if lock else f"another process is using {self._place}"
                raise self._error(f"{problem}; stopped after {minutes:g} minutes") from None
            except _GitError as error:
                log.debug("%s: git said: %s", self.name, error)
                raise self._error(error.reason()) from error
            yield
        finally:
            if lock is not None:
                lock.close()

    async def _update(self) -> None:
        try:
            if self._address.credentials:
                _write_secret(self._secret, self._address.credentials)
            commit = await self._newest_commit()
            if await asyncio.to_thread(self._copy.is_dir):
                try:
                    await self._advance(self._copy, commit)
                except _GitError as error:
                    log.warning("%s: %s; creating the working copy again", self.name, error.reason())
                else:
                    return
            await self._create_copy(commit)
        finally:
            self._secret.unlink(missing_ok=True)

    async def _create_copy(self, commit: str) -> None:
        """Create a working copy beside the old one, if any, and replace the old one."""
        new = self._place / "new"
        await asyncio.to_thread(shutil.rmtree, new, ignore_errors=True)  # left by a crash
        try:
            await self._git(["init", "--quiet", "--template=", "--", str(new)], self._place)
            await self._advance(new, commit)
            await asyncio.to_thread(_replace, self._copy, new)
        finally:
            await asyncio.to_thread(shutil.rmtree, new, ignore_errors=True)

    async def _advance(self, copy: Path, commit: str) -> None:
        """Set the working copy to the commit. Unchanged files are not written again."""
        # Explicit, or git would search for a repository above a damaged one and change that.
        location = [f"--git-dir={copy / '.git'}", f"--work-tree={copy}"]
        target = "HEAD"
        if await self._current_commit(location, copy) != commit:
            # No remote is configured; the address is passed each time. A newer commit is accepted too.
            shallow = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"]
            await self._git([*location, *shallow, "--", self._address.url, self._ref], copy)
            target = "FETCH_HEAD"
        await self._git([*location, "reset", "--quiet", "--hard", target, "--"], copy)
        await self._git([*location, "clean", "--quiet", "-ffdx"], copy)

    async def _current_commit(self, location: Sequence[str], copy: Path) -> str:
        """The commit of the working copy; empty if there is none."""
        with suppress(_GitError):
            return (await self._git([*location, "rev-parse", "--quiet", "--verify", "HEAD"], copy)).strip()
        return ""

    @property
    def _ref(self) -> str:
        return f"refs/heads/{self._branch}" if self._branch else "HEAD"

    @property
    def _secret(self) -> Path:
        """The credentials file, which exists only while git runs. Arguments would be visible to everybody."""
        return self._place / "credentials"

    async def _newest_commit(self) -> str:
        """The newest commit in the repository."""
        # Ignore the settings of a repository that contains `place`.
        arguments = [f"--git-dir={os.devnull}", "ls-remote", "--quiet", "--", self._address.url, self._ref]
        for line in (await self._git(arguments, self._place)).splitlines():
            commit, _, ref = line.partition("\t")
            if ref == self._ref:
                return commit
        if self._branch:
            raise self._error(f"the repository has no branch {repair(self._branch, _SHOWN)!r}")
        raise self._error("the repository has no commits")

    async def _git(self, arguments: Sequence[str], place: Path) -> str:
        """The output of a git command. Raises _GitError if it fails; ends all processes that it started."""
        unset = [part for name in _UNSET for part in ("-u", name)]
        options = [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
        if self._address.credentials:
            store = f"store --file={shlex.quote(str(self._secret))}"
            options += ["-c", f"credential.helper={store}"]
        # `env` changes the inherited environment, so this process does not have to read it.
        process = await asyncio.create_subprocess_exec(
            "env",
            *unset,
            *(f"{name}={value}" for name, value in _SET.items()),
            "git",
            *options,
            *arguments,
            cwd=place,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # no terminal for prompts, and a process group that can be killed
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            output, errors = await asyncio.gather(_read_end(process.stdout), _read_end(process.stderr))
            code = await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if code:
            raise _GitError(errors)
        return output


async def _read_end(stream: asyncio.StreamReader) -> str:
    """The end of a stream. A server can make git write any amount."""
    end = b""
    while part := await stream.read(_KEPT):
        end = (end + part)[-_KEPT:]
    return end.decode(errors="replace")


def _lock(place: Path) -> BinaryIO | None:
    """An open file that holds the lock until it is closed; None while another process has the lock."""
    try:
        import fcntl  # missing on Windows, where the rest of Topicwire works
    except ModuleNotFoundError:
        raise SourceError("git repositories are supported only on Linux, macOS and similar systems") from None
    place.mkdir(parents=True, exist_ok=True)
    file = (place / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _write_secret(path: Path, line: str) -> None:
    path.unlink(missing_ok=True)  # an existing file might be readable for others
    with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(f"{line}\n")


def _replace(target: Path, source: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    source.rename(target)
