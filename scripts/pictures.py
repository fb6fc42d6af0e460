"""Takes the README's pictures: the demo's channel in a real browser, on a simulated Discord.

Needs Chromium (Debian: `apt install chromium`); `CHROMIUM` names another one. Run `make picture`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright
from rich.console import Console

from bot.demo.main import SAMPLE, Demo, assets

TARGET = Path(__file__).parent.parent / "docs" / "images"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


class Pictures(Demo):
    """The demo, with a camera in place of the user."""

    async def _keep(self, app: Any, page: Any) -> None:
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        if chromium is None:
            sys.exit("No Chromium was found: install it, or name one in CHROMIUM")
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            tab = await browser.new_page(viewport={"width": 980, "height": 1000}, device_scale_factor=2)
            await tab.goto(page.url)
            await tab.wait_for_timeout(4000)
            await take(tab)
            await browser.close()


async def take(tab: Page) -> None:
    """The whole page."""
    TARGET.mkdir(parents=True, exist_ok=True)
    await tab.screenshot(path=TARGET / "page.png")


async def main() -> None:
    """Replay the sample, open its page, take the pictures."""
    console = Console(file=Path(os.devnull).open("w"))  # noqa: SIM115 - lives as long as the program
    demo = Pictures(console, SAMPLE, SAMPLE / "_data" / "topics", "Computer Vision")
    with tempfile.TemporaryDirectory() as folder:
        await demo.run(Path(folder) / "demo.db", 0)


if __name__ == "__main__":
    assets()
    asyncio.run(main())
