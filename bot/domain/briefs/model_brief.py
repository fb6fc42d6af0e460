"""What a channel wants a language model to make of its briefs, and what there is of it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.briefs import rephrasing, translation
from bot.domain.briefs.answers import ModelSentence, Verdict, request
from bot.domain.briefs.candidates import Sentence
from bot.domain.briefs.lexicon import LEXICONS

PROMPT_VERSION = 2  # goes up with each change of an instruction or of a check: older answers are not used

Answers = Mapping[str, Sequence[ModelSentence]]


@dataclass(frozen=True, slots=True)
class BriefChoice:
    """What a channel wants: briefs `rephrased`, and those in another language in this `language`.

    `language` is an ISO 639-1 code; empty: no translation.
    """

    rephrased: bool = False
    language: str = ""


VERBATIM = BriefChoice()


@dataclass(frozen=True, slots=True)
class ModelTask:
    """A call of a model: to translate `sentences` from `source` to `target` (ISO 639-1), or to rephrase them (both empty)."""

    sentences: tuple[Sentence, ...]
    source: str = ""
    target: str = ""

    @property
    def instruction(self) -> str:
        """What the model is told to do, of which no article is part."""
        return translation.instruction(self.source, self.target) if self.target else rephrasing.INSTRUCTION

    @property
    def request(self) -> str:
        """The sentences as the model gets them."""
        return request(self.sentences)

    def key(self, model: str) -> str:
        """The name of what a model makes of these sentences.

        Sentences of a server's own sources count for that server alone, whatever another server's sources say.
        """
        content = (
            PROMPT_VERSION,
            model,
            self.source,
            self.target,
            [(s.text, s.report.guild_id) for s in self.sentences],
        )
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()

    def check(self, answer: str) -> Verdict:
        """Whether the answer may be shown in place of the sentences."""
        texts = [sentence.text for sentence in self.sentences]
        if self.target:
            return translation.check_translation(texts, answer, self.source, self.target)
        return rephrasing.check_rephrasing(texts, answer)


def task_of(sentences: Sequence[Sentence], choice: BriefChoice) -> ModelTask | None:
    """What a model is to do for a channel; None where the sentences stay as they are.

    A brief in the channel's language is not translated, nor is one in a language that is unknown or that has no
    lexicon. It is rephrased if the channel wants that.
    """
    if not sentences:
        return None
    source = next((code for s in sentences if (code := _language(s))), "")
    if choice.language in LEXICONS and source in LEXICONS and source != choice.language:
        return ModelTask(tuple(sentences), source, choice.language)
    return ModelTask(tuple(sentences)) if choice.rephrased else None


def _language(sentence: Sentence) -> str:
    return sentence.report.record.language.partition("-")[0].lower()


@dataclass(frozen=True, slots=True)
class ModelBrief:
    """A brief in a model's words: translated from the language of that code, or rephrased where that is empty.

    Without `lines`, the brief stays as it is.
    """

    lines: Sequence[ModelSentence] = ()
    translated_from: str = ""


UNMADE = ModelBrief()


@dataclass(frozen=True, slots=True)
class ModelBriefs:
    """The answers of a `model` that a channel with that `choice` shows, by `ModelTask.key`.

    An answer without lines was rejected.
    """

    model: str = ""
    answers: Answers = field(default_factory=dict)
    choice: BriefChoice = VERBATIM

    def of(self, sentences: Sequence[Sentence]) -> ModelBrief:
        """What the model made of a brief."""
        task = task_of(sentences, self.choice)
        if task is None or not (lines := self.answers.get(task.key(self.model), ())):
            return UNMADE
        return ModelBrief(lines, task.source)


NO_MODEL = ModelBriefs()
