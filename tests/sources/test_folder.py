"""A folder of record files as a source."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from bot.sources.folder import BATCH_ITEMS, FolderSource
from bot.sources.model import ItemBatch
from tests.shared_data import SHARED, needs_shared
from tests.sources.fetching import fetch_all


def line(number: int | str, **fields: Any) -> str:
    return json.dumps({"title": f"Story {number}", "webUrl": f"https://example.com/{number}"} | fields)


def front_matter(number: int | str) -> str:
    return f"---\ntitle: Story {number}\nwebUrl: https://example.com/{number}\n---\n"


async def test_files_are_taken_in_by_name_and_once(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.md").write_text(front_matter("b"))
    (tmp_path / "a.jsonl").write_text(f"{line(1)}\n{line(2)}\n")
    (tmp_path / "sub" / "c.json").write_text(line("c"))
    source = FolderSource(tmp_path)
    assert (source.name, source.kind) == (f"folder:{tmp_path}", "folder")

    first = await fetch_all(source)
    assert first.titles == ["Story 1", "Story 2", "Story b", "Story c"]
    assert [(i.path, i.item) for i in first.batches[0].items] == [
        (str(tmp_path / "a.jsonl"), 1),
        (str(tmp_path / "a.jsonl"), 2),
        (str(tmp_path / "b.md"), 1),
        (str(tmp_path / "sub" / "c.json"), 1),
    ]
    assert list(first.progress) == ["a.jsonl", "b.md", "sub/c.json"]

    again = await fetch_all(source, first.progress)
    assert (again.titles, again.unchanged) == ([], 4)
    assert again.batches == [ItemBatch(unchanged=4, last=True)]


async def test_changed_and_new_files_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(front_matter("old"))
    (tmp_path / "b.md").write_text(front_matter("b"))
    source = FolderSource(tmp_path)
    first = await fetch_all(source)
    (tmp_path / "a.md").write_text(front_matter("newer"))
    (tmp_path / "c.md").write_text(front_matter("c"))
    second = await fetch_all(source, first.progress)
    assert (second.titles, second.unchanged) == (["Story newer", "Story c"], 1)
    assert list(second.batches[0].progress) == ["a.md", "c.md"]


async def test_a_touched_file_is_hashed_but_not_parsed(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f"{line(1)}\n{line(2)}\nnonsense\n")
    source = FolderSource(tmp_path)
    first = await fetch_all(source)
    os.utime(file, ns=(1, 1))
    second = await fetch_all(source, first.progress)
    assert (second.titles, second.unchanged, len(second.rejected)) == ([], 2, 1)
    assert second.progress["a.jsonl"] == first.progress["a.jsonl"] | {"mtime": 1}
    file.write_text(f"{line(1)}\n{line(3)}\nnonsense\n")  # the same size
    assert (await fetch_all(source, second.progress)).titles == ["Story 1", "Story 3"]


async def test_bad_items_of_an_unchanged_file_are_told_again(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f"{line(1)}\nnonsense\n{line(2)}\n")
    (tmp_path / "b.md").write_text("no front matter")
    source = FolderSource(tmp_path)
    first = await fetch_all(source)
    assert first.rejected == [
        (str(file), 2, "not valid JSON at column 1: Expecting value"),
        (str(tmp_path / "b.md"), 1, "no front matter: the first line must be ---"),
    ]
    again = await fetch_all(source, first.progress)
    assert (again.rejected, again.unchanged, again.titles) == (first.rejected, 2, [])


async def test_progress_of_another_reader_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(front_matter("a"))
    first = await fetch_all(FolderSource(tmp_path, quality=40))
    assert first.batches[0].items[0].record.quality == 40
    assert (await fetch_all(FolderSource(tmp_path, quality=40), first.progress)).titles == []
    assert (await fetch_all(FolderSource(tmp_path, quality=50), first.progress)).titles == ["Story a"]
    for entry in ({}, {"reader": first.progress["a.md"]["reader"]}, {"size": 1}):
        assert (await fetch_all(FolderSource(tmp_path, quality=40), {"a.md": entry})).titles == ["Story a"]


async def test_batches_are_bounded_and_progress_comes_with_the_last_item_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(line(n) for n in range(450)))
    (tmp_path / "b.jsonl").write_text("\n".join(line(n) for n in range(450, 500)))
    taken = await fetch_all(FolderSource(tmp_path))
    assert [len(batch.items) for batch in taken.batches] == [BATCH_ITEMS, BATCH_ITEMS, 100]
    assert [list(batch.progress) for batch in taken.batches] == [[], [], ["a.jsonl", "b.jsonl"]]
    assert len(set(taken.titles)) == 500


async def test_many_related_records_fill_a_batch_sooner(tmp_path: Path) -> None:
    related = [{"title": "r", "webUrl": f"https://r.example/{n}"} for n in range(200)]
    (tmp_path / "a.jsonl").write_text("\n".join(line(n, related=related) for n in range(12)))
    taken = await fetch_all(FolderSource(tmp_path))
    assert [len(batch.items) for batch in taken.batches] == [10, 2]


async def test_an_empty_folder_gives_one_empty_batch(tmp_path: Path) -> None:
    assert (await fetch_all(FolderSource(tmp_path))).batches == [ItemBatch(last=True)]


async def test_what_is_no_record_file_is_passed_over(tmp_path: Path) -> None:
    for folder in ("_data/topics", ".git", "records"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.md").write_text(front_matter(folder))
    for name in (".hidden.md", "notes.txt", "keep", "image.png"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder.md").mkdir()
    os.mkfifo(tmp_path / "pipe.md")
    taken = await fetch_all(FolderSource(tmp_path))
    assert (taken.titles, taken.rejected) == (["Story records"], [])


async def test_links_are_followed_inside_the_root_alone(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, outside, root / ".version"):
        folder.mkdir()
    (outside / "secret.md").write_text(front_matter("secret"))
    (root / ".version" / "a.md").write_text(front_matter("a"))
    (root / "a.md").symlink_to(root / ".version" / "a.md")  # as mounted configuration has it
    (root / "out.md").symlink_to(outside / "secret.md")
    (root / "outside").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "itself.md").symlink_to(root / "itself.md")
    (root / "broken.md").symlink_to(root / "nowhere.md")
    taken = await fetch_all(FolderSource(root))
    assert (taken.titles, taken.rejected) == (["Story a"], [])
    (tmp_path / "link").symlink_to(root)
    assert FolderSource(tmp_path / "link").name == f"folder:{root}"
    assert (await fetch_all(FolderSource(tmp_path / "link"))).titles == ["Story a"]


async def test_a_single_file(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text(front_matter("a"))
    first = await fetch_all(FolderSource(file))
    assert (first.titles, list(first.progress)) == (["Story a"], ["a.md"])
    assert (await fetch_all(FolderSource(file), first.progress)).unchanged == 1


async def test_a_single_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    ((path, item, reason),) = (await fetch_all(FolderSource(tmp_path / "a.txt"))).rejected
    assert (path, item, reason.split(";")[0]) == (str(tmp_path / "a.txt"), 1, "not a record file")
    os.mkfifo(tmp_path / "pipe")
    assert (await fetch_all(FolderSource(tmp_path / "pipe"))).rejected == [
        (str(tmp_path / "pipe"), 1, "not a regular file")
    ]


async def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await fetch_all(FolderSource(tmp_path / "missing"))


async def test_a_file_that_cannot_be_opened_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.md").write_text(front_matter("a"))
    (tmp_path / "b.md").write_text(front_matter("b"))
    opened = Path.open

    def refusing(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path.name == "a.md":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **kwargs)

    source = FolderSource(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refusing)
        first = await fetch_all(source)
    assert first.titles == ["Story b"]
    assert first.rejected == [(str(tmp_path / "a.md"), 1, "cannot be read: Permission denied")]
    assert list(first.progress) == ["b.md"]
    second = await fetch_all(source, first.progress)
    assert (second.titles, second.unchanged, second.rejected) == (["Story a"], 1, [])


async def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    try:
        (tmp_path / "caf\udce9.md").write_text(front_matter("a"))
    except OSError:
        pytest.skip("the file system refuses such names")
    taken = await fetch_all(FolderSource(tmp_path))
    assert taken.rejected == [(str(tmp_path / r"caf\udce9.md"), 1, "the file name is not valid text")]


async def test_a_large_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    with (tmp_path / "a.md").open("wb") as file:
        file.truncate(1 << 42)  # to read all of it would outlast the test's time
    first = await fetch_all(FolderSource(tmp_path))
    assert first.rejected == [(str(tmp_path / "a.md"), 1, "more than 10 MB; split it, or use JSON lines")]
    assert (await fetch_all(FolderSource(tmp_path), first.progress)).rejected == first.rejected


async def test_a_fetch_can_be_left_early(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(line(n) for n in range(1000)))
    fetch = FolderSource(tmp_path).fetch({})
    async for batch in fetch:
        assert not batch.last
        break
    await fetch.aclose()


# ---------------------------------------------------------------------------------------- changes


# A change that is never reported ends in the test's timeout.


async def test_changes_are_reported(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    async with aclosing(FolderSource(tmp_path).changes()) as changes:
        await anext(changes)  # watching has begun
        for name in ("a.md", "sub/b.md"):
            (tmp_path / name).write_text(front_matter("a"))
            await anext(changes)


async def test_what_changes_while_the_caller_is_busy_is_reported(tmp_path: Path) -> None:
    source = FolderSource(tmp_path)
    async with aclosing(source.changes()) as changes:
        await anext(changes)
        (tmp_path / "a.md").write_text(front_matter("a"))
        assert (await fetch_all(source)).titles == ["Story a"]
        await anext(changes)


@pytest.mark.parametrize(
    ("root", "path", "concerns"),
    [
        (".", "a.md", True),
        (".", "sub/b.md", True),
        (".", ".git/index", False),
        (".", ".a.md.swp", False),
        (".", "sub/.hidden/a.md", False),
        (".", "_data/topics/a.yml", False),
        ("a.jsonl", "a.jsonl", True),
        ("a.jsonl", "a.tmp", False),
        ("a.jsonl", "b.jsonl", False),
    ],
)
def test_only_changes_of_what_is_read_are_reported(
    tmp_path: Path, root: str, path: str, concerns: bool
) -> None:
    (tmp_path / "a.jsonl").write_text(line(1))
    assert FolderSource(tmp_path / root).concerns(tmp_path / path) is concerns


async def test_a_folder_that_comes_later_or_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.sources.folder.APPEAR_SECONDS", 0.01)
    root = tmp_path / "later"
    async with aclosing(FolderSource(root).changes()) as changes:
        waiting = asyncio.ensure_future(anext(changes))
        while "later does not exist; waiting until it does" not in caplog.text:  # noqa: ASYNC110 - a log sets no event
            await asyncio.sleep(0)
        assert not waiting.done()
        root.mkdir()
        await waiting
        root.rename(tmp_path / "gone")
        root.mkdir()
        await anext(changes)  # the first one is gone
        await anext(changes)  # the second one is watched
        (root / "a.md").write_text(front_matter("a"))
        await anext(changes)


async def test_a_folder_that_cannot_be_watched_is_looked_at_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")  # what Linux says at its limit of watches

    monkeypatch.setattr("watchfiles.awatch", refusing)
    monkeypatch.setattr("bot.sources.folder.LOOK_AGAIN_MS", 10)
    async with aclosing(FolderSource(tmp_path).changes()) as changes:
        await anext(changes)
        await anext(changes)


async def test_a_single_file_is_watched_through_replacement(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(line(1))
    async with aclosing(FolderSource(file).changes()) as changes:
        await anext(changes)
        for number in (2, 3):
            (tmp_path / "a.tmp").write_text(line(number))
            (tmp_path / "a.tmp").replace(file)
            await anext(changes)


# ---------------------------------------------------------------------------------- cost and real


@needs_shared
async def test_a_real_site_is_unchanged_the_second_time() -> None:
    source = FolderSource(SHARED / "records" / "powerapps")
    first = await fetch_all(source)
    assert (len(first.titles), first.rejected) == (674, [])
    second = await fetch_all(source, first.progress)
    assert (second.titles, second.unchanged) == ([], 674)


def test_an_unchanged_folder_needs_no_slow_import() -> None:
    slow = ("watchfiles", "ftfy", "publicsuffixlist", "idna", "email")
    code = f"import sys, bot.sources.folder; print([m for m in {slow!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
