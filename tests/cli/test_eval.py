"""`topicwire eval`: figures for those who tune, from records and what people said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cli.corpus import arrange, read_corpus
from bot.domain.clustering import embeddings
from tests.cli.command import topicwire
from tests.form import sized
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
    assert [found[n] for n in ("records", "labelled", "events", "stories", "largest", "orders")] == [
        4,
        4,
        2,
        2,
        2,
        6,
    ]
    assert found["sets"]["records"]["B-cubed"] == found["B-cubed"]
    assert found["records_per_second"] > 0
    # One of them told to be another event: half of a story is wrong.
    truth.write_text(truth.read_text().replace("3\twhale", "3\tother"))
    worse = topicwire("eval", "stories", records, truth, "--errors", "5")
    assert "0.750      1.000      0.857" in worse.stdout
    assert "0.500      1.000      0.667" in worse.stdout
    assert "records: Stories of several events" in worse.stdout
    assert WHALE[0] in worse.stdout


def test_several_sets_have_a_mean_where_each_counts_the_same(records: Path, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.tsv", tmp_path / "wrong.tsv"
    right.write_text("".join(f"https://o{n}.example/{n}\t{n // 2}\n" for n in range(4)))
    wrong.write_text("".join(f"https://o{n}.example/{n}\t{n}\n" for n in range(4)))
    other = tmp_path / "other.jsonl"
    other.write_text(records.read_text())
    done = topicwire("eval", "stories", records, right, other, wrong, "--orders", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [found["sets"][name]["B-cubed"]["precision"] for name in ("records", "other")] == [1.0, 0.5]
    assert found["B-cubed"]["precision"] == 0.75
    assert "mean " in topicwire("eval", "stories", records, right, other, wrong, "--orders", "1").stdout


def test_orders_of_arrival_move_every_record_by_six_hours_at_most_and_are_the_same_each_time(
    records: Path,
) -> None:
    corpus = read_corpus(records)
    given = {i: report.day for i, report in corpus.reports.items()}
    arranged = [arrange(corpus, order) for order in (0, 0, 1)]
    assert arranged[0] == arranged[1] != arranged[2]
    for moved in arranged:
        assert all(0 < abs(report.day - given[i]) <= 0.25 for i, report in moved.items())


def test_pairs_of_addresses_are_compared_with_the_stories_of_their_records(
    records: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text(
        "https://o0.example/0\thttps://o1.example/1\t1\n"
        "https://o0.example/0\thttps://o2.example/2\t1\n"
        "https://o1.example/1\thttps://o3.example/3\t0\n"
        "https://o1.example/1\thttps://nobody.example/\t0\n"
    )
    expected = {"precision": 1.0, "recall": 0.5, "F1": 0.667, "accuracy": 0.75, "pairs": 4, "same": 2}
    done = topicwire("eval", "pairs", records, file, "--json")
    assert json.loads(done.stdout) == {"semantic": False, **expected}, done.stderr
    beside = topicwire("eval", "stories", records, "--pairs", file, "--json")
    assert json.loads(beside.stdout)["pairs"] == expected, beside.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "https://o0.example/0\thttps://o1.example/1\n",
            "line 1: expected two addresses and 1 or 0, with tabs between.",
        ),
        ("\nhttps://o0.example/0\tftp://o1.example/1\t1\n", "line 2: not an http or https address."),
        ("https://x.example/0\thttps://y.example/1\t1\n", "none of its pairs is of two of the records."),
        ("", "contains no pairs"),
    ],
)
def test_pairs_of_addresses_that_cannot_be_used_say_where(
    records: Path, tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text(text)
    done = topicwire("eval", "pairs", records, file)
    assert done.returncode == 3
    assert told in done.stderr


def test_files_in_an_order_that_means_nothing_are_refused(records: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text("https://o0.example/0\t1\n")
    for command, files, told in (
        ("stories", [records], "a file with the events of its records (*.tsv) must follow it."),
        ("stories", [labels, records], "a file of records must come before it."),
        ("pairs", [records], "no file of pairs (*.tsv) follows it."),
    ):
        done = topicwire("eval", command, *files)
        assert done.returncode == 3
        assert told in done.stderr


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
def test_titles_are_compared_by_what_they_mean_if_one_says_so(records: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.tsv"
    truth.write_text("https://o0.example/0\tcrane\n")
    for switch, semantic in ((None, False), ("--semantic", True), ("--no-semantic", False)):
        done = topicwire(
            "eval", "stories", records, truth, "--json", "--orders", "1", *filter(None, [switch])
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["semantic"] is semantic
    told = topicwire("eval", "stories", records, truth, "--orders", "1", "--semantic").stdout
    assert "stories by words and meanings" in told


@pytest.fixture
def labelled(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Twenty-four reports of two events, with the events and the categories of each."""
    titles = ["Whale stops a ferry"] * 3 + ["Crane falls over"] * 9 + ["Bank robbed at noon"] * 12
    rows, events, categories = [], [], []
    for n, title in enumerate(titles):
        url = f"https://o{n}.example/{n}"
        rows.append(
            {
                "title": title,
                "webUrl": url,
                "publishedDateTime": f"2026-01-01T00:{n:02}:00Z",
                "provider": {"name": f"O{n}", "domain": f"o{n}.example"},
            }
        )
        events.append(f"{url}\t{'harbour' if n < 12 else 'robbery'}")
        categories.append(f"{url}\t{'Sea and Cranes' if n < 12 else 'Crime'}")
    files = tmp_path / "records.jsonl", tmp_path / "events.tsv", tmp_path / "categories.tsv"
    for file, lines in zip(files, (list(map(json.dumps, rows)), events, categories), strict=True):
        file.write_text("\n".join(lines))
    topics = tmp_path / "topics"
    topics.mkdir()
    for name, text in {
        "sea": "name: Sea",
        "whales": "name: Whales\nparent: Sea\nkeywords: [whale]",
        "cranes": "name: Cranes\nkeywords: [crane, noon]",
        "crime": "name: Crime\nkeywords: [robber*]",
    }.items():
        (topics / f"{name}.yaml").write_text(text)
    return files


