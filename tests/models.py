"""A small OpenAI-compatible endpoint on the loopback, which behaves or misbehaves as it is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.loopback import Handler, answering

Model = Callable[[list[dict[str, Any]]], str]
KEY = "sk-test-4711-secret"


def faithful(sentences: list[dict[str, Any]]) -> str:
    """What a good model makes of sentences: here it leaves out the last word of each but the first."""
    lines = [
        {
            "text": s["text"] if s["source"] == 1 else f"{s['text'].rsplit(' ', 1)[0]}.",
            "sources": [s["source"]],
        }
        for s in sentences
    ]
    return json.dumps({"sentences": lines})


def completion(content: object) -> dict[str, Any]:
    """An answer of the API with this text."""
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "small", "choices": [choice]}


class Endpoint:
    """The server. `model` answers; `handler` takes its place. `asked` are the requests, `headers` what came with them."""

    def __init__(self) -> None:
        self.model: Model = faithful
        self.handler: Handler | None = None
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        """What the settings have."""
        return f"http://127.0.0.1:{self.port}/v1"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Endpoint]:
        """Serve meanwhile."""
        async with answering(self._answer) as self.port:
            yield self

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        self.headers.append(dict(request.headers))
        body = await request.json()
        self.asked.append(body)
        if self.handler is not None:
            return await self.handler(request)
        sentences = json.loads(body["messages"][-1]["content"])["sentences"]
        return web.json_response(completion(self.model(sentences)))
