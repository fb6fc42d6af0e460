"""Why a story is where it is: its topics, what became of it in a channel, and how its records came together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.domain.model import Coverage, Relation, Stored, StorySize, StoryView, TopicEvidence, TopicMatch
from bot.domain.posting.decisions import EXPLAIN, Reason
from bot.domain.posting.fate import PostFate, PostState
from bot.domain.text.cleaning import plural
from bot.domain.text.words import name_key
from bot.i18n import mark, tr
from bot.messages.message import Embed, escape, escape_to, relative
from bot.messages.story import colour_of, coverage_line, list_pages
from bot.messages.volume import place_words

REASON = 200
MOST_WORDS = 8  # that put records into one topic
MOST_OUTLETS = 4  # named for one word
MOST_WEAK = 8  # topics that too few outlets say


def notes(number: int, requested: int, fate: PostFate | None) -> tuple[str, ...]:
    """What a story's pages say of it first: where it went on if another number was `requested` for, and its fate in the channel."""
    moved = (f"Story #{requested} is now part of #{number}.",) if requested != number else ()
    return (*moved, fate_line(fate)) if fate is not None else moved


def fate_line(fate: PostFate) -> str:
    """What became of a story in the channel, in a line of Markdown."""
    reason = escape(fate.reason)
    posted = f"Posted here {relative(fate.posted_at)}." if fate.posted_at is not None else ""
    match fate.state:
        case PostState.POSTED:
            return " ".join((posted, *_pings(fate)))
        case PostState.POSTED_STALE:
            return f"{posted} Its last update failed: {reason}."
        case PostState.POSTED_FINAL:
            return f"{posted} The post is no longer updated: {reason}."
        case PostState.WAITING:
            return f"Waiting to be posted here{': ' + reason if reason else ''}."
        case PostState.LISTED:
            return "Listed here together with other stories, because of the hourly limit or the quiet hours."
        case PostState.REFUSED:
            return f"Not posted here: {reason}."
        case PostState.WITHHELD:
            words = EXPLAIN[Reason(fate.reason)] if fate.place is None else place_words(fate.place)
            in_digest = (tr("It can come in this channel's digest."),) if fate.in_digest else ()
            return " ".join((f"Not posted here: {words}.", *in_digest))
        case PostState.NOT_SUBSCRIBED:
            return "Not posted here: this channel is not subscribed to any of its topics."
        case PostState.DIGEST_ONLY:
            return "Not posted here: this channel gets its topics in the digest only."
        case PostState.BEFORE_SUBSCRIPTION:
            return "Not posted here: it is older than the channel's subscription."


_PINGS_FROM: Mapping[StorySize, str] = {
    StorySize.NOTABLE: mark("It pings a role once it is notable."),
    StorySize.MAJOR: mark("It pings a role once it is major."),
}


def _pings(fate: PostFate) -> Iterator[str]:
    """What a post pings later, or that it has been announced once more."""
    if fate.pings_from is not None and fate.pings_from in _PINGS_FROM:
        yield tr(_PINGS_FROM[fate.pings_from])
    if fate.escalated_at is not None:
        yield tr("Announced again {when}, because it had grown.", when=relative(fate.escalated_at))


def why_pages(
    view: StoryView,
    notes: Sequence[str],
    topics: Sequence[str],
    matches: Mapping[int, Sequence[TopicMatch]],
    reasons: Mapping[int, str],
) -> tuple[Embed, ...]:
    """The answer to /why, in pages. `notes` are Markdown on what became of the story in the channel;

    `topics` are its topics in the order to show them; `matches` and `reasons` are by record.
    """
    entries = [("**This channel**", note) for note in notes]
    evidence = {name_key(entry.topic): entry for entry in view.evidence}
    entries += [
        ("**Topics**", _topic(topic, evidence.get(name_key(topic)), view.members, matches))
        for topic in topics
    ]
    weak = [entry for entry in view.evidence if not entry.assigned]
    if weak:
        entries.append(("**Topics**", _too_few(weak)))
    entries += [("**Articles**", _member(member, reasons.get(member.id, ""))) for member in _by_time(view)]
    if not topics and not weak:
        entries.insert(
            len(notes), ("**Topics**", "None. No topic matches its words, and no outlet tagged it with one.")
        )
    return list_pages(
        f"Story #{view.number} explained: {escape_to(view.lead.record.title, 180)}",
        [line for _, line in entries],
        "",
        under=[heading for heading, _ in entries],
        colour=colour_of(next(iter(topics), "")),
        size=14,
    )


def _by_time(view: StoryView) -> list[Stored]:
    return sorted(view.members, key=lambda member: (member.first_seen, member.id))


def _voices(evidence: TopicEvidence) -> str:
    """How many outlets say so; those of one owner count once, and so do copies of one text."""
    return f"{evidence.voices} of {plural(evidence.of, 'outlet')}"


def _too_few(evidence: Sequence[TopicEvidence]) -> str:
    """One line: the topics that articles have and the story has not."""
    best = sorted(evidence, key=lambda entry: (-entry.voices, name_key(entry.topic)))
    shown = ", ".join(f"{escape(entry.topic)} ({_voices(entry)})" for entry in best[:MOST_WEAK])
    more = len(best) - MOST_WEAK
    return f"Too few outlets for: {shown}{f' and {more} more' if more > 0 else ''}"


def _topic(
    topic: str,
    evidence: TopicEvidence | None,
    members: Sequence[Stored],
    matches: Mapping[int, Sequence[TopicMatch]],
) -> str:
    """One line: how many outlets say so, who declares the topic, and which words in whose reports put it there."""
    declared: dict[str, None] = {}
    guessed: dict[str, dict[str, None]] = {}
    words: dict[str, dict[str, None]] = {}
    for member in members:
        for match in matches.get(member.id, ()):
            if name_key(match.topic) != name_key(topic):
                continue
            outlet = member.record.outlet.name
            if match.declared:
                declared[outlet] = None
            for word in match.keywords:
                (guessed if match.learned else words).setdefault(word, {})[outlet] = None
    parts = [f"tagged by {_names(declared)}"] if declared else []
    parts += [
        f"“{escape_to(word, 60)}” ({_names(outlets)})" for word, outlets in list(words.items())[:MOST_WORDS]
    ]
    if guessed:
        shown = [f"“{escape_to(word, 60)}” ({_names(outlets)})" for word, outlets in guessed.items()]
        parts.append(f"guessed from words that are typical of the topic: {', '.join(shown[:MOST_WORDS])}")
    if not parts:
        return f"{escape(topic)}: matched by an earlier version of the topic"
    voices = f", {_voices(evidence)}" if evidence is not None and evidence.of > 1 else ""
    return f"{escape(topic)}{voices}: {'; '.join(parts)}"


def _names(outlets: Mapping[str, None]) -> str:
    shown = [escape_to(outlet, 40) for outlet in outlets][:MOST_OUTLETS]
    more = len(outlets) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _member(member: Stored, reason: str) -> str:
    """One line: the record, and what put it into the story."""
    how = escape_to(reason, REASON) or "the reason was not saved"
    return f"• {coverage_line(Coverage(member, Relation.SAME), 300)} · {how}"
