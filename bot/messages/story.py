"""Stories as Discord messages: pure, within Discord's limits for every story that can come."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from bot.domain.briefs.brief import brief
from bot.domain.briefs.candidates import Sentence, candidates
from bot.domain.briefs.figures import Figure
from bot.domain.briefs.model_brief import NO_MODEL, ModelBriefs
from bot.domain.model import UNKNOWN_DATE, Coverage, PostLayout, Record, Relation, StoryView
from bot.domain.posting.template import Template
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.ranking import Spike
from bot.domain.stories.related import timeline
from bot.domain.text.cleaning import clip, isolate, length
from bot.domain.text.words import name_key
from bot.i18n import comma_list, mark, number, spoken, tr, tr_in, tr_plural
from bot.messages.briefs import attributed, change_line, change_since, figures_line, model_label, summary
from bot.messages.commands import escape_but_commands
from bot.messages.languages import base_language, language_name
from bot.messages.layout import (
    ALT,
    BUTTON_URL,
    CHOICE,
    COMPONENTS,
    MEDIA_URL,
    TEXT,
    Beside,
    Button,
    Buttons,
    Container,
    Divider,
    Gallery,
    Illustration,
    Markdown,
    Option,
    Ranked,
    Room,
    fit,
)
from bot.messages.message import (
    AUTHOR,
    DESCRIPTION,
    FORUM_TAGS,
    THREAD_NAME,
    TITLE,
    Embed,
    Field,
    Message,
    dated,
    escape,
    escape_to,
    fit_lines,
    heading,
    link,
    mention_line,
    panel,
    relative,
    safe_url,
    small,
)
from bot.messages.template import fill

FOOTER_TOPICS = 300  # UTF-16 units
TOPIC_LINE = 300
HEADLINE_URL = 1000  # of an address that a headline links to: a longer one takes the room of the brief
SHOWN_OUTLETS = 4
OUTLET_LINE = 1200  # of all of them
OUTLET_NAME = 60
OUTLET_LINK = 260  # of an outlet's name with its link: one whose address is longer is only named
PAGE = 8
PAGE_URL = 400  # of an address that the title of a page links to
COVERAGE = 300  # UTF-16 units of a line of coverage
MOST_SAID = 1000  # of what stands beside the coverage, a part
EXTRA = 3  # the rank of that: the coverage is what the page is for
BELOW = 4  # lines of coverage that leave room for what further outlets say
BESIDE = 3  # lines of coverage that leave room for all else on their page
RELATED_ACTION = "related:"
FOLLOW_ACTION = "follow:"
VOTE_ACTION = "vote:"  # with `up:` or `down:`, and the story's number
VOTES = {"up": "👍", "down": "👎"}
MOST_ROLES = 50  # named in one message: they take at most a third of its text
GREY = 0x80848E
WHAT_CHANGED = mark("**What changed**")
ALREADY = mark("Already in the news")  # the note of the first posts of a subscription
# What a report is called that is no text, and what its button says.
RECORD_TYPES = {"video": mark("video"), "podcast": mark("podcast")}
OPEN = {"video": mark("Watch"), "podcast": mark("Listen")}

# Twelve colours that read well on Discord's dark and light themes.
PALETTE = (
    0x5865F2, 0x2D9CDB, 0x00A896, 0x3BA55D, 0x8BC34A, 0xF2C94C,
    0xF2994A, 0xEB5757, 0xE84393, 0x9B59B6, 0x6C7A89, 0xB5838D,
)  # fmt: skip

ColourOf = Callable[[str], int | None]
# What changed since a post was sent, and its brief.
Said: TypeAlias = tuple[Sentence | None, tuple[Sentence, ...]]
SaidBy: TypeAlias = Callable[[StoryView, MediaOwners, datetime | None], Said]


def colour_of(topic: str) -> int:
    """A topic's colour where it configures none: always the same for the same name."""
    return PALETTE[zlib.crc32(name_key(topic).encode()) % len(PALETTE)]


