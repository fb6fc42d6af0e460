"""Answers are in the member's language, posts in the server's, and the commands in each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
import pytest
from simcord.actors import MemberActor

from bot import i18n
from bot.chat.translator import CatalogueTranslator
from bot.services import languages
from bot.store import servers
from tests.chat.panel_user import PanelUser
from tests.chat.world import METRO, ROCKET, World, buttons, labels, message_of, seen, unrelated
from tests.languages import bracketed, prefers, speaking_as
from tests.make import record
from tests.shown import shown


@pytest.fixture
def german(world: World, monkeypatch: pytest.MonkeyPatch) -> MemberActor:
    """A manager whose Discord is in German."""
    bracketed(monkeypatch)
    member = world.guild.add_member(world.env.create_user("gisela"), roles=[world.managers])
    speaking_as(monkeypatch, {member.id: "de"})
    return member


def stored(world: World) -> Any:
    """What is stored of the server's language."""
    return languages.server_language(world.app.context, world.guild.id)


# ------------------------------------------------------------------------------- whose language


async def test_a_germans_answer_is_german_and_an_englishmans_is_not(
    world: World, german: MemberActor
) -> None:
    assert "⟦de|" in seen(await world.ask("subscriptions", by=german))
    assert "⟦" not in seen(await world.ask("subscriptions"))


async def test_a_post_in_a_french_server_is_french_whoever_asked_for_it(
    world: World, german: MemberActor
) -> None:
    await prefers(world, "fr")
    answer = seen(await world.ask("subscribe", by=german, topic="Space"))
    assert "⟦de|" in answer
    assert "⟦fr|" not in answer
    await world.report(record(ROCKET[0], "a.example", quality=80, topics=["Space"]))
    [post] = world.posts()
    everything = seen(post) + "".join(str(button.label) for button in buttons(post))
    assert "⟦fr|" in everything
    assert "⟦de|" not in everything
    related = world.answer(await world.press(post, str(buttons(post)[1].label), by=german))
    assert "⟦de|" in seen(related)


async def test_a_digest_is_in_the_servers_language_also_if_somebody_sends_it_now(
    world: World, german: MemberActor
) -> None:
    await prefers(world, "fr")
    await world.ask("subscribe", topic="Space", mode="both")
    await world.report(*unrelated(3))
    before = len(world.posts())
    await world.ask("digest now", by=german)
    await world.deliver()
    digest = seen(world.posts()[before])
    assert "⟦fr|" in digest
    assert "⟦de|" not in digest
    assert "⟦de|" in seen(await world.ask("digest preview", by=german))


async def test_a_list_of_stories_is_in_the_servers_language(world: World, german: MemberActor) -> None:
    await prefers(world, "fr")
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.ask("post-limit", per_hour=1)
    await world.report(*unrelated(3))
    assert shown(world.posts()[-1]).title.startswith("⟦fr|More stories")


async def test_the_welcome_is_in_the_language_that_the_server_prefers(
    world: World, german: MemberActor
) -> None:
    await prefers(world, "ja")
    me = world.env.backend.get_member(world.guild.id, world.env.backend.bot_user.id)
    me.joined_at = (world.clock() - timedelta(hours=1)).isoformat()
    await world.restart()
    [welcome] = world.posts()
    assert seen(welcome).startswith("⟦ja|")
    assert all(str(button.label).startswith("⟦ja|") for button in buttons(welcome))
    pressed = await world.press(welcome, str(buttons(welcome)[-1].label), by=german)
    assert "⟦de|" in seen(world.answer(pressed))


async def test_commands_answer_in_the_language_of_the_member(world: World, german: MemberActor) -> None:
    for command in ("source list", "status", "topics", "setup", "help", "latest"):
        assert "⟦de|" in seen(await world.ask(command, by=german)), command


async def test_mistakes_are_explained_in_the_language_of_the_member(
    world: World, german: MemberActor
) -> None:
    assert "⟦de|" in await world.refused("related", by=german, story="999")
    assert "⟦de|" in await world.refused("subscribe", by=german, topic="Nothing of that name")


