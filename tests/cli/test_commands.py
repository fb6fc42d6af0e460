"""The command line as people and programs use it: real commands, real files."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from bot.cli.exit_codes import ExitCode
from bot.demo.main import NEWS, TOPICS
from tests.cli.command import topicwire, topicwire_process
from tests.form import sized
from tests.shared_data import SHARED, needs_shared


@pytest.fixture(scope="module")
def sample_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the sample in it."""
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    done = topicwire("ingest", NEWS, "--topics", TOPICS, "--db", path, "--json")
    assert done.returncode == 0, done.stderr
    return path


def test_an_intake_ends_with_its_summary_and_a_second_one_finds_nothing_new(tmp_path: Path) -> None:
    first = topicwire("ingest", NEWS, "--db", tmp_path / "x.db", "--json")
    summary = json.loads(first.stdout.splitlines()[-1])
    assert first.returncode == 0
    assert summary == {"read": 48, "new": 47, "changed": 1, "unchanged": 0, "rejected": 0, "errors": []}
    second = topicwire("ingest", NEWS, "--db", tmp_path / "x.db", "--json")
    assert json.loads(second.stdout.splitlines()[-1])["unchanged"] == 48


def test_refused_items_are_told_with_their_place_and_the_rest_is_taken_in(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "good.json").write_text('{"title": "A fine day", "webUrl": "https://a.example/1"}')
    (folder / "bad.yaml").write_text("title: [1, 2]\nwebUrl: https://a.example/2\n")
    (folder / "lines.jsonl").write_text('{"title": "B", "webUrl": "https://a.example/3"}\nnonsense\n')
    done = topicwire("ingest", folder, "--db", tmp_path / "x.db", "--json")
    summary = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1
    assert (summary["read"], summary["new"], summary["rejected"]) == (4, 2, 2)
    places = {(Path(error["path"]).name, error["item"]) for error in summary["errors"]}
    assert places == {("bad.yaml", 1), ("lines.jsonl", 2)}
    assert all(error["reason"] for error in summary["errors"])


ITEM = "<item><title>A fine {0}</title><link>https://a.example/{0}</link></item>"
GOOD = f"<rss version='2.0'><channel><title>A</title>{ITEM}</channel></rss>"


def test_of_several_places_one_that_cannot_be_read_is_refused_and_the_rest_is_taken_in(
    tmp_path: Path,
) -> None:
    """Whatever is wrong with it, and wherever it stands among them."""
    (tmp_path / "day.xml").write_text(GOOD.format("day"))
    (tmp_path / "page.xml").write_text("<html><body>No feed</body></html>")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "night.xml").write_text(GOOD.format("night"))
    bad = ["page.xml", "missing.xml", "missing", "http://127.0.0.1:1/feed", "http://[", "loop"]
    places = ["missing.xml", "day.xml", *bad[:1], *bad[2:], "night.xml"]
    done = topicwire("ingest", *places, "--db", tmp_path / "x.db", "--json", cwd=tmp_path)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1, done.stderr
    assert (summary["read"], summary["new"], summary["rejected"]) == (8, 2, 6)
    assert {error["path"] for error in summary["errors"]} == set(bad)
    assert all(error["item"] == 0 and error["reason"] for error in summary["errors"])
    told = topicwire("ingest", *places, "--db", tmp_path / "x.db", cwd=tmp_path)
    assert "missing.xml: does not exist\n" in told.stderr
    assert "page.xml: a web page, not a feed\n" in told.stderr
    assert told.stdout.splitlines()[-1] == "8 records read: 0 new, 0 changed, 2 unchanged, 6 rejected"


def test_match_goes_on_after_a_place_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "day.xml").write_text(GOOD.format("day"))
    (tmp_path / "page.xml").write_text("<html><body>No feed</body></html>")
    done = topicwire("match", "page.xml", "missing", "day.xml", "--topics", TOPICS, "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert [json.loads(line)["title"] for line in done.stdout.splitlines()] == ["A fine day"]
    assert "missing: does not exist\n" in done.stderr


@pytest.mark.parametrize("place", ["page.xml", "missing", "http://127.0.0.1:1/feed"])
def test_a_single_place_that_cannot_be_read_is_an_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "page.xml").write_text("<html><body>No feed</body></html>")
    done = topicwire("ingest", place, "--db", tmp_path / "x.db", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert place in done.stderr


def test_half_a_character_costs_one_field_or_one_record_and_no_batch(tmp_path: Path) -> None:
    half = "\\ud800"
    bad = f'{{"title": "A", "webUrl": "https://a.example/1#{half}"}}'
    odd = (
        f'{{"title": "B {half}", "excerpt": "{half}", "webUrl": "https://a.example/2", "topics": ["T{half}"],'
        f'"language": "{half}", "provider": {{"name": "{half}N", "domain": "a.example"}},'
        f'"images": [{{"url": "https://a.example/{half}.png"}}], "ampWebUrl": "https://a.example/amp#{half}",'
        f'"related": [{{"title": "C", "webUrl": "https://a.example/3#{half}"}}]}}'
    )
    (tmp_path / "x.jsonl").write_text(f'{bad}\n{odd}\n{{"title": "D", "webUrl": "https://a.example/4"}}\n')
    done = topicwire("ingest", tmp_path / "x.jsonl", "--db", tmp_path / "x.db", "--json")
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["new"], summary["rejected"]) == (2, 1), done.stderr
    assert "half a character" in summary["errors"][0]["reason"]


