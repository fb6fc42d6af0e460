"""Full-text search: an index of the words of records, as queries see them, which finds what may match.

The database is told words that were cut already (`bot.domain.topics.query.document`), so that it need know nothing of case,
accents and scripts without spaces, and both databases find the same. What it finds is no less than what matches;
whoever asks evaluates the query on that. Records that are partial or removed are not in the index.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import log
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Record, Stored
from bot.domain.records.analysis import TextAnalysis
from bot.domain.stories.order import Order
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Query
from bot.domain.topics.query.tree import And, Near, Node, Not, Number, Or, Prefix, Term, Value
from bot.store import schema
from bot.store.conditions import is_full_record
from bot.store.sql import among, batches, chunks, visible_to

MOST_WORDS = 64  # of a report that others are compared with
BEGINNING = 4  # letters of a beginning that is looked for as one: of fewer too many words begin so
FEW = 4  # shorter beginnings of a query that the index is asked for
REPORTS = 4  # that are looked at for each story that is sought
COMMON = 2_000  # a word that so many records have says little of any
LONGEST = 200  # characters of a word that are kept: PostgreSQL takes no word of more than 2,046 bytes
VALUES = ("domain", "type", "lang")  # fields that a record itself says; its topics change with the topics

# What the index knows of a record, and in PostgreSQL, where it is one column, the weight that stands for it.
_COLUMNS = {"title": "A", "excerpt": "B", "outlet": "C", "value": "D"}
_TEXT = ("title", "excerpt")  # where a word is looked for that names no field
# A word of the title says most of what a record is about; domain and the like make none better.
_WEIGHTS = {"title": 4.0, "excerpt": 1.0, "outlet": 1.0, "value": 0.0}
_VALUE = re.compile(rf"[\w.:-]{{1,{LONGEST}}}")  # others would be cut, or end a word in PostgreSQL's notation
_WORD = re.compile(r"[^\s'\"\\]+")  # what needs no quoting
_GAP = 2  # between texts, so that no phrase goes from one into the next

_r = schema.records
# Not in the schema: each database has a table of its own kind, made by the migration. A row per record.
_s = sa.table("search", sa.column("rowid", sa.Integer), *(sa.column(name) for name in (*_COLUMNS, "words")))
_whole: sa.ColumnElement[Any] = sa.literal_column("search")  # how FTS5 calls all of a row


# Writing.


def _columns(record: Record, analysis: TextAnalysis) -> dict[str, list[str]]:
    """What the index knows of a record: column -> words."""
    document = Document.of(record)
    values = [f"{name}:{value}" for name in VALUES for value in document.values[name]]
    texts = {text: [word[:LONGEST] for word in words.split()] for text, words in analysis.words.items()}
    return {**texts, "value": list(filter(_VALUE.fullmatch, values))}


def _vector(words: Mapping[str, Sequence[str]]) -> str:
    """The same as PostgreSQL's tsvector. It keeps the first 255 places of a word, which no report has."""
    parts: list[str] = []
    at = 1
    for column, weight in _COLUMNS.items():
        parts += [f"'{word}':{place}{weight}" for place, word in enumerate(words[column], at)]
        at += len(words[column]) + _GAP
    return " ".join(parts)


def insert(dialect: str) -> sa.Insert:
    """What puts a row into the index, as `row_of` gives it."""
    if dialect == "sqlite":
        return sa.insert(_s).values({name: sa.bindparam(name) for name in ("rowid", *_COLUMNS)})
    from sqlalchemy.dialects.postgresql import TSVECTOR

    words = sa.cast(sa.bindparam("words", type_=sa.Text), TSVECTOR)
    return sa.insert(_s).values(rowid=sa.bindparam("rowid"), words=words)


def row_of(dialect: str, stored: Stored, analysis: TextAnalysis) -> dict[str, Any]:
    """A record as a row of the index. It has no words if search must not find it."""
    if stored.partial or stored.record.removed:
        return {"rowid": stored.id}
    columns = _columns(stored.record, analysis)
    if dialect == "sqlite":
        return {"rowid": stored.id, **{column: " ".join(words) for column, words in columns.items()}}
    return {"rowid": stored.id, "words": _vector(columns)}


