"""/search: stories by what was written, in the language of queries."""

from __future__ import annotations

from bot.chat.limits import RATES
from tests.chat.world import METRO, ROCKET, WHALES, World, labels, seen, unrelated
from tests.discord_markdown import links
from tests.make import ListSource, record
from tests.shown import plain

SEARCHES = next(rate.member for rate in RATES if "search" in rate.commands)


async def test_stories_come_newest_first_with_the_words_in_bold(world: World) -> None:
    await world.take_in(record(METRO[0], "a.example"), record(WHALES[0], "b.example"))
    world.clock.forward(hours=1)
    await world.take_in(record(METRO[1], "c.example", hours=1))
    answer = await world.ask("search", query="(metro OR WHALES) -rocket", by=world.member)
    title, first, second = seen(answer).splitlines()
    assert plain(title) == "Search: (metro OR whales) -rocket"
    assert first.startswith("• `#1` [")
    assert "**etro" not in first
    assert "etro** " in first
    assert " · 2 outlets · <t:1772456400:R>" in first
    assert second.startswith("• `#2` [Computer vision warns ferry captains of **whales**](https://b.example/")
    assert " — B · <t:" in second
    assert len(links(seen(answer))) == 2


async def test_words_of_the_excerpt_stand_below(world: World) -> None:
    await world.take_in(record(ROCKET[0], "b.example", excerpt="It flew at *dawn* from Kourou."))
    answer = await world.ask("search", query="dawn", by=world.member)
    _, story, below = seen(answer).splitlines()
    assert f"[{ROCKET[0]}](" in story
    assert below == r"It flew at \***dawn**\* from Kourou."


async def test_what_fits_best_comes_first_if_asked(world: World) -> None:
    await world.take_in(record("Whales in the harbour", "a.example"))
    world.clock.forward(hours=1)
    await world.take_in(
        record(ROCKET[0], "b.example", hours=1, excerpt="Some saw whales on the way, and " + "more " * 20)
    )
    shown = [text for text, _ in links(seen(await world.ask("search", query="whales")))]
    assert shown[0] == ROCKET[0]
    best = [text for text, _ in links(seen(await world.ask("search", query="whales", sort="best")))]
    assert best == shown[::-1]


async def test_nothing_matches(world: World) -> None:
    answer = await world.ask("search", query="zzz", by=world.member)
    assert plain(seen(answer)) == (
        "Search: zzz\nNo story matches. Only whole words match. To match the beginning of a word, end it with *."
    )


async def test_a_query_that_is_wrong_is_drawn(world: World) -> None:
    text = await world.refused("search", query="storm (metro", by=world.member)
    assert "has a mistake at character 7: this ( has no matching )" in text
    assert "storm (metro\n      ^" in text


async def test_what_is_muted_here_is_not_found(world: World) -> None:
    await world.take_in(
        record(METRO[0], "a.example"), record(METRO[1], "b.example"), record(ROCKET[0], "b.example")
    )
    await world.ask("mute", what="b.example", channel=world.news)
    assert [text for text, _ in links(seen(await world.ask("search", query="metro OR rocket")))] == [METRO[0]]
    other = world.guild.create_text_channel("other")
    assert len(links(seen(await world.ask("search", query="metro OR rocket", at=other)))) == 2


async def test_own_records_of_a_server_are_found_there_alone(world: World) -> None:
    await world.take_in(record(METRO[0], "a.example"))
    for host, guild_id in (("mine", world.guild.id), ("theirs", world.guild.id + 1)):
        own = ListSource(f"list:{host}").add(record(WHALES[0], f"{host}.example"))
        await world.app.ingest.step(own, guild_id=guild_id)
    answer = seen(await world.ask("search", query="metro OR whales", by=world.member))
    assert [href.split("/")[2] for _, href in links(answer)] == ["mine.example", "a.example"]


async def test_many_stories_come_in_pages_and_more_of_them_are_said(world: World) -> None:
    await world.take_in(*unrelated(60))
    answer = await world.ask("search", query="type:article", by=world.member)
    assert "page 1 of 7 · 50 entries · only the first 50 stories are shown" in seen(answer)
    assert labels(answer) == ["Next"]
    await world.press(answer, "Next", by=world.member)
    assert "page 2 of 7" in seen(answer)


async def test_a_long_query_and_long_titles_fit(world: World) -> None:
    await world.take_in(
        *(record(f"{n} *{'Ferry ' * 48}*", f"outlet{n}.example", excerpt="ferry " * 150) for n in range(20))
    )
    answer = await world.ask("search", query=" OR ".join(["excerpt:ferry", *(f"zzz{n}" for n in range(90))]))
    assert len(links(seen(answer))) >= 1


async def test_a_server_can_only_search_so_often(world: World) -> None:
    for _ in range(SEARCHES):
        await world.ask("search", query="metro")
    assert "Too many requests" in await world.refused("search", query="metro")
