"""/briefs: a server decides whether a language model may rephrase its briefs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.chat.world import World, seen


async def test_a_server_chooses_a_model_and_changes_its_mind(world: World) -> None:
    assert "word for word" in seen(await world.ask("briefs"))
    assert "has no model" in seen(await world.ask("briefs", style="rephrased"))
    assert "word for word" in seen(await world.ask("briefs"))
    cog: Any = world.app.client.get_cog("BriefCommands")
    cog.context = replace(cog.context, model="small")
    assert "The model **small** may rephrase" in seen(await world.ask("briefs", style="rephrased"))
    assert "The model **small** may rephrase" in seen(await world.ask("briefs"))
    assert "word for word" in seen(await world.ask("briefs", style="verbatim"))


async def test_a_channel_chooses_a_language_and_changes_its_mind(world: World) -> None:
    assert "has no model" in seen(await world.ask("briefs", language="de"))
    cog: Any = world.app.client.get_cog("BriefCommands")
    cog.context = replace(cog.context, model="small")
    answer = seen(await world.ask("briefs", language="de"))
    assert "may translate briefs in other languages into German in" in answer
    assert "sent to the model" in answer
    assert "word for word" in answer, "the style of the server stays"
    assert "into German" in seen(await world.ask("briefs", style="rephrased"))
    assert "into French" in seen(await world.ask("briefs", language="fr"))
    answer = seen(await world.ask("briefs", style="verbatim", language="original"))
    assert "into" not in answer
    assert "No text is sent" in answer