def test_match_tells_the_keywords_and_leaves_declared_topics_out_of_what_it_found() -> None:
    done = topicwire("match", NEWS, "--topics", TOPICS, "--json")
    found = {line["title"]: line for line in done.lines}
    assert done.returncode == 0
    assert len(found) == 48 or len(done.lines) == 48
    macaques = next(line for title, line in found.items() if "macaques" in title)
    assert macaques["why"] == {"Computer Vision": ["facial recognition"]}
    assert macaques["topics"] == ["Computer Vision"]
    assert "AI" in macaques["declared"]


def test_stories_have_members_coverage_and_heat(sample_db: Path) -> None:
    done = topicwire("stories", "--db", sample_db, "--json")
    stories = done.lines
    hot = topicwire("stories", "--db", sample_db, "--json", "--sort", "hot").lines
    assert sorted(hot, key=lambda story: story["story"]) == sorted(stories, key=lambda story: story["story"])
    assert stories[0]["last"] == max(story["last"] for story in stories)
    assert [story["story"] for story in hot[:2]] != [story["story"] for story in stories[:2]]
    metro = next(story for story in stories if "Brackenmouth suspends" in story["title"])
    assert metro["heat"] == 237
    assert metro["notable"]
    assert metro["url"] in metro["members"]
    assert metro["url"] not in {entry["url"] for entry in metro["coverage"]}
    qualities = [entry["quality"] for entry in metro["coverage"]]
    assert qualities == sorted(qualities, reverse=True)
    same = {entry["url"] for entry in metro["coverage"] if entry["relation"] == "same"}
    assert same | {metro["url"]} == set(metro["members"])


def test_related_takes_a_number_a_link_or_words(sample_db: Path) -> None:
    by_words = json.loads(topicwire("related", "street tree", "--db", sample_db, "--json").stdout)
    by_number = json.loads(topicwire("related", f"#{by_words['story']}", "--db", sample_db, "--json").stdout)
    by_link = json.loads(
        topicwire("related", by_words["url"] + "?utm_source=x", "--db", sample_db, "--json").stdout
    )
    assert by_words == by_number == by_link
    assert by_words["story"] not in by_words["before"] + by_words["after"]
    beside = [*by_words["before"], *by_words["after"]]
    shown = topicwire("related", "street tree", "--db", sample_db).stdout
    assert beside
    assert all(f"  #{number} " in shown for number in beside)
    assert len({sentence["outlet"] for sentence in by_words["brief"]}) > 1
    assert all(f"  {sentence['text']} — {sentence['outlet']}\n" in shown for sentence in by_words["brief"])
    unknown = topicwire("related", "99999", "--db", sample_db)
    assert unknown.returncode == 3
    assert "There is no story #99999" in unknown.stderr
    assert "Traceback" not in unknown.stderr


def test_a_digest_over_the_past_tells_what_was_news_then(sample_db: Path) -> None:
    call = ("digest", "--db", sample_db, "--topic", "computer vision", "--since", "2026-01-07", "--json")
    made = json.loads(topicwire(*call, "--until", "2026-01-08").stdout)
    titles = [story["title"] for section in made["sections"] for story in section["stories"]]
    assert any("whale" in title for title in titles)
    assert not any("macaques" in title for title in titles)
    unknown = topicwire("digest", "--db", sample_db, "--topic", "Computer Visoin", "--since", "2026-01-07")
    assert unknown.returncode == 3
    assert "Did you mean: Computer Vision" in unknown.stderr


def test_a_digest_has_a_sentence_below_each_headline_unless_it_is_to_have_none(sample_db: Path) -> None:
    call = ("digest", "--db", sample_db, "--topic", "AI", "--since", "2026-01-07", "--until", "2026-01-09")
    made = json.loads(topicwire(*call, "--json").stdout)
    sentences = [story["sentence"] for section in made["sections"] for story in section["stories"]]
    told = [sentence for sentence in sentences if sentence]
    assert told
    shown = " ".join(topicwire(*call).stdout.split())
    assert all(f"{sentence['text']} — {sentence['outlet']}" in shown for sentence in told)
    bare = " ".join(topicwire(*call, "--style", "headlines").stdout.split())
    assert not any(sentence["text"] in bare for sentence in told)


