"""The syntax of Python files, read once in a process for everything that looks at it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def tree(path: Path) -> ast.Module:
    """What `ast.parse` makes of a file; nobody changes it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of a file, in the order of `ast.walk`, but for `Load`, `Store` and `Del`, which are a third."""
    return tuple(node for node in ast.walk(tree(path)) if not isinstance(node, ast.expr_context))
