"""Why a story is where it is: its topics, what became of it in a channel, and how its records came together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.domain.model import Coverage, Relation, Stored, StorySize, StoryView, TopicEvidence, TopicMatch
from bot.domain.posting.decisions import EXPLAIN, Reason
from bot.domain.posting.fate import PostFate, PostState
from bot.domain.posting.plan import BETWEEN_REASONS, REASONS
from bot.domain.text.words import name_key
from bot.i18n import comma_list, list_and_more, mark, tr, tr_plural, tr_stored
from bot.messages.message import Embed, escape, escape_to, relative
from bot.messages.story import colour_of, coverage_line, list_pages
from bot.messages.volume import place_words

REASON = 200
MOST_WORDS = 8  # that put records into one topic
MOST_OUTLETS = 4  # named for one word
MOST_WEAK = 8  # topics that too few outlets say


def notes(number: int, requested: int, fate: PostFate | None) -> tuple[str, ...]:
    """What a story's pages say of it first: where it went on if another number was `requested` for, and its fate in the channel."""
    lines = [fate_line(fate)] if fate is not None else []
    if requested != number:
        lines.insert(0, tr("Story #{number} is now part of #{survivor}.", number=requested, survivor=number))
    return tuple(lines)


_FATES = {
    PostState.LISTED: mark(
        "Listed here together with other stories, because of the hourly limit or the quiet hours."
    ),
    PostState.NOT_SUBSCRIBED: mark("Not posted here: this channel is not subscribed to any of its topics."),
    PostState.DIGEST_ONLY: mark("Not posted here: this channel gets its topics in the digest only."),
    PostState.BEFORE_SUBSCRIPTION: mark("Not posted here: it is older than the channel's subscription."),
}


def fate_line(fate: PostFate) -> str:
    """What became of the story in the channel, in a line of Markdown."""
    posted = tr("Posted here {when}.", when=relative(fate.posted_at)) if fate.posted_at is not None else ""
    reason = escape(tr_stored(fate.reason))
    match fate.state:
        case PostState.POSTED:
            return " ".join((posted, *_pings(fate)))
        case PostState.POSTED_STALE:
            return f"{posted} {tr('Its last update failed: {reason}.', reason=reason)}"
        case PostState.POSTED_FINAL:
            return f"{posted} {tr('The post is no longer updated: {reason}.', reason=reason)}"
        case PostState.WAITING if not reason:
            return tr("Waiting to be posted here.")
        case PostState.WAITING:
            return tr("Waiting to be posted here: {reason}.", reason=reason)
        case PostState.REFUSED:
            return tr("Not posted here: {reason}.", reason=reason)
        case PostState.WITHHELD:
            withheld = tr("Not posted here: {reason}.", reason=_withheld(fate))
            in_digest = (tr("It can come in this channel's digest."),) if fate.in_digest else ()
            return " ".join((withheld, *in_digest))
        case _:
            return tr(_FATES[fate.state])


def _withheld(fate: PostFate) -> str:
    return tr(EXPLAIN[Reason(fate.reason)]) if fate.place is None else place_words(fate.place)


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
    evidence = {name_key(entry.topic): entry for entry in view.evidence}
    weak = [entry for entry in view.evidence if not entry.assigned]
    about = [_topic(topic, evidence.get(name_key(topic)), view.members, matches) for topic in topics]
    if weak:
        about.append(_too_few(weak))
    nothing = tr("None. No topic matches its words, and no outlet tagged it with one.")
    articles = [_member(member, reasons.get(member.id, "")) for member in _by_time(view)]
    entries = [
        *((tr("**This channel**"), line) for line in notes),
        *((tr("**Topics**"), line) for line in about or [nothing]),
        *((tr("**Articles**"), line) for line in articles),
    ]
    title = escape_to(view.lead.record.title, 180)
    return list_pages(
        tr("Story #{number} explained: {title}", number=view.number, title=title),
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
    return tr_plural(
        "{voices} of {count} outlet", "{voices} of {count} outlets", evidence.of, voices=evidence.voices
    )


def _too_few(evidence: Sequence[TopicEvidence]) -> str:
    """One line: the topics that articles have and the story has not."""
    best = sorted(evidence, key=lambda entry: (-entry.voices, name_key(entry.topic)))
    shown = [f"{escape(entry.topic)} ({_voices(entry)})" for entry in best[:MOST_WEAK]]
    return tr("Too few outlets for: {topics}", topics=list_and_more(shown, len(best) - len(shown)))


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
    parts = [tr("tagged by {outlets}", outlets=_names(declared))] if declared else []
    parts += [_word(word, outlets) for word, outlets in list(words.items())[:MOST_WORDS]]
    if guessed:
        shown = comma_list([_word(word, outlets) for word, outlets in guessed.items()][:MOST_WORDS])
        parts.append(tr("guessed from words that are typical of the topic: {words}", words=shown))
    if not parts:
        return tr("{topic}: matched by an earlier version of the topic", topic=escape(topic))
    reasons = "; ".join(parts)
    if evidence is None or evidence.of <= 1:
        return tr("{topic}: {reasons}", topic=escape(topic), reasons=reasons)
    return tr(
        "{topic}, {outlets}: {reasons}", topic=escape(topic), outlets=_voices(evidence), reasons=reasons
    )


def _word(word: str, outlets: Mapping[str, None]) -> str:
    return tr("“{word}” ({outlets})", word=escape_to(word, 60), outlets=_names(outlets))


def _names(outlets: Mapping[str, None]) -> str:
    shown = [escape_to(outlet, 40) for outlet in outlets][:MOST_OUTLETS]
    return list_and_more(shown, len(outlets) - len(shown))


def _member(member: Stored, reason: str) -> str:
    """One line: the record, and what put it into the story."""
    how = escape_to(_how(reason), REASON) or tr("the reason was not saved")
    return f"• {coverage_line(Coverage(member, Relation.SAME), 300)} · {how}"


def _how(reason: str) -> str:
    """What put a record into its story, which is stored in English."""
    parts = (reason[:1].lower() + reason[1:]).split(BETWEEN_REASONS)
    text = BETWEEN_REASONS.join(tr_stored(part, *REASONS) for part in parts)
    return text[:1].upper() + text[1:]
