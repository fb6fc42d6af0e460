"""A template is read once, and every mistake in it has its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.posting.template import (
    MOST_LENGTH,
    PLACEHOLDERS,
    Placeholder,
    Template,
    TemplateFault,
    TemplateProblem,
    read_template,
)
from tests.hostile import PIECES

UNKNOWN, NOT_CLOSED = TemplateFault.UNKNOWN_PLACEHOLDER, TemplateFault.BRACE_NOT_CLOSED


def test_a_template_is_its_lines_in_pieces() -> None:
    assert read_template("  ### {headline}\n{picture}\n\n{{{outlet_count}}} outlets  ") == Template(
        (
            ("### ", Placeholder("headline")),
            (Placeholder("picture"),),
            (),
            ("{", Placeholder("outlet_count"), "} outlets"),
        )
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", TemplateProblem(TemplateFault.EMPTY)),
        (" \n ", TemplateProblem(TemplateFault.EMPTY)),
        ("{title}" + "x" * MOST_LENGTH, TemplateProblem(TemplateFault.TOO_LONG)),
        ("{title}" + "😀" * 500, TemplateProblem(TemplateFault.TOO_LONG)),
        ("{title}\nby {outlts}", TemplateProblem(UNKNOWN, 2, 4, "outlts", ("outlets", "outlet"))),
        ("{Headline}", TemplateProblem(UNKNOWN, 1, 1, "Headline", ("headline",))),
        ("{title} {}", TemplateProblem(UNKNOWN, 1, 9, "")),
        ("{title} {0}", TemplateProblem(UNKNOWN, 1, 9, "0")),
        ("{title.__class__}", TemplateProblem(UNKNOWN, 1, 1, "title.__class__", ("title",))),
        ("{title!r}", TemplateProblem(UNKNOWN, 1, 1, "title!r", ("title",))),
        ("{title:>99999999}", TemplateProblem(UNKNOWN, 1, 1, "title:>99999999", ("title",))),
        ("{ title }", TemplateProblem(UNKNOWN, 1, 1, " title ", ("title",))),
        ("{title} and {brief", TemplateProblem(NOT_CLOSED, 1, 13)),
        ("{title} {a{brief}}", TemplateProblem(NOT_CLOSED, 1, 9)),
        ("{title\n}", TemplateProblem(NOT_CLOSED, 1, 1)),
        ("{title}\n\n brief}", TemplateProblem(TemplateFault.BRACE_NOT_OPENED, 3, 7)),
        ("{title}\nSee {picture}", TemplateProblem(TemplateFault.PICTURE_NOT_ALONE, 2, 5)),
        ("{title}\n{picture}\n {picture}", TemplateProblem(TemplateFault.PICTURE_TWICE, 3, 2)),
        ("{brief}", TemplateProblem(TemplateFault.NAMES_NO_STORY)),
        ("{{title}}", TemplateProblem(TemplateFault.NAMES_NO_STORY)),
    ],
)
def test_what_is_no_template_says_what_is_wrong_and_where(text: str, problem: TemplateProblem) -> None:
    read = read_template(text)
    assert isinstance(read, TemplateProblem)
    assert (read.fault, read.line, read.column, read.name) == (
        problem.fault,
        problem.line,
        problem.column,
        problem.name,
    )
    assert read.near[: len(problem.near)] == problem.near


_ANYTHING = st.lists(
    st.sampled_from([*PIECES, *(f"{{{name}}}" for name in PLACEHOLDERS), "{{", "}}", "\n", "\u202e"])
).map("".join)


@given(_ANYTHING | st.text())
def test_every_text_is_a_template_or_has_a_problem_with_a_place_inside_of_it(text: str) -> None:
    read = read_template(text)
    if isinstance(read, TemplateProblem):
        lines = text.strip().splitlines()
        assert read.line <= len(lines)
        assert not read.line or 1 <= read.column <= len(lines[read.line - 1])
        return
    assert read.names <= set(PLACEHOLDERS)
    literals = [piece for line in read.lines for piece in line if isinstance(piece, str)]
    assert all(literals), "none is empty"
    assert "\u202e" not in "".join(literals)
