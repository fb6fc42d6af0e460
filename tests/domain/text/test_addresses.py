"""Of an address that may hold a secret, others read the host."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.polling import Feed, FeedOrigin, Polling
from bot.domain.text.addresses import host_of, hosts_only
from bot.services.status import shown_error, shown_name
from bot.store.feeds import SettledPoll
from bot.workers.notices import failure

CANARY = "s3cr3t"
ADDRESSES = (
    f"https://ann:{CANARY}@feeds.example/news",
    f"https://{CANARY}@feeds.example:8443/news",
    f"https://ann:a@{CANARY}@feeds.example/news",
    f"https://feeds.example/news?token={CANARY}",
    f"https://feeds.example?{CANARY}",
    f"https://feeds.example/{CANARY}/rss.xml#{CANARY}",
    f"https://feeds.example/it's{CANARY}/a\"b{CANARY}",
    f"HTTPS://feeds.example/x:{CANARY}",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_secret_in_a_feeds_address_is_read_by_nobody_else(address: str) -> None:
    feed = Feed(
        1, 7, address, address, "", "", (), None, FeedOrigin.SERVER, None, Polling(timedelta(hours=1), None),
        intake_done=True, last_success=None, last_error="", taken=0, rejected=0,
    )  # fmt: skip
    error = f"cannot reach {address} (moved to '{address}')"
    notice = repr(failure(feed, SettledPoll(1, feed.polling, error)))
    shown = (feed.shown, hosts_only(error), shown_error(error), shown_name(f"feed:7:{address}"), notice)
    for text in shown:
        assert CANARY not in text
        assert "feeds.example" in text


def test_what_is_no_address_stays() -> None:
    assert hosts_only("notes/2026: item 3: no title") == "notes/2026: item 3: no title"
    assert host_of("https://[broken") == ""
