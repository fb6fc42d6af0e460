"""Has a model rephrase or translate the briefs of posts that are out. A post never waits for it, and gets one edit more at most."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.briefs.answers import AcceptedAnswer
from bot.domain.briefs.model_brief import VERBATIM, ModelTask, task_of
from bot.domain.circuit import Circuit
from bot.domain.retry import Outcome, SendStatus
from bot.errors import ModelError
from bot.services.context import Context
from bot.store import outbox, rephrasings
from bot.store.outbox import Claimed
from bot.workers import rendering

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=15)
FRESH = timedelta(hours=1)  # a post that is older has been read by most
POSTS = 100  # that are looked at in one step, the newest


class Rephraser(Protocol):
    """A language model."""

    async def answer(self, instruction: str, text: str) -> str:
        """What it makes of a text. Raises ModelError."""


class RephrasingWorker:
    """Asks the model for one brief at a time. `per_day` is how many calls a day (UTC) has."""

    def __init__(self, context: Context, model: Rephraser, per_day: int) -> None:
        self._context = context
        self._model = model
        self._per_day = per_day
        self._circuit = Circuit()
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """What became of the calls since the start."""
        return self._counts

    async def step(self) -> datetime:
        """Have one brief put in other words, and posts show what there is; returns when to look again."""
        now = self._context.now()
        async with self._context.db.read() as connection:
            posts = await outbox.to_rephrase(connection, now - FRESH, POSTS)
            if not posts:
                return now + EVERY
            context = await rendering.load(
                connection, self._context.topics, posts, self._context.rules, now, self._context.model
            )
        briefs = await asyncio.to_thread(lambda: [rendering.brief_of(post, context) for post in posts])
        missing: tuple[Claimed, ModelTask] | None = None
        ready: dict[int, bool] = {}  # by post: whether there is something to show
        for post, sentences in zip(posts, briefs, strict=True):
            task = task_of(sentences, context.choices.get(post.channel_id, VERBATIM))
            if task is not None and (key := task.key(context.model)) in context.answers:
                ready[post.id] = bool(context.answers[key])
            elif task is not None and missing is None:
                missing = post, task
            elif task is None and sentences:
                ready[post.id] = False  # it stays as it is
        if ready:
            await self._show(ready, now)
        if missing is None or self._circuit.room(now, 1, 0) == 0:
            return self._circuit.until or now + EVERY
        return self._context.now() if await self._ask(*missing) else now + EVERY

    async def _show(self, ready: Mapping[int, bool], now: datetime) -> None:
        async with self._context.db.write() as connection:
            await outbox.rephrased(connection, [post for post, shown in ready.items() if shown], now)
            await outbox.rephrased(connection, [post for post, shown in ready.items() if not shown], None)
        self._context.wake()

    async def _ask(self, post: Claimed, task: ModelTask) -> bool:
        """Call the model; False where the day has no more calls, or it gave no answer."""
        assert post.story is not None
        begun, key = self._context.now(), task.key(self._context.model)
        async with self._context.db.write() as connection:
            if not await rephrasings.begin(connection, key, post.story, begun, self._per_day):
                return False
        try:
            answer = await self._model.answer(task.instruction, task.request)
        except ModelError as error:
            self._counts["error"] += 1
            self._note(Outcome(SendStatus.UNREACHABLE), begun)
            log.warning("the model gave no brief of story #%s: %s", post.story, error)
            return False
        self._note(Outcome(SendStatus.OK), begun)
        verdict = await asyncio.to_thread(task.check, answer)
        if isinstance(verdict, AcceptedAnswer):
            async with self._context.db.write() as connection:
                await rephrasings.accept(connection, key, verdict.lines)
            self._counts["accepted"] += 1
        else:
            self._counts[verdict.reason] += 1
            log.info("the model's brief of story #%s is not shown: %s", post.story, verdict.reason)
        return True

    def _note(self, outcome: Outcome, begun: datetime) -> None:
        self._circuit = self._circuit.after(outcome, begun, self._context.now())
