"""A git repository as a source: the real git, on repositories made here."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import aclosing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.errors import SourceError
from bot.sources.git import GitSource, parse_address
from bot.sources.model import Source
from bot.sources.topic_files import load_topics
from tests.sources.fetching import fetch_all

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def record(number: int | str, **fields: Any) -> str:
    lines = {"title": f"Story {number}", "webUrl": f"https://example.com/{number}"} | fields
    return "---\n" + "".join(f"{key}: {value}\n" for key, value in lines.items()) + "---\n"


class Repository:
    """A repository with a working copy of its own, to be written to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if not root.exists():
            root.mkdir()
            self.git("init", "--quiet", "--template=", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        settings = (
            "-c",
            "user.name=Somebody",
            "-c",
            "user.email=somebody@example.com",
            "-c",
            "core.hooksPath=",
        )
        command = ["git", *settings, "-c", "commit.gpgSign=false", *arguments]
        done = subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, files: dict[str, str | None], *options: str) -> str:
        """Commit files with this content; None removes one."""
        for name, content in files.items():
            path = self.root / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message=Change", *options)
        return self.git("rev-parse", "HEAD")


def names(place: Path) -> list[str]:
    """What is in a directory."""
    return sorted(path.name for path in place.iterdir())


def plain_git(at: Path, *arguments: str) -> str:
    """What git writes, as anybody would call it."""
    done = subprocess.run(["git", *arguments], cwd=at, capture_output=True, text=True, check=True)
    return done.stdout.strip()


async def problem(source: Source) -> str:
    """Why it cannot be fetched, without the address before it."""
    with pytest.raises(SourceError) as caught:
        await fetch_all(source)
    url, reason = str(caught.value).split(": ", 1)
    assert source.name.startswith(f"git:{url}")
    return reason


@pytest.fixture(scope="module")
def two_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two records, to be copied."""
    made = Repository(tmp_path_factory.mktemp("made") / "repository")
    made.commit({"_news/a.md": record("a"), "_news/b.md": record("b")})
    return made.root


@pytest.fixture
def repository(tmp_path: Path, two_records: Path) -> Repository:
    """A repository with two records."""
    return Repository(shutil.copytree(two_records, tmp_path / "repository"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a source's working copy goes; not made yet."""
    return tmp_path / "kept" / "place"


def source_of(repository: Repository, place: Path, **options: Any) -> GitSource:
    return GitSource(str(repository.root), place, **options)


# ------------------------------------------------------------------------------------------ intake


@needs_git
async def test_the_first_intake_takes_everything(repository: Repository, place: Path) -> None:
    source: Source = source_of(repository, place)
    taken = await fetch_all(source)
    assert (source.kind, source.name) == ("git", f"git:{repository.root}")
    assert taken.titles == ["Story a", "Story b"]
    assert taken.paths == [f"{repository.root}: _news/a.md", f"{repository.root}: _news/b.md"]
    assert sorted(taken.progress) == ["_news/a.md", "_news/b.md"]
    assert names(place) == ["copy", "lock"]


@needs_git
async def test_only_the_newest_commit_is_fetched(repository: Repository, place: Path) -> None:
    repository.commit({"_news/c.md": record("c")})
    source = source_of(repository, place)
    await fetch_all(source)
    for number in range(3):
        repository.commit({"_news/d.md": record(number)})
        await fetch_all(source)
        assert plain_git(place / "copy", "rev-list", "--count", "HEAD") == "1"