async def test_menus_buttons_and_forms_answer_in_the_language_of_the_member(
    world: World, german: MemberActor
) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], "a.example", quality=80), record(METRO[1], "b.example", quality=70))
    [post] = world.posts()
    context = await german.context_menu(world.news, "Related", message_of(post))
    assert "⟦de|" in seen(world.answer(context))
    panel = await world.ask("setup", by=german)
    assert all(str(button.label).startswith("⟦de|") for button in buttons(panel))
    await world.press(panel, labels(panel)[0], by=german)
    assert "⟦de|" in seen(panel)


async def test_what_has_expired_says_so_in_the_language_of_the_member(
    world: World, german: MemberActor
) -> None:
    await world.ask("subscribe", topic="AI", by=german)
    panel = await world.ask("setup", by=german)
    label = labels(panel)[0]
    await world.restart()
    assert "⟦de|" in seen(world.answer(await world.press(panel, label, by=german)))


async def test_work_in_the_thread_of_evaluations_speaks_the_callers_language(world: World) -> None:
    with i18n.speaking("es"):
        assert await world.app.context.evaluations.run(i18n.spoken) == "es"


# ------------------------------------------------------------------------------- the server's language


async def test_a_server_chooses_the_language_of_its_posts_in_the_place_of_discords(
    world: World, german: MemberActor
) -> None:
    await prefers(world, "fr")
    await world.ask("subscribe", topic="AI")
    answer = seen(await world.ask("appearance language", by=german, language="ja"))
    assert "日本語" in answer
    assert "⟦de|" in answer
    await world.report(record(METRO[0], "a.example", quality=80))
    assert "⟦ja|" in shown(world.posts()[-1]).text + str(buttons(world.posts()[-1])[0].label)
    answer = seen(await world.ask("appearance language", language="server"))
    assert "Français" in answer
    assert (await stored(world)).code == "fr"


async def test_the_panel_shows_and_sets_the_language(world: World) -> None:
    await prefers(world, "fr")
    panel = await PanelUser.opens(world)
    assert panel.options("language") == {"server": True, **dict.fromkeys(i18n.LANGUAGES, False)}
    await panel.chooses("language", "ja")
    assert panel.options("language")["ja"]
    assert (await stored(world)).code == "ja"
    await panel.chooses("language", "server")
    assert (await stored(world)).code == "fr"


async def test_what_stands_in_a_channel_changes_its_language_with_its_next_edit_and_not_before(
    world: World, german: MemberActor
) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], "a.example", quality=80))
    [post] = world.posts()
    before = buttons(post)
    await world.ask("appearance language", language="de")
    assert await world.later() == 0
    assert world.edits() == []
    await world.report(record(METRO[1], "b.example", quality=70))
    world.clock.forward(minutes=2)
    await world.deliver()
    [post] = world.posts()
    assert all(str(button.label).startswith("⟦de|") for button in buttons(post))
    assert len(buttons(post)) == len(before)


async def test_only_who_manages_the_whole_server_chooses_its_language(world: World) -> None:
    world.open_command("appearance", world.member)
    world.allow(world.news, world.member, manage_channels=True)
    problem = await world.refused("appearance language", by=world.member, language="fr")
    assert "Manage Channels permission in the whole server" in problem
    assert (await stored(world)).chosen is None


async def test_discords_language_of_a_server_is_noted_when_it_changes_and_at_the_start(world: World) -> None:
    assert (await stored(world)).code == "en-US"
    await prefers(world, "pt-BR")
    assert (await stored(world)).code == "pt-BR"
    async with world.app.context.db.write() as connection:
        await servers.set_language(connection, world.guild.id, servers.ServerLanguage("de", None))
    await world.restart()
    assert (await stored(world)).code == "pt-BR"


