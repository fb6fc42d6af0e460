"""A brief of a story, from its reports to the chosen sentences. Stories are made up; no text of one was cut before."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

from benchmarks.table import line
from bot.domain.briefs.brief import brief
from bot.domain.model import Outlet, Record, Stored, StoryView
from bot.domain.stories import story as stories

SIZES = (3, 20, 200)  # members
STORIES = 50
SENTENCES = 4  # of an excerpt
WORDS = 20  # of a sentence, half of which are of the story
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def measure(runs: int) -> None:
    """CPU time of a brief, by the number of the story's reports: the mean of different stories, once a run."""
    brief(_story(SIZES[0], random.Random(-1)))  # noqa: S311 - nothing secret
    for size in SIZES:
        means = []
        for run in range(runs):
            rng = random.Random(run)  # noqa: S311 - nothing secret
            views = [_story(size, rng) for _ in range(STORIES)]
            started = time.process_time()
            for view in views:
                brief(view)
            means.append((time.process_time() - started) * 1000 / STORIES)
        line(f"brief of a story of {size} reports", means, "ms")


def _story(size: int, rng: random.Random) -> StoryView:
    subject = [_word(rng) for _ in range(60)]
    members = []
    for place in range(size):
        sentences = [
            " ".join(
                rng.choice(subject) if rng.random() < 0.5 else _word(rng) for _ in range(WORDS)
            ).capitalize()
            + "."
            for _ in range(SENTENCES + 1)
        ]
        outlet = Outlet(f"Outlet {place}", f"outlet-{place}.example")
        url = f"https://{outlet.domain}/1"
        record = Record(url, url, sentences[0], outlet, " ".join(sentences[1:]), language="en")
        members.append(Stored(place + 1, record, _MOMENT, _MOMENT))
    view = stories.story_view(stories.Story(1, tuple(members), {}, {}))
    assert view is not None
    return view


def _word(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.choice((2, 3, 4, 6, 8, 10))))
