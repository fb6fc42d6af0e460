"""`topicwire search`: the stories of a database, by a query."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo.main import NEWS, TOPICS
from tests.cli.command import topicwire


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the sample in it, as of its last day."""
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    done = topicwire("ingest", NEWS, "--topics", TOPICS, "--db", path, "--as-of", "2026-01-10")
    assert done.returncode == 0, done.stderr
    return path


def test_a_story_is_two_lines_newest_first(sample: Path) -> None:
    done = topicwire("search", "ferr* whale* -experts", "--db", sample)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[:2]
    assert first.startswith("#")
    assert "whale" in first.lower()
    assert "https://" in second
    found = topicwire("search", "robot* OR satellite", "--db", sample, "--json").lines
    times = [story["published"] for story in found]
    assert times == sorted(times, reverse=True)
    assert len({story["story"] for story in found}) == len(found) > 1


def test_json_tells_which_words_matched(sample: Path) -> None:
    (found, *_) = topicwire("search", '"facial recognition"', "--db", sample, "--json").lines
    assert found["words"][0].lower() == "facial recognition"
    assert set(found) == {"story", "title", "url", "outlet", "published", "outlets", "words"}


def test_what_is_left_out_is_said_beside_the_answer(sample: Path) -> None:
    done = topicwire("search", "type:article", "--limit", "2", "--sort", "best", "--db", sample, "--json")
    assert len(done.lines) == 2
    assert done.stderr == "only the first 2 stories are shown\n"
    assert topicwire("search", "zzzz", "--db", sample, "--json").stdout == ""


def test_a_query_that_is_wrong_is_drawn(sample: Path) -> None:
    done = topicwire("search", "storm (metro", "--db", sample)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-2:] == ["storm (metro", "      ^"]
    assert "has a mistake at character 7" in done.stderr