def spike_words(spike: Spike) -> str:
    """`▲ 5 stories today, usually 1 a day`."""
    if spike.usual > 0.5:
        return tr_plural(
            "▲ {count} story today, usually {usual} a day",
            "▲ {count} stories today, usually {usual} a day",
            spike.stories,
            usual=number(round(spike.usual)),
        )
    if spike.usual > 0:
        return tr_plural(
            "▲ {count} story today, usually 1 every {days} days",
            "▲ {count} stories today, usually 1 every {days} days",
            spike.stories,
            days=number(round(1 / spike.usual)),
        )
    return tr_plural(
        "▲ {count} story today, usually none", "▲ {count} stories today, usually none", spike.stories
    )


def fingerprint(message: Message, *, in_forum: bool = False) -> str:
    """Equal for messages that look the same: an edit that would change nothing is not sent.

    A message that opens a forum's post is seen with the post's name and tags.
    """
    seen: tuple[object, ...] = (message.layout,)
    if in_forum:
        seen += (message.name, message.tags)
    return hashlib.blake2b(repr(seen).encode(), digest_size=12).hexdigest()


def story_post(
    view: StoryView,
    *,
    topics: Sequence[str] = (),
    colour: int | None = None,
    mentions: Sequence[int] = (),
    subscribed: Sequence[str] = (),
    owners: MediaOwners = NO_OWNERS,
    since: datetime | None = None,
    model_briefs: ModelBriefs = NO_MODEL,
    said: SaidBy | None = None,
    layout: PostLayout = PostLayout.CARD,
    note: str = "",
    votes: bool = False,
    actions: Sequence[Button] | None = None,
    users: Sequence[int] = (),
    template: Template | None = None,
) -> Message:
    """The living message of a story, in a `layout`, with a `note` above all else.

    `topics` are the story's in the order to show them (as they came); `mentions` are roles to name; `subscribed` the
    topics it is posted for, which are a forum's tags first. A brief has one sentence of each of the `owners`. `since` is
    when the message was sent: it says what changed after that. `model_briefs` is what the channel shows of a model's
    answers. `said` is `said_in_post`, or what remembers its results. Reports in another language than the one spoken say so.
    `actions` are the buttons beside the one that opens the report (None: those of a post, `votes`: with those to vote with);
    `users` are members to name.
    `template` is the server's, for the layout of that name: a post that does not fit into a
    message with it is a card.
    """
    lead = view.lead.record
    topics = topics or view.topics or subscribed
    roles = tuple(dict.fromkeys(mentions))[:MOST_ROLES]
    buttons = post_actions(view.number, votes=votes) if actions is None else actions
    content = PostContent(view, topics, owners, since, model_briefs, said or said_in_post, tuple(buttons))
    room = Room(TEXT - length(mention_line(roles, users)), COMPONENTS - 2)
    accent = colour if colour is not None else colour_of(next(iter(topics), ""))
    above = Ranked(0, Markdown.of(small(note)))
    by_template = templated(content, template) if layout is PostLayout.TEMPLATE and template else None
    fell_back = by_template is not None and not (
        by_template and room.has_all(ranked.part for ranked in (above, *by_template))
    )
    parts = [above, *(by_template if by_template and not fell_back else LAYOUTS[layout](content))]
    return Message(
        layout=(Container(fit(parts, room), accent),),
        fell_back=fell_back,
        roles=roles,
        name=clip(lead.title, THREAD_NAME),
        tags=tuple(dict.fromkeys((*subscribed, *topics)))[: FORUM_TAGS * 4],
        users=tuple(users),
    )


@dataclass(frozen=True, slots=True)
class PostContent:
    """What the layouts of a post are made of; see `story_post`."""

    view: StoryView
    topics: Sequence[str]
    owners: MediaOwners
    since: datetime | None
    model_briefs: ModelBriefs
    said: SaidBy
    actions: tuple[Button, ...]


