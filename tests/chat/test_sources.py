"""/source: from a feed on a web site to a post in a channel, and everything that managers are told on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import discord
import pytest
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle, GuildHandle
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat.application import PERMISSIONS
from bot.domain.model import Volume
from bot.domain.polling import Bounds, Feed, Polls
from bot.services import sources
from bot.sources.web.fetch import Web
from bot.store import feeds
from tests.chat.followers import follow
from tests.chat.panel_user import PanelUser
from tests.chat.world import METRO, ROCKET, Seen, World, body, mentions_in, seen
from tests.discord_markdown import kinds, parse
from tests.feeds import QUICK, Entry, Page, Site, rss
from tests.form import sized
from tests.shown import plain, shown
from tests.sources.web.servers import LOOPBACK, Names
from tests.store.store_helpers import headlines

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

    async def add(self, path: str = "/feed", topic: str | None = None) -> str:
        """/source add, and the first poll, which is silent; what the manager is told."""
        named: dict[str, Any] = {"topic": topic} if topic else {}
        answer = seen(await self.world.ask("source add", url=self.site.url(path), **named))
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
        return [shown(post).title for post in self.world.posts(channel)]

    async def own(self) -> list[Feed]:
        """The server's own feeds."""
        return list((await sources.listing(self.world.app.context, self.world.guild.id)).server_feeds)


@pytest.fixture
def private_networks() -> bool:
    """Whether feeds may be where this test's site is."""
    return True


@pytest.fixture
async def web(private_networks: bool) -> AsyncIterator[Web]:
    """Every name leads to the loopback, but for one that leads nowhere good."""
    made = Web(
        user_agent="Topicwire/test",
        private_networks=private_networks,
        limits=QUICK,
        resolver=Names({"cloud.example": [["169.254.169.254"]]}),
        # The simulated Discord has a clock of its own for what the bot does: two do not go together.
        monotonic=lambda: 0.0,
    )
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
    await follow(world, "Space", volume=Volume.EVERYTHING)
    other = world.guild.create_text_channel("other")
    await follow(world, "Computer Vision", other, volume=Volume.EVERYTHING)
    answer = await press.add(topic="Space")
    assert "The Paper" in answer
    assert "1 article" in answer
    assert "All its articles belong to **Space**." in answer
    assert "in this server only" in answer
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
    await follow(press.world, "Space", volume=Volume.EVERYTHING)
    assert "Keywords decide" in await press.add()
    press.publish(Entry(ROCKET[0], 24), Entry(METRO[0], 24))
    await press.poll()
    assert press.titles() == [ROCKET[0]]


async def test_one_that_the_operator_added_is_for_every_server(press: Press) -> None:
    """What `topicwire source add` does, while the bot runs."""
    world = press.world
    await follow(world, "AI", volume=Volume.EVERYTHING)
    there = await elsewhere(world, "AI")
    await sources.add(world.app.context, press.site.url(), "AI")
    await press.poll(minutes=0)
    press.publish(Entry(ONE, 24), OLD)
    await press.poll()
    await press.poll()
    assert press.titles() == press.titles(there.channel) == [ONE]


async def test_a_servers_own_feed_posts_in_that_server_alone(press: Press) -> None:
    world = press.world
    await follow(world, "AI", volume=Volume.EVERYTHING)
    there = await elsewhere(world, "AI")
    await press.add(topic="AI")
    press.publish(Entry(ONE, 24))
    await press.poll()
    assert press.titles() == [ONE]
    assert press.titles(there.channel) == []


async def test_two_servers_may_have_the_same_feed_each_with_a_topic_of_its_own(press: Press) -> None:
    world = press.world
    await follow(world, "AI", volume=Volume.EVERYTHING)
    there = await elsewhere(world, "Space")
    await press.add(topic="AI")
    await sources.add(world.app.context, press.site.url(), "Space", guild_id=there.guild.id)
    await press.poll(minutes=0)
    press.publish(Entry(ONE, 24))
    await press.poll()
    await press.poll()
    assert press.titles() == press.titles(there.channel) == [ONE]


@dataclass
class Elsewhere:
    """Another server, and who manages it."""

    guild: GuildHandle
    channel: ChannelHandle
    manager: MemberActor