async def test_one_servers_language_is_not_anothers(world: World, german: MemberActor) -> None:
    other = world.env.create_guild("Other")
    channel = other.create_text_channel("news")
    boss = other.add_member(
        world.env.create_user("otto"),
        roles=[other.create_role("boss", permissions=discord.Permissions(administrator=True))],
    )
    await world.env.settle()
    await prefers(world, "fr")
    await world.ask("subscribe", topic="AI")
    await world.ask("subscribe", topic="AI", by=boss, at=channel)
    await world.report(record(METRO[0], "a.example", quality=80), record(METRO[1], "b.example", quality=70))
    [french], [english] = world.posts(), [post for post in world.posts(channel) if METRO[0] in seen(post)]
    assert all(str(button.label).startswith("⟦fr|") for button in buttons(french))
    assert not any("⟦" in str(button.label) for button in buttons(english))


async def test_a_list_that_was_sent_in_another_language_is_found_again(
    world: World, german: MemberActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer of Discord was lost, and the language changed before the bot looked for the message."""
    # The simulated Discord numbers its messages by a clock of its own.
    monkeypatch.setattr("bot.chat.lookup.CLOCK_SKEW", timedelta(days=365))
    await prefers(world, "fr")
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.ask("post-limit", per_hour=1)
    first, *others = unrelated(3)
    await world.report(first)
    http: Any = world.app.client.http
    accept = http.request

    async def lost(route: Any, **more: Any) -> Any:
        answer = await accept(route, **more)
        if route.method == "POST" and str(route.url).endswith(f"/channels/{world.news.id}/messages"):
            raise ConnectionResetError
        return answer

    http.request = lost
    await world.report(*others)
    http.request = accept
    count = len(world.posts())
    await world.ask("appearance language", language="ja")
    await world.later()
    assert len(world.posts()) == count


# ------------------------------------------------------------------------------- plural forms, numbers, commands


@pytest.mark.parametrize(("count", "form"), [(0, 0), (1, 0), (2, 1)])
def test_plural_forms_are_those_of_the_language(
    count: int, form: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bracketed(monkeypatch)
    with i18n.speaking("fr"):
        assert i18n.tr_plural("{count} outlet", "{count} outlets", count).startswith(f"⟦fr:{form}|{count} ")


async def test_commands_are_registered_with_their_texts_in_every_language(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bracketed(monkeypatch)
    tree = world.app.client.tree
    payloads = {
        payload["name"]: payload
        for command in tree.get_commands()
        for payload in [await command.get_translated_payload(tree, CatalogueTranslator())]
    }
    mute = payloads["mute"]
    assert mute["description_localizations"]["es-419"] == f"⟦es|{mute['description']}⟧"
    assert "en-GB" not in mute["description_localizations"]
    assert "name_localizations" not in mute or not mute["name_localizations"], "/mute is /mute everywhere"
    assert not any(option.get("name_localizations") for option in mute["options"])
    assert all("ja" in option["description_localizations"] for option in mute["options"])
    assert payloads["Related"]["name_localizations"]["de"] == "⟦de|Related⟧"


def names_of(payload: Any, parameter: str) -> dict[str, dict[str, str]]:
    """The localized names of a parameter's choices, by value."""
    [option] = [o for o in payload["options"] if o["name"] == parameter]
    return {choice["value"]: choice.get("name_localizations") or {} for choice in option["choices"]}


async def test_languages_are_called_as_the_reader_calls_them(world: World) -> None:
    tree = world.app.client.tree
    command: Any = tree.get_command("briefs")
    names = names_of(await command.get_translated_payload(tree, CatalogueTranslator()), "language")
    assert names["de"]["fr"] == "allemand"
    assert names["de"]["pt-BR"] == "alemão"


async def test_a_translation_that_discord_would_refuse_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.chat.translator.translation", lambda *_: "x" * 101)
    tree = world.app.client.tree
    for command in tree.get_commands():
        payload = await command.get_translated_payload(tree, CatalogueTranslator())
        assert "x" * 101 not in str(payload)
