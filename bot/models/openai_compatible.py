"""A language model behind an OpenAI-compatible endpoint: Ollama, vLLM, or a hosted one. The operator chose it; it is not trusted.

The endpoint is the operator's own setting, so it may be in a private network. Its answers are bounded in time and size, no
redirect is followed, and no error repeats what it answered, as that may have the key in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from bot.errors import ModelError

if TYPE_CHECKING:
    import ssl

    import httpx2

MOST_BYTES = 64_000  # of an answer
NO_KEY = "none"  # the client wants a key; an endpoint of one's own needs none

MISSING = (
    "rephrasing.url: the client for models is not installed: install the extra with .venv/bin/pip install '.[llm]', or "
    "remove the setting"
)


def installed() -> bool:
    """Whether the extra `llm` is there."""
    return all(find_spec(name) is not None for name in ("openai", "babel"))


class OpenAICompatible:
    """One model of an endpoint. `timeout` are seconds for a whole answer."""

    def __init__(self, url: str, model: str, key: str, timeout: float) -> None:
        import httpx2  # the extra; it takes long to import
        from openai import AsyncOpenAI

        self._model = model
        self._timeout = timeout
        self._client = AsyncOpenAI(
            base_url=url,
            api_key=key or NO_KEY,
            organization="",  # or the client reads these two from the environment
            project="",
            max_retries=0,
            timeout=timeout,
            http_client=httpx2.AsyncClient(
                transport=_bounded(httpx2.AsyncHTTPTransport(verify=_certificates()), MOST_BYTES),
                headers={"Accept-Encoding": "identity"},
                follow_redirects=False,
                trust_env=False,
            ),
        )

    async def answer(self, instruction: str, text: str) -> str:
        """What the model makes of a text. Raises ModelError where there is no answer in time that is one."""
        from openai import APIStatusError, OpenAIError

        try:
            async with asyncio.timeout(self._timeout):
                completion = await self._client.chat.completions.create(
                    model=self._model,
                    messages=[{"role": "system", "content": instruction}, {"role": "user", "content": text}],
                    response_format={"type": "json_object"},
                )
            content: object = completion.choices[0].message.content
        except APIStatusError as error:
            raise ModelError(f"the endpoint of the model answered with status {error.status_code}") from None
        except TimeoutError:
            raise ModelError("the endpoint of the model did not answer in time") from None
        except OpenAIError as error:
            raise ModelError(f"the endpoint of the model cannot be used ({type(error).__name__})") from None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError):
            raise ModelError(
                "the answer of the model's endpoint is not in the format of OpenAI's API"
            ) from None
        if not isinstance(content, str):
            raise ModelError("the answer of the model's endpoint has no text")
        return content

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()


@cache
def _certificates() -> ssl.SSLContext:
    """The certificate authorities that are trusted: the same for all models, and reading them takes 30 ms."""
    import httpx2

    return httpx2.create_ssl_context()


def _bounded(inner: httpx2.AsyncBaseTransport, most: int) -> httpx2.AsyncBaseTransport:
    """A transport whose answers have at most so many bytes, errors among them, and are not compressed."""
    import httpx2

    class Body(httpx2.AsyncByteStream):
        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = most
            async for part in self._stream:
                left -= len(part)
                if left < 0:
                    raise httpx2.ReadError("the answer is too large")
                yield part

        async def aclose(self) -> None:
            await self._stream.aclose()

    class Bounded(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            if response.headers.get("Content-Encoding", "identity") != "identity":
                await response.aclose()
                raise httpx2.ReadError("the answer is compressed")
            response.stream = Body(response.stream)
            return response

        async def aclose(self) -> None:
            await inner.aclose()

    return Bounded()
