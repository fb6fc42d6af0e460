"""Hypothesis strategies for the worst that sources can send, as it looks after parsing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from bot.domain.model import Coverage, Image, Outlet, Record, Relation, Stored, StoryView
from bot.domain.records.identity import canonical
from bot.domain.text.cleaning import repair

# What random characters seldom form, and what Discord would make something of.
PIECES: Sequence[str] = (
    "@everyone", "@here", "<@1>", "<@!1>", "<@&1>", "<#1>", "</subscribe:1>", "<id:guide>",
    "<t:1700000000:R>", "<:cat:123456789012345678>", "<a:cat:123456789012345678>", ":smile:",
    "[free](https://evil.example)", "[", "]", "](", "(", ")", "](https://evil.example)", "[[", "]]",
    "https://evil.example/a_b_c", "http://", "://", "<https://evil.example>", "steam://run/1", "discord.gg/abcdef",
    "**", "*", "_", "__", "~~", "~", "||", "|", "`", "```", "\\", "\\\\", "# ", "## ", "-# ", "- ", "+ ", "> ", ">>> ",
    "1. ", "12. ", "¯\\_(ツ)_/¯", "😀", "👨‍👩‍👧", "🏳️‍🌈", "é", "ﷺ", "一", "שלום", "a", "word", " ", " ", ":", "snake_case",
    "…", "#12", "Reuters", "<", ">", "!", "\"", "'", "&amp;", "{", "}", "$x$",
)  # fmt: skip

_FIRST = 0xE000  # the first character for private use


def pieces(
    of: Sequence[str], *, min_size: int = 0, max_size: int, separator: str = ""
) -> st.SearchStrategy[str]:
    """Some of these texts, one after the other, as one text.

    Drawn as a string in which a character stands for each. That is one choice of Hypothesis: a list of choices takes ten times as long.
    """
    alphabet = st.characters(min_codepoint=_FIRST, max_codepoint=_FIRST + len(of) - 1)
    drawn = st.text(alphabet, min_size=min_size, max_size=max_size)
    return drawn.map(lambda text: separator.join(of[ord(character) - _FIRST] for character in text))


raw_texts = pieces(PIECES, max_size=40) | st.text(max_size=60)
"""Texts as they stand somewhere in the world."""


@st.composite
def texts(draw: st.DrawFn, limit: int, empty: str = "") -> str:
    """Texts as parsers give them: repaired and at most `limit` long, often exactly that; `empty` if need be."""
    text = draw(raw_texts)
    if draw(st.booleans()):
        text = (text or "x ") * (limit // max(1, len(text)) + 1)
    return repair(text, limit) or empty


_HOSTS = (
    "news.example",
    "NEWS.example",
    "münchen.example",
    "例え.example",
    "a-b.c_d.example:8080",
    "xn--e1a.example",
)
_PATHS = (
    "a", "b", "/", "(", ")", "[", "]", "<", ">", " ", "\"", "'", "`", "|", "\\", "^", "{", "}", "%", "%20", "%zz", "é", "一",
    "😀", "*", "_", "~", "**", "?", "&", "=", "#", ";", ",", ".", "@everyone", "://", "!", "\xa0", "+",
)  # fmt: skip


@st.composite
def urls(draw: st.DrawFn) -> str:
    """Addresses that the parsers let pass: of up to 2,048 characters, whatever these are."""
    scheme = draw(st.sampled_from(("https://", "http://", "HTTPS://")))
    path = draw(pieces(_PATHS, max_size=12))
    longest = draw(st.sampled_from((40, 300, 500, 2048)))
    address = scheme + draw(st.sampled_from(_HOSTS)) + "/" + path
    if path and draw(st.booleans()):
        address = (address + path * longest)[:longest].strip()
    try:
        canonical(address)
    except ValueError:
        return f"{scheme}news.example/{'x' * (longest - 30)}"
    return address


moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


_DOMAINS = ("news.example", "other.example", "third.example")
_WORDS = (*PIECES, "drone", "drones", "council", "harbour", "banned", "Monday", "votes", "7", "nine")
_SENTENCE = pieces(_WORDS, min_size=6, max_size=14, separator=" ").map(lambda words: f"The {words} today.")
prose = st.lists(_SENTENCE, min_size=1, max_size=4).map(" ".join).map(lambda text: repair(text, 1000))
"""Sentences that reports of one event share words with, and what tries to break things in between."""


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Any one record without what it declares."""
    url = draw(urls())
    return Record(
        key=canonical(url),
        url=url,
        title=draw(texts(300, empty="x")),
        outlet=Outlet(draw(texts(80, empty="x")), draw(st.sampled_from(_DOMAINS))),
        excerpt=draw(texts(1000) | prose),
        published=draw(moments),
        type=draw(st.sampled_from(("article", "video", "podcast"))),
        quality=draw(st.sampled_from((0, -1, 60, 1_000_000_000))),
        image=Image(draw(urls())) if draw(st.booleans()) else None,
    )


@dataclass(frozen=True)
class AnyStory:
    """What a story is made of, kept small for reports of failures; `view` makes it."""

    records: list[Record]
    relations: list[Relation]
    others: int
    topic: str
    topics: int
    number: int
    heat: int
    notable: bool

    def view(self) -> StoryView:
        """A story of a lead and `others`, which are the same few records again and again."""
        first = self.records[0].published
        assert first is not None
        stored = [
            Stored(i, self.records[i % len(self.records)], first + timedelta(minutes=i), first)
            for i in range(self.others + 1)
        ]
        coverage = tuple(Coverage(s, self.relations[s.id % len(self.relations)]) for s in stored[1:])
        members = (stored[0], *(entry.stored for entry in coverage if entry.relation is Relation.SAME))
        return StoryView(
            number=self.number,
            lead=stored[0],
            members=members,
            coverage=coverage,
            heat=self.heat,
            notable=self.notable,
            outlets=len(members),
            topics=tuple(f"{self.topic} {i}" for i in range(self.topics)),
            first=first,
            last=stored[-1].published,
        )


any_stories = st.builds(
    AnyStory,
    records=st.lists(records(), min_size=1, max_size=4),
    relations=st.lists(st.sampled_from(Relation), min_size=1, max_size=3),
    others=st.sampled_from((0, 1, 5, 6, 9, 200)),
    topic=texts(77, empty="x"),
    topics=st.sampled_from((0, 1, 3, 50)),
    number=st.sampled_from((1, 12, 999_999_999)),
    heat=st.integers(0, 1_000_000_000),
    notable=st.booleans(),
)
"""Any story: with up to 200 other records, and up to 50 topics whose names have up to 80 characters."""