def noting_opens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that are opened from now on."""
    opened: list[str] = []
    really = Path.open

    def noting(path: Path, *args: Any, **options: Any) -> Any:
        opened.append(path.name)
        return really(path, *args, **options)

    monkeypatch.setattr(Path, "open", noting)
    return opened


@needs_git
async def test_a_new_commit_brings_the_changed_files_alone(
    repository: Repository, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(repository, place)
    first = await fetch_all(source)
    repository.commit({"_news/b.md": record("b anew"), "_news/c.md": record("c")})
    opened = noting_opens(monkeypatch)
    second = await fetch_all(source, first.progress)
    assert (second.titles, second.unchanged) == (["Story b anew", "Story c"], 1)
    assert opened == ["lock", "b.md", "c.md"]
    assert (await fetch_all(source, second.progress)).unchanged == 3


@needs_git
async def test_nothing_is_fetched_where_nothing_changed(
    repository: Repository, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(repository, place)
    first = await fetch_all(source)
    commands: list[str] = []
    run = GitSource._git

    async def noting(self: GitSource, arguments: list[str], at: Path) -> str:
        commands.append(next(part for part in arguments if not part.startswith("-")))
        return await run(self, arguments, at)

    monkeypatch.setattr(GitSource, "_git", noting)
    assert (await fetch_all(source, first.progress)).unchanged == 2
    assert commands == ["ls-remote", "rev-parse", "reset", "clean"]


@needs_git
async def test_history_may_be_written_anew(repository: Repository, place: Path) -> None:
    source = source_of(repository, place)
    first = await fetch_all(source)
    repository.commit({"_news/b.md": record("b instead")}, "--amend")
    second = await fetch_all(source, first.progress)
    assert (second.titles, second.unchanged) == (["Story b instead"], 1)
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.git("branch", "--quiet", "-D", "main")
    repository.git("branch", "--quiet", "-m", "main")
    repository.commit({"_news/a.md": record("a of another history")})
    third = await fetch_all(source, second.progress)
    assert (third.titles, third.unchanged) == (["Story a of another history"], 1)


@needs_git
async def test_a_deleted_file_is_gone(repository: Repository, place: Path) -> None:
    source = source_of(repository, place)
    first = await fetch_all(source)
    repository.commit({"_news/a.md": None})
    second = await fetch_all(source, first.progress)
    assert (second.titles, second.unchanged, second.rejected) == ([], 1, [])


@needs_git
async def test_a_branch(repository: Repository, place: Path) -> None:
    repository.git("checkout", "--quiet", "-b", "feature/next")
    repository.commit({"_news/c.md": record("c")})
    repository.git("checkout", "--quiet", "main")
    source = source_of(repository, place / "1", branch="feature/next")
    assert source.name == f"git:{repository.root}#feature/next"
    assert (await fetch_all(source)).titles == ["Story a", "Story b", "Story c"]
    assert (await fetch_all(source_of(repository, place / "2"))).titles == ["Story a", "Story b"]
    missing = source_of(repository, place / "3", branch="next")
    assert await problem(missing) == "the repository has no branch 'next'"


@needs_git
async def test_a_directory_of_the_repository(repository: Repository, place: Path) -> None:
    repository.commit({"other/c.md": record("c"), "other/d.md": "nonsense"})
    source = source_of(repository, place, path="other/", quality=40)
    taken = await fetch_all(source)
    assert source.name == f"git:{repository.root}:other"
    assert (taken.titles, list(taken.progress)) == (["Story c"], ["c.md", "d.md"])
    assert taken.batches[0].items[0].record.quality == 40
    reason = "no front matter: the first line must be ---"
    assert taken.rejected == [(f"{repository.root}: other/d.md", 1, reason)]
    single = source_of(repository, place, path="other/c.md")
    assert (await fetch_all(single)).paths == [f"{repository.root}: other/c.md"]
    missing = source_of(repository, place, path="nothing")
    assert await problem(missing) == "the repository does not contain 'nothing'"


@needs_git
async def test_topics_of_the_repository(repository: Repository, place: Path) -> None:
    source = source_of(repository, place)
    assert source.topic_directories() == []
    await source.update()
    assert source.topic_directories() == []
    repository.commit({"_data/topics/ai.yaml": "name: AI\nkeywords: [gpt]\n"})
    await source.update()
    (directory,) = source.topic_directories()
    topics, rejected = load_topics(directory)
    assert ([topic.name for topic in topics], rejected) == (["AI"], ())
    assert (await fetch_all(source)).titles == ["Story a", "Story b"]  # topic files are no records


async def test_changes_are_told_at_once_and_then_now_and_then(place: Path) -> None:
    source = GitSource("https://example.com/news.git", place, every=timedelta(seconds=0.01))
    async with aclosing(source.changes()) as changes:
        for _ in range(3):
            await asyncio.wait_for(anext(changes), 5)
    async with aclosing(GitSource("https://example.com/news.git", place).changes()) as changes:
        await asyncio.wait_for(anext(changes), 5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(changes), 0.05)
    assert not place.exists()


# ------------------------------------------------------------------------------- what goes wrong


def test_addresses() -> None:
    for url in (
        "https://example.com/news.git",
        "http://localhost:3000/news",
        "ssh://git@example.com:2222/news.git",
        "ssh://example.com/news.git",
        "git@example.com:news/news.git",
        "git://example.com/news.git",
        "file:///srv/news.git",
        "/srv/with space/news.git",
    ):
        assert parse_address(url) == (url, "")
    assert parse_address("HTTPS://example.com/a@b") == ("https://example.com/a@b", "")
    assert parse_address("https://me:p%40ss@example.com/x") == (
        "https://example.com/x",
        "https://me:p%40ss@example.com",
    )
    assert parse_address("https://me:p@s:s@example.com/x").credentials == "https://me:p%40s%3As@example.com"
    assert parse_address("https://t0ken@example.com/x") == (
        "https://example.com/x",
        "https://t0ken:@example.com",
    )
    assert parse_address("ssh://git:secret@example.com/x") == ("ssh://git@example.com/x", "")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-oProxyCommand=x",
        "--upload-pack=touch x",
        "ext::sh -c id",
        "git@ext::sh",
        "ftp://example.com/x",
        "http:/x",
        "https://",
        "ssh://-oProxyCommand=x/x",
        "ssh://-oProxyCommand=x@example.com/x",
        "-x@example.com:x",
        "git@-x:x",
        "git://-x/x",
        "git://me:secret@example.com/x",
        "relative/path",
        "https://example.com/a\nb",
        "https://example.com/\udcff",
    ],
)
def test_what_is_no_address(url: str, place: Path) -> None:
    with pytest.raises(ValueError, match="address"):
        GitSource(url, place)


def test_what_is_no_branch_or_path(place: Path) -> None:
    for branch in ("-x", "--upload-pack=x", "a\nb"):
        with pytest.raises(ValueError, match="is not a branch name"):
            GitSource("/srv/news.git", place, branch=branch)
    for path in ("..", "_news/../../x", "/etc"):
        with pytest.raises(ValueError, match="is outside the repository"):
            GitSource("/srv/news.git", place, path=path)


async def test_git_that_is_not_installed(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said = await problem(GitSource("/srv/news.git", place))
    assert said == "git is not installed; install it and make sure that it is in the PATH"


@needs_git
async def test_a_repository_that_is_not_there(tmp_path: Path, place: Path) -> None:
    said = await problem(GitSource(str(tmp_path / "nowhere"), place))
    assert said == "no git repository exists at this address, or it is private"
    assert await problem(GitSource("http://127.0.0.1:9/x", place)) == "the server cannot be reached"
    (tmp_path / "empty").mkdir()
    assert await problem(GitSource(str(tmp_path / "empty"), place)) == said
    assert await problem(source_of(Repository(tmp_path / "new"), place)) == "the repository has no commits"
    assert names(place) == ["lock"]


@needs_git
async def test_an_outage_leaves_the_working_copy(repository: Repository, place: Path) -> None:
    source = source_of(repository, place)
    first = await fetch_all(source)
    repository.root.rename(repository.root.with_name("away"))
    assert "no git repository" in await problem(source)
    repository.root.with_name("away").rename(repository.root)
    copy = (place / "copy").stat().st_ino
    repository.commit({"_news/c.md": record("c")})
    assert (await fetch_all(source, first.progress)).titles == ["Story c"]
    assert (place / "copy").stat().st_ino == copy


@needs_git
@pytest.mark.parametrize("damage", ["no .git", "no HEAD", "no objects", "no index", "garbage", "locked"])
async def test_a_damaged_working_copy_is_made_anew(
    repository: Repository, place: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = source_of(repository, place)
    first = await fetch_all(source)
    git = place / "copy" / ".git"
    match damage:
        case "no .git":
            shutil.rmtree(git)
        case "no HEAD":
            (git / "HEAD").unlink()
        case "no objects":
            shutil.rmtree(git / "objects")
        case "no index":
            (git / "index").unlink()
        case "garbage":
            (git / "index").write_bytes(b"\xff" * 100)
        case "locked":
            (git / "index.lock").touch()  # what a crash leaves
    repository.commit({"_news/c.md": record("c")})
    second = await fetch_all(source, first.progress)
    assert (second.titles, second.unchanged) == (["Story c"], 2)
    assert ("creating the working copy again" in caplog.text) == (damage != "no index")
    assert names(place) == ["copy", "lock"]


@needs_git
async def test_a_repository_around_the_place_is_left_alone(repository: Repository, tmp_path: Path) -> None:
    """The bot's own checkout, say: a damaged working copy inside must not lead git up to it."""
    around = Repository(tmp_path / "around")
    around.commit({"code.py": "committed"})
    (around.root / "code.py").write_text("being written")
    (around.root / "new.py").write_text("new")
    source = source_of(repository, around.root / "data")
    await fetch_all(source)
    shutil.rmtree(around.root / "data" / "copy" / ".git")
    await fetch_all(source)
    assert (around.root / "code.py").read_text() == "being written"
    assert (around.root / "new.py").read_text() == "new"


