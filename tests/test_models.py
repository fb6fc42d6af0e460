"""The client of a model's endpoint: whatever that does is bounded, and harmless."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.errors import ModelError
from bot.models.openai_compatible import MOST_BYTES, OpenAICompatible
from tests.loopback import Handler
from tests.models import KEY, Endpoint, completion

PROMPT = '{"sentences": [{"source": 1, "text": "The sea is calm."}]}'


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().serving() as served:
        yield served


async def ask(endpoint: Endpoint, seconds: float = 20) -> str:
    model = OpenAICompatible(endpoint.url, "small", KEY, seconds)
    try:
        return await model.answer("Edit.", PROMPT)
    finally:
        await model.close()


async def test_the_request_has_the_prompt_as_data_and_no_tools(endpoint: Endpoint) -> None:
    assert "The sea is calm." in await ask(endpoint)
    (asked,) = endpoint.asked
    assert asked == {
        "model": "small",
        "messages": [{"role": "system", "content": "Edit."}, {"role": "user", "content": PROMPT}],
        "response_format": {"type": "json_object"},
    }
    assert endpoint.paths == ["/v1/chat/completions"]
    assert endpoint.headers[0]["Authorization"] == f"Bearer {KEY}"


async def _status(request: web.Request) -> web.StreamResponse:
    return web.json_response({"error": {"message": f"wrong key {KEY}"}}, status=401)


async def _redirect(request: web.Request) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "/elsewhere"})


async def _page(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f"<h1>{KEY}</h1>", content_type="text/html")


async def _cut(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b'{"choices": [', content_type="application/json")


async def _abort(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _huge(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"[" * (MOST_BYTES + 1), content_type="application/json")


async def _huge_error(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b" " * (MOST_BYTES + 1), status=500)


async def _compressed(request: web.Request) -> web.StreamResponse:
    body = gzip.compress(b" " * 1_000_000)
    return web.Response(body=body, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})


async def _deep(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"[" * (MOST_BYTES - 1), content_type="application/json")


def _json(value: object) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response(value)

    return handle


@pytest.mark.parametrize(
    "handler",
    [
        _status, _redirect, _page, _cut, _abort, _huge, _huge_error, _compressed, _deep,
        _json(None), _json([]), _json({}), _json({"choices": []}), _json({"choices": None}), _json({"choices": [None]}),
        _json({"choices": [{"message": None}]}), _json(completion(None)), _json(completion(7)), _json(completion(["x"])),
        _json("text"), _json(1e308),
    ],
)  # fmt: skip
async def test_an_endpoint_that_misbehaves_gives_one_error_without_its_words(
    endpoint: Endpoint, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    endpoint.handler = handler
    with pytest.raises(ModelError) as caught:
        await ask(endpoint)
    assert len(endpoint.asked) == 1, "it is not asked again, nor is a redirect followed"
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert KEY not in f"{caught.value} {caplog.text}"


async def test_an_answer_that_drips_is_given_up(endpoint: Endpoint) -> None:
    stopped = asyncio.Event()

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.01)
        finally:
            stopped.set()

    endpoint.handler = drip
    with pytest.raises(ModelError, match="in time"):
        await ask(endpoint, 0.1)
    await stopped.wait()


async def test_nobody_listens() -> None:
    async with Endpoint().serving() as gone:
        pass
    with pytest.raises(ModelError, match="cannot be used"):
        await ask(gone)
