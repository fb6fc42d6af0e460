"""No name of a file, no option and no text of a feed reaches the terminal with anything that controls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import Done, topicwire

EVIL = "x\x1b[2J\x1b]0;mine\x07\x9b31m\u202egnp\u2028"
NAME = "x\x1b[2J\nINFO all is well\u202e"


def clean(done: Done) -> bool:
    """Whether a terminal shows the output as it is."""
    return not {"\x1b", "\x07", "\r", "\x9b", "\u202e", "\u2028"} & {*done.stdout, *done.stderr}


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Record files, a feed and topic files with hostile names and content."""
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / f"{NAME}.md").write_text("---\ntitle: [1]\n---\n")
    hostile = {"title": EVIL, "webUrl": "https://a.example/3", "topics": [EVIL], "provider": {"name": EVIL}}
    (tmp_path / "records" / "a.json").write_text(json.dumps(hostile))
    (tmp_path / f"{NAME}.xml").write_text(
        "<rss><channel><title>T\u202e</title><item><title>A \u009b31m title</title><link>https://a.example/1</link></item>"
        "<item><title>ok</title><link>javascript:\u202e</link></item></channel></rss>"
    )
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / f"{NAME}.yaml").write_text(
        'name: "T\\e[31m"\nkeywords: ["x\\e"]\nparent: "no\\e[31m\\n"\n'
    )
    (tmp_path / "topics" / "good.yaml").write_text("name: Good\nkeywords: [title]\n")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("ingest", "records", "--db", "x.db", "--topics", "topics"),
        ("ingest", "records", "--db", "x.db", "--json"),
        ("ingest", f"{NAME}.xml", "--db", "x.db"),
        ("ingest", NAME, "--db", "x.db"),
        ("match", "records", "--topics", "topics"),
        ("match", f"{NAME}.xml", "--topics", "topics", "--json"),
        ("related", EVIL, "--db", "x.db"),
        ("search", f"({EVIL}", "--db", "x.db"),
        ("digest", "--topic", EVIL, "--since", "2026-01-07", "--db", "x.db"),
        ("source", "add", EVIL, "--db", "x.db"),
        ("source", "remove", EVIL, "--db", "x.db"),
        ("opml", "import", f"{NAME}.xml", "--db", "x.db"),
        ("check", "--config", f"{NAME}.yaml"),
        ("stories", "--db", f"nowhere/{NAME}/x.db", "--config", f"{NAME}.yaml"),
    ],
    ids=lambda command: f"{command[0]}-{len(' '.join(command))}",
)
def test_nothing_controls_the_terminal(command: tuple[str, ...], places: Path) -> None:
    done = topicwire(*command, cwd=places)
    assert clean(done), (done.stdout, done.stderr)
    assert not any(line.startswith("INFO") for line in (done.stdout + done.stderr).splitlines())


def test_what_was_taken_in_is_listed_clean(places: Path) -> None:
    topicwire("ingest", "records", f"{NAME}.xml", "--db", "x.db", cwd=places)
    for command in (
        ("stories",),
        ("stories", "--json"),
        ("related", "1"),
        ("search", "title"),
        ("source", "list"),
    ):
        assert clean(topicwire(*command, "--db", "x.db", cwd=places)), command
