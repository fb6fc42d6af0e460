"""What an import says it does, and did."""

from __future__ import annotations

import pytest

from bot.messages.moving import import_preview, imported, rows_of


@pytest.mark.parametrize(
    ("kind", "reason", "other"),
    [
        ("decisions", "stories whose articles", "language model"),
        ("channels", "language model", "stories whose articles"),
    ],
)
def test_only_the_reason_for_what_is_left_out_is_given(kind: str, reason: str, other: str) -> None:
    text = imported(rows_of({kind: (0, 0, 0, 1)})).description
    assert reason in text
    assert other not in text


def test_a_preview_says_what_would_happen_and_the_answer_what_has() -> None:
    rows = rows_of({"topics": (1, 2, 3, 0)})
    assert "**Topics**: 1 to add, 2 to change, 3 unchanged" in (
        import_preview(rows, changes_nothing=False).description
    )
    assert "**Topics**: 1 added, 2 changed, 3 unchanged" in imported(rows).description