def card(content: PostContent) -> list[Ranked]:
    """Topics, headline, picture, brief, what changed, outlets, dates, and buttons."""
    view = content.view
    news, sentences = content.said(view, content.owners, content.since)
    made = content.model_briefs.of(sentences)
    return [
        Ranked(4, Markdown.of(small(_topic_line(content)))),
        Ranked(0, Markdown.of(heading(_headline(view.lead.record)))),
        Ranked(4, picture_of(view)),
        Ranked(1, _paragraphs(summary(view, sentences, made))),
        Ranked(0, Markdown.of(small(model_label(made)))),
        Ranked(2, Markdown.of(_what_changed(content, news))),
        Ranked(4, Divider()),
        Ranked(3, Markdown.of(small(outlet_line(view)))),
        Ranked(2, Markdown.of(small(_dates(view)))),
        Ranked(0, Buttons(tuple(_buttons(content)))),
    ]


def compact(content: PostContent) -> list[Ranked]:
    """A headline and a line, with the coverage and following a press away."""
    view = content.view
    line = [_outlet(view.lead.record), outlet_count(view.outlets), _when(view)]
    text = Markdown.of(heading(_headline(view.lead.record)), small(" · ".join(filter(None, line))))
    coverage = Button(tr_in("button", "Coverage"), action=f"{RELATED_ACTION}{view.number}")
    others = tuple(button for button in content.actions if button.action != coverage.action)
    return [Ranked(0, Beside(text, coverage)), Ranked(0, Buttons(others))]


def headline(content: PostContent) -> list[Ranked]:
    """A headline with its picture, and a line."""
    view = content.view
    return [
        Ranked(4, Markdown.of(small(_topic_line(content)))),
        Ranked(0, Markdown.of(heading(_headline(view.lead.record)))),
        Ranked(4, picture_of(view)),
        Ranked(3, Markdown.of(small(outlet_line(view)))),
        Ranked(2, Markdown.of(small(_dates(view)))),
        Ranked(0, Buttons(tuple(_buttons(content)))),
    ]


def templated(content: PostContent, template: Template) -> list[Ranked]:
    """What the server's template says, and the buttons."""
    view = content.view
    parts = fill(template, template_values(content), picture_of(view))
    buttons = Ranked(0, Buttons(tuple(_buttons(content))))
    return [*(Ranked(0, part) for part in parts), buttons] if parts else []


def template_values(content: PostContent) -> dict[str, str]:
    """The value of each placeholder but the picture, as Markdown: bounded, and escaped where it comes from outside."""
    view = content.view
    lead = view.lead.record
    news, sentences = content.said(view, content.owners, content.since)
    made = content.model_briefs.of(sentences)
    told = (summary(view, sentences, made), small(model_label(made)))
    address = safe_url(lead.url)
    return {
        "headline": _headline(lead),
        "title": escape_to(lead.title, TITLE * 2),
        "link": f"<{address}>" if length(address) <= HEADLINE_URL else "",
        "brief": "\n".join(filter(None, told)),
        "what_changed": _what_changed(content, news),
        "topics": _topic_line(content),
        "outlet": _outlet(lead),
        "outlets": outlet_line(view),
        "outlet_count": str(view.outlets),
        "time": relative(view.first) if view.first != UNKNOWN_DATE else "",
        "updated": relative(view.last) if view.last != UNKNOWN_DATE else "",
        "story": str(view.number),
    }


LAYOUTS: Mapping[PostLayout, Callable[[PostContent], list[Ranked]]] = {
    PostLayout.CARD: card,
    PostLayout.COMPACT: compact,
    PostLayout.HEADLINE: headline,
    PostLayout.TEMPLATE: card,  # where the server has no template, or it has no room in a message
}


