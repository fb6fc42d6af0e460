"""`topicwire eval`: figures for those who tune, from records and what people said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.domain.clustering import embeddings
from tests.cli.command import topicwire
from tests.shared_data import SHARED, needs_shared

CRANE = ("Crane collapses onto harbour bridge", "Harbour bridge shut: crane collapses onto it")
WHALE = ("Whale seen swimming in the bay", "Swimming whale seen in the bay")
PAIRS = "label\tpublished_a\ttitle_a\tlede_a\tpublished_b\ttitle_b\tlede_b\n"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Two events in four records, the topics of which are declared."""
    path = tmp_path / "records.jsonl"
    rows = [
        {
            "title": title,
            "webUrl": f"https://o{n}.example/{n}?utm_source=x",
            "publishedDateTime": f"2026-03-02T1{n}:00:00Z",
            "topics": [topic],
        }
        for n, (title, topic) in enumerate(
            zip((*CRANE, *WHALE), ["Cranes", "Cranes", "Whales", "Sea"], strict=True)
        )
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_stories_are_compared_with_the_events_that_are_known(records: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.tsv"
    truth.write_text(
        "".join(f"https://o{n}.example/{n}\t{'crane' if n < 2 else 'whale'}\n" for n in range(4))
    )
    done = topicwire("eval", "stories", records, truth, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["B-cubed"] == found["pairwise"] == {"precision": 1.0, "recall": 1.0, "F1": 1.0}
    assert (found["records"], found["labelled"], found["events"], found["stories"]) == (4, 4, 2, 2)
    assert found["records_per_second"] > 0
    # One of them told to be another event: half of a story is wrong.
    truth.write_text(truth.read_text().replace("3\twhale", "3\tother"))
    worse = topicwire("eval", "stories", records, truth, "--errors", "5")
    assert "B-cubed       0.750      1.000      0.857" in worse.stdout
    assert "pairwise      0.500      1.000      0.667" in worse.stdout
    assert "Stories of several events" in worse.stdout
    assert WHALE[0] in worse.stdout


def test_topics_are_compared_with_what_is_declared(records: Path, tmp_path: Path) -> None:
    topics = tmp_path / "topics"
    topics.mkdir()
    (topics / "cranes.yaml").write_text("name: Cranes\nkeywords: [crane, whale]\n")
    (topics / "whales.yaml").write_text("name: Whales\nparent: Sea\nkeywords: [whale]\n")
    (topics / "sea.yaml").write_text("name: Sea\n")
    done = topicwire("eval", "topics", records, "--topics", topics, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["topics"]
    assert found["Cranes"] == {"precision": 0.5, "recall": 1.0, "F1": 0.667, "matched": 4, "declared": 2}
    assert found["Whales"] == {"precision": 0.5, "recall": 1.0, "F1": 0.667, "matched": 2, "declared": 1}
    assert found["Sea"] == {"precision": 1.0, "recall": 1.0, "F1": 1.0, "matched": 2, "declared": 2}
    shown = topicwire("eval", "topics", records, "--topics", topics).stdout
    assert "records: 4, topics: 3" in shown


def test_pairs_are_compared_with_what_people_said(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    day = "2026-03-02 12:00:00"
    rows = [
        ("SAME", day, CRANE[0], "", day, CRANE[1], ""),
        ("SAME", day, WHALE[0], '"Quoted, on\ntwo lines"', day, WHALE[1], ""),
        ("DIFFERENT", day, CRANE[0], "", day, WHALE[0], ""),
        ("DIFFERENT", day, "Council votes on school meals", "", day, "Council votes on school meals", ""),
    ]
    file.write_text(PAIRS + "".join("\t".join(row) + "\n" for row in rows))
    done = topicwire("eval", "pairs", file, "--no-semantic", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "pairs": 4, "same": 2, "semantic": False, "precision": 0.667, "recall": 1.0, "F1": 0.8, "accuracy": 0.75,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("truth", "told"),
    [
        ("https://a.example/1 event\n", "line 1: expected an address, a tab, and the name of its event."),
        ("\nftp://a.example\tevent\n", "line 2: not an http or https address."),
        ("https://nobody.example/1\tevent\n", "none of its addresses belongs to a record."),
    ],
)
def test_a_truth_that_cannot_be_used_says_where(records: Path, tmp_path: Path, truth: str, told: str) -> None:
    file = tmp_path / "truth.tsv"
    file.write_text(truth)
    done = topicwire("eval", "stories", records, file)
    assert done.returncode == 3
    assert told in done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "label\ttitle_a\n",
            "line 1: the columns published_a, lede_a, published_b, title_b, lede_b are missing.",
        ),
        (PAIRS + "MAYBE\tx\tx\tx\tx\tx\tx\n", "line 2: the label must be SAME or DIFFERENT."),
        (PAIRS + "SAME\tyesterday\tx\tx\tx\tx\tx\n", "line 2: Invalid isoformat string: 'yesterday'."),
        (PAIRS, "contains no pairs"),
    ],
)
def test_pairs_that_cannot_be_read_say_where(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text(text)
    done = topicwire("eval", "pairs", file)
    assert done.returncode == 3
    assert told in done.stderr


@needs_shared
def test_real_pairs_are_read(tmp_path: Path) -> None:
    done = topicwire("eval", "pairs", SHARED / "pairs" / "same_event.tsv", "--json")
    assert json.loads(done.stdout)["pairs"] == 244


@pytest.mark.skipif(not embeddings.installed(), reason="the extra 'semantic' is not installed")
def test_titles_are_compared_by_what_they_mean_unless_one_says_no(records: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.tsv"
    truth.write_text("https://o0.example/0\tcrane\n")
    for switch, semantic in ((None, True), ("--semantic", True), ("--no-semantic", False)):
        done = topicwire("eval", "stories", records, truth, "--json", *filter(None, [switch]))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["semantic"] is semantic
    assert "stories by words and meanings" in topicwire("eval", "stories", records, truth).stdout


def test_briefs_are_compared_with_what_people_wrote(tmp_path: Path) -> None:
    reports = [
        {
            "title": "Harbour bridge shut",
            "excerpt": "A crane fell onto the harbour bridge on Monday. Read more",
        },
        {
            "title": "Crane falls",
            "excerpt": "The harbour bridge is shut until a crane is lifted off. Ferries run.",
        },
    ]
    event = {
        "reports": reports,
        "brief": "A crane fell onto the harbour bridge on Monday. It is shut until the crane is lifted off.",
    }
    path = tmp_path / "events.jsonl"
    path.write_text(f"{json.dumps(event)}\n\n{json.dumps(event)}\n")
    done = topicwire("eval", "briefs", path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["events"], found["no_brief"], found["sentences_per_brief"]) == (2, 0, 2.0)
    assert found["brief"] == found["brief, odd lines"] == found["brief, even lines"]
    assert found["brief"]["recall of 1"] > 0.9 > 0.6 > found["excerpt of the lead"]["recall of 1"]
    assert "excerpt of the lead" in topicwire("eval", "briefs", path).stdout


@pytest.mark.parametrize("line", ["{", "[]", '{"reports": []}', '{"reports": [], "brief": "x"}'])
def test_an_event_that_cannot_be_read_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(f"\n{line}\n")
    done = topicwire("eval", "briefs", path)
    assert done.returncode == 3
    assert "events.jsonl: line 2: expected an object with reports" in done.stderr


@needs_shared
def test_briefs_say_more_of_events_than_excerpts_do() -> None:
    """The excerpts of the leads reach .144 and .366: docs/quality.md."""
    done = topicwire("eval", "briefs", SHARED / "briefs" / "neutral.jsonl", "--json")
    found = json.loads(done.stdout)["brief"]
    assert found["ROUGE-2"] >= 0.18
    assert found["recall of 1"] >= 0.46