async def index(connection: AsyncConnection, rows: Collection[Mapping[str, Any]]) -> None:
    """Write the index rows of records; `rows` are from `row_of`."""
    for part in chunks(row["rowid"] for row in rows):
        await connection.execute(sa.delete(_s).where(among(connection, _s.c.rowid, part)))
    if present := [row for row in rows if len(row) > 1]:
        await connection.execute(insert(connection.dialect.name), present)


async def all_words(connection: AsyncConnection) -> AsyncGenerator[list[Mapping[str, Any]]]:
    """The whole index in batches, by record, in one form for both databases: `rowid`, and the words of each column as a text."""
    if connection.dialect.name == "sqlite":
        columns = (_s.c.rowid, *(_s.c[name] for name in _COLUMNS))
        async for rows in batches(connection, sa.select(*columns).order_by(_s.c.rowid)):
            yield [dict(row._mapping) for row in rows]
        return
    vectors = sa.select(_s.c.rowid, sa.cast(_s.c.words, sa.Text).label("words")).order_by(_s.c.rowid)
    async for rows in batches(connection, vectors):
        yield [{"rowid": row.rowid, **_words_of(row.words)} for row in rows]


async def write_words(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what `all_words` gives into the index."""
    if connection.dialect.name == "postgresql":
        rows = [
            {"rowid": row["rowid"], "words": _vector({name: row[name].split() for name in _COLUMNS})}
            for row in rows
        ]
    await connection.execute(insert(connection.dialect.name), list(rows))


_LEXEME = re.compile(r"'([^']+)':([\d,A-D]+)")


def _words_of(vector: str) -> dict[str, str]:
    """The words of each column of a tsvector, in their order; the reverse of `_vector`. PostgreSQL does not write the weight D."""
    placed: dict[str, list[tuple[int, str]]] = {name: [] for name in _COLUMNS}
    names = {weight: name for name, weight in _COLUMNS.items()}
    for word, places in _LEXEME.findall(vector):
        for place in places.split(","):
            placed[names[place[-1] if place[-1].isalpha() else "D"]].append((int(place.rstrip("ABCD")), word))
    return {name: " ".join(word for _, word in sorted(words)) for name, words in placed.items()}


# What a query says, in the words of the databases.


class _Language(NamedTuple):
    """How a database writes what it looks for: the joints, and words that follow each other in a column."""

    both: str
    either: str
    without: str
    words: Callable[[Sequence[str], Sequence[str], bool], str]
    shortest: int = 1  # letters of a beginning that the index is asked for


def _fts5(columns: Sequence[str], words: Sequence[str], begun: bool) -> str:
    return f'{{{" ".join(columns)}}} : "{" ".join(words)}"{" *" if begun else ""}'


def _tsquery(columns: Sequence[str], words: Sequence[str], begun: bool) -> str:
    weights = "".join(_COLUMNS[column] for column in columns)
    ends = [""] * (len(words) - 1) + ["*" if begun else ""]
    parts = [f"'{word}':{end}{weights}" for word, end in zip(words, ends, strict=True)]
    return f"({' <-> '.join(parts)})"


_LANGUAGES = {
    "sqlite": _Language(" AND ", " OR ", " NOT ", _fts5),
    "postgresql": _Language(" & ", " | ", " & !", _tsquery),
}


def _leaf(node: Node, language: _Language) -> str | None:
    match node:
        case Prefix(_, text) if len(text) < language.shortest:
            return None
        case Term(field, text) | Prefix(field, text):
            words = [word[:LONGEST] for word in text.split(" ")]
            return language.words((field,) if field else _TEXT, words, isinstance(node, Prefix))
        case Value(field, value) if field in VALUES and _VALUE.fullmatch(f"{field}:{value}"):
            return language.words(("value",), (f"{field}:{value}",), False)
        case _:
            return None


def _leaves(node: Node) -> Iterator[Node]:
    match node:
        case And(parts) | Or(parts):
            yield from chain.from_iterable(map(_leaves, parts))
        case Not(of):
            yield from _leaves(of)
        case Near(first, second):
            yield from (first, second)
        case _:
            yield node


def _is_short(leaf: Node) -> bool:
    return isinstance(leaf, Prefix) and len(leaf.words) < BEGINNING


def _joined(parts: Sequence[str], joint: str) -> str:
    return parts[0] if len(parts) == 1 else f"({joint.join(parts)})"


def _may(node: Node, language: _Language) -> str | None:
    """A full-text expression that finds every match of the tree, and maybe more; None if there is none."""
    match node:
        case Near(first, second):
            return _may(And((first, second)), language)
        case Or(parts):
            every = [_may(part, language) for part in parts]
            alternatives = [part for part in every if part is not None]
            return _joined(alternatives, language.either) if len(alternatives) == len(every) else None
        case And(parts):
            required = [words for part in parts if (words := _may(part, language)) is not None]
            if not required:
                return None
            denied = (_surely(part.of, language) for part in parts if isinstance(part, Not))
            excluded = [words for words in denied if words is not None]
            text = _joined(required, language.both)
            return f"({text}{language.without}{_joined(excluded, language.either)})" if excluded else text
        case _:
            return _leaf(node, language)


def _surely(node: Node, language: _Language) -> str | None:
    """A full-text expression that finds only matches of the tree, and maybe not all; None if there is none."""
    match node:
        case And(parts):
            every = [_surely(part, language) for part in parts]
            usable = [part for part in every if part is not None]
            return _joined(usable, language.both) if len(usable) == len(every) else None
        case Or(parts):
            usable = [part for each in parts if (part := _surely(each, language)) is not None]
            return _joined(usable, language.either) if usable else None
        case Term(_, text) | Prefix(_, text) if max(map(len, text.split(" "))) >= LONGEST:
            return None
        case _:
            return _leaf(node, language)


def _bounds(root: Node) -> Iterable[sa.ColumnElement[bool]]:
    """What a query says of quality and heat, as far as nothing that it finds may lack it."""
    numbers = {"quality": _r.c.quality, "heat": sa.func.coalesce(_r.c.heat, _r.c.quality)}
    for part in root.of if isinstance(root, And) else (root,):
        if isinstance(part, Number):
            yield numbers[part.field].bool_op(part.sign)(part.bound)


def _found(dialect: str, text: str) -> sa.ColumnElement[bool]:
    """Rows of the index that match a full-text expression."""
    if dialect == "sqlite":
        return _whole.bool_op("MATCH")(text)
    from sqlalchemy.dialects.postgresql import TSQUERY

    return _s.c.words.bool_op("@@")(sa.cast(sa.literal(text, sa.Text), TSQUERY))


def _rank(dialect: str, text: str) -> sa.ColumnElement[float]:
    """How well a row fits, as the database measures it: the less, the better."""
    if dialect == "sqlite":
        return sa.func.bm25(_whole, *_WEIGHTS.values(), type_=sa.Float)
    from sqlalchemy.dialects.postgresql import ARRAY, REAL, TSQUERY

    most = max(_WEIGHTS.values())
    weights = sa.cast([_WEIGHTS[column] / most for column in reversed(_COLUMNS)], ARRAY(REAL))  # D first
    query = sa.cast(sa.literal(text, sa.Text), TSQUERY)
    return -sa.func.ts_rank(weights, _s.c.words, query, type_=sa.Float)


# Asking.


async def _plan_for_these_words(connection: AsyncConnection) -> None:
    """Until the transaction ends: a plan that PostgreSQL made for any words is slow for rare ones."""
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


async def candidates(
    connection: AsyncConnection, query: Query, guild_id: int | None, order: Order, limit: int
) -> list[int]:
    """The ids of records that may match, as a server sees them (None: all): those `limit` that came in last.

    In the order in which to look at them: the newest, or those first that fit best.
    """
    dialect = connection.dialect.name
    language = _LANGUAGES[dialect]
    if sum(map(_is_short, _leaves(query.root))) > FEW:
        # Most records have one of many short beginnings: to look at the newest is as good, and much faster.
        language = language._replace(shortest=BEGINNING)
    text = _may(query.root, language)
    statement = sa.select(_r.c.id, _r.c.first_seen, sa.literal(0.0).label("rank"))
    last: sa.ColumnElement[int] = _r.c.id
    if text is not None:
        rank = _rank(dialect, text) if order is Order.BEST else sa.literal(0.0)
        last = _s.c.rowid
        statement = (
            sa.select(_r.c.id, _r.c.first_seen, rank.label("rank"))
            .join_from(_s, _r, _r.c.id == _s.c.rowid)
            .where(_found(dialect, text))
        )
    await _plan_for_these_words(connection)
    statement = (
        statement.where(is_full_record(guild_id), *_bounds(query.root)).order_by(last.desc()).limit(limit)
    )
    rows = list(await connection.execute(statement))
    rows.sort(key=lambda row: (-row.rank, row.first_seen, row.id), reverse=True)
    return [row.id for row in rows]


async def by_title(
    connection: AsyncConnection, words: Sequence[str], guild_id: int | None, limit: int
) -> list[tuple[int, str]]:
    """Number and lead's title of stories with a report whose title has all of these words, the newest reports first.

    `words` are as `bot.domain.text.words.plain_words` cuts them. The last may be only begun, where it has four letters.
    """
    usable = [word[:LONGEST] for word in words if _WORD.fullmatch(word)][:MOST_WORDS]
    if not usable:
        return []
    dialect = connection.dialect.name
    language = _LANGUAGES[dialect]
    parts = [
        language.words(("title",), (word,), at == len(usable) and len(word) >= BEGINNING)
        for at, word in enumerate(usable, 1)
    ]
    await _plan_for_these_words(connection)
    hits = (  # apart from the stories, which have a column of the table's name
        sa.select(_s.c.rowid.label("id"), _r.c.story.label("story"))
        .join_from(_s, _r, _r.c.id == _s.c.rowid)
        .where(_found(dialect, _joined(parts, language.both)), is_full_record(guild_id))
        .order_by(_s.c.rowid.desc())
        .limit(limit * REPORTS)
        .subquery()
    )
    lead, story = _r.alias("lead"), schema.stories
    rows = await connection.execute(
        sa.select(story.c.number, lead.c.title)
        .join_from(hits, story, story.c.number == hits.c.story)
        .join(lead, lead.c.id == story.c.lead_id)
        .where(story.c.merged_into.is_(None), ~story.c.removed, visible_to(lead.c.guild_id, guild_id))
        .order_by(hits.c.id.desc())
    )
    return list(dict(rows.all()).items())[:limit]


async def similar(
    connection: AsyncConnection,
    words: Iterable[str],
    *,
    guild_id: int | None,
    limit: int,
    exclude: Collection[int] = (),
) -> list[tuple[int, float]]:
    """Number and score of the stories with a report that has most of these words in title and excerpt, best first.

    `words` are as `bot.domain.topics.query.document.words` cuts them; the first `MOST_WORDS` count, each the more the fewer
    records have it. The score, from 0 to 1, is the part of their weight that the story's best report has: 1 where it has
    all of them. Words that `COMMON` records have count for nothing. `exclude` are stories that are not wanted.
    """
    dialect = connection.dialect.name
    language = _LANGUAGES[dialect]
    texts = [language.words(_TEXT, (word[:LONGEST],), False) for word in _distinct(words)]
    await _plan_for_these_words(connection)
    counts = await _counts(connection, texts)
    # Whole numbers: sums of them are the same in whatever order.
    weights = {text: round(1000 * log(1 + COMMON / n)) for text, n in counts.items() if n < COMMON}
    if not weights:
        return []
    hits = sa.union_all(
        *(
            sa.select(_s.c.rowid.label("id"), sa.literal(weight).label("weight")).where(_found(dialect, text))
            for text, weight in weights.items()
        )
    ).subquery()
    by_record = (
        sa.select(_r.c.story, sa.func.sum(hits.c.weight).label("weight"))
        .join_from(hits, _r, _r.c.id == hits.c.id)
        .where(is_full_record(guild_id), _r.c.story.is_not(None), _r.c.story.not_in(list(exclude)))
        .group_by(_r.c.id, _r.c.story)
        .subquery()
    )
    best = sa.func.max(by_record.c.weight)
    rows = await connection.execute(
        sa.select(by_record.c.story, best)
        .group_by(by_record.c.story)
        .order_by(best.desc(), by_record.c.story.desc())
        .limit(limit)
    )
    whole = sum(weights.values())
    return [(number, int(weight) / whole) for number, weight in rows]


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word for word in words if _WORD.fullmatch(word)))[:MOST_WORDS]


async def _counts(connection: AsyncConnection, texts: Sequence[str]) -> dict[str, int]:
    """How many records match each expression, counted up to `COMMON`. Expressions without a match are left out."""
    if not texts:
        return {}
    dialect = connection.dialect.name
    some = [sa.select(_s.c.rowid).where(_found(dialect, text)).limit(COMMON).subquery() for text in texts]
    counted = (
        sa.select(sa.literal(position), sa.func.count()).select_from(rows)
        for position, rows in enumerate(some)
    )
    rows_found = await connection.execute(sa.union_all(*counted))
    return {texts[position]: number for position, number in rows_found if number}
