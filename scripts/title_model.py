"""`make model`: learn bot/catalogue/titles.json from the made-up headlines beside it and the catalogue's keywords.

Prints how often guesses on headlines that were not learned are right, by the margin from which they are made.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.domain.topics.learned import Text, TitleModel, calibrated
from bot.domain.topics.tree import TopicTree
from bot.sources.catalogue import catalogue_topics

CATALOGUE = Path(__file__).parent.parent / "bot" / "catalogue"
PARTS = 10  # of the headlines: each is guessed by what was learned from the others


def headlines() -> list[Text]:
    """The made-up headlines with their topics and languages."""
    topic, language, written = "", "", []
    for line in (CATALOGUE / "titles.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            topic, _, language = line.strip("[]").partition(" ")
        elif line and not line.startswith("#"):
            written.append((topic, line, language or "en"))
    return written


def keywords() -> Iterator[Text]:
    """The catalogue's keywords with the root topics that they stand below."""
    tree = TopicTree(catalogue_topics())
    for topic in tree:
        root = tree.root(topic.name)
        for keyword in topic.keywords:
            yield root, keyword, ""
        for language, keyword in topic.language_keywords:
            yield root, keyword.replace("*", ""), language


def build() -> tuple[TitleModel, list[tuple[float, bool]]]:
    """The model, and what became of guesses on headlines that were not learned: margin, and whether it was right."""
    written = headlines()
    empty = TitleModel(tuple(sorted({topic for topic, _, _ in written})), {})
    of_catalogue = empty.learn(keywords())
    outcomes: list[tuple[float, bool]] = []
    for part in range(PARTS):
        others = [text for at, text in enumerate(written) if at % PARTS != part]
        model = of_catalogue.learn(others)
        for topic, text, language in written[part::PARTS]:
            best = model.best(text, language)
            if best is not None:
                outcomes.append((best[1], best[0] == topic))
    model = of_catalogue.learn(written)
    return TitleModel(model.topics, model.counts, calibrated(outcomes)), outcomes


def as_json(model: TitleModel) -> str:
    """The file: a stem a line, with its counts by the topic's place."""
    stems = ",\n".join(
        f"{json.dumps(stem, ensure_ascii=False)}: "
        + json.dumps({str(at): int(count) for at, count in enumerate(of) if count})
        for stem, of in sorted(model.counts.items())
    )
    head = json.dumps({"topics": model.topics, "steps": model.steps})
    return f'{head[:-1]},\n"counts": {{\n{stems}\n}}}}\n'


def main(arguments: Sequence[str]) -> int:
    """Write the model; with `--print`, only its figures."""
    model, outcomes = build()
    if "--print" not in arguments:
        (CATALOGUE / "titles.json").write_text(as_json(model), encoding="utf-8")
    made = sum(margin >= model.steps[0][0] for margin, _ in outcomes) if model.steps else 0
    sys.stdout.write(f"{len(outcomes)} headlines, {len(model.counts):,} stems; guesses for {made}\n")
    for margin, confidence in model.steps:
        sys.stdout.write(f"margin {margin:.2f}: {confidence:.1%} right\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
