"""Every text that people read in Discord goes through the catalogue of translations: read from the code itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.untranslated import NOT_FOR_READERS, ROOT, files, is_text, too_early, unmarked, untranslated


@pytest.mark.parametrize(
    "place", ["bot/messages", "bot/chat", "bot/services", "bot/workers", "bot/domain/posting", "cogs"]
)
def test_no_text_for_readers_is_outside_of_the_catalogue(place: str) -> None:
    """`python -m scripts.untranslated` prints the same list."""
    findings = [str(finding) for file in files([place]) for finding in untranslated(file)]
    assert not findings, "\n".join(
        ["write these as tr(...), or say in scripts/untranslated.py why not:", *findings]
    )


def test_what_is_translated_can_be_seen_in_the_code() -> None:
    """Extraction reads literals: an f-string or a sum of texts would never be in a catalogue."""
    findings = [str(finding) for file in files(["bot", "cogs"]) for finding in unmarked(file)]
    assert not findings, "\n".join(findings)


def test_nothing_is_translated_before_anybody_speaks() -> None:
    findings = [str(finding) for file in files(["bot", "cogs"]) for finding in too_early(file)]
    assert not findings, "\n".join(["constants are marked, and translated where they are used:", *findings])


@pytest.mark.parametrize(
    ("source", "early"),
    [
        ('TITLE = tr("A title")', True),
        ('def say(text: str = tr("Hello")) -> None: ...', True),
        ('class Kind:\n    title = tr_in("noun", "Post")', True),
        ('TITLE = mark("A title")', False),
        ('def say() -> str:\n    return tr("Hello")', False),
        ('say = lambda: tr("Hello")', False),
    ],
)
def test_what_is_translated_at_import_is_listed(source: str, early: bool, tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(source, encoding="utf-8")
    assert ([f.text for f in too_early(file, tmp_path)] != []) is early


def test_each_exemption_is_of_a_file_that_exists() -> None:
    assert [path for path, _ in NOT_FOR_READERS if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    "literal",
    [
        "Nothing is muted.",
        "Digest",
        "\x00 more",
        "… and \x00 more",
        " and ",
        "**Topics**",
        "Use `/latest` now",
        "in <#\x00>",
    ],
)
def test_what_reads_like_a_text_is_one(literal: str) -> None:
    assert is_text(literal)


@pytest.mark.parametrize(
    "literal",
    [
        "",
        "digest",
        "story:\x00",
        "`/digest set`",
        "<t:\x00:R>",
        "https://example.org/Some/Page",
        "\x00 · \x00",
        "a_b",
        "Europe/Berlin",
        "#\x00",
    ],
)
def test_ids_markup_and_names_are_none(literal: str) -> None:
    assert not is_text(literal)


SOURCE = '''
"""A docstring is for engineers."""
__all__ = ["SomeName"]
log = logging.getLogger("a b")
TITLE = mark("A title")
WRONG = "Another title"

class Cog(commands.GroupCog, group_description="From the tree"):
    @app_commands.command(name="x", description="From the tree")
    @app_commands.describe(topic="From the tree")
    async def show(self, interaction: "Interaction[Any]") -> None:
        """From the tree, too."""
        log.info("for the log %s", 1)
        assert interaction, "for engineers"
        if interaction.name == "Some Name":
            raise RuntimeError("for engineers")
        await reply(tr("Some text with {place}.", place=f"channel {interaction}"))
        raise NotFoundError(f"There is no {interaction}.")
'''


def test_only_the_texts_for_readers_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(SOURCE, encoding="utf-8")
    assert [(f.line, f.text) for f in untranslated(file, tmp_path)] == [
        (6, "Another title"),
        (17, "channel {}"),
        (18, "There is no {}."),
    ]


@pytest.mark.parametrize(
    "call",
    ['tr(f"{count} topics")', 'tr("one " + "two")', "tr_plural(ONE, MANY, 2)", 'tr_in(context, "Post")'],
)
def test_calls_that_extraction_cannot_read_are_listed(call: str, tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(call, encoding="utf-8")
    assert [f.text for f in unmarked(file, tmp_path)] != []


@pytest.mark.parametrize(
    "call",
    ['tr("{count} topics", count=2)', "tr(TITLE)", "tr(TITLES[kind])", "tr(kind.title)", 'mark("One")'],
)
def test_literals_and_marked_values_are_fine(call: str, tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(call, encoding="utf-8")
    assert [f.text for f in unmarked(file, tmp_path)] == []
