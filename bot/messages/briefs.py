"""What outlets say, as Markdown: each sentence ends in the name of its outlet, which links to its report. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.briefs.brief import brief
from bot.domain.briefs.candidates import Sentence
from bot.domain.briefs.figures import Figure
from bot.domain.briefs.novelty import change
from bot.domain.briefs.rephrasing import RephrasedSentence
from bot.domain.briefs.sentences import excerpt
from bot.domain.briefs.sentences import sentences as sentences_of
from bot.domain.model import Outlet, StoryView
from bot.domain.stories.owners import MediaOwners
from bot.domain.text.cleaning import clip, length
from bot.messages.message import dated, escape, escape_markup, link

EXCERPT = 400  # UTF-16 units of the excerpt of a story that has no brief
LINK = 200  # of the link of an outlet: one whose address is longer is only named
CHANGE = 600  # of the line that says what changed
NAME = 60
BY_A_MODEL = "Rephrased by a model from the linked articles"


def attributed(sentence: Sentence) -> str:
    """A sentence as it stands in its report, and the linked name of its outlet."""
    record = sentence.report.record
    return f"{escape(sentence.text)} — {_linked(record.outlet, record.url)}"


def summary(
    view: StoryView, sentences: Sequence[Sentence], rephrased: Sequence[RephrasedSentence] = ()
) -> str:
    """The brief, a sentence a paragraph, or what a model made of it, beside which `BY_A_MODEL` has to stand; the excerpt
    of the lead, cut at a sentence, where there is none.
    """
    if rephrased:
        return "\n\n".join(_cited(line, sentences) for line in rephrased)
    if sentences:
        return "\n\n".join(map(attributed, sentences))
    record = view.lead.record
    return escape_markup(excerpt(record.excerpt, record.language, EXCERPT))


def digest_sentence(view: StoryView, told_at: datetime | None, owners: MediaOwners, limit: int) -> str:
    """The most central sentence of an excerpt, with its outlet; of a story told before, what is new since then.

    Empty where there is none that fits.
    """
    sentences = brief(view, owners)
    if told_at is not None:
        found = change(view, told_at, owners, lambda sentence: length(attributed(sentence)) <= limit)
        if found is not None:
            return attributed(found)
    lead = view.lead
    own = sentences_of(lead.record.excerpt, lead.record.language)[:1]
    for sentence in (*sentences, *(Sentence(text, lead) for text in own)):
        line = attributed(sentence)
        if sentence.text != sentence.report.record.title and length(line) <= limit:
            return line
    return ""


def change_since(view: StoryView, since: datetime | None, owners: MediaOwners) -> Sentence | None:
    """What changed since a message was sent, if that fits into a line; None for a message that is not out yet."""
    if since is None:
        return None
    return change(view, since, owners, lambda sentence: length(change_line(sentence)) <= CHANGE)


def change_line(sentence: Sentence) -> str:
    """A sentence that is new, with the date of its report."""
    return f"{dated(sentence.report.published)} · {attributed(sentence)}"


def figures_line(figures: Sequence[Figure]) -> str:
    """Figures in which outlets differ, each with the outlet that says so: `nine dead (AP) · seven dead (BBC)`."""
    return " · ".join(
        f"{escape(text)} ({_linked(report.record.outlet, report.record.url)})" for text, report in figures
    )


def _cited(line: RephrasedSentence, sentences: Sequence[Sentence]) -> str:
    records = (sentences[place].report.record for place in line.cites)
    return f"{escape(line.text)} — {', '.join(_linked(record.outlet, record.url) for record in records)}"


def _linked(outlet: Outlet, url: str) -> str:
    return link(clip(outlet.name, NAME), url, LINK)
