"""Feeds on the command line: real commands, and a site on the loopback for them to fetch from."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa

from bot.domain.polling import Feed
from bot.sources.feeds.opml import read_opml
from bot.store import feeds, schema, topics
from bot.store.database import Database
from tests.cli.command import Done, topicwire_aside, topicwire_process
from tests.feeds import Entry, Page, Site, rss
from tests.forks import PIPE, Forked, fork
from tests.loopback import Loopback, follow_trains
from tests.shown import shown
from tests.sources.web.servers import LOOPBACK
from tests.store.store_helpers import headlines

TIMEOUT = 60
TOKEN = "a-made-up-token-of-some-length"
ONE, TWO, THREE, FOUR = headlines(4)
HTML = {"Content-Type": "text/html"}
FEED_FILE = rss(Entry(ONE), Entry(TWO))
JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "The JSON Paper",
    "items": [{"id": "1", "url": "https://json.example/1", "title": THREE}],
}


@dataclass
class Desk:
    """A database, a site, and the commands that have to do with both."""

    db: Path
    site: Site

    def url(self, path: str = "/feed") -> str:
        """An address of the site, by its number: no name leads to the loopback in another process."""
        return self.site.url(path, LOOPBACK)

    async def __call__(self, *arguments: str | Path) -> Done:
        """A command on the database."""
        return await topicwire_aside(*arguments, "--db", self.db)

    async def fetching(self, *arguments: str | Path) -> Done:
        """One that fetches from the loopback."""
        return await self(*arguments, "--private-networks")

    async def feeds(self) -> list[Feed]:
        """The feeds that are followed."""
        db = await Database.open(str(self.db))
        try:
            async with db.read() as connection:
                return await feeds.all_feeds(connection)
        finally:
            await db.close()


@pytest.fixture
async def desk(sqlite_url: str) -> AsyncIterator[Desk]:
    """The feed /feed has two items; AI and Space are known."""
    db = await Database.open(sqlite_url)
    async with db.write() as connection:
        await topics.ensure(connection, ["AI", "Space"])
    await db.close()
    async with Site({"/feed": Page(FEED_FILE)}).serving() as site:
        yield Desk(Path(sqlite_url), site)


# topicwire source


async def test_a_feed_is_added_shown_and_listed(desk: Desk) -> None:
    added = await desk.fetching("source", "add", desk.url(), "--topic", "ai")
    assert added.returncode == 0, added.stderr
    first, second, *items = added.stdout.splitlines()
    assert first == "Added: The Paper, on AI"
    assert second.strip() == desk.url()
    assert ONE in items[0]
    assert items[1].strip() == "AI"
    again = await desk.fetching("source", "add", desk.url())
    assert again.stdout.startswith("Updated: The Paper, on AI")
    listed = await desk("source", "list")
    assert listed.stdout.splitlines() == [
        "new      The Paper (operator; AI)",
        f"         {desk.url()}",
    ]


async def test_a_web_pages_feed_is_added(desk: Desk) -> None:
    link = b'<link rel="alternate" type="application/rss+xml" href="/feed">'
    desk.site.pages["/"] = Page(b"<html><head>" + link + b"</head></html>", headers=HTML)
    added = await desk.fetching("source", "add", desk.url("/"))
    assert added.returncode == 0, added.stderr
    assert [feed.url for feed in await desk.feeds()] == [desk.url()]


async def test_a_test_stores_nothing(desk: Desk) -> None:
    desk.site.pages["/feed"] = Page(
        rss(*(Entry(title) for title in headlines(12)), Entry("Bad", link="javascript:x"))
    )
    people = await desk.fetching("source", "test", desk.url())
    assert people.returncode == 0
    assert people.stdout.splitlines()[:2] == ["The Paper", f"  {desk.url()}"]
    assert "no topic" in people.stdout
    assert "... and 2 more" in people.stdout
    assert "item 13: " in people.stderr
    programs = await desk.fetching("source", "test", desk.url(), "--topic", "Space", "--json")
    assert len(programs.lines) == 12
    assert programs.lines[0]["title"] == ONE
    assert programs.lines[0]["topics"] == ["Space"]
    assert programs.lines[0]["published"].endswith("Z")
    assert await desk.feeds() == []


async def test_a_list_for_programs_has_all_that_is_known(desk: Desk) -> None:
    assert (await desk("source", "list")).stdout == ""
    await desk.fetching("source", "add", desk.url(), "--topic", "AI")
    (feed,) = (await desk("source", "list", "--json")).lines
    assert feed.pop("next_poll")
    assert feed == {
        "url": desk.url(),
        "address": desk.url(),
        "name": "The Paper",
        "topics": ["AI"],
        "origin": "operator",
        "server": None,
        "state": "new",
        "taken": 0,
        "error": "",
    }


@pytest.mark.parametrize("by", ["name", "address"])
async def test_a_feed_is_removed_by_its_name_or_address(desk: Desk, by: str) -> None:
    await desk.fetching("source", "add", desk.url())
    gone = await desk("source", "remove", "the PAPER" if by == "name" else desk.url())
    assert gone.returncode == 0
    assert gone.stdout.splitlines() == ["Removed: The Paper", f"  {desk.url()}"]
    assert await desk.feeds() == []
    again = await desk("source", "remove", "The Paper")
    assert again.returncode == 3
    assert again.stderr == "topicwire: There is no feed “The Paper”. No feeds have been added.\n"


@pytest.mark.parametrize("command", ["add", "test"])
@pytest.mark.parametrize(
    ("path", "page", "told"),
    [
        ("/missing", Page(status=404), "no page exists at this address (404)"),
        ("/page", Page(b"<html><body>Hello</body></html>", headers=HTML), "it links to no feed. Give the address of the feed itself."),
    ],
)  # fmt: skip
async def test_what_is_no_feed_is_exit_code_3_with_the_reason(
    desk: Desk, command: str, path: str, page: Page, told: str
) -> None:
    desk.site.pages = {path: page}
    done = await desk.fetching("source", command, desk.url(path))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"topicwire: {desk.url(path)}: ")
    assert told in done.stderr
    assert await desk.feeds() == []


async def test_own_networks_are_not_asked_unless_that_is_wished(desk: Desk) -> None:
    done = await desk("source", "add", desk.url())
    assert done.returncode == 3
    assert "private network" in done.stderr
    assert desk.site.asked == []


async def test_an_unknown_topic_and_no_address_are_told(desk: Desk) -> None:
    done = await desk.fetching("source", "add", desk.url(), "--topic", "Spase")
    assert done.returncode == 3
    assert "There is no topic “Spase”. Did you mean: Space?" in done.stderr
    done = await desk.fetching("source", "add", "not an address")
    assert done.returncode == 3
    assert "not a valid feed address" in done.stderr


async def test_the_config_that_is_there_counts(desk: Desk, tmp_path: Path) -> None:
    """Its networks, its topics in place of the catalogue's, and how often a feed is polled at most."""
    (tmp_path / "config.yaml").write_text(
        "topics: {inline: [{name: Trains, keywords: [train]}]}\n"
        "feeds: {catalogue: false, private_networks: true, least: 2h}\n"
    )
    fresh = tmp_path / "fresh.db"
    added = await topicwire_aside(
        "source", "add", desk.url(), "--topic", "trains", "--db", fresh, cwd=tmp_path
    )
    assert (added.returncode, added.stderr) == (0, "")
    assert added.stdout.startswith("Added: The Paper, on Trains")
    desk.db = fresh
    (feed,) = await desk.feeds()
    assert feed.polling.interval == timedelta(hours=2)
    other = await topicwire_aside(
        "source", "add", desk.url(), "--topic", "Science", "--db", fresh, cwd=tmp_path
    )
    assert "There is no topic “Science”" in other.stderr
    (tmp_path / "config.yaml").write_text("feeds: {least: often}\n")
    broken = await topicwire_aside("source", "list", "--db", fresh, cwd=tmp_path)
    assert broken.returncode == 3
    assert "feeds.least" in broken.stderr