def said_in_post(view: StoryView, owners: MediaOwners, since: datetime | None) -> Said:
    """What changed since a post was sent, and its brief."""
    weighed = candidates(view, owners)
    news = change_since(view, since, owners, weighed)
    return news, brief(view, owners, [news] if news else [], weighed)


def _paragraphs(markdown: str) -> Markdown:
    """A text of which each paragraph is an entry."""
    return Markdown.of(*(f"{paragraph}\n" for paragraph in markdown.split("\n\n") if paragraph))


def _headline(record: Record) -> str:
    """The title, linked to its page unless the address is so long that it would leave no room for the rest."""
    address = safe_url(record.url)
    if length(address) > HEADLINE_URL:
        return escape_to(record.title, TITLE * 2, alone=True)
    return link(clip(record.title, TITLE), record.url, TITLE + HEADLINE_URL + 4)


def _topic_line(content: PostContent) -> str:
    lead = content.view.lead.record
    shown = " · ".join(escape(topic) for topic in content.topics)
    while length(shown) > TOPIC_LINE:
        shown = shown.rpartition(" · ")[0]
    return " · ".join(filter(None, (shown, *_marks(lead))))


def _marks(record: Record, *, above: str = "") -> list[str]:
    """What a reader wants to know of a report before it is opened: that it is no text, or in another language.

    `above`: a language that was said before.
    """
    marks = [tr(RECORD_TYPES[record.type])] if record.type in RECORD_TYPES else []
    if record.language and base_language(record.language) not in map(base_language, (spoken(), above)):
        marks.append(tr("in {language}", language=language_name(record.language)))
    return marks


def picture_of(view: StoryView) -> Gallery:
    """The picture of the best report that has one, described by that report's title."""
    for member in (view.lead, *view.members):
        record = member.record
        if record.image and length(address := safe_url(record.image.url)) <= MEDIA_URL:
            return Gallery((Illustration(address, clip(f"{record.outlet.name}: {record.title}", ALT)),))
    return Gallery(())


def _what_changed(content: PostContent, news: Sentence | None) -> str:
    parts = changes(grown_by(content.view, content.since), news)
    return " · ".join((tr(WHAT_CHANGED), *parts)) if parts else ""


def changes(grew: int, news: Sentence | None) -> list[str]:
    """How many outlets joined, and what is new; what there is none of is left out."""
    more = tr_plural("+{count} outlet", "+{count} outlets", grew) if grew else ""
    return list(filter(None, (more, change_line(news) if news else "")))


def grown_by(view: StoryView, since: datetime | None) -> int:
    """How many outlets joined a story since a message was sent; 0 for a message that is not out yet."""
    if since is None:
        return 0
    before = {member.record.outlet.domain for member in view.members if member.first_seen <= since}
    return len({member.record.outlet.domain for member in view.members} - before) if before else 0


def outlet_line(view: StoryView) -> str:
    """The outlets that report the event, the lead's first, each linked to its report, in one line.

    The language of the lead's report stands above it, so only reports in others name theirs.
    """
    same = [view.lead, *(entry.stored for entry in view.coverage if entry.relation is Relation.SAME)]
    first: dict[str, Record] = {}
    for stored in same:
        first.setdefault(stored.record.outlet.domain, stored.record)
    line = ""
    for count, record in enumerate(first.values()):
        outlet = _outlet(record, above=view.lead.record.language)
        if count == SHOWN_OUTLETS or length(line) + length(outlet) > OUTLET_LINE:
            more = len(first) - count
            return tr_plural("{outlets} and {count} more", "{outlets} and {count} more", more, outlets=line)
        line += f" · {outlet}" if line else outlet
    return line


def _outlet(record: Record, *, above: str = "") -> str:
    """`[The Keeper](https://keeper.example/relit) (keeper.example, video, in Spanish)`; `above`: a language said before."""
    name, domain = record.outlet.name, record.outlet.domain
    marks = _marks(record, above=above)
    notes = [*([] if name_key(name) == name_key(domain) else [escape(domain)]), *marks]
    shown = link(clip(name, OUTLET_NAME), record.url, OUTLET_LINK)
    return f"{shown} ({comma_list(notes)})" if notes else shown