@needs_git
async def test_files_that_were_changed_or_put_there_are_put_right(
    repository: Repository, place: Path
) -> None:
    source = source_of(repository, place)
    first = await fetch_all(source)
    (place / "copy" / "_news" / "a.md").write_text(record("forged"))
    (place / "copy" / "_news" / "x.md").write_text(record("x"))
    (place / "copy" / "nested").mkdir()
    plain_git(place / "copy" / "nested", "init", "--quiet")
    (place / "copy" / "nested" / "y.md").write_text(record("y"))
    second = await fetch_all(source, first.progress)
    assert (second.titles, second.unchanged) == ([], 2)


@needs_git
async def test_what_a_crash_left_of_a_first_intake_is_replaced(repository: Repository, place: Path) -> None:
    (place / "new" / ".git").mkdir(parents=True)
    (place / "new" / "half.md").write_text("---\n")
    assert (await fetch_all(source_of(repository, place))).titles == ["Story a", "Story b"]


@needs_git
async def test_one_place_is_used_by_one_at_a_time(repository: Repository, place: Path) -> None:
    sources = [source_of(repository, place) for _ in range(3)]
    both = await asyncio.gather(*(fetch_all(source) for source in sources))
    assert [taken.titles for taken in both] == [["Story a", "Story b"]] * 3
    async with aclosing(sources[0].fetch({})) as batches:
        await anext(batches)
        waiting = source_of(repository, place, timeout=timedelta(seconds=0.3))
        said = await problem(waiting)
        assert said.startswith(f"another process is using {place}; stopped after")
    assert (await fetch_all(sources[1])).titles == ["Story a", "Story b"]