@pytest.mark.parametrize("config", [("--config", "etc/own.yaml"), ("-c", "etc/own.yaml"), ()])
async def test_the_database_of_the_config_counts_unless_another_is_named(
    desk: Desk, tmp_path: Path, config: tuple[str, ...]
) -> None:
    """Of the one that is named, or of the one that is there."""
    file = tmp_path / (config[-1] if config else "config.yaml")
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        "topics: {inline: [{name: Trains, keywords: [train]}]}\n"
        "database: {url: own.db}\n"
        "feeds: {catalogue: false, private_networks: true}\n"
    )
    (tmp_path / "list.opml").write_text(OPML)

    async def call(*arguments: str) -> Done:
        return await topicwire_aside(*arguments, *config, cwd=tmp_path)

    tried = await call("source", "test", desk.url(), "--topic", "trains", "--json")
    assert [line["topics"] for line in tried.lines] == [["Trains"], ["Trains"]]
    added = await call("source", "add", desk.url(), "--topic", "trains")
    assert (added.returncode, added.stderr) == (0, "")
    assert (await call("opml", "import", "list.opml")).stdout.startswith("2 feeds: 2 new")
    desk.db = tmp_path / "own.db"
    assert len(await desk.feeds()) == 3
    assert desk.url() in (await call("opml", "export")).stdout
    assert (await call("source", "remove", desk.url())).returncode == 0
    assert len((await call("source", "list", "--json")).lines) == 2
    other = await call("source", "list", "--json", "--db", "other.db")
    assert (other.returncode, other.stdout) == (0, "")
    assert not (tmp_path / "data").exists()