def story_label(number_of_story: int | str) -> str:
    """What a story is called by its number. A post without its button is found again by it, in any language."""
    return tr("Story #{number}", number=number_of_story)


def story_count(stories: int) -> str:
    """`3 stories`."""
    return tr_plural("{count} story", "{count} stories", stories)


def outlet_count(outlets: int) -> str:
    """`3 outlets`."""
    return tr_plural("{count} outlet", "{count} outlets", outlets)


def _dates(view: StoryView) -> str:
    """`Story #12 · 3 outlets · first report 2 hours ago · last update 5 minutes ago`."""
    parts = (story_label(view.number), outlet_count(view.outlets), _when(view))
    return " · ".join(filter(None, parts))


def _when(view: StoryView) -> str:
    first = tr("first report {when}", when=relative(view.first)) if view.first != UNKNOWN_DATE else ""
    is_updated = view.last not in (view.first, UNKNOWN_DATE)
    last = tr("last update {when}", when=relative(view.last)) if is_updated else ""
    return " · ".join(filter(None, (first, last)))


def _buttons(content: PostContent) -> Iterator[Button]:
    lead = content.view.lead.record
    if length(address := safe_url(lead.url)) <= BUTTON_URL:
        label = tr(OPEN[lead.type]) if lead.type in OPEN else tr_in("button", "Read")
        yield Button(label, url=address)
    yield from content.actions


def post_actions(number: int, *, votes: bool = False) -> tuple[Button, ...]:
    """The buttons below the post of a story that the bot answers; with `votes`, those to vote with too."""
    related = Button(tr_in("button", "Related coverage"), action=f"{RELATED_ACTION}{number}")
    follow = Button(tr_in("button", "Follow this story"), action=f"{FOLLOW_ACTION}{number}")
    voting = (Button(label, action=f"{VOTE_ACTION}{name}:{number}") for name, label in VOTES.items())
    return (related, follow, *(voting if votes else ()))


def _beside(names: Sequence[str]) -> str:
    """Names with commas between them, as they stand in a text that is no Markdown."""
    return comma_list(map(isolate, names))


def _field(name: str, entries: Sequence[str]) -> tuple[Field, ...]:
    """Lines as a part with this name; none of none."""
    return (Field(name, "\n".join(entries)),) if entries else ()


def coverage_line(entry: Coverage, limit: int) -> str:
    """One line of coverage: the linked title, its outlet, and when it was published."""
    stored = entry.stored
    tail = f" — {escape_to(stored.record.outlet.name, 60)} · {relative(stored.published)}"
    return link(stored.record.title, stored.record.url, limit - length(tail)) + tail


def withdrawn(number: int) -> Message:
    """What stands in place of a story whose records were all removed: nothing of what they said."""
    shown = panel(
        Embed(
            title=tr("Story withdrawn"),
            description=tr("The outlets removed all articles of this story."),
            footer=story_label(number),
            colour=GREY,
        )
    )
    return Message(layout=(shown,), name=tr("Story #{number} withdrawn", number=number))


def forwarded(number: int, survivor: int, jump_url: str = "") -> Message:
    """What stands in the second message of two stories that turned out to be one. `jump_url` leads to the first."""
    shown = panel(
        Embed(
            title=tr("This story continues in #{number}", number=survivor),
            url=jump_url,
            description=tr(
                "Both stories are about the same event. [Go to story #{number}]({address})",
                number=survivor,
                address=jump_url,
            )
            if jump_url
            else tr("Both stories are about the same event."),
            footer=f"{story_label(number)} → #{survivor}",
            colour=GREY,
        )
    )
    name = tr("Story #{number} continues in #{survivor}", number=number, survivor=survivor)
    return Message(layout=(shown,), name=name)


