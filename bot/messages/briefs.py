"""What outlets say, as Markdown: each sentence ends in the name of its outlet, which links to its report. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.briefs.answers import ModelSentence
from bot.domain.briefs.brief import brief
from bot.domain.briefs.candidates import Sentence, Weighed, candidates
from bot.domain.briefs.figures import Figure
from bot.domain.briefs.model_brief import NO_MODEL, UNMADE, ModelBrief, ModelBriefs
from bot.domain.briefs.novelty import change, sentence_to_tell
from bot.domain.briefs.sentences import excerpt
from bot.domain.model import Outlet, StoryView
from bot.domain.stories.owners import MediaOwners
from bot.domain.text.cleaning import clip, length
from bot.i18n import comma_list, mark, tr
from bot.messages.languages import language_name
from bot.messages.message import dated, escape, escape_markup, link

EXCERPT = 400  # UTF-16 units of the excerpt of a story that has no brief
LINK = 200  # of the link of an outlet: one whose address is longer is only named
CHANGE = 600  # of the line that says what changed
NAME = 60
BY_A_MODEL = mark("Rephrased by a model from the linked articles")
TRANSLATED = mark("Translated from {language} by a model; the links lead to the original articles")


def attributed(sentence: Sentence) -> str:
    """A sentence as it stands in its report, and the linked name of its outlet."""
    record = sentence.report.record
    return f"{escape(sentence.text)} — {_linked(record.outlet, record.url)}"


def summary(view: StoryView, sentences: Sequence[Sentence], made: ModelBrief = UNMADE) -> str:
    """The brief, a sentence a paragraph, or what a model made of it, beside which its `model_label` has to stand; the
    excerpt of the lead, cut at a sentence, where there is none.
    """
    if made.lines:
        return "\n\n".join(_cited(line, sentences) for line in made.lines)
    if sentences:
        return "\n\n".join(map(attributed, sentences))
    record = view.lead.record
    return escape_markup(excerpt(record.excerpt, record.language, EXCERPT))


def model_label(made: ModelBrief) -> str:
    """What says that a model wrote a brief; nothing where none did."""
    if not made.lines:
        return ""
    if not made.translated_from:
        return tr(BY_A_MODEL)
    return tr(TRANSLATED, language=language_name(made.translated_from))


def digest_sentence(
    view: StoryView,
    told_at: datetime | None,
    owners: MediaOwners,
    limit: int,
    model_briefs: ModelBriefs = NO_MODEL,
) -> str:
    """The sentence below the headline of a digest, with its outlet, within `limit` UTF-16 units; empty where none fits.

    Where a model has put the story's brief in other words, it is the first of these, which says so. What is new of a story
    told before is in the words of its report.
    """
    weighed = candidates(view, owners)
    sentences = brief(view, owners, weighed=weighed)
    chosen = sentence_to_tell(
        view, sentences, told_at, owners, lambda one: length(attributed(one)) <= limit, weighed
    )
    if chosen is None or chosen in sentences:
        made = model_briefs.of(sentences)
        label = (
            tr("*translated from {language} by a model*", language=language_name(made.translated_from))
            if made.translated_from
            else tr("*rephrased by a model*")
        )
        lines = (f"{_cited(line, sentences)} · {label}" for line in made.lines)
        if line := next((line for line in lines if length(line) <= limit), ""):
            return line
    return attributed(chosen) if chosen else ""


def change_since(
    view: StoryView, since: datetime | None, owners: MediaOwners, weighed: Weighed | None = None
) -> Sentence | None:
    """What changed since a message was sent, if that fits into a line; None for a message that is not out yet."""
    if since is None:
        return None
    return change(view, since, owners, lambda sentence: length(change_line(sentence)) <= CHANGE, weighed)


def change_line(sentence: Sentence) -> str:
    """A sentence that is new, with the date of its report."""
    return f"{dated(sentence.report.published)} · {attributed(sentence)}"


def figures_line(figures: Sequence[Figure]) -> str:
    """Figures in which outlets differ, each with the outlet that says so: `nine dead (AP) · seven dead (BBC)`."""
    return " · ".join(
        f"{escape(text)} ({_linked(report.record.outlet, report.record.url)})" for text, report in figures
    )


def _cited(line: ModelSentence, sentences: Sequence[Sentence]) -> str:
    records = (sentences[place].report.record for place in line.cites)
    return f"{escape(line.text)} — {comma_list(_linked(record.outlet, record.url) for record in records)}"


def _linked(outlet: Outlet, url: str) -> str:
    return link(clip(outlet.name, NAME), url, LINK)