async def test_without_a_config_it_is_the_database_of_all_commands(desk: Desk, tmp_path: Path) -> None:
    assert (await topicwire_aside("source", "list", cwd=tmp_path)).returncode == 0
    assert (tmp_path / "data" / "topicwire.db").is_file()
    missing = await topicwire_aside("source", "list", "--config", "own.yaml", cwd=tmp_path)
    assert missing.returncode == 3
    assert "own.yaml" in missing.stderr
    assert "config.example.yaml" in missing.stderr


# topicwire opml

OPML = """<opml version="1.0"><body>
<outline text="AI"><outline text="Space">
<outline type="rss" text="One &amp; Only" xmlUrl="https://one.example/feed?a=1&amp;b=2"/></outline></outline>
<outline type="rss" title="Two" xmlUrl="https://two.example/feed"/>
<outline type="rss" title="Three" xmlUrl="javascript:alert(1)"/>
</body></opml>"""


@pytest.mark.parametrize("command", ["source list", "source list --json", "opml export", "source test"])
async def test_what_only_reads_writes_nothing_into_the_database(
    desk: Desk, tmp_path: Path, command: str
) -> None:
    fresh = tmp_path / "fresh.db"
    await (await Database.open(str(fresh))).close()

    def rows() -> dict[str, list[object]]:
        with closing(sqlite3.connect(fresh)) as connection:
            return {
                name: connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 (names of our tables)
                for name in schema.metadata.tables
            }

    before = rows()
    more = [desk.url(), "--private-networks"] if command == "source test" else []
    done = await topicwire_aside(*command.split(), *more, "--db", fresh, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert rows() == before


async def test_a_list_is_imported_and_exported_again(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "list.opml"
    file.write_text(OPML)
    first = await desk("opml", "import", file)
    assert first.returncode == 1, "an entry was refused"
    assert first.stdout == "2 feeds: 2 new, 0 already followed, 1 rejected\n"
    assert "entry 3" in first.stderr
    assert "Three" in first.stderr
    exported = await desk("opml", "export")
    assert exported.returncode == 0
    outlines, rejected = read_opml(exported.stdout.encode())
    assert rejected == ()
    assert {(o.url, o.title, o.topics) for o in outlines} == {
        ("https://one.example/feed?a=1&b=2", "One & Only", ("AI", "Space")),
        ("https://two.example/feed", "Two", ()),
    }
    before = await desk.feeds()
    file.write_text(exported.stdout)
    second = await desk("opml", "import", file)
    assert (second.returncode, second.stdout) == (0, "2 feeds: 0 new, 2 already followed, 0 rejected\n")
    assert await desk.feeds() == before
    assert (await desk("opml", "export")).stdout == exported.stdout


async def test_a_topic_that_is_named_stands_for_the_folders(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "list.opml"
    file.write_text(OPML)
    await desk("opml", "import", file, "--topic", "Trains")
    assert [feed.topics for feed in await desk.feeds()] == [("Trains",), ("Trains",)]


async def test_folders_mean_the_topics_that_there_are_by_any_of_their_names(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / "vision.yaml").write_text("name: Computer Vision\nshortname: CV\nkeywords: [x]\n")
    (tmp_path / "record.json").write_text(json.dumps({"title": FOUR, "webUrl": "https://a.example/4"}))
    await desk("ingest", tmp_path / "record.json", "--topics", tmp_path / "topics")
    file = tmp_path / "list.opml"
    file.write_text(OPML.replace('"AI"', '"cv"'))
    await desk("opml", "import", file)
    assert [feed.topics for feed in await desk.feeds()] == [("Computer Vision", "Space"), ()]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"nonsense", "not valid XML"),
        (FEED_FILE, "not an OPML file"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><opml><body/></opml>', "DTD"),
    ],
)
async def test_what_is_no_list_is_exit_code_3_with_the_reason(
    desk: Desk, tmp_path: Path, content: bytes, told: str
) -> None:
    file = tmp_path / "list.opml"
    file.write_bytes(content)
    done = await desk("opml", "import", file)
    assert done.returncode == 3
    assert str(file) in done.stderr
    assert told in done.stderr
    assert (await desk("opml", "import", tmp_path / "missing.opml")).returncode == 2


# topicwire ingest and match


async def test_a_feed_is_taken_in_by_its_address_and_only_once(desk: Desk) -> None:
    call = ("ingest", desk.url(), "--json")
    first = await desk.fetching(*call)
    assert first.returncode == 0, first.stderr
    counts = {"read": 2, "new": 2, "changed": 0, "unchanged": 0, "rejected": 0, "errors": []}
    assert first.lines == [counts]
    second = await desk.fetching(*call)
    assert second.lines == [counts | {"new": 0, "unchanged": 2}]
    stories = (await desk("stories", "--json")).lines
    assert {story["title"] for story in stories} == {ONE, TWO}


async def test_feeds_in_files_are_taken_in_beside_records(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "saved.xml").write_bytes(FEED_FILE)
    (tmp_path / "feed.json").write_text(json.dumps(JSON_FEED))
    (tmp_path / "record.json").write_text(json.dumps({"title": FOUR, "webUrl": "https://a.example/4"}))
    files = [tmp_path / name for name in ("saved.xml", "feed.json", "record.json")]
    done = await desk("ingest", *files, "--json")
    assert done.returncode == 0, done.stderr
    assert done.lines[-1]["new"] == 4
    stories = (await desk("stories", "--json")).lines
    assert {story["title"] for story in stories} == {ONE, TWO, THREE, FOUR}


async def test_what_a_feed_refuses_is_told_with_its_place(desk: Desk) -> None:
    desk.site.pages["/feed"] = Page(rss(Entry(ONE), Entry("Bad", link="javascript:x")))
    done = await desk.fetching("ingest", desk.url())
    assert done.returncode == 1
    assert done.stdout == "2 records read: 1 new, 0 changed, 0 unchanged, 1 rejected\n"
    assert done.stderr.startswith(f"{desk.url()}: item 2: ")


@pytest.mark.parametrize("command", ["ingest", "match"])
async def test_a_dead_address_is_exit_code_3_with_the_reason(
    desk: Desk, command: str, tmp_path: Path
) -> None:
    (tmp_path / "ai.yaml").write_text("name: AI\nkeywords: [ai]\n")
    more: list[str | Path] = ["--db", desk.db] if command == "ingest" else ["--topics", tmp_path]
    for path, told in (("/missing", "no page exists at this address (404)"), ("/page", "web page")):
        desk.site.pages["/page"] = Page(b"<html><body>Hello</body></html>", headers=HTML)
        done = await topicwire_aside(command, desk.url(path), *more, "--private-networks")
        assert done.returncode == 3
        assert done.stderr.startswith(f"topicwire: {desk.url(path)}: ")
        assert told in done.stderr
    done = await topicwire_aside(command, desk.url(), *more)
    assert done.returncode == 3
    assert "private network" in done.stderr


async def test_a_file_that_is_no_feed_is_exit_code_3_with_the_reason(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "bad.xml").write_text("This is no feed.")
    done = await desk("ingest", tmp_path / "bad.xml")
    assert done.returncode == 3
    assert done.stderr.startswith(f"topicwire: {tmp_path / 'bad.xml'}: ")
    done = await desk("ingest", tmp_path / "missing.xml")
    assert done.returncode == 3
    assert "does not exist" in done.stderr


async def test_match_shows_the_topics_of_a_feeds_items(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / "trains.yaml").write_text("name: Trains\nkeywords: [night train]\n")
    desk.site.pages["/feed"] = Page(rss(Entry("Night train reaches the coast"), Entry(ONE)))
    (tmp_path / "saved.xml").write_bytes(rss(Entry("A night train again")))
    call = (
        "match",
        desk.url(),
        tmp_path / "saved.xml",
        "--topics",
        tmp_path / "topics",
        "--private-networks",
    )
    done = await topicwire_aside(*call, "--json")
    assert done.returncode == 0, done.stderr
    assert [(line["title"], line["why"]) for line in done.lines] == [
        ("Night train reaches the coast", {"Trains": ["night train"]}),
        (ONE, {}),
        ("A night train again", {"Trains": ["night train"]}),
    ]
    assert "Trains (night train)" in (await topicwire_aside(*call)).stdout


# topicwire check --sources


def configured(folder: Path, *sources: str, more: str = "") -> Path:
    """A config without the catalogue."""
    config = folder / "config.yaml"
    entries = "".join(f"\n  - {source}" for source in sources)
    config.write_text(
        "discord: {token: a.made-up.token}\n"
        f"database: {{url: {folder}/run.db}}\n"
        "topics: {inline: [{name: Trains, keywords: [train, trains]}]}\n"
        f"feeds: {{catalogue: false, private_networks: true}}\n{more}"
        f"sources:{entries}\n"
    )
    return config


async def test_check_fetches_every_source_and_says_which_fail(desk: Desk, tmp_path: Path) -> None:
    desk.site.pages |= {
        "/page": Page(b"<html><body>Hello</body></html>", headers=HTML),
        "/empty": Page(rss()),
        "/useless": Page(rss(Entry("Bad", link="javascript:x"))),
    }
    paths = ("/feed", "/missing", "/page", "/empty", "/useless")
    entries = [f"{{kind: feed, url: '{desk.url(path)}', name: N{path[1:]}}}" for path in paths]
    entries += [f"{{kind: git, url: '{tmp_path}/no-repository'}}", f"{{kind: folder, path: {tmp_path}}}"]
    done = await topicwire_aside("check", "--sources", "--config", configured(tmp_path, *entries))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert "config.yaml: no problems" in lines[0]
    assert lines[-1] == "6 sources: 1 fine, 5 failing"
    told = {lines[at]: lines[at + 2].strip() for at in range(1, len(lines) - 1, 3)}
    assert told["Nmissing"] == "no page exists at this address (404)"
    assert "web page" in told["Npage"]
    assert told["Nempty"] == "the feed has no items"
    assert told["Nuseless"].startswith("no item is usable: ")
    assert "Nfeed" not in told
    assert any("no-repository" in name for name in told)


async def test_check_is_content_where_all_sources_are_fine(desk: Desk, tmp_path: Path) -> None:
    config = configured(tmp_path, f"{{kind: feed, url: '{desk.url()}'}}")
    done = await topicwire_aside("check", "--sources", "--config", config)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "1 source: 1 fine, 0 failing",
    )
    before = len(desk.site.asked)
    assert (await topicwire_aside("check", "--config", config)).returncode == 0
    assert len(desk.site.asked) == before


