"""Servers on a free port of the loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def on_a_free_port(app: web.Application, shutdown_timeout: float) -> AsyncIterator[int]:
    """Serve an application on the loopback meanwhile; the port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_timeout)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[int]:
    """Serve on the loopback meanwhile, every path by this handler; the port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with on_a_free_port(app, shutdown_timeout=0.1) as port:
        yield port
    await asyncio.sleep(0)  # its last callbacks
