"""Stories as messages: within Discord's limits and harmless for every story, and worded for readers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from bidi import get_display
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.briefs import candidates
from bot.domain.briefs.answers import ModelSentence
from bot.domain.briefs.brief import brief
from bot.domain.briefs.candidates import Sentence
from bot.domain.briefs.figures import Figure, differing_figures
from bot.domain.briefs.model_brief import BriefChoice, ModelBriefs, task_of
from bot.domain.briefs.novelty import additions
from bot.domain.briefs.sentences import sentences as sentences_of
from bot.domain.model import UNKNOWN_DATE, Coverage, Image, Outlet, PostLayout, Record, Relation, StoryView
from bot.domain.stories import story as stories
from bot.domain.text.cleaning import isolate, plural
from bot.i18n import speaking
from bot.messages.briefs import LINK
from bot.messages.message import TITLE, escape, label, safe_url
from bot.messages.story import (
    ALREADY,
    COVERAGE,
    GREY,
    PAGE,
    PALETTE,
    colour_of,
    coverage_line,
    fingerprint,
    forwarded,
    list_pages,
    related_pages,
    story_line,
    story_post,
    withdrawn,
)
from tests import discord_markdown as markdown
from tests.discord_rules import page, payload, problems, units
from tests.hostile import AnyStory, any_stories, texts, urls
from tests.make import at, record, stored, story
from tests.shown import plain, shown


def texts_of(record_: Record) -> list[str]:
    """All sentences of a record."""
    return [record_.title, *sentences_of(record_.excerpt, record_.language)]


ADDRESS = "https://alpha.example/drones"
NOTES = ("Posted here <t:1772452800:R>.", "Story #7 is now part of #3.")


def view(*others: str, background: int = 0, **lead: object) -> StoryView:
    """A story that others reported too, an hour apart, and that has some background."""
    first = record("Council bans drones", url=ADDRESS, topics=["AI"], quality=90, excerpt="It voted.")
    members = [stored(replace(first, **lead), id=1)]  # type: ignore[arg-type]
    members += [
        stored(
            record(
                f"Drones banned, says {name}", name, url=f"https://{name}/", hours=hour, quality=80 - hour
            ),
            id=1 + hour,
        )
        for hour, name in enumerate(others, 1)
    ]
    behind = [
        stored(
            record(f"Drones, part {i}", f"b{i}.example", url=f"https://b{i}.example/", quality=85 - i),
            id=100 + i,
            story=2,
        )
        for i in range(background)
    ]
    members[0] = replace(members[0], declares=tuple(entry.id for entry in behind))
    found = stories.story_view(story(*members, number=12, declared=behind))
    assert found is not None
    return found


# For every story.


@given(
    any_stories,
    st.lists(st.integers(10**17, 2**63), max_size=90),
    st.lists(texts(80, empty="x"), max_size=9),
    st.sampled_from(PostLayout),
    st.sampled_from(["", ALREADY]),
)
def test_every_story_post_is_within_discords_limits(
    any_story: AnyStory, roles: list[int], subscribed: list[str], layout: PostLayout, note: str
) -> None:
    any_view = any_story.view()
    message = story_post(any_view, mentions=roles, subscribed=subscribed, layout=layout, note=note)
    assert problems(payload(message)) == []
    assert 0 < units(message.name) <= 100
    assert set(message.roles) <= set(roles)


@given(any_stories, st.lists(texts(300, empty="x"), max_size=3))
def test_every_page_of_related_coverage_is_within_discords_limits(
    any_story: AnyStory, notes: list[str]
) -> None:
    any_view = any_story.view()
    pages = related_pages(
        any_view,
        [f"Not posted here: {escape(note)}." for note in notes],
        before=[any_view] * 3,
        after=[any_view] * 3,
        additions=additions(any_view, brief(any_view)),
        figures=differing_figures(any_view),
    )
    for made in (pages[0], pages[-1], pages[len(pages) // 2]):
        assert problems(page(made)) == []


@given(st.lists(any_stories, max_size=3), st.integers(0, 60))
def test_every_page_of_a_list_is_within_discords_limits(some: list[AnyStory], count: int) -> None:
    entries = [f"• {story_line(one.view())}" for one in some] * count
    pages = list_pages("Latest stories", entries[:count], "Nothing yet.")
    for made in pages:
        assert problems(page(made)) == []
    lines = "\n".join(made.description for made in pages).split("\n") if entries else []
    assert lines == entries[:count]


@given(any_stories, st.sampled_from(PostLayout))
def test_no_text_of_a_story_becomes_markup_in_its_post(any_story: AnyStory, layout: PostLayout) -> None:
    any_view = any_story.view()
    lead = any_view.lead.record
    post = shown(story_post(any_view, layout=layout))
    addresses = {safe_url(member.record.url) for member in any_view.members}
    assert {href for _, href in post.links} <= addresses
    for line in post.lines:
        nodes = list(markdown.flat(markdown.parse(line)))
        assert {node.kind for node in nodes} <= {"text", "link", "timestamp"}
        assert all({inner.kind for inner in node.inner} <= {"text"} for node in nodes)
    actions = [target for _, target in post.buttons[-2:]]
    assert actions == [f"related:{any_view.number}", f"follow:{any_view.number}"]
    if layout is PostLayout.COMPACT:
        return
    (node,) = markdown.flat(markdown.parse(post.lines[1 if any_view.topics or lead.type != "article" else 0]))
    if units(lead.title) <= TITLE - 4:  # what is cut can end in the middle of what would be markup
        assert label(undirected(node.text)) == label(undirected(lead.title))


@given(any_stories)
def test_each_sentence_of_a_brief_is_shown_word_for_word_with_its_outlet_linked_to_its_report(
    any_story: AnyStory,
) -> None:
    any_view = any_story.view()
    sentences = brief(any_view)
    body = shown(story_post(any_view)).body
    lines = body.split("\n\n")
    assert len(lines) == (len(sentences) or 1)
    for line, (text, report) in zip(lines, sentences, strict=False):
        nodes = markdown.parse(line)
        shown_text = markdown.shown(nodes)
        assert isolate(text) in shown_text
        assert len(shown_text) > len(isolate(text)) + len(" — ")
        hrefs = {node.href for node in nodes if node.kind == "link"}
        assert hrefs == {safe_url(report.record.url)} or (not hrefs and units(report.record.url) > LINK // 2)


@given(any_stories, st.integers(0, 240))
def test_what_changed_is_a_sentence_of_a_later_report_within_limits(
    any_story: AnyStory, minutes: int
) -> None:
    any_view = any_story.view()
    members = tuple(replace(m, first_seen=m.published) for m in any_view.members)
    any_view = replace(any_view, members=members, lead=members[0])
    since = members[0].published + timedelta(minutes=minutes)
    message = story_post(any_view, since=since)
    assert problems(payload(message)) == []
    lines = [line for line in shown(message).lines if line.startswith("**What changed** · <t:")]
    later = [isolate(text) for m in members if m.first_seen > since for text in texts_of(m.record)]
    assert len(lines) <= 1
    for line in lines:
        assert any(text in plain(line) for text in later)


@given(any_stories)
def test_no_title_of_a_story_becomes_markup_among_its_coverage(any_story: AnyStory) -> None:
    any_view = any_story.view()
    addresses = {safe_url(entry.stored.record.url) for entry in any_view.coverage}
    for made in related_pages(any_view):
        assert markdown.kinds(made.title) == {"text"}
        assert markdown.kinds(made.description) == {"text", "timestamp"}
        for field in made.fields:
            nodes = markdown.parse(field.value)
            lines = field.value.count("\n") + 1
            assert {node.kind for node in nodes} <= {"text", "link", "timestamp"}
            assert sum(node.kind == "timestamp" for node in nodes) == lines
            assert {node.href for node in nodes if node.kind == "link"} <= addresses


@given(any_stories)
def test_related_pages_show_all_coverage_once_reports_before_background(any_story: AnyStory) -> None:
    any_view = any_story.view()
    entries = sorted(any_view.coverage, key=lambda entry: entry.relation is not Relation.SAME)
    lines = [
        line for made in related_pages(any_view) for field in made.fields for line in field.value.split("\n")
    ]
    assert lines == [coverage_line(entry, COVERAGE) for entry in entries]


@given(any_stories, st.integers(240, 500))
def test_a_line_of_coverage_or_of_a_list_fits_its_limit(any_story: AnyStory, limit: int) -> None:
    any_view = any_story.view()
    assert units(story_line(any_view, limit)) <= limit
    for entry in any_view.coverage[:3]:
        assert units(coverage_line(entry, limit)) <= limit


@given(urls())
def test_addresses_that_discord_would_refuse_are_left_out(url: str) -> None:
    post = shown(story_post(view(url=url, image=Image(url))))
    assert post.picture == (safe_url(url) if units(safe_url(url)) <= 2048 else "")
    assert post.url == (safe_url(url) if units(safe_url(url)) <= 1000 else "")
    read = [(label, to) for label, to in post.buttons if label == "Read"]
    assert read == [("Read", safe_url(url))] * (units(safe_url(url)) <= 512)


# As readers see it.


def test_a_card_tells_what_a_reader_wants_to_know() -> None:
    image = Image("https://alpha.example/i.png")
    message = story_post(view("beta.example", "gamma.example", background=1, image=image), mentions=[5])
    post = shown(message)
    assert [plain(line) for line in post.lines] == [
        "<@&5>",
        "AI",
        "Council bans drones",
        "It voted.",
        "Alpha (alpha.example) · Beta (beta.example) · Gamma (gamma.example)",
        f"Story #12 · 3 outlets · first report <t:{int(at().timestamp())}:R>"
        f" · last update <t:{int(at(2).timestamp())}:R>",
    ]
    assert post.url == ADDRESS
    assert [text for text, _ in post.links] == ["Council bans drones", "Alpha", "Beta", "Gamma"]
    assert post.pictures == (("https://alpha.example/i.png", "Alpha: Council bans drones"),)
    assert message.roles == (5,)
    assert post.buttons == (
        ("Read", ADDRESS),
        ("Related coverage", "related:12"),
        ("Follow this story", "follow:12"),
    )
    assert message.name == "Council bans drones"


def test_a_compact_post_is_a_headline_and_a_line() -> None:
    post = shown(story_post(view("beta.example", excerpt="It voted."), layout=PostLayout.COMPACT))
    assert [plain(line) for line in post.lines] == [
        "Council bans drones",
        f"Alpha (alpha.example) · 2 outlets · first report <t:{int(at().timestamp())}:R>"
        f" · last update <t:{int(at(1).timestamp())}:R>",
    ]
    assert post.links[0] == ("Council bans drones", ADDRESS)
    assert (post.pictures, post.buttons) == (
        (),
        (("Coverage", "related:12"), ("Follow this story", "follow:12")),
    )


def test_a_headline_post_has_its_picture_and_no_brief() -> None:
    image = Image("https://alpha.example/i.png")
    post = shown(story_post(view(image=image), layout=PostLayout.HEADLINE))
    assert (post.title, post.picture, post.body) == ("Council bans drones", image.url, "")
    assert post.small[0] == "AI"


def test_a_post_names_the_best_outlets_once_and_counts_the_rest() -> None:
    others = [f"o{i}.example" for i in range(12)]
    line = shown(story_post(view(*others, "o3.example", background=2))).small[1]
    assert line.count(".example)") == 4
    assert line.startswith("Alpha (alpha.example) · O0 (o0.example)")
    assert line.endswith(" and 9 more")


def test_an_outlet_that_is_called_like_its_domain_is_named_once() -> None:
    outlet = Outlet("alpha.example", "alpha.example")
    assert shown(story_post(view(outlet=outlet))).small[1] == "alpha.example"


@pytest.mark.parametrize("tag", ["[en](https://x.example)", "@everyone", "**x** y", "`x`", "\n# x", "<@1>"])
def test_what_is_no_tag_of_a_language_is_not_shown(tag: str) -> None:
    text = repr(story_post(view(language=tag)).layout)
    assert "in ?" in text
    assert tag.lower() not in text


def test_a_report_in_another_language_and_a_video_say_so() -> None:
    seen = view("beta.example")
    other = replace(seen.coverage[0].stored, record=replace(seen.coverage[0].stored.record, language="de-AT"))
    seen = replace(seen, coverage=(replace(seen.coverage[0], stored=other),))
    assert shown(story_post(seen)).small[1] == "Alpha (alpha.example) · Beta (beta.example, in German)"
    with speaking("de"):
        assert shown(story_post(seen)).small[1] == "Alpha (alpha.example) · Beta (beta.example)"
    video = shown(story_post(view(type="video", language="es")))
    assert video.small[:2] == ["AI · video · in Spanish", "Alpha (alpha.example, video)"], "it is said once"
    assert video.buttons[0][0] == "Watch"
    podcast = shown(story_post(view(type="podcast")))
    assert podcast.small[:2] == ["AI · podcast", "Alpha (alpha.example, podcast)"]
    assert podcast.buttons[0][0] == "Listen"


def test_outlets_with_long_addresses_leave_room_for_the_rest() -> None:
    entries = tuple(
        Coverage(
            stored(record("Drones", f"b{i}.example", url=f"https://b{i}.example/" + "x" * 200), id=10 + i),
            Relation.SAME,
        )
        for i in range(9)
    )
    line = shown(story_post(replace(view(), coverage=entries))).small[1]
    assert re.fullmatch(r"Alpha \(alpha.example\)( · B\d \(b\d.example\)){3} and 6 more", line)


def test_an_excerpt_is_cut_at_a_word() -> None:
    body = shown(story_post(view(excerpt="word " * 200))).body
    assert body.endswith("word…")
    assert 380 < units(body) <= 400


def test_the_picture_is_the_leads_or_that_of_the_best_member_that_has_one() -> None:
    picture = Image("https://beta.example/i.png")
    other = stored(replace(record("Drones banned", "beta.example"), image=picture), id=2)
    without = stored(record("Council bans drones", quality=90), id=1)
    found = stories.story_view(story(without, other))
    assert found is not None
    assert shown(story_post(found)).pictures == (("https://beta.example/i.png", "Beta: Drones banned"),)


def test_topics_are_shown_in_the_order_given_and_are_a_forums_tags_after_those_subscribed() -> None:
    message = story_post(view(), topics=("Computer Vision", "AI"), subscribed=("AI",))
    assert shown(message).small[0] == "Computer Vision · AI"
    assert shown(message).colours == (colour_of("Computer Vision"),)
    assert message.tags == ("AI", "Computer Vision")


def test_a_topic_without_a_colour_has_always_the_same_one() -> None:
    assert colour_of("AI") == colour_of("ai")
    assert colour_of("AI") in PALETTE
    assert shown(story_post(view(), colour=0)).colours == (0,)


def test_each_role_is_named_once_and_no_more_than_fit() -> None:
    message = story_post(view(), mentions=[7, 7, *range(10**18, 10**18 + 200)])
    assert message.roles[:2] == (7, 10**18)
    assert shown(message).lines[0].count("<@&7>") == 1
    assert units(shown(message).lines[0]) <= 4000 / 3


def test_a_fingerprint_changes_with_what_is_seen_and_not_with_who_is_pinged() -> None:
    first = fingerprint(story_post(view(), mentions=[1]))
    assert first == fingerprint(story_post(view(), mentions=[2], subscribed=["AI"]))
    assert first != fingerprint(story_post(view("beta.example")))
    assert first != fingerprint(story_post(view(title="Council bans drones, again")))
    layouts = [layout for layout in PostLayout if layout is not PostLayout.TEMPLATE]
    assert len({fingerprint(story_post(view(), layout=layout)) for layout in layouts}) == len(layouts)


def test_a_withdrawn_story_says_nothing_of_what_it_said() -> None:
    message = withdrawn(12)
    assert problems(payload(message)) == []
    post = shown(message)
    assert post.title == "Story withdrawn"
    assert (post.small, post.colours, post.buttons) == (["Story #12"], (GREY,), ())


def test_a_story_without_a_topic_has_no_line_of_topics() -> None:
    bare = replace(view(), topics=())
    assert shown(story_post(bare)).small[0] == "Alpha (alpha.example)"
    assert [made.footer for made in related_pages(bare)] == ["Story #12"]


def test_the_second_post_of_a_merged_story_leads_to_the_first() -> None:
    jump = "https://discord.com/channels/1/2/3"
    message = forwarded(12, 3, jump)
    assert problems(payload(message)) == []
    assert shown(message).title == "This story continues in #3"
    assert shown(message).links == [("This story continues in #3", jump), ("Go to story #3", jump)]


def test_related_pages_give_heat_outlets_and_notes_and_number_themselves() -> None:
    pages = related_pages(view(*(f"o{i}.example" for i in range(PAGE + 1)), background=2), NOTES)
    assert len(pages) == 2
    summary = f"Published <t:{int(at().timestamp())}:R> · score 270 · notable · 10 outlets"
    assert pages[0].description == "\n".join((summary, *NOTES))
    assert pages[1].description == summary
    assert [made.footer for made in pages] == [f"Story #12 · AI · page {i} of 2" for i in (1, 2)]
    assert [field.name for made in pages for field in made.fields] == [
        "Same event",
        "Same event",
        "Background",
        "Timeline",
    ]


def test_the_first_related_page_has_what_others_add_and_figures_that_differ() -> None:
    seen = view(*(f"o{i}.example" for i in range(6)))
    added = [Sentence("Two ferries left early, captains say.", seen.members[1])]
    group = [Figure("nine drones", seen.members[0]), Figure("7 drones", seen.members[2])]
    first, *others = related_pages(seen, additions=added, figures=[group])
    added_parts = {field.name: plain(field.value) for field in first.fields}
    assert added_parts["What others add"] == "• Two ferries left early, captains say. — O0"
    assert added_parts["Figures differ"] == "• nine drones (Alpha) · 7 drones (O1)"
    assert sum(field.value.count("\n") + 1 for page_ in (first, *others) for field in page_.fields[:3]) >= 6
    assert all("What others add" not in {field.name for field in page_.fields} for page_ in others)


def test_a_post_shows_what_outlets_say_and_what_changed_since_it_was_sent() -> None:
    said = (
        "The council of Alderby banned drones over the harbour on Monday.",
        "Two people were hurt by falling drones in Alderby last week, the council said.",
        "Pilots from all over Norland want courts to end the drones ban of the Alderby council.",
    )
    members = [
        replace(
            stored(record(f"Drones {n}", f"{'abc'[n]}.example", hours=n, quality=90 - n), id=n + 1),
            record=record(f"Drones {n}", f"{'abc'[n]}.example", hours=n, quality=90 - n, excerpt=text),
        )
        for n, text in enumerate(said)
    ]
    two, three = (stories.story_view(story(*some)) for some in (members[:2], [*members, members[2]]))
    assert two is not None
    assert three is not None
    post = shown(story_post(two, since=at(1)))
    lines = post.body.split("\n\n")
    assert sorted(map(plain, lines)) == [f"{said[0]} — A", f"{said[1]} — B"]
    assert {url for _, url in post.links} == {m.record.url for m in members[:2]}
    assert "What changed" not in post.text
    grown = shown(story_post(three, since=at(1)))
    (news,) = [line for line in grown.lines if "What changed" in line]
    assert plain(news) == f"What changed · +1 outlet · <t:{int(at(2).timestamp())}:f> · {said[2]} — C"
    assert grown.body == f"{post.body}\n{news}"
    for since in (at(2), None):
        assert "What changed" not in shown(story_post(three, since=since)).text


def test_a_date_that_cannot_be_read_is_shown_as_unknown_everywhere() -> None:
    undated = [
        replace(stored(record("Council bans drones", outlet, topics=["AI"])), published=UNKNOWN_DATE)
        for outlet in ("a.example", "b.example")
    ]
    undated_view = stories.story_view(story(*undated))
    assert undated_view is not None
    (page_,) = related_pages(undated_view)
    assert "<t:" not in shown(story_post(undated_view)).text
    assert page_.description.startswith("Date unknown · score")
    assert coverage_line(undated_view.coverage[0], 400).endswith("date unknown")
    assert story_line(undated_view).endswith("date unknown")
    assert "<t:0:" not in str(page_)


def test_what_goes_beside_a_story_stands_on_the_last_page_within_limits() -> None:
    others = [replace(view(f"{n}.example"), number=20 + n) for n in range(5)]
    for count in range(1, 2 * PAGE):
        pages = related_pages(view(*(f"o{i}.example" for i in range(count))), NOTES, (), others, others)
        assert all(problems(page(made)) == [] for made in pages)
        assert [field.name for field in pages[-1].fields][-2:] == ["Earlier stories", "Later stories"]
        assert all("Earlier stories" not in [field.name for field in made.fields] for made in pages[:-1])
        assert "`#20` " in pages[-1].fields[-1].value


def test_a_story_without_coverage_says_so() -> None:
    (made,) = related_pages(view())
    assert made.description.endswith("There is no other coverage yet.")
    assert problems(page(made)) == []


def test_a_line_of_a_list_has_number_title_outlet_and_outlets() -> None:
    line = story_line(view("beta.example"))
    assert [node.kind for node in markdown.parse(line)] == ["code", "text", "link", "text", "timestamp"]
    assert markdown.shown(markdown.parse(line)) == (
        f"#12 Council bans drones — Alpha · 2 outlets · <t:{int(at(1).timestamp())}:R>"
    )


def test_an_empty_list_says_so_and_a_short_one_has_no_page_numbers() -> None:
    (empty,) = list_pages("Topics", [], "Nothing (yet).")
    assert (empty.description, empty.footer) == ("Nothing \\(yet\\).", "")
    (one,) = list_pages("Topics", ["a", "b"], "Nothing.")
    assert (one.description, one.footer) == ("a\nb", "")
    two = list_pages("Topics", ["a", "b", "c"], "Nothing.", size=2)
    assert [made.footer for made in two] == ["page 1 of 2 · 3 entries", "page 2 of 2 · 3 entries"]


def test_a_page_of_a_list_ends_before_it_is_too_long() -> None:
    entries = [f"{number} {'x' * 900}" for number in range(10)] + ["y " * 9000]
    pages = list_pages("Topics", entries, "Nothing.", size=20)
    assert all(problems(page(made)) == [] for made in pages)
    assert [made.description.count("x" * 900) for made in pages] == [3, 3, 3, 1]
    assert pages[0].footer == "page 1 of 4 · 11 entries"
    lines = "\n".join(made.description for made in pages).split("\n")
    assert lines[:10] == entries[:10]
    assert lines[10].startswith("y y")


def test_entries_stand_under_their_heading_on_every_page() -> None:
    pages = list_pages("Channels", [*"abcdef"], "Nothing.", under=[*"XXXYYY"], size=4)
    assert [made.description.split("\n") for made in pages] == [
        ["X", "a", "b", "c"],
        ["Y", "d", "e", "f"],
    ]
    pages = list_pages("Channels", [*"abcdef"], "Nothing.", under=[*"XXXXXY"], size=3)
    assert [made.description.split("\n") for made in pages] == [
        ["X", "a", "b"],
        ["X (continued)", "c", "d"],
        ["X (continued)", "e"],  # no heading stands alone at the end
        ["Y", "f"],
    ]
    assert pages[0].footer == "page 1 of 4 · 6 entries"


@pytest.mark.parametrize(("count", "said"), [(0, "0 outlets"), (1, "1 outlet"), (2, "2 outlets")])
def test_counts_agree_with_their_word(count: int, said: str) -> None:
    assert plural(count, "outlet") == said


def test_irregular_words_have_their_own_plural() -> None:
    assert plural(2, "story", "stories") == "2 stories"


@pytest.mark.parametrize("name", ["ميناء المدينة 24", "הנמל היומי"])
def test_numbers_beside_a_text_from_right_to_left_stay_in_their_place(name: str) -> None:
    reports = [
        replace(
            record(f"{name} {n}", f"o{n}.example", quality=80 - n),
            outlet=Outlet(f"{name} {n}", f"o{n}.example"),
        )
        for n in range(3)
    ]
    members = [stored(each, id=n + 1) for n, each in enumerate(reports)]
    seen = stories.story_view(story(*members, number=12, topics=(name, "Sea")))
    assert seen is not None
    line = on_screen(story_line(seen))
    assert line.startswith("`#12` ")
    assert line.endswith("· 3 outlets · 3 hours ago")
    post = shown(story_post(seen))
    topics, outlets, dates = (on_screen(line) for line in post.lines if line.startswith("-# "))
    assert topics.endswith(" · Sea")
    assert outlets.endswith(" (o2.example)")
    assert dates.startswith("-# Story #12 · 3 outlets · first report 3 hours ago")
    assert post.title == isolate(reports[0].title)


def undirected(text: str) -> str:
    """A text without what keeps its direction from moving what stands beside it."""
    return re.sub("[\u200e\u202a-\u202c]", "", text)


def on_screen(text: str) -> str:
    """What Discord shows of a line, from left to right."""
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"<t:\d+:R>", "3 hours ago", text))
    return undirected(str(get_display(shown, base_dir="L")))


def test_the_sentences_of_a_story_are_weighed_once_for_its_brief_and_what_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weighed: list[int] = []
    weights = candidates._weights

    def counted(written: Iterable[tuple[str, candidates.Terms]]) -> dict[candidates.Term, int]:
        weighed.append(1)
        return weights(written)

    monkeypatch.setattr(candidates, "_weights", counted)
    grown = view("beta.example", "gamma.example")
    story_post(grown, since=grown.lead.first_seen - timedelta(minutes=1))
    assert len(weighed) == 1


def test_a_brief_that_has_no_room_loses_its_last_paragraphs() -> None:
    roles = range(10**18, 10**18 + 50)
    seen = view()
    sentences = (Sentence("The council banned drones.", seen.lead),)
    choice = BriefChoice(rephrased=True)
    task = task_of(sentences, choice)
    assert task is not None
    lines = [ModelSentence(f"{n} {'word ' * 140}end", ()) for n in range(5)]
    made = ModelBriefs("model", {task.key("model"): lines}, choice)
    whole, cut = (
        shown(story_post(seen, mentions=mentions, model_briefs=made, said=lambda *_: (None, sentences)))
        for mentions in ((), roles)
    )
    assert [line[0] for line in whole.body.split("\n") if line] == [*"01234"]
    assert [line[0] for line in cut.body.split("\n") if line] == ["<", *"012"]
    assert "Rephrased by a model from the linked articles" in cut.small
    assert cut.title == whole.title
