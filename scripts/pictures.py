"""Takes the README's pictures: the demo's channel in a real browser, on a simulated Discord.

Needs Chromium (Debian: `apt install chromium`); `CHROMIUM` names another one. Run `make picture`.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Page, async_playwright
from rich.console import Console

from bot.demo.main import NEWS, TOPICS, Demo

TARGET = Path(__file__).parent.parent / "docs" / "images"
# Words that only the message in the picture has.
PICTURES = {
    "story.png": re.compile("Ferries guided by computer vision.*Story #", re.DOTALL),
    "digest.png": re.compile("Daily digest · Thursday, 8 January"),
}
SETTLE = 9000  # milliseconds for pictures to load
STEP = 2000  # milliseconds for the page to follow a press
MARGIN = 16
# Discord leaves this much room between the parts of a container; the simulated one leaves other gaps. The tools of
# a message are not part of it.
STYLE = """
section.component-container { display: flex; flex-direction: column; gap: 8px; }
section.component-container .component-row { margin: 0; }
.message-context-actions { visibility: hidden; }
"""
SCALE = 1.5
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


class Pictures(Demo):
    """The demo, with a camera in place of the user."""

    async def _keep_page_open(self, app: Any, page: Any) -> None:
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        if chromium is None:
            sys.exit("No Chromium was found: install it, or name one in CHROMIUM")
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            tab = await browser.new_page(
                viewport={"width": 1000, "height": 1400}, device_scale_factor=SCALE, bypass_csp=True
            )
            await tab.goto(page.url)
            await tab.add_style_tag(content=STYLE)
            for name, words in PICTURES.items():
                await take(tab, words, name)
            await take_panel(tab)
            await browser.close()


async def take(tab: Page, words: re.Pattern[str], name: str) -> None:
    """The message that has these words in it, cut to what it fills."""
    message = tab.locator("article.channel-message", has_text=words).last
    await message.scroll_into_view_if_needed()
    await tab.wait_for_timeout(SETTLE)
    whole = await message.bounding_box()
    card = await message.locator("section.component-container").last.bounding_box()
    if whole is None or card is None:
        sys.exit(f"No message says {words.pattern!r}")
    picture = Image.open(io.BytesIO(await message.screenshot()))
    right = (card["x"] + card["width"] - whole["x"] + MARGIN) * SCALE
    TARGET.mkdir(parents=True, exist_ok=True)
    picture.crop((0, 0, int(right), picture.height)).convert("P", palette=Image.Palette.ADAPTIVE).save(
        TARGET / name
    )


async def take_panel(tab: Page) -> None:
    """The setup panel, with the topics of a channel."""
    await tab.locator("#channel-composer-input").fill("/setup")
    await tab.wait_for_timeout(STEP)
    await tab.locator("#channel-composer-input").press("Enter")  # chooses the command
    await tab.wait_for_timeout(STEP)
    await tab.locator("#send-message").click()
    await tab.wait_for_timeout(STEP)
    await tab.get_by_role("button", name="Topics", exact=True).last.click()
    await tab.wait_for_timeout(STEP)
    message = tab.locator("article.channel-message", has_text="Choose topics").last
    picture = Image.open(io.BytesIO(await message.screenshot()))
    picture.convert("P", palette=Image.Palette.ADAPTIVE).save(TARGET / "setup.png")


async def main() -> None:
    """Replay the sample, open its page, take the pictures."""
    console = Console(file=io.StringIO())
    demo = Pictures(console, NEWS, TOPICS, "Computer Vision")
    with tempfile.TemporaryDirectory() as folder:
        await demo.run(Path(folder) / "demo.db", 0)


if __name__ == "__main__":
    asyncio.run(main())