def test_a_replay_sees_each_record_when_it_was_published(tmp_path: Path) -> None:
    done = topicwire("ingest", NEWS, "--db", tmp_path / "x.db", "--as-of", "2026-01-10", "--json")
    assert done.returncode == 0
    call = (
        "digest",
        "--db",
        tmp_path / "x.db",
        "--topic",
        "AI",
        "--since",
        "2026-01-05",
        "--until",
        "2026-01-06",
    )
    assert "Brackenmouth" in topicwire(*call).stdout


def test_check_says_every_problem_at_once_with_its_key(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "discord: {token: s3cret.token.value, colour: red}\n"
        "posts: {max_age: soon, edit_interval: 1s}\n"
        "sources: [{kind: folder, path: nowhere, quality: 900}, {kind: pigeon}]\n"
        "digest: {time: '25:00', timezone: Mars/Olympus}\n"
        "topics: {inline: [{keywords: [x]}]}\n"
        "stories: {editors: [Demo]}\n"
    )
    done = topicwire("check", "--config", config)
    assert done.returncode == 1
    for key in (
        "discord.colour", "posts.max_age", "posts.edit_interval", "sources[0].quality", "sources[1].kind",
        "digest.time", "digest.timezone", "topics.inline", "stories.editors[0]",
    ):  # fmt: skip
        assert key in done.stdout, key
    assert "s3cret" not in done.stdout + done.stderr


def test_check_names_a_missing_directory_once(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "discord: {token: made.up.token}\ntopics: {directories: [nowhere, also-nowhere]}\n"
    )
    done = topicwire("check", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "topics.directories[0]: nowhere is not a directory",
        "topics.directories[1]: also-nowhere is not a directory",
        "config.yaml: 2 problems",
    ]


@pytest.mark.parametrize(
    ("http", "problems"),
    [
        ("{listen: '127.0.0.1:8080', token: a-made-up-token-of-some-length}", 0),
        ("{listen: '127.0.0.1:8080'}", 1),
        ("{token: a-made-up-token-of-some-length}", 1),
    ],
)
def test_a_bot_without_sources_is_fine_if_records_can_be_pushed(
    tmp_path: Path, http: str, problems: int
) -> None:
    """An address without a token serves health and metrics alone."""
    (tmp_path / "config.yaml").write_text(
        f"discord: {{token: made.up.token}}\nfeeds: {{catalogue: false}}\nhttp: {http}\n"
    )
    done = topicwire("check", cwd=tmp_path)
    assert done.returncode == problems
    assert ("nothing can be pushed" in done.stdout) == bool(problems)


def test_the_example_config_lacks_only_a_token(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "config.example.yaml"
    done = topicwire("check", "--config", example, cwd=tmp_path)
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:-1]] == ["discord.token"]


def test_a_token_in_the_environment_is_all_that_is_needed(tmp_path: Path) -> None:
    done = topicwire("check", cwd=tmp_path, **{"TOPICWIRE_DISCORD__TOKEN": "made.up.token"})
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