def related_pages(
    view: StoryView,
    notes: Sequence[str] = (),
    topics: Sequence[str] = (),
    before: Sequence[StoryView] = (),
    after: Sequence[StoryView] = (),
    *,
    additions: Sequence[Sentence] = (),
    figures: Sequence[Sequence[Figure]] = (),
) -> tuple[Embed, ...]:
    """All coverage of a story, best first, the same event before the background, in pages.

    The first page has what further outlets add to the brief, and figures in which outlets differ. The last page has how a long story went on, and the stories `before` and `after` it that say more about it, with options to open them.
    `notes` say what became of the story in the channel where it was asked for; `topics` are the
    story's in the order to show them (as they came).
    """
    topics = topics or view.topics
    lead = view.lead.record
    head = Embed(
        title=escape_to(lead.title, TITLE, alone=True),
        url=safe_url(lead.url) if length(safe_url(lead.url)) <= PAGE_URL else "",
        author=clip(lead.outlet.name, AUTHOR),
        colour=colour_of(next(iter(topics), "")),
    )
    summary = _rating(view)
    parts = [(Relation.SAME, tr("Same event")), (Relation.BACKGROUND, tr("Background"))]
    entries = [
        (title, coverage_line(entry, COVERAGE))
        for relation, title in parts
        for entry in view.coverage
        if entry.relation is relation
    ]
    said = _said(additions, figures)
    first = BELOW if said else PAGE
    chunks = [entries[:first], *(entries[i : i + PAGE] for i in range(first, len(entries), PAGE))]
    beyond = _beyond(view, before, after)
    if beyond and (len(chunks[-1]) > BESIDE or (said and len(chunks) == 1)):
        chunks.append([])
    pages = []
    for index, chunk in enumerate(chunks):
        fields = [
            field
            for _, title in parts
            for field in _field(title, [line for heading, line in chunk if heading == title])
        ]
        if index == 0:
            fields = said + fields
        if index == len(chunks) - 1:
            fields += beyond
        description = "\n".join((summary, *notes)) if index == 0 else summary
        if not entries:
            description += "\n\n" + tr("There is no other coverage yet.")
        footer = clip(_footer(view.number, topics), FOOTER_TOPICS)
        if len(chunks) > 1:
            footer += " · " + tr("page {page} of {pages}", page=index + 1, pages=len(chunks))
        pages.append(replace(head, description=description, footer=footer, fields=tuple(fields)))
    pages[-1] = replace(pages[-1], options=tuple(map(story_option, (*before, *after))))
    return tuple(pages)


def _rating(view: StoryView) -> str:
    """`Published 2 hours ago · score 82 · notable · 3 outlets`."""
    published = view.lead.published
    parts = (
        tr("Date unknown") if published == UNKNOWN_DATE else tr("Published {when}", when=relative(published)),
        tr("score {score}", score=view.heat),
        tr("notable") if view.notable else "",
        outlet_count(view.outlets),
    )
    return " · ".join(filter(None, parts))


def _footer(number: int, topics: Sequence[str]) -> str:
    return f"{story_label(number)} · {_beside(topics)}" if topics else story_label(number)


def _said(additions: Sequence[Sentence], figures: Sequence[Sequence[Figure]]) -> list[Field]:
    parts = (
        (tr("What others add"), [f"• {attributed(sentence)}" for sentence in additions]),
        (tr("Figures differ"), [f"• {figures_line(group)}" for group in figures]),
    )
    shown = ((name, fit_lines(entries, MOST_SAID)[0]) for name, entries in parts)
    return [Field(name, text, EXTRA) for name, text in shown if text]