async def elsewhere(world: World, topic: str) -> Elsewhere:
    """Another server with a channel that follows a topic."""
    guild = world.env.create_guild("Elsewhere")
    role = next(role for role in world.env.backend.get_guild(guild.id).roles.values() if role.managed)
    world.env.backend.edit_role(guild.id, role.id, {"permissions": PERMISSIONS.value})
    rights = discord.Permissions(manage_channels=True, manage_guild=True)
    roles = [guild.create_role("managers", permissions=rights)]
    manager = guild.add_member(world.env.create_user("otto"), roles=roles)
    channel = guild.create_text_channel("wire")
    await world.ask("subscribe", topic=topic, volume="everything", by=manager, at=channel)
    return Elsewhere(guild, channel, manager)


# Adding.


async def test_a_web_pages_address_finds_its_feed(press: Press) -> None:
    await follow(press.world, "AI", volume=Volume.EVERYTHING)
    link = '<link rel="alternate" type="application/rss+xml" title="All" href="/feed">'
    press.site.pages["/"] = Page(f"<html><head>{link}</head></html>".encode(), headers=HTML)
    answer = await press.add("/", topic="AI")
    assert press.site.url("/feed") in answer
    press.publish(Entry(ONE, 24))
    await press.poll()
    assert press.titles() == [ONE]
    assert press.site.paths.count("/") == 1


async def test_an_address_may_be_given_as_people_paste_it(press: Press) -> None:
    address = press.site.url()
    shouted = address.replace("http://paper", "HTTP://PAPER")
    for form in (address, f"<{address}>", f" {address} ", f"feed:{address}", shouted):
        answer = await press.world.ask("source add", url=form)
        assert shown(answer).title == "Feed added", form
        (feed,) = await press.own()
        assert (feed.url.casefold() if form is shouted else feed.url) == address, form
        await press.world.ask("source remove", source=press.site.url())


async def test_a_feed_that_is_added_again_is_changed(press: Press) -> None:
    await follow(press.world, "AI", volume=Volume.EVERYTHING)
    await press.add()
    answer = await press.world.ask("source add", url=press.site.url(), topic="CV")
    assert shown(answer).title == "Feed changed"
    assert "All its articles belong to **Computer Vision**." in seen(answer)
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
    assert "This server has reached the limit of 2 feeds." in text
    assert "/source remove" in text
    assert len(press.site.asked) == asked
    assert "Feed changed" in await press.add("/b", topic="AI")
    await press.world.ask("source remove", source="/a")
    assert "Feed added" in await press.add("/c")