def test_topics_of_stories_and_of_categories_are_measured(labelled: tuple[Path, Path, Path]) -> None:
    records, events, categories = labelled
    options = ("--topics", records.parent / "topics", "--stories", events, "--categories", categories)
    done = topicwire("eval", "topics", records, *options, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["events"] == found["events of 10 reports or more"] == 2
    assert found["of which without a topic"] == 0.0
    assert found["topics each"] == 1.5  # Whales, of the lead and two more of twelve, beside Cranes; Cranes
    assert found["topics that less than 15% of the voices say"] == 0.0
    assert found["records with a category"] == 24
    assert found["without a topic"] == 0.0
    assert found["precision at the root"] == 0.5
    assert found["categories"] == {
        "Sea and Cranes": {"recall": 1.0, "records": 12},
        "Crime": {"recall": 0.0, "records": 12},
    }
    shown = topicwire("eval", "topics", records, *options).stdout
    assert "of which without a topic: 0.0" in shown
    assert "precision at the root: 0.5" in shown


def test_records_that_declare_nothing_show_how_many_the_catalogue_reaches(tmp_path: Path) -> None:
    titles = {
        "en": ("Prime minister loses the confidence vote", "A quiet morning by the old garden wall"),
        "de": (
            "Der Bundestag stimmt heute über das neue Gesetz ab",
            "Ein stiller Morgen an der alten Gartenmauer",
        ),
    }
    rows = [
        {"title": title, "webUrl": f"https://{language}.example/{at}", "provider": {"name": language}}
        | {"language": language, "publishedDateTime": "2026-01-01T00:00:00Z", "type": "article"}
        for language, of in titles.items()
        for at, title in enumerate(of)
    ]
    file = tmp_path / "records.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    done = topicwire("eval", "topics", file, "--json")
    assert done.returncode == 0, done.stderr
    reach = json.loads(done.stdout)
    assert reach["without a topic"] == 0.5
    assert reach["languages"] == {key: {"without": 0.5, "records": 2} for key in ("en", "de")}
    assert "without a topic: 0.5" in topicwire("eval", "topics", file).stdout


def test_a_category_that_is_no_topic_is_named(labelled: tuple[Path, Path, Path]) -> None:
    records, events, categories = labelled
    options = ("--topics", records.parent / "topics", "--categories")
    done = topicwire("eval", "topics", records, *options, events)
    assert done.returncode != 0
    assert "events.tsv: the category 'harbour' is no name of a topic, and no other is" in done.stderr
    categories.write_text(categories.read_text().replace("Crime", "Weather"))
    done = topicwire("eval", "topics", records, *options, categories, "--json")
    found = json.loads(done.stdout)
    assert found["left out, as no topic has that name"] == "Weather"
    assert found["records with a category"] == 12


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
def test_briefs_say_more_of_events_than_excerpts_do(tmp_path: Path) -> None:
    """The excerpts of the leads reach .144 and .366: docs/quality.md. A quarter of the events shows it in the short form."""
    events = (SHARED / "briefs" / "neutral.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "events.jsonl").write_text("".join(sized(events[1::4], long=events)))
    done = topicwire("eval", "briefs", tmp_path / "events.jsonl", "--json")
    found = json.loads(done.stdout)["brief"]
    assert found["ROUGE-2"] >= 0.18
    assert found["recall of 1"] >= 0.46