def _beyond(view: StoryView, before: Sequence[StoryView], after: Sequence[StoryView]) -> list[Field]:
    moments = timeline(view)
    course = [
        f"{dated(moment.report.published)} · {outlet_count(moment.outlets)} · "
        f"{link(moment.report.record.title, moment.report.record.url, 160)}"
        for moment in moments
    ]
    parts = (
        (tr("Timeline"), course),
        (tr("Earlier stories"), [story_line(other, 190) for other in before]),
        (tr("Later stories"), [story_line(other, 190) for other in after]),
    )
    fitting = ((name, fit_lines(lines, MOST_SAID)[0]) for name, lines in parts)
    return [Field(name, text, EXTRA) for name, text in fitting if text]


def story_line(view: StoryView, limit: int = 400) -> str:
    """A story in a list: number, linked title, outlet, outlets, time."""
    record = view.lead.record
    head, tail = around_title(view, record)
    return head + link(record.title, record.url, limit - length(tail) - length(head)) + tail


def around_title(view: StoryView, record: Record) -> tuple[str, str]:
    """What stands before and after the title of a story's record in a list: number; outlet, outlets, time."""
    tail = f" — {escape_to(record.outlet.name, 60)}"
    if view.outlets > 1:
        tail += f" · {outlet_count(view.outlets)}"
    return f"`#{view.number}` ", f"{tail} · {relative(view.last)}"


def list_pages(
    title: str,
    entries: Sequence[str],
    empty: str,
    *,
    under: Sequence[str] = (),
    options: Sequence[Option] = (),
    colour: int = PALETTE[0],
    size: int = PAGE,
) -> tuple[Embed, ...]:
    """A list as pages of at most `size` lines: `entries` are Markdown, a line each.

    `under` are the headings that each entry stands under, if any: each is a line of its own, once on
    every page that it has entries on. `options` are what each entry opens, if any.
    """
    pages: list[list[str]] = []
    openings: list[list[Option]] = []
    room = 0
    above = ""  # the heading that the last entry stands under
    for place, (line, title_above) in enumerate(zip(entries, under or [""] * len(entries), strict=True)):
        entry = clip(line, DESCRIPTION // 2)
        wanted = [title_above, entry] if title_above and title_above != above else [entry]
        if not pages or len(pages[-1]) + len(wanted) > size or _size(wanted) > room:
            wanted = (
                [
                    tr("{heading} (continued)", heading=title_above) if title_above == above else title_above,
                    entry,
                ]
                if title_above
                else [entry]
            )
            pages.append([])
            openings.append([])
            room = DESCRIPTION
        pages[-1] += wanted
        openings[-1] += options[place : place + 1]
        room -= _size(wanted)
        above = title_above
    pages, openings = pages or [[escape_but_commands(empty)]], openings or [[]]
    return tuple(
        Embed(
            title=title,
            description="\n".join(page),
            colour=colour,
            footer=_position(place, len(pages), len(entries)),
            options=tuple(opening),
        )
        for place, (page, opening) in enumerate(zip(pages, openings, strict=True), 1)
    )


def _position(page: int, pages: int, entries: int) -> str:
    """Which page of a list it is; nothing of a list that has only one."""
    if pages == 1:
        return ""
    return tr_plural(
        "page {page} of {pages} · {count} entry",
        "page {page} of {pages} · {count} entries",
        entries,
        page=page,
        pages=pages,
    )


def story_option(view: StoryView, record: Record | None = None) -> Option:
    """A story as an option of a menu, by the title of a `record` (by default its lead's); its value is its number."""
    shown = record or view.lead.record
    about = f"{isolate(shown.outlet.name)} · {outlet_count(view.outlets)}"
    return Option(
        clip(f"#{view.number} {isolate(shown.title)}", CHOICE), str(view.number), clip(about, CHOICE)
    )


def story_pages(title: str, views: Sequence[StoryView], empty: str) -> tuple[Embed, ...]:
    """Stories as pages, a line each."""
    entries = [f"• {story_line(view)}" for view in views]
    return list_pages(title, entries, empty, options=[story_option(view) for view in views])


def _size(written: Sequence[str]) -> int:
    return sum(length(line) + 1 for line in written)
