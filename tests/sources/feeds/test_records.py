"""Who publishes an entry, and by what it is known again."""

from __future__ import annotations

import pytest

from bot.domain.model import Outlet, Record
from bot.sources.feeds.parse import FeedSpec
from tests.sources.feeds.writing import HEAD, URL, atom, item, only, records, rss

LONG = "<description>One two three four five six seven eight nine ten</description>"


def known_by(record: Record) -> set[str]:
    """All strings of which one is enough to know a record again."""
    return {record.key, *record.twins}


def same(first: str, second: str) -> bool:
    """Whether the only entries of two versions of a feed are the same record."""
    return bool(known_by(only(rss(first))) & known_by(only(rss(second))))


BEFORE = f"<title>Ferry stopped</title><link>https://a.example/1</link><guid>g1</guid>{LONG}"


@pytest.mark.parametrize(
    "after",
    [
        BEFORE.replace("<guid>g1", "<pubDate>Mon, 02 Mar 2026 12:00:00 GMT</pubDate><guid>g1"),
        BEFORE.replace("g1", "g2"),
        BEFORE.replace("example/1", "example/1?utm_source=x"),
        BEFORE.replace("example/1", "example/moved"),
        BEFORE.replace("example/1", "example/moved").replace("g1", "g2"),
        BEFORE.replace(LONG, "").replace("example/1", "example/moved"),
        BEFORE.replace("Ferry", "Every ferry"),
        BEFORE.replace("a.example", "b.example"),
        BEFORE.replace("a.example", "b.example").replace(LONG, ""),
        BEFORE.replace("a.example", "b.example").replace("g1", "g2"),
    ],
    ids=[
        "dated",
        "guid",
        "tracking",
        "moved",
        "moved, other guid, same text",
        "moved, other text",
        "title",
        "another domain",
        "another domain, other text",
        "another domain, other guid",
    ],
)
def test_an_entry_is_known_again(after: str) -> None:
    assert same(BEFORE, after)


@pytest.mark.parametrize(
    "after",
    [
        "<title>Something else</title><link>https://a.example/2</link><guid>g1</guid>",
        "<title>Ferry stopped</title><link>https://a.example/2</link><guid>g2</guid>",
        "<title>Ferry stopped</title><link>https://b.example/1</link><guid>g2</guid>",
        BEFORE.replace("example/1", "example/2").replace("g1", "g2")
        + "<pubDate>Mon, 09 Mar 2026 12:00:00 GMT</pubDate>",
    ],
    ids=["guid used again", "title used again", "another outlet", "a column of every week"],
)
def test_another_entry_is_not_taken_for_it(after: str) -> None:
    assert not same(BEFORE, after)


def test_entries_that_share_a_page_are_told_apart() -> None:
    one, two = records(
        rss(
            "<title>Version 1</title><link>https://a.example/changes</link><guid>v1</guid>",
            "<title>Version 2</title><link>https://a.example/changes</link><guid>v2</guid>",
        )
    )
    assert one.key != two.key
    assert one.key.startswith("https://a.example/changes#")
    assert not known_by(one) & known_by(two)
    assert known_by(one) & known_by(
        only(rss("<title>Version 1</title><link>https://a.example/changes</link><guid>v1</guid>"))
    )


def test_a_guid_used_for_all_tells_nothing() -> None:
    one, two = records(rss(item(1, "<guid>same</guid>"), item(2, "<guid>same</guid>")))
    assert not any(twin.startswith("guid:") for twin in (*one.twins, *two.twins))


def test_a_text_of_two_entries_tells_nothing() -> None:
    same_text = f"<title>Weekly thread</title>{LONG}"
    one, two = records(
        rss(f"{same_text}<link>https://a.example/1</link>", f"{same_text}<link>https://a.example/2</link>")
    )
    assert not known_by(one) & known_by(two)


def test_other_addresses_of_a_page_are_twins_within_the_feed() -> None:
    record = only(
        rss(
            "<title>T</title><link>https://feedproxy.google.com/~r/a/1</link>"
            "<feedburner:origLink>https://a.example/1</feedburner:origLink><guid>https://a.example/?p=1</guid>"
        )
    )
    assert record.url == "https://a.example/1"
    assert set(record.twins[:2]) == {"feed:https://feedproxy.google.com/~r/a/1", "feed:https://a.example?p=1"}
    entry = only(
        atom(
            "<title>T</title><link href='https://a.example/1'/><link rel='alternate' href='https://b.example/x'/>"
        )
    )
    assert "feed:https://b.example/x" in entry.twins


def test_a_feed_speaks_for_other_pages_of_the_domain_that_it_comes_from_alone() -> None:
    """Else it could declare that its item is the page of somebody else, who would then be taken for it."""
    entry = (
        "<title>Ferry stopped</title><link>{}</link><guid>{}</guid>"
        f"<pubDate>Mon, 02 Mar 2026 12:00:00 GMT</pubDate>{LONG}"
    )
    own = only(rss(entry.format("https://example.com/1", "https://www.example.com/?p=1")))
    assert {"https://example.com?p=1", "own:https://example.com/1"} <= set(own.twins)
    assert any(twin.startswith("text:example.com:") for twin in own.twins)
    for link, guid in [
        ("https://bay.example/1", "https://bay.example/2"),
        ("https://example.com/1", "https://bay.example/2"),
    ]:
        for head in (HEAD, "<title>Bay</title><link>https://bay.example/</link>"):
            strange = only(rss(entry.format(link, guid), head=head))
            assert not any("bay.example" in twin and not twin.startswith("feed:") for twin in strange.twins)