async def test_a_feed_is_looked_for_among_the_others_once(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time reads all feeds of the server; for the operator these are shared."""
    asked: list[str] = []
    find = feeds.find

    async def counted(connection: AsyncConnection, address: str, guild_id: int) -> Feed | None:
        asked.append(address)
        return await find(connection, address, guild_id)

    monkeypatch.setattr(feeds, "find", counted)
    for title in ("Feed added", "Feed changed"):
        assert title in await press.add()
        assert asked == [press.site.url()]
        asked.clear()


async def test_an_unknown_topic_gets_the_nearest_names(press: Press) -> None:
    for command in ("source add", "source test"):
        text = await press.world.refused(command, url=press.site.url(), topic="Compter Vison")
        assert "There is no topic “Compter Vison”. Did you mean: Computer Vision?" in text
    assert await press.own() == []
    assert press.site.asked == []


async def test_what_is_no_feed_is_refused_with_the_reason(press: Press) -> None:
    for path, page, told in (
        ("/none", Page(b"<html><body>Hello</body></html>", headers=HTML), "a web page, not a feed, and it links to no feed. Give the address of the feed itself."),
        ("/gone", Page(status=410), "the feed was removed permanently (410)"),
        ("/missing", Page(status=404), "no page exists at this address (404)"),
        ("/secret", Page(status=401), "the server asks for a password (401)"),
        ("/broken", Page(status=503), "the server has an error (503)"),
        ("/circle", Page(status=302, headers={"Location": "/circle"}), "redirects in a loop"),
        ("/binary", Page(b"\x00\x01\x02\xff" * 100, headers={"Content-Type": "image/png"}), "neither XML nor JSON, and it links to no feed"),
        ("/empty", Page(b""), "the document is empty, and it links to no feed"),
    ):  # fmt: skip
        press.site.pages = {path: page}
        for command in ("source add", "source test"):
            text = await press.world.refused(command, url=press.site.url(path))
            assert told in text, command
            assert press.site.url(path) in text
        assert await press.own() == []
        await press.world.a_minute_later()


async def test_an_address_that_may_not_be_fetched_is_refused_with_the_reason(press: Press) -> None:
    for address, told in (
        ("", "not a valid feed address"),
        ("not an address", "not a valid feed address"),
        ("javascript:alert(1)", "not a valid feed address"),
        ("ftp://paper.example/feed", "not a valid feed address"),
        ("https://", "not a valid feed address"),
        ("http://169.254.169.254/latest", "a cloud metadata service"),
        ("http://cloud.example/latest", "a cloud metadata service"),
        ("https://user:password@paper.example/feed", "a user name or password"),
        ("http://paper.example:22/feed", "port 22 is not allowed"),
        (f"https://paper.example/{'x' * 500}", "longer than 500 characters"),
        (f"https://paper.example/{'x' * 5000}", "not a valid feed address"),
    ):
        text = await press.world.refused("source add", url=address)
        assert told in text
        assert await press.own() == []
        await press.world.a_minute_later()


@pytest.mark.parametrize("private_networks", [False])
async def test_the_machine_itself_and_its_networks_cannot_be_asked(press: Press) -> None:
    for host in (LOOPBACK, "paper.example"):
        for command in ("source add", "source test"):
            text = await press.world.refused(command, url=press.site.url(host=host))
            assert f"the address leads to a private network ({LOOPBACK}), and feeds.private" in text, host
    assert press.site.asked == []
    assert await press.own() == []


# Who may, and how often.


async def test_only_who_manages_the_server_may(press: Press) -> None:
    world = press.world
    world.open_command("source", world.member)
    for command in ("source add", "source list", "source remove", "source test"):
        options: dict[str, Any] = {"source list": {}, "source remove": {"source": "x"}}.get(
            command, {"url": press.site.url()}
        )
        text = await world.refused(command, by=world.member, **options)
        assert "You need this permission: Manage Server." in text, command
        assert press.site.asked == []
        assert await press.own() == []


async def test_a_server_cannot_have_the_bot_ask_all_the_time(press: Press) -> None:
    world = press.world
    there = await elsewhere(world, "AI")
    for _ in range(3):
        await world.ask("source test", url=press.site.url())
        await world.ask("source add", url=press.site.url())
    asked = len(press.site.asked)
    text = await world.refused("source test", url=press.site.url())
    assert text == "⚠️ Too many requests. Try again in 60 seconds."
    assert len(press.site.asked) == asked
    assert "The Paper" in seen(await world.ask("source list"))
    assert "The Paper" in seen(
        await world.ask("source test", url=press.site.url(), by=there.manager, at=there.channel)
    )
    await world.env.advance_time(61)
    assert "The Paper" in seen(await world.ask("source test", url=press.site.url()))


# Looking before adding.


async def test_a_test_shows_what_a_feed_would_bring_and_takes_nothing_in(press: Press) -> None:
    press.publish(Entry(ROCKET[0], 0), Entry(METRO[0], -1), Entry(OLD, None))
    answer = seen(await press.world.ask("source test", url=press.site.url()))
    assert "3 articles, 2 with a topic" in answer
    rocket, metro, old = [line for line in answer.splitlines() if line.startswith("•")]
    assert ROCKET[0] in rocket
    assert rocket.endswith(" · Space")
    assert metro.endswith(" · Computer Vision")
    assert "<t:" in metro
    assert old.endswith(" · no topic")
    assert "<t:" not in old
    assert "/source add" in answer
    assert await press.own() == []
    assert "There are no stories yet." in seen(await press.world.ask("latest"))


async def test_a_test_with_a_topic_shows_that_all_of_it_would_be_about_it(press: Press) -> None:
    press.publish(Entry(ROCKET[0]), Entry(OLD))
    answer = seen(await press.world.ask("source test", url=press.site.url(), topic="artificial intelligence"))
    assert "2 articles, 2 with a topic" in answer
    assert all("AI" in line for line in answer.splitlines() if line.startswith("•"))


async def test_items_that_cannot_be_used_are_counted_with_a_reason(press: Press) -> None:
    press.publish(Entry(OLD), Entry("Bad", link="javascript:alert(1)"))
    answer = seen(await press.world.ask("source test", url=press.site.url()))
    assert "1 article, 0 with a topic" in answer
    assert "1 article rejected, for example item 2: " in answer


async def test_only_the_first_items_of_a_large_feed_are_shown(press: Press) -> None:
    press.publish(*headlines(300))
    for command in ("source test", "source add"):
        answer = seen(await press.world.ask(command, url=press.site.url()))
        assert "300 articles" in answer
        assert "… and 292 more" in answer


# The list, and taking out.


async def test_the_list_has_the_servers_own_feeds_and_counts_the_others(press: Press) -> None:
    world = press.world
    assert "This server has no feeds yet." in seen(await world.ask("source list"))
    await follow(world, "Space", volume=Volume.EVERYTHING)
    await sources.add(world.app.context, press.site.url(), "AI")
    press.publish(OLD, path="/own", title="Our Own")
    await world.ask("source add", url=press.site.url("/own"), topic="AI")
    answer = seen(await world.ask("source list"))
    assert "Our Own" in answer
    assert "AI · 0 articles · not read yet" in answer
    assert "The Paper" not in answer
    assert "Shared by all servers: 1 feed, 0 of them failing." in answer
    await press.poll(minutes=0)
    assert "AI · 1 article" in seen(await world.ask("source list"))


@pytest.mark.parametrize("polls", [Polls(Bounds(), most_stored=2)])
async def test_the_list_and_the_status_show_how_much_a_server_has_stored(press: Press) -> None:
    world = press.world
    await follow(world, "AI", volume=Volume.EVERYTHING)
    await press.add(topic="AI")
    await press.poll(minutes=0)
    stored = "Stored articles from this server's feeds: 1 (the limit is 2)"
    for command in ("source list", "status"):
        answer = seen(await world.ask(command))
        assert stored in answer
        assert "rejected" not in answer
    press.publish(Entry(ONE, 24), Entry(TWO, 24), OLD)
    await press.poll()
    answer = seen(await world.ask("source list"))
    assert "Stored articles from this server's feeds: 2 (the limit is 2)" in answer
    assert (
        "New articles are rejected. The person who runs the bot can raise the limit: `feeds.most_stored`."
        in answer
    )


async def test_the_list_shows_what_fails_why_and_when_it_is_tried_again(press: Press) -> None:
    await follow(press.world, "AI", volume=Volume.EVERYTHING)
    await press.add(topic="AI")
    press.site.pages["/feed"] = Page(status=503)
    await press.poll()
    answer = seen(await press.world.ask("source list"))
    (feed,) = await press.own()
    assert feed.polling.next_poll is not None
    at = int(feed.polling.next_poll.timestamp())
    assert f"⚠️ the server has an error \\(503\\) · next try <t:{at}:R>" in answer
    press.site.pages["/feed"] = Page(status=410)
    await press.poll()
    answer = seen(await press.world.ask("source list"))
    assert "⚠️ the feed was removed permanently \\(410\\) · the bot has stopped trying" in answer


async def test_what_is_taken_out_is_not_asked_any_more_and_what_it_brought_stays(press: Press) -> None:
    await follow(press.world, "AI", volume=Volume.EVERYTHING)
    await press.add(topic="AI")
    press.publish(Entry(ONE, 24))
    await press.poll()
    answer = await press.world.ask("source remove", source="the paper")
    assert seen(answer) == "Feed removed\n**The Paper** was removed. Its articles stay."
    asked = len(press.site.asked)
    press.publish(Entry(TWO, 48))
    await press.poll()
    assert len(press.site.asked) == asked
    assert press.titles() == [ONE]
    assert await press.own() == []


async def test_a_feed_that_is_added_after_it_was_removed_is_silent_at_first(press: Press) -> None:
    await follow(press.world, "AI", volume=Volume.EVERYTHING)
    await press.add(topic="AI")
    await press.world.ask("source remove", source=press.site.url())
    press.publish(Entry(ONE, 24), OLD)
    press.world.clock.forward(days=1)
    await press.add(topic="AI")
    press.publish(Entry(TWO, 48), Entry(ONE, 24), OLD)
    await press.poll()
    assert press.titles() == [TWO]


async def test_a_feed_that_was_stopped_goes_on_when_it_is_added_again(press: Press) -> None:
    await follow(press.world, "AI", volume=Volume.EVERYTHING)
    await press.add(topic="AI")
    press.site.pages["/feed"] = Page(status=410)
    await press.poll()
    press.publish(OLD)
    assert "Feed changed" in await press.add(topic="AI")
    press.publish(Entry(ONE, 48), OLD)
    await press.poll()
    assert press.titles()[-1] == ONE
    assert "⚠️" not in seen(await press.world.ask("source list"))


async def test_what_there_is_not_cannot_be_taken_out_and_the_answer_says_what_there_is(press: Press) -> None:
    world = press.world
    await sources.add(world.app.context, press.site.url())  # shared
    text = await world.refused("source remove", source="The Paper")
    assert "There is no feed “The Paper”. No feeds have been added." in text
    press.publish(OLD, path="/own", title="Our Own")
    await press.add("/own")
    assert "Feeds: Our Own." in await world.refused("source remove", source="The Paper")


async def test_autocomplete_offers_what_can_be_taken_out(press: Press) -> None:
    world = press.world
    press.publish(OLD, path="/own", title="Our Own")
    await press.add()
    await press.add("/own")
    shown = f"Our Own ({press.site.url('/own')})"
    assert list(await world.typing("source remove", "source", "")) == [
        f"The Paper ({press.site.url()})",
        shown,
    ]
    offered = await world.typing("source remove", "source", "OUR")
    assert list(offered) == [shown]
    await world.ask("source remove", source=offered[shown])
    assert [feed.title for feed in await press.own()] == ["The Paper"]
    assert await world.typing("source remove", "source", "nothing like it") == {}


async def test_whatever_autocomplete_offers_is_taken_out(press: Press) -> None:
    for case, titles, path in (
        ("the same name", ("Blog", "Blog"), "/{}"),
        ("a long name", ("T" * 300, "T" * 300), "/{}"),
        ("a long name and address", ("A" * 300, "B" * 300), f"/{'x' * 200}{{}}"),
    ):
        for number, title in enumerate(titles):
            press.publish(OLD, path=path.format(number), title=title)
            await press.world.ask("source add", url=press.site.url(path.format(number)))
        offered = list((await press.world.typing("source remove", "source", "")).values())
        assert all(len(value) <= 100 for value in offered), case
        await press.world.ask("source remove", source=offered[1])
        assert [feed.url for feed in await press.own()] == [press.site.url(path.format(0))], case
        await press.world.ask("source remove", source=offered[0])
        assert await press.own() == [], case


async def test_autocomplete_offers_topics(press: Press) -> None:
    for command in ("source add", "source test"):
        offered = await press.world.typing(command, "topic", "vision", url="https://paper.example/")
        assert list(offered) == ["Computer Vision"], command


# About a topic of the server's own.


@pytest.fixture
async def tides(press: Press) -> Elsewhere:
    """The topic *Tides* of this server, which *news* follows, and another server that does not know of it."""
    world = press.world
    await world.ask("topic create", name="Tides", query="tidal", aliases="Ebb", parent="Space")
    await world.ask("subscribe", topic="Tides", volume="everything")
    return await elsewhere(world, "Space")


async def test_the_servers_own_topics_are_offered_there_alone(press: Press, tides: Elsewhere) -> None:
    world, url = press.world, press.site.url()
    for command in ("source add", "source test"):
        for typed in ("tid", "ebb", "Tdies"):
            assert await world.typing(command, "topic", typed, url=url) == {"Tides": "Tides"}, command
        assert await tides.manager.autocomplete(tides.channel, command, "topic", "tides", url=url) == []
        refused = await world.refused(command, by=tides.manager, at=tides.channel, url=url, topic="Tides")
        assert "There is no topic “Tides”" in refused, command


async def test_a_feed_on_a_topic_of_the_servers_own_is_posted_where_that_is_followed(
    press: Press, tides: Elsewhere
) -> None:
    world = press.world
    above, other = world.guild.create_text_channel("above"), world.guild.create_text_channel("other")
    await follow(world, "Space", above, volume=Volume.EVERYTHING)
    await follow(world, "AI", other, volume=Volume.EVERYTHING)
    looked = seen(await world.ask("source test", url=press.site.url(), topic="ebb"))
    assert "Tides" in looked
    assert "All its articles belong to **Tides**." in await press.add(topic="ebb")
    press.publish(Entry(ONE, 24), OLD)
    await press.poll()
    assert press.titles() == press.titles(above) == [ONE]
    assert press.titles(other) == press.titles(tides.channel) == []
    assert "Tides" in seen(world.posts()[0])
    assert ONE in seen(await world.ask("latest", by=world.member, topic="Tides"))
    assert "Tides: tagged by The Paper" in plain(seen(await world.ask("why", by=world.member, story=ONE)))
    listed = seen(await world.ask("topics", by=tides.manager, at=tides.channel))
    assert "**Tides**" not in listed


async def test_the_feed_goes_along_with_a_new_name_and_by_keywords_once_it_is_deleted(
    press: Press, tides: Elsewhere
) -> None:
    world = press.world
    await press.add(topic="Tides")
    await world.ask("topic edit", topic="Tides", name="Currents")
    assert "Currents" in seen(await world.ask("source list"))
    press.publish(Entry(ONE, 24), OLD)
    await press.poll()
    assert press.titles() == [ONE]
    answer = await world.ask("topic delete", topic="Currents")
    assert (
        "It is the topic of 1 feed of this server. Without it, keywords decide the topics of the articles."
        in seen(answer)
    )
    await world.press(answer, "Delete it")
    await follow(world, "Space", volume=Volume.EVERYTHING)
    press.publish(Entry(TWO, 48), Entry(ROCKET[0], 48), Entry(ONE, 24), OLD)
    await press.poll()
    assert press.titles() == [ONE, ROCKET[0]]
    for by, at in ((world.manager, world.news), (tides.manager, tides.channel)):
        listed = seen(await world.ask("topics", by=by, at=at))
        assert "**Currents**" not in listed
        assert "**Tides**" not in listed


# Feeds that fail.


async def test_a_feed_that_is_gone_is_told_once_to_the_channels_that_depend_on_it(press: Press) -> None:
    world = press.world
    other = world.guild.create_text_channel("other")
    await follow(world, "AI", volume=Volume.EVERYTHING)
    await follow(world, "Space", other, volume=Volume.EVERYTHING)
    there = await elsewhere(world, "AI")
    await press.add(topic="Computer Vision")
    press.site.pages["/feed"] = Page(status=410)
    for _ in range(3):
        await press.poll()
    (told,) = world.posts()
    assert shown(told).title == "A feed stopped working"
    assert plain(shown(told).body) == (
        "Topicwire cannot read The Paper: the feed was removed permanently (410).\n"
        "Topicwire has stopped reading this feed.\n"
        "/source list shows this server's feeds. /source remove removes one."
    )
    assert world.posts(other) == world.posts(there.channel) == []


async def test_a_feed_that_fails_for_days_is_told_once_and_is_news_again_after_it_recovered(
    press: Press,
) -> None:
    await follow(press.world, "AI", volume=Volume.EVERYTHING)
    await press.add(topic="AI")
    press.publish(OLD, path="/in-order")
    await sources.add(press.world.app.context, press.site.url("/in-order"), "Space")

    async def fail(days: int) -> None:
        press.site.pages["/feed"] = Page(status=503)
        for _ in range(days):
            await press.poll()

    await fail(3)
    assert press.titles() == []
    await fail(2)
    assert press.titles() == ["A feed stopped working"]
    press.publish(Entry(ONE, 24 * 6))
    await press.poll()
    await fail(4)
    assert press.titles() == ["A feed stopped working", ONE, "A feed stopped working"]


@pytest.mark.parametrize("topic", ["Tides", None])
async def test_a_channel_on_a_topic_of_the_servers_own_is_told_too(
    press: Press, tides: Elsewhere, topic: str | None
) -> None:
    """Of the server's own feed about it, and of the shared ones that brought something on it."""
    world = press.world
    if topic:
        await press.add(topic=topic)
    else:
        await sources.add(world.app.context, press.site.url(), "AI")
        await press.poll(minutes=0)
    press.publish(Entry(f"Tidal {ONE}", 24, text="Of the sea."))
    await press.poll()
    assert press.titles() == [f"Tidal {ONE}"]
    press.site.pages["/feed"] = Page(status=410)
    for _ in range(2):
        await press.poll()
    assert press.titles() == [f"Tidal {ONE}", "A feed stopped working"]
    assert press.titles(tides.channel) == []


async def test_it_is_not_told_where_another_feed_on_what_is_above_serves_it(
    press: Press, tides: Elsewhere
) -> None:
    context = press.world.app.context
    press.publish(OLD, path="/other", title="Another Paper")
    for path, topic in (("/feed", "AI"), ("/other", "Space")):
        await sources.add(context, press.site.url(path), topic)
    await press.poll(minutes=0)
    press.publish(Entry(f"Tidal {ONE}", 24))
    await press.poll()
    press.site.pages["/feed"] = Page(status=410)
    await press.poll()
    assert press.titles() == [f"Tidal {ONE}"]
    assert press.titles(tides.channel) == []


# Whatever a feed calls itself.


async def test_a_hostile_feed_shows_as_it_is_within_discords_limits(press: Press) -> None:
    world = press.world
    await follow(world, "AI", volume=Volume.EVERYTHING)
    titles = ("😀" * 5000, HOSTILE * 50, "\u202e\x00\u200b")
    more = (HOSTILE, "x" * 5000, "`" * 400)
    for number, title in enumerate((*titles, *sized((), more))):
        await calls_itself(press, title.replace("\x00", ""), f"/{number}")
        assert len(world.sends()) == number + 1
        assert mentions_in(body(world.sends()[-1])) == ([], [])
        world.clock.forward(hours=1)  # a channel gets one notice a day
        await world.a_minute_later()


async def calls_itself(press: Press, title: str, path: str) -> None:
    """All that is shown of a feed with this title, and of items with it, while it is tried, added, gone and removed."""
    world, url = press.world, press.site.url(path)
    items = [
        Entry(f"{number} {title}", 0, text=title, link=f"https://evil.example{path}/{number}?[a](b)")
        for number in range(sized(9, 20))  # more than an answer shows
    ]
    press.publish(*items, path=path, title=title)
    answers = [
        await world.ask("source test", url=url, topic="AI"),
        await world.ask("source add", url=url, topic="AI"),
        await world.ask("source list"),
    ]
    await press.poll(minutes=0)
    answers.append(await world.ask("source list"))
    offered = await world.typing("source remove", "source", "")
    press.site.pages[path] = Page(status=410)
    await press.poll()
    warned = world.posts()[-1]
    assert shown(warned).title == "A feed stopped working"
    (value,) = offered.values()
    answers.append(await world.ask("source remove", source=value))
    messages: list[Seen] = [*answers, warned]
    for message in messages:
        page = shown(message)
        assert kinds(page.body) <= {"text", "link", "bold", "timestamp", "code", "mention"}, title
        assert all(node.text.startswith("</source ") for node in parse(page.body) if node.kind == "mention")
        assert all(
            href.startswith(("http://paper.example:", "https://evil.example/")) for _, href in page.links
        )
    for name in offered:
        assert 0 < len(name) <= 100, title
    assert await press.own() == []


# By clicking.


async def test_feeds_are_added_and_removed_in_the_panel(press: Press) -> None:
    user = await PanelUser.opens(press.world)
    await user.presses("Feeds")
    assert "This server has no feeds yet." in user.text
    await user.types("Add a feed…", url=press.site.url("/feed"), topic="Space")
    assert "The Paper was added, with 1 article." in user.text
    [feed] = await press.own()
    assert feed.topics == ("Space",)
    await user.chooses("remove", str(feed.source_id))
    assert "The Paper was removed." in user.text
    assert await press.own() == []


async def test_mistakes_of_feeds_are_said_in_the_panel_and_the_limit_is_that_of_the_command(
    press: Press,
) -> None:
    user = await PanelUser.opens(press.world)
    await user.presses("Feeds")
    await user.types("Add a feed…", url="no address", topic="")
    assert "⚠️" in user.text
    for _ in range(6):
        await user.types("Add a feed…", url=press.site.url("/feed"), topic="Spce")
    assert "Too many requests." in user.text
    assert await press.own() == []
