"""The first hour in a real browser, without typing a command. It needs Chromium: `CHROMIUM` names another one.

The same walk without a browser is in `test_setup.py`.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect
from rich.console import Console

from bot.demo.main import NEWS, TOPICS, NewServer

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENCE = 60_000  # milliseconds, for a machine that does much else: nothing is measured here
TRIES = 6  # of a press
STORY = re.compile(r"Story #(\d+)")


class Browsed(NewServer):
    """The demo's empty server, with a browser on its page that `tab` is the only tab of."""

    async def _keep_page_open(self, app: Any, page: Any) -> None:
        serving = asyncio.ensure_future(super()._keep_page_open(app, page))
        try:
            async with _tab() as tab:
                await tab.goto(page.url)
                await walk(tab)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


@asynccontextmanager
async def _tab() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            tab = await browser.new_page(viewport={"width": 1000, "height": 1400})
            tab.set_default_timeout(PATIENCE)
            yield tab
        finally:
            await browser.close()


def answer(tab: Page) -> Locator:
    """The newest message that the visitor alone sees."""
    return tab.locator("article.channel-message", has_text="Only you can see this").last


def posts(tab: Page) -> Locator:
    """The posts of stories."""
    public = tab.locator("article.channel-message").filter(has_not_text="Only you can see this")
    return public.filter(has_text=STORY).filter(has=tab.get_by_role("button", name="Related coverage"))


async def press(place: Locator, label: str, shows: Locator, words: str) -> None:
    """Press a button until `shows` has these words: the page refuses a press while it is being refreshed."""
    button = place.get_by_role("button", name=label, exact=True)
    for _ in range(TRIES - 1):
        await button.click()
        try:
            await expect(shows).to_contain_text(words, timeout=PATIENCE / TRIES)
            return
        except AssertionError:
            if not await button.is_visible():
                break
    await expect(shows).to_contain_text(words)


async def choose(tab: Page, menu: str, option: str) -> None:
    """Choose one option of a menu of the newest answer."""
    await answer(tab).get_by_role("combobox", name=menu).click()
    await tab.get_by_role("option", name=option).locator("visible=true").first.click()
    apply = tab.get_by_role("button", name="Apply").locator("visible=true")
    if await apply.count():
        await apply.click()


async def number_of(post: Locator) -> str:
    """The number of a post's story."""
    match = STORY.search(await post.inner_text())
    assert match is not None
    return match[1]


async def walk(tab: Page) -> None:
    """From an empty server to a first post, a digest, a merge, and its end."""
    hello = tab.locator("article.channel-message", has_text="Hello!")
    await press(hello, "Choose topics", answer(tab), "the bot can post there")
    await choose(tab, "Choose topics", "AI")
    await expect(answer(tab)).to_contain_text("now follows AI.")
    await expect(posts(tab).nth(1)).to_contain_text("Already in the news")
    first, second = [await number_of(posts(tab).nth(place)) for place in (0, 1)]

    await press(answer(tab), "Digest", answer(tab), "A digest is one message")
    await press(answer(tab), "Put all topics in the digest", answer(tab), "added to the digest.")
    digest = tab.locator("article.channel-message", has_text="Daily digest ·")
    await press(answer(tab), "Send now", digest, "2 stories")
    await expect(digest).to_have_count(1)

    await press(posts(tab).first, "Related coverage", answer(tab), "Same event")
    form = tab.get_by_role("dialog")
    await press(answer(tab), "Merge with…", form, "Number, link, or words of its title")
    await form.get_by_role("textbox").fill(second)
    kept, absorbed = sorted((first, second), key=int)
    merged = tab.locator("article.channel-message", has_text="is now part of")
    await press(form, "Submit", merged, f"Story #{absorbed} is now part of #{kept}.")
    await press(merged, "Undo", answer(tab), f"is separate from #{kept} again")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.timeout(300)
async def test_the_first_hour_is_clicked_through_in_a_browser(tmp_path: Path) -> None:
    expect.set_options(timeout=PATIENCE)
    demo = Browsed(Console(file=io.StringIO()), NEWS, TOPICS, "Computer Vision")
    await demo.run(tmp_path / "demo.db", 0)