def test_a_service_that_publishes_feeds_of_others_speaks_for_no_page() -> None:
    page = "<title>T</title><link>https://feeds.feedburner.com/~r/tide/1</link><guid>1</guid>"
    record = only(rss(page), FeedSpec("https://feeds.feedburner.com/tide"))
    assert all(twin.startswith("feed:") for twin in record.twins)


@pytest.mark.parametrize(
    ("link", "head"),
    [
        ("https://news.example.com/", HEAD),
        ("https://other.example/", HEAD),
        ("https://example.com/status", HEAD.replace("news.example.com/", "example.com/status/")),
    ],
)
def test_a_page_that_is_a_whole_site_is_no_items_own(link: str, head: str) -> None:
    one, two = (f"<title>{title}</title><link>{link}</link>" for title in ("Ferry stopped", "Baker opens"))
    assert not known_by(only(rss(one, head=head))) & known_by(only(rss(two, head=head)))


def test_a_session_in_the_addresses_tells_no_items_apart() -> None:
    def feed(session: str, *numbers: int) -> list[Record]:
        pages = (
            f"<title>Ferry {number}</title><link>https://a.example/?topic={number}&amp;reader={session}</link>"
            for number in numbers
        )
        return records(rss(*pages))

    first, second = feed("0a1b2c3d4e5f60718293", 1, 2), feed("ffeeddccbbaa99887766", 1, 2)
    assert [[bool(known_by(one) & known_by(two)) for two in second] for one in first] == [
        [True, False],
        [False, True],
    ]
    # What all have in common may as well choose what they are about: alone, or with another title, it tells nothing.
    assert not known_by(feed("0a1b2c3d4e5f60718293", 1)[0]) & known_by(feed("ffeeddccbbaa99887766", 1)[0])


def test_an_address_that_is_another_entrys_page_is_no_twin() -> None:
    one, two = records(rss(item(1, "<guid>https://news.example.com/2</guid>"), item(2)))
    assert two.key == "https://news.example.com/2"
    assert two.key not in one.twins


def test_a_home_page_is_no_twin() -> None:
    assert "https://a.example" not in only(rss(item(1, "<guid>https://a.example/</guid>"))).twins


# ------------------------------------------------------------------------------------------ outlets


def test_the_users_name_for_a_feed_goes_first() -> None:
    assert only(rss(item()), FeedSpec(URL, name="Ours")).outlet == Outlet("Ours", "example.com")


def test_a_link_elsewhere_is_of_another_outlet() -> None:
    record = only(
        rss("<title>T</title><link>https://blog.other.example/1</link>"), FeedSpec(URL, name="Links")
    )
    assert record.outlet == Outlet("other.example", "other.example")


def test_a_page_under_another_suffix_of_the_feeds_name_is_its_own() -> None:
    record = only(rss("<title>T</title><link>https://www.example.co.uk/1</link>"))
    assert record.outlet == Outlet("The News", "example.co.uk")


def test_a_feed_on_a_hosting_service_belongs_to_its_site() -> None:
    origin = FeedSpec("https://feeds.feedburner.com/thenews")
    assert only(rss(item()), origin).outlet == Outlet("The News", "example.com")
    through = rss("<title>T</title><link>https://feedproxy.google.com/~r/thenews/1</link>")
    assert only(through, origin).outlet == Outlet("The News", "example.com")
    assert only(rss(item(), head="<title>No site</title>"), origin).outlet == Outlet("No site", "example.com")


def test_an_aggregator_names_the_publisher() -> None:
    record = only(
        rss(
            "<title>Ferry stopped - Daily Tide</title><link>https://news.example.com/read/1</link>"
            "<source url='https://www.tide.example'>Daily Tide</source>"
        )
    )
    assert record.outlet == Outlet("Daily Tide", "tide.example")
    assert record.title == "Ferry stopped"


def test_a_source_that_is_the_feed_itself_changes_nothing() -> None:
    record = only(rss(item(1, f"<source url='{URL}'>Section</source>")))
    assert record.outlet == Outlet("The News", "example.com")


def test_a_source_names_the_outlet_of_a_page_elsewhere() -> None:
    entry = (
        "<title>T</title><link href='https://www.ada.example/1'/>"
        "<source><title>Ada's blog</title><link rel='self' href='https://www.ada.example/feed'/></source>"
    )
    assert only(atom(entry)).outlet == Outlet("Ada's blog", "ada.example")


# ------------------------------------------------------------------------------------ links, quickly


@pytest.mark.parametrize(
    ("extra", "url"),
    [
        ("<link>/a/b</link>", "https://news.example.com/a/b"),
        ("<link>b?x=1</link>", "https://news.example.com/b?x=1"),
        ("<link>//b.example/c</link>", "https://b.example/c"),
        ("<link xml:base='https://base.example/x/'>b</link>", "https://base.example/x/b"),
        ("<link xml:base='javascript:x'>/b</link>", "https://news.example.com/b"),
        ("<guid>https://a.example/perma</guid>", "https://a.example/perma"),
        ("<atom:link rel='alternate' href='/atom'/>", "https://news.example.com/atom"),
        ("<link>  https://a.example/1\n</link>", "https://a.example/1"),
    ],
)
def test_links_are_absolute(extra: str, url: str) -> None:
    assert only(rss(f"<title>T</title>{extra}")).url == url


def test_nested_bases_add_up() -> None:
    feed = atom("<title>T</title><link href='c'/>").replace(
        "<feed ", "<feed xml:base='https://a.example/x/' "
    )
    assert only(feed.replace("<entry>", "<entry xml:base='y/'>")).url == "https://a.example/x/y/c"


def test_a_guid_that_is_no_permalink_is_no_link() -> None:
    record = only(rss("<title>T</title><guid isPermaLink='false'>https://a.example/1</guid>", head=HEAD))
    assert record.url == "https://news.example.com/"