async def test_run_without_a_token_says_what_to_do_and_where(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("log: {level: info}\n")
    done = await topicwire_process("run", cwd=tmp_path)
    assert done.returncode == ExitCode.SETTINGS
    assert "https://discord.com/developers/applications" in done.stderr
    assert "TOPICWIRE_DISCORD__TOKEN" in done.stderr
    missing = topicwire("run", "--config", "other.yaml", cwd=tmp_path)
    assert missing.returncode == ExitCode.SETTINGS
    assert "config.example.yaml" in missing.stderr


@pytest.mark.parametrize(
    "command", ["run", "check", "demo", "ingest", "match", "stories", "related", "digest"]
)
def test_every_command_has_help(command: str) -> None:
    done = topicwire(command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_a_wrong_call_is_exit_code_2(tmp_path: Path) -> None:
    assert topicwire("digest", "--topic", "AI").returncode == 2
    assert topicwire("match", NEWS).returncode == 2
    assert topicwire("nonsense").returncode == 2


@pytest.mark.parametrize(
    ("left", "code"),
    [
        ("damaged", ExitCode.DATABASE),
        ("deleted", ExitCode.DATABASE),
        ("newer", ExitCode.DATABASE),
        ("no driver of that name", ExitCode.SETTINGS),
        ("no directory", ExitCode.FAILED),
    ],
)
async def test_the_exit_code_of_run_says_whether_a_person_has_to_act(
    tmp_path: Path, left: str, code: ExitCode
) -> None:
    file, url = tmp_path / "x.db", "x.db"
    if left == "damaged":
        file.write_bytes(b"no pages of a database" * 500)
    elif left == "deleted":
        (tmp_path / "x.db-exists").touch()
    elif left == "newer":
        with sqlite3.connect(file) as made:
            made.execute("CREATE TABLE alembic_version (version_num)")
            made.execute("INSERT INTO alembic_version VALUES ('9999')")
        made.close()
    elif left == "no directory":
        (tmp_path / "data").touch()
        url = "data/x.db"
    else:
        url = "oracle://host/x"
    (tmp_path / "config.yaml").write_text(f"log: {{format: json}}\ndatabase: {{url: '{url}'}}\n")
    done = await topicwire_process("run", cwd=tmp_path, **{"TOPICWIRE_DISCORD__TOKEN": "made.up.token"})
    assert done.returncode == code, done.stderr
    *_, logged, _ = [line for line in done.stderr.splitlines() if line]
    assert json.loads(logged)["exit_code"] == code
    assert f"exit code {code.value} ({code.name.lower()})" in json.loads(logged)["event"]
    assert not (tmp_path / "data").is_dir()


def test_a_database_that_is_none_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is no database, and never was one" * 100)
    done = topicwire("stories", "--db", tmp_path / "x.db")
    assert done.returncode == 3
    assert "not a database" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_runs_to_its_end_and_shows_what_the_commands_answer() -> None:
    """The volume of a subscription, what came in quiet hours, and how many outlets say a story's topic."""
    done = topicwire("demo", "--once")
    assert done.returncode == 0, done.stderr
    assert "Brackenmouth suspends metro facial recognition" in done.stdout
    assert "Story withdrawn" in done.stdout
    assert "outlets since yesterday" in done.stdout
    assert "Daily digest" in done.stdout
    for words in ("some stories (about", "What changed", "News from the quiet hours", "9 of 9 outlets"):
        assert words in done.stdout


@needs_shared
def test_a_whole_site_is_taken_in_without_an_error(tmp_path: Path) -> None:
    files = sorted((SHARED / "records" / "powerapps" / "_news").glob("*.md"))[:: sized(5, long=1)]
    records = tmp_path / "records"
    records.mkdir()
    for file in files:
        shutil.copy(file, records)
    first = json.loads(
        topicwire("ingest", records, "--db", tmp_path / "x.db", "--json").stdout.splitlines()[-1]
    )
    second = json.loads(
        topicwire("ingest", records, "--db", tmp_path / "x.db", "--json").stdout.splitlines()[-1]
    )
    assert first["read"] == len(files) == sized(135, long=674)
    assert first["rejected"] == 0
    assert second["unchanged"] == len(files)


@needs_shared
def test_matching_alone_reproduces_what_a_site_declares() -> None:
    records = SHARED / "records" / "powerapps"
    done = topicwire("match", records, "--topics", records / "_data" / "topics", "--json")
    root = {"Power Apps"}
    pairs = [(set(line["declared"]) - root, set(line["topics"]) - root) for line in done.lines]
    hits = sum(len(declared & found) for declared, found in pairs)
    assert hits == sum(len(found) for _, found in pairs), "precision is 1"
    assert hits >= 0.98 * sum(len(declared) for declared, _ in pairs)


def test_the_settings_count_on_the_command_line_too(tmp_path: Path) -> None:
    """Outlets of one owner count once for a story's heat; the database is that of the settings."""
    title = "Harbour bridge closed after crack found"
    records = tmp_path / "records.json"
    outlets = ("tidewatch.example", "harbourpost.example")
    one, two = (
        {"title": title, "webUrl": f"https://{outlet}/1", "publishedDateTime": "2026-01-07T09:00:00Z"}
        for outlet in outlets
    )
    records.write_text(json.dumps([one, two | {"title": f"{title} again"}]))
    own = tmp_path / "own.yaml"
    own.write_text(f"database: {{url: own.db}}\nstories:\n  owners: {{Group: [{', '.join(outlets)}]}}\n")

    def heats(*config: str) -> list[int]:
        options = (*config, "--json")
        assert topicwire("ingest", records, *options, cwd=tmp_path).returncode == 0
        shown = topicwire("stories", *options, cwd=tmp_path).lines
        hot = topicwire("stories", "--sort", "hot", *options, cwd=tmp_path).lines
        related = topicwire("related", title, *options, cwd=tmp_path).lines
        assert topicwire("search", "bridge", *options, cwd=tmp_path).lines
        return [story["heat"] for story in (*shown, *hot, *related)]

    (heat,) = {*heats("--config", "own.yaml")}
    assert (tmp_path / "own.db").exists()
    assert not (tmp_path / "data").exists()
    assert {*heats()} == {heat + 20}
    assert (tmp_path / "data" / "topicwire.db").exists()
    missing = topicwire("stories", "--config", "missing.yaml", cwd=tmp_path)
    assert missing.returncode == 3
    assert "missing.yaml" in missing.stderr