async def test_check_fetches_nothing_where_the_config_has_problems(desk: Desk, tmp_path: Path) -> None:
    config = configured(tmp_path, f"{{kind: feed, url: '{desk.url()}', colour: red}}")
    done = await topicwire_aside("check", "--sources", "--config", config)
    assert done.returncode == 1
    assert "sources[0].colour" in done.stdout
    assert desk.site.asked == []


# topicwire run


async def prepare(desk: Desk, folder: Path, more: str = "") -> Path:
    """A config with a feed, whose database has a channel subscribed to Trains."""
    config = configured(folder, f"{{kind: feed, url: '{desk.url()}', topics: [Trains]}}", more=more)
    await follow_trains(str(folder / "run.db"))
    return config


@dataclass
class Running:
    """A bot that runs, and its log so far."""

    process: Forked
    log: list[str] = field(default_factory=list)
    _said: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Note what it says until it ends."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(line.decode())
            self._said.set()

    async def hear(self, words: str, times: int = 1) -> str:
        """Wait until the log says it so often; the last such line."""
        async with asyncio.timeout(TIMEOUT):
            while len(found := [line for line in self.log if words in line]) < times:
                self._said.clear()
                await self._said.wait()
        return found[-1]

    async def stop(self) -> int:
        """By a signal, as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(TIMEOUT):
            return await self.process.wait()


@asynccontextmanager
async def running(discord: Loopback, config: Path) -> AsyncIterator[Running]:
    """`topicwire run`, once it is ready; killed at the end if it still runs."""
    process = await fork(
        "tests.loopback.hurry:main", "run", "--config", str(config),
        stderr=PIPE, env=os.environ | discord.environment(),
    )  # fmt: skip
    bot = Running(process)
    reading = asyncio.ensure_future(bot.read())
    try:
        await bot.hear("ready as")
        yield bot
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading
        log = "".join(bot.log)
        assert "Traceback" not in log, log
        assert "made-up" not in log


async def make_due(folder: Path) -> None:
    """As if the minutes until the next polls had passed."""
    db = await Database.open(str(folder / "run.db"))
    async with db.write() as connection:
        await connection.execute(sa.update(schema.feeds).values(next_poll=datetime.now(UTC)))
    await db.close()


def just_now(title: str) -> bytes:
    """A feed with an item that has no date, as if it had just been published."""
    return rss(Entry(title, None, link=f"https://paper.example/{len(title)}"))


async def test_what_is_new_in_configured_and_added_feeds_is_posted_and_what_was_there_is_not(
    desk: Desk, tmp_path: Path
) -> None:
    config = await prepare(desk, tmp_path)
    desk.site.pages = {
        "/feed": Page(just_now("An old train is sold")),
        "/added": Page(just_now("Older trains")),
    }
    desk.db = tmp_path / "run.db"
    added = await desk.fetching("source", "add", desk.url("/added"), "--topic", "Trains")
    assert added.returncode == 0, added.stderr
    discord = Loopback()
    async with discord.serving():
        async with running(discord, config) as bot:
            await bot.hear(": 1 new, ", times=2)
            assert await bot.stop() == 0
        assert discord.messages == {}
        desk.site.pages = {
            "/feed": Page(just_now("Night train reaches the coast")),
            "/added": Page(just_now("Harbour bridge opens for the first trains")),
        }
        await make_due(tmp_path)
        async with running(discord, config) as bot:
            async with asyncio.timeout(TIMEOUT):
                while len(discord.messages) < 2:
                    await discord.arrived.wait()
                    discord.arrived.clear()
            assert await bot.stop() == 0
        titles = [shown(message).title for message in discord.messages.values()]
        assert sorted(titles) == [
            "Harbour bridge opens for the first trains",
            "Night train reaches the coast",
        ]


async def test_a_running_bot_takes_pushed_records_and_tells_how_it_is(desk: Desk, tmp_path: Path) -> None:
    config = await prepare(desk, tmp_path, f"http: {{listen: '{LOOPBACK}:0', token: {TOKEN}}}\n")
    discord = Loopback()
    async with discord.serving():
        async with running(discord, config) as bot, aiohttp.ClientSession() as client:
            where = (await bot.hear("listening on ")).partition("listening on ")[2].strip()
            async with client.get(f"{where}/healthz") as answer:
                assert await answer.json() == {"status": "ok", "problems": []}
            record = {
                "title": "Night train reaches the coast",
                "webUrl": "https://paper.example/n",
                "quality": 80,
            }
            headers = {"Authorization": f"Bearer {TOKEN}"}
            async with client.post(f"{where}/records", json=record, headers=headers) as answer:
                assert (await answer.json())["items"][0]["status"] == "new"
            async with asyncio.timeout(TIMEOUT):
                await discord.arrived.wait()
            async with client.get(f"{where}/metrics") as answer:
                page = await answer.text()
            assert 'topicwire_pushed_total{outcome="new"} 1.0' in page
            assert "topicwire_discord_connected 1.0" in page
            assert await bot.stop() == 0
        assert not any(TOKEN in line for line in bot.log)


async def test_a_port_that_is_taken_is_exit_code_3_with_its_key(desk: Desk, tmp_path: Path) -> None:
    config = await prepare(desk, tmp_path, f"http: {{listen: '{LOOPBACK}:{desk.site.port}'}}\n")
    done = await topicwire_process("run", "--config", config)
    assert done.returncode == 3
    assert f"topicwire: http.listen: cannot listen on {LOOPBACK}:{desk.site.port}: " in done.stderr
