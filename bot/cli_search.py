"""What `topicwire search` does."""

from __future__ import annotations

from bot import clock
from bot.cli import note, out, out_json, stamp, with_db
from bot.domain.hits import Hit
from bot.domain.order import Order
from bot.store.database import Database
from bot.usecases.context import Context
from bot.usecases.search import Found, find


def search(query: str, order: Order, limit: int, db_url: str, as_json: bool) -> None:
    """`topicwire search`."""

    async def work(db: Database) -> Found:
        return await find(Context(db, clock.now), query, order=order, limit=limit)

    found = with_db(db_url, work)
    for hit in found.hits:
        _print(hit, as_json)
    if found.note:
        note(found.note)


def _print(hit: Hit, as_json: bool) -> None:
    record = hit.stored.record
    if not as_json:
        out(f"#{hit.view.number:<6}{hit.stored.published:%Y-%m-%d}  {record.title}")
        out(f"{'':19}{record.outlet.name} · {record.url}")
        return
    words = [hit.document.texts[mark.text][mark.start : mark.end] for mark in hit.words]
    out_json(
        {
            "story": hit.view.number,
            "title": record.title,
            "url": record.url,
            "outlet": record.outlet.name,
            "published": stamp(hit.stored.published),
            "outlets": hit.view.outlets,
            "words": list(dict.fromkeys(words)),
        }
    )