@needs_git
async def test_git_that_does_not_end_is_ended(
    repository: Repository, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").write_text(f"#!/bin/sh\nsleep 60 &\necho $! $$ >{tmp_path / 'pids'}\nwait\n")
    (programs / "git").chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(programs), prepend=os.pathsep)
        said = await problem(source_of(repository, place, timeout=timedelta(seconds=1)))
    assert said.startswith("git did not finish; stopped after")
    for pid in (tmp_path / "pids").read_text().split():
        await until_gone(int(pid))
    assert (await fetch_all(source_of(repository, place))).titles == ["Story a", "Story b"]


async def until_gone(pid: int) -> None:
    """Wait until no such process is at work; one that nobody asks for the end of is not."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text() if Path("/proc").is_dir() else ""
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return
        if state.rpartition(")")[2].split()[:1] == ["Z"]:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"process {pid} goes on")


@needs_git
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("fatal: write error: No space left on device", "the disk is full"),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", "asks for credentials"),
        ("git@x: Permission denied (publickey).\nfatal: Could not read from remote", "asks for credentials"),
        ("Host key verification failed.\nfatal: Could not read from remote", "SSH key is unknown"),
        ("ERROR: Repository not found.\nfatal: Could not read from remote", "no git repository exists"),
        ("fatal: unable to access 'x': Could not resolve host: x", "cannot be reached"),
        ("fatal: unable to access 'x': SSL certificate problem: expired", "certificate is not trusted"),
        ("fatal: detected dubious ownership in repository at '/x'", "belongs to another user"),
        ("remote: noise\nfatal: odd thing\nhint: x", "git failed: fatal: odd thing"),
        ("", "git failed: no error message"),
    ],
)
async def test_reasons(
    said: str, reason: str, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (tmp_path / "said").write_text(said)
    (programs / "git").write_text(f"#!/bin/sh\ncat {tmp_path / 'said'} >&2\nexit 128\n")
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    assert reason in await problem(GitSource("/srv/news.git", place))


# --------------------------------------------------------------------------- hostile repositories


@needs_git
async def test_hooks_are_not_run(repository: Repository, place: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    source = source_of(repository, place)
    await fetch_all(source)
    hooks = place / "copy" / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change", "fsmonitor"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >>{ran}\n")
        (hooks / name).chmod(0o755)
    with (place / "copy" / ".git" / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {hooks / 'fsmonitor'}\n\thooksPath = .git/hooks\n")
    repository.commit({"_news/c.md": record("c"), ".gitattributes": "*.md filter=x\n"})
    assert "Story c" in (await fetch_all(source)).titles
    assert not ran.exists()
    plain_git(place / "copy", "reset", "--quiet", "--hard")
    assert ran.exists()  # git left to itself would have run them


@needs_git
async def test_links_that_lead_out_are_not_followed(
    repository: Repository, place: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.md").write_text(record("secret"))
    (repository.root / "_news" / "out.md").symlink_to(tmp_path / "outside" / "secret.md")
    (repository.root / "out").symlink_to(tmp_path / "outside")
    (repository.root / "_data").symlink_to(tmp_path / "outside")
    repository.commit({})
    source = source_of(repository, place)
    taken = await fetch_all(source)
    assert taken.titles == ["Story a", "Story b"]
    assert [path for path, _, _ in taken.rejected] == [f"{repository.root}: _news/out.md"]
    assert not any(path.is_symlink() for path in (place / "copy").rglob("*"))
    assert source.topic_directories() == []
    through = source_of(repository, place, path="out/secret.md")
    assert "does not contain 'out/secret.md'" in await problem(through)


@needs_git
async def test_a_hook_that_starts_the_bot_does_not_mislead_it(
    repository: Repository, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository(tmp_path / "other")
    other.commit({"x": "x"})
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git" / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    assert (await fetch_all(source_of(repository, place))).titles == ["Story a", "Story b"]
    assert (other.root / "x").read_text() == "x"


# ------------------------------------------------------------------------------------- credentials


class Server(ThreadingHTTPServer):
    """Serves the repositories of a directory over HTTP, with git's own program for that, to one user."""

    root: Path
    user = "me:p@ss/wörd"


