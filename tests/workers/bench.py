"""A bot whose server may want a language model, and the model behind its endpoint."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.model import Record
from bot.models.openai_compatible import OpenAICompatible
from bot.services.rephrasing import BriefStyle, choose, translate
from bot.workers.delivery import Delivery
from bot.workers.rephrasing import RephrasingWorker
from tests.make import record
from tests.models import KEY, Endpoint
from tests.store.store_helpers import CHANNEL, GUILD, ONE
from tests.workers.desk import BotHarness

SAID = (
    "The council of Alderby banned drones over the harbour on Monday.",
    "Two people were hurt by falling drones in Alderby last week, the council said.",
    "Pilots from all over Norland want courts to end the drones ban of the Alderby council.",
)
ELSEWHERE = GUILD + 5  # another server


def said(number: int, text: str = "") -> Record:
    """What the outlet of that number says of the one event."""
    return record(ONE, f"o{number}.example", topics=["AI"], excerpt=text or SAID[number])


class Bench:
    """A bot whose server wants a model, and the model."""

    def __init__(self, desk: BotHarness, endpoint: Endpoint, per_day: int) -> None:
        self.desk = desk
        self.endpoint = endpoint
        self.client = OpenAICompatible(endpoint.url, "small", KEY, 20)
        desk.context = replace(desk.context, model="small")
        desk.deliverer = Delivery(desk.context, desk.mailbox)
        self.worker = RephrasingWorker(desk.context, self.client, per_day)

    async def want(self, guild_id: int = GUILD) -> None:
        await choose(self.desk.context, guild_id, 1, BriefStyle.REPHRASED)

    async def translate(self, language: str, channel_id: int = CHANNEL, guild_id: int = GUILD) -> None:
        await translate(self.desk.context, guild_id, channel_id, 1, language)

    async def work(self) -> None:
        """Have the model do what there is, one step after the other, and deliver."""
        for _ in range(4):
            await self.worker.step()
            await self.desk.deliver()

    @property
    def shown(self) -> dict[int, str]:
        """The last text of each channel."""
        mailbox = self.desk.mailbox
        return {asked.target.channel_id: asked.text for asked in (*mailbox.sent, *mailbox.edited)}
