"""/source: from a feed on a web site to a post in a channel, and everything that managers are told on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from simcord.builders import ChannelHandle

from bot.chat.client import PERMISSIONS
from bot.domain.polling import Bounds, Feed, Polls
from bot.sources.web.fetch import Web
from bot.usecases import sources as use
from tests.chat.world import METRO, ROCKET, World, seen
from tests.feeds import Entry, Page, Site, reader, rss
from tests.sources.web.servers import Names
from tests.store.taking import headlines

OLD, ONE, TWO, THREE = headlines(4)
HTML = {"Content-Type": "text/html; charset=utf-8"}
HOSTILE = "**[Bold](https://evil.example)** @everyone <@1> <#2> `x` ||y|| https://evil.example :smile: # "


@dataclass
class Press:
    """A server with the bot in it, and the site whose feeds it may follow."""

    world: World
    site: Site

    def publish(self, *entries: Entry | str, path: str = "/feed", title: str = "The Paper") -> None:
        """Have a feed consist of these."""
        self.site.pages[path] = Page(rss(*entries, title=title))

    async def add(self, path: str = "/feed", topic: str | None = None, **options: Any) -> str:
        """/source add, and the first poll, which is silent; what the manager is told."""
        named = {"topic": topic} if topic else {}
        answer = seen(await self.world.ask("source add", url=self.site.url(path), **named, **options))
        await self.poll(minutes=0)
        return answer

    async def poll(self, **later: float) -> None:
        """Some time later, poll what is due and send what comes of it."""
        self.world.clock.forward(**(later or {"days": 1}))
        assert self.world.app.poll is not None
        await self.world.app.poll.drain()
        await self.world.deliver()

    def titles(self, channel: ChannelHandle | None = None) -> list[str | None]:
        """The titles of what stands in a channel."""
        return [post.embeds[0].title for post in self.world.posts(channel)]

    async def own(self) -> list[Feed]:
        """The server's own feeds."""
        return list((await use.listing(self.world.app.context, self.world.guild.id)).own)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """Every name leads to the loopback, but for one that leads nowhere good."""
    made = reader(names=Names({"cloud.example": [["169.254.169.254"]]}))
    yield made
    await made.close()


@pytest.fixture
def polls() -> Polls:
    return Polls(Bounds(), per_server=2)


@pytest.fixture
async def press(world: World) -> AsyncIterator[Press]:
    """The feed /feed has one old item."""
    async with Site().serving() as site:
        made = Press(world, site)
        made.publish(OLD)
        yield made


# From the feed to the channel.


async def test_a_feed_that_is_added_ends_as_posts_in_the_channels_that_follow_its_topic(press: Press) -> None:
    world = press.world
    await world.ask("subscribe", topic="Space")
    other = world.guild.create_text_channel("other")
    await world.ask("subscribe", topic="Computer Vision", channel=other)
    answer = await press.add(topic="Space")
    assert "The Paper" in answer
    assert "1 item now" in answer
    assert "Everything in it is about **Space**." in answer
    assert "this server alone" in answer
    assert press.titles() == [], "what was there when it was added is no news"
    press.publish(Entry(ONE, 24), OLD)
    await press.poll()
    assert press.titles() == [ONE]
    assert press.titles(other) == []
    await press.poll()
    press.publish(Entry(ONE, 24, text="A word more."), OLD)
    await press.poll()
    assert press.titles() == [ONE], "once"


async def test_without_a_topic_keywords_decide(press: Press) -> None:
    await press.world.ask("subscribe", topic="Space")
    assert "keywords of the topics decide" in await press.add()
    press.publish(Entry(ROCKET[0], 24), Entry(METRO[0], 24))
    await press.poll()
    assert press.titles() == [ROCKET[0]]


async def test_one_that_the_operator_added_is_for_every_server(press: Press) -> None:
    """What `topicwire source add` does, while the bot runs."""
    world = press.world
    await world.ask("subscribe", topic="AI")
    there = await elsewhere(world, "AI")
    await use.add(world.app.context, press.site.url(), "AI")
    await press.poll(minutes=0)
    press.publish(Entry(ONE, 24), OLD)
    await press.poll()
    await press.poll()
    assert press.titles() == press.titles(there) == [ONE]


async def test_a_servers_own_feed_posts_in_that_server_alone(press: Press) -> None:
    world = press.world
    await world.ask("subscribe", topic="AI")
    there = await elsewhere(world, "AI")
    await press.add(topic="AI")
    press.publish(Entry(ONE, 24))
    await press.poll()
    assert press.titles() == [ONE]
    assert press.titles(there) == []


async def test_two_servers_may_have_the_same_feed_each_with_a_topic_of_its_own(press: Press) -> None:
    world = press.world
    await world.ask("subscribe", topic="AI")
    there = await elsewhere(world, "Space")
    await press.add(topic="AI")
    await use.add(world.app.context, press.site.url(), "Space", guild_id=there.guild.id)
    await press.poll(minutes=0)
    press.publish(Entry(ONE, 24))
    await press.poll()
    await press.poll()
    assert press.titles() == press.titles(there) == [ONE]