class Handler(BaseHTTPRequestHandler):
    """Hands requests on by the rules of CGI."""

    server: Server

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(self.server.user.encode()).decode()
        if self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="news"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "me",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        answer = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=True
        )
        head, _, content = answer.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 (the library's name)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(repository: Repository) -> Iterator[str]:
    """The address of a server with the repository, without a scheme."""
    if not Path(plain_git(repository.root, "--exec-path"), "git-http-backend").exists():
        pytest.skip("git is not installed with its part for HTTP servers")
    with Server(("127.0.0.1", 0), Handler) as made:
        made.root = repository.root.parent
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"127.0.0.1:{made.server_address[1]}/{repository.root.name}/.git"
        made.shutdown()
        thread.join()


@needs_git
async def test_credentials_open_a_private_repository_and_are_seen_nowhere(
    repository: Repository, server: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: list[str] = []
    start = asyncio.create_subprocess_exec

    async def noting(*args: str, **options: Any) -> Any:
        arguments.extend(args)
        return await start(*args, **options)

    monkeypatch.setattr("asyncio.create_subprocess_exec", noting)
    source = GitSource(f"http://me:p%40ss%2Fw%C3%B6rd@{server}", place)
    taken = await fetch_all(source)
    assert taken.titles == ["Story a", "Story b"]
    repository.commit({"_news/c.md": "nonsense"})
    again = await fetch_all(source, taken.progress)
    assert [path for path, _, _ in again.rejected] == [f"http://{server}: _news/c.md"]
    assert source.name == f"git:http://{server}"
    kept = b"".join(path.read_bytes() for path in place.rglob("*") if path.is_file())
    assert arguments
    for secret in ("p@ss", "p%40ss", "me:"):
        assert not any(secret in argument for argument in arguments)
        assert secret.encode() not in kept


@needs_git
@pytest.mark.parametrize("user", ["", "t0ken@", "me:wr0ng@"])
async def test_credentials_that_are_missing_or_wrong(server: str, place: Path, user: str) -> None:
    said = await problem(GitSource(f"http://{user}{server}", place))
    assert said.startswith("the server asks for credentials: check the address")
    assert "t0ken" not in said
    assert "wr0ng" not in said
    assert names(place) == ["lock"]


@needs_git
async def test_a_token_alone_will_do(server: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "user", "t0ken:")
    assert (await fetch_all(GitSource(f"http://t0ken@{server}", place))).titles == ["Story a", "Story b"]
    missing = GitSource(f"http://t0ken@{server.replace('/repository/', '/nowhere/')}", place / "2")
    assert await problem(missing) == "no git repository exists at this address, or it is private"