async def elsewhere(world: World, topic: str) -> ChannelHandle:
    """A channel of another server that follows a topic."""
    guild = world.env.create_guild("Elsewhere")
    role = next(role for role in world.env.backend.get_guild(guild.id).roles.values() if role.managed)
    world.env.backend.edit_role(guild.id, role.id, {"permissions": PERMISSIONS.value})
    rights = discord.Permissions(manage_channels=True, manage_guild=True)
    roles = [guild.create_role("managers", permissions=rights)]
    manager = guild.add_member(world.env.create_user("otto"), roles=roles)
    channel = guild.create_text_channel("wire")
    await world.ask("subscribe", topic=topic, by=manager, at=channel)
    return channel


# Adding.


async def test_a_web_pages_address_finds_its_feed(press: Press) -> None:
    await press.world.ask("subscribe", topic="AI")
    link = '<link rel="alternate" type="application/rss+xml" title="All" href="/feed">'
    press.site.pages["/"] = Page(f"<html><head>{link}</head></html>".encode(), headers=HTML)
    answer = await press.add("/", topic="AI")
    assert press.site.url("/feed") in answer
    press.publish(Entry(ONE, 24))
    await press.poll()
    assert press.titles() == [ONE]
    assert press.site.paths.count("/") == 1


@pytest.mark.parametrize("form", ["{}", "<{}>", " {} ", "feed:{}"])
async def test_an_address_may_be_given_as_people_paste_it(press: Press, form: str) -> None:
    answer = await press.world.ask("source add", url=form.format(press.site.url()))
    assert answer.embeds[0].title == "Source added"
    assert [feed.url for feed in await press.own()] == [press.site.url()]


async def test_a_feed_that_is_added_again_is_changed(press: Press) -> None:
    await press.world.ask("subscribe", topic="AI")
    await press.add()
    answer = await press.world.ask("source add", url=press.site.url(), topic="CV")
    assert answer.embeds[0].title == "Source changed"
    assert "Everything in it is about **Computer Vision**." in seen(answer)
    assert [feed.topics for feed in await press.own()] == [("Computer Vision",)]
    await press.poll()
    press.publish(Entry(ONE, 72))
    await press.poll(days=2)
    assert press.titles() == [ONE]


async def test_a_server_has_no_more_feeds_than_it_may(press: Press) -> None:
    for path in ("/a", "/b", "/c"):
        press.publish(OLD, path=path, title=path)
    await press.add("/a")
    await press.add("/b")
    asked = len(press.site.asked)
    text = await press.world.refused("source add", url=press.site.url("/c"))
    assert "This server has 2 feeds of its own, the most there can be." in text
    assert "/source remove" in text
    assert len(press.site.asked) == asked
    assert "Source changed" in await press.add("/b", topic="AI")
    await press.world.ask("source remove", source="/a")
    assert "Source added" in await press.add("/c")


async def test_an_unknown_topic_gets_the_nearest_names(press: Press) -> None:
    for command in ("source add", "source test"):
        text = await press.world.refused(command, url=press.site.url(), topic="Compter Vison")
        assert "There is no topic “Compter Vison”. Did you mean: Computer Vision?" in text
    assert await press.own() == []
    assert press.site.asked == []


@pytest.mark.parametrize("command", ["source add", "source test"])
@pytest.mark.parametrize(
    ("path", "page", "told"),
    [
        ("/none", Page(b"<html><body>Hello</body></html>", headers=HTML), "no feed was found there. Give the address of the feed."),
        ("/gone", Page(status=410), "it was taken down for good (410)"),
        ("/missing", Page(status=404), "there is nothing at this address (404)"),
        ("/secret", Page(status=401), "it wants a password (401)"),
        ("/broken", Page(status=503), "the server has trouble (503)"),
        ("/circle", Page(status=302, headers={"Location": "/circle"}), "redirects in a circle"),
        ("/binary", Page(b"\x00\x01\x02\xff" * 100, headers={"Content-Type": "image/png"}), "no feed was found there"),
        ("/empty", Page(b""), "no feed was found there"),
    ],
)  # fmt: skip
async def test_what_is_no_feed_is_refused_with_the_reason(
    press: Press, command: str, path: str, page: Page, told: str
) -> None:
    press.site.pages = {path: page}
    text = await press.world.refused(command, url=press.site.url(path))
    assert told in text
    assert press.site.url(path) in text
    assert await press.own() == []


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "no address of a feed"),
        ("not an address", "no address of a feed"),
        ("javascript:alert(1)", "no address of a feed"),
        ("ftp://paper.example/feed", "no address of a feed"),
        ("https://", "no address of a feed"),
        ("http://169.254.169.254/latest", "a cloud's own data"),
        ("http://cloud.example/latest", "a cloud's own data"),
        ("https://user:password@paper.example/feed", "a user name or password"),
        ("http://paper.example:22/feed", "port 22 is not one for web pages"),
        (f"https://paper.example/{'x' * 500}", "longer than 500 characters"),
        (f"https://paper.example/{'x' * 5000}", "no address of a feed"),
    ],
)
async def test_an_address_that_may_not_be_fetched_is_refused_with_the_reason(
    press: Press, address: str, told: str
) -> None:
    text = await press.world.refused("source add", url=address)
    assert told in text
    assert await press.own() == []


async def test_feeds_are_found_in_another_case_and_spelling_of_the_scheme(press: Press) -> None:
    host = f"PAPER.example:{press.site.port}"
    answer = await press.world.ask("source add", url=f"HTTP://{host}/feed")
    assert answer.embeds[0].title == "Source added"
