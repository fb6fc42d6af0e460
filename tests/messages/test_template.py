"""Posts by a template: whatever it says and whatever the story says, they do no harm and fit into a message."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import PostLayout, StoryView
from bot.domain.posting.template import PLACEHOLDERS, Template, read_template
from bot.domain.stories.story import story_view
from bot.messages.message import Message, safe_url
from bot.messages.story import ALREADY, story_post
from bot.messages.template import EXAMPLE, template_help
from tests import discord_markdown as markdown
from tests.discord_rules import payload, problems
from tests.hostile import PIECES, AnyStory, any_stories
from tests.make import record, stored, story
from tests.shown import plain, shown


def template(text: str) -> Template:
    """A template that is right."""
    read = read_template(text)
    assert isinstance(read, Template)
    return read


def view(title: str = "Lighthouse relit", *others: str, excerpt: str = "", image: str = "") -> StoryView:
    """A story of some outlets."""
    members = [
        stored(
            record(
                title,
                "alpha.example",
                url="https://alpha.example/1",
                topics=["AI"],
                excerpt=excerpt,
                image=image,
            ),
            id=1,
        )
    ]
    members += [
        stored(record(title, name, hours=1, url=f"https://{name}/"), id=2 + number)
        for number, name in enumerate(others)
    ]
    seen = story_view(story(*members, number=12))
    assert seen is not None
    return seen


def post(text: str, of: StoryView) -> Message:
    """The post of a story by a template."""
    return story_post(of, layout=PostLayout.TEMPLATE, template=template(text), topics=["AI"])


def lines(text: str, of: StoryView) -> list[str]:
    """What a reader sees of it."""
    return plain(shown(post(text, of)).text).splitlines()


def test_values_take_the_place_of_their_names() -> None:
    of = view("Lighthouse relit", "beta.example", excerpt="The lamp of the lighthouse shines again.")
    text = "## {headline}\nNo. {story}: {title}, by {outlet_count} outlets ({outlet}) on {topics}"
    [head, line] = shown(post(text, of)).text.splitlines()
    assert head == "## [Lighthouse relit](https://alpha.example/1)"
    assert plain(line) == "No. 12: Lighthouse relit, by 2 outlets (Alpha (alpha.example)) on AI"
    assert shown(post("{link}", of)).text == "<https://alpha.example/1>"
    assert [button for button, *_ in shown(post(text, of)).buttons] == [
        "Read",
        "Related coverage",
        "Follow this story",
    ]


def test_a_value_is_never_read_as_a_template() -> None:
    of = view("{brief} {{title}} {0.__class__}")
    assert lines("{title}", of) == ["{brief} {{title}} {0.__class__}"]


def test_a_line_of_which_all_values_are_empty_is_left_out() -> None:
    text = "{title}\nSummary: {brief}\n{what_changed}\nEnd {{}}"
    assert lines(text, view("Lighthouse relit")) == ["Lighthouse relit", "End {}"]


def test_the_picture_stands_where_the_template_has_it() -> None:
    of = view("Lighthouse relit", image="https://pictures.example/lamp.png")
    kinds = [
        part["type"]
        for part in payload(post("{title}\n{picture}\n{outlet}", of))["components"][0]["components"]
    ]
    assert kinds == [10, 12, 10, 1]
    assert shown(post("{title}", of)).picture == ""


def test_a_template_formats_and_does_nothing_else() -> None:
    text = "# **{title}** __a__ ~~b~~\n> {topics}\n- *c*\n[x](https://evil.example) <@&5> @everyone `d` https://evil.example"
    seen = shown(post(text, view())).text
    kinds = {node.kind for line in seen.splitlines() for node in markdown.flat(markdown.parse(line))}
    assert kinds <= {"text", "underline", "strike", "quote", "list"}
    assert markdown.links(seen) == []
    assert "[x](https://evil.example) <@&5> @everyone `d` https://evil.example" in plain(seen)


@pytest.mark.parametrize("start", ["> ", "-# "])
def test_a_quote_and_a_small_line_hold_a_whole_brief(start: str) -> None:
    of = view("Lighthouse relit", excerpt="The lamp shines again after years. " * 3)
    told = shown(post(f"{{title}}\n{start}{{brief}}", of)).text.splitlines()[1:]
    assert told
    assert all(line.startswith(start) for line in told)


def test_a_post_without_room_is_a_card_and_says_so() -> None:
    of = view(
        "Lighthouse relit", *(f"o{n}.example" for n in range(9)), excerpt="The lamp shines again. " * 12
    )
    short, long = "{headline}\n{brief}", "{headline}" * 40
    assert not post(short, of).fell_back
    wide = view("Lighthouse relit " * 15)
    fallen = post(long, wide)
    assert fallen.fell_back
    assert fallen.layout == story_post(wide, topics=["AI"]).layout
    assert not story_post(of, topics=["AI"], layout=PostLayout.TEMPLATE).fell_back, "there is no template"


def test_the_help_names_every_placeholder_and_its_example_is_a_template() -> None:
    assert all(f"`{{{name}}}`" in template_help() for name in PLACEHOLDERS)
    assert template(EXAMPLE).names < set(PLACEHOLDERS)


_NAMES = [f"{{{name}}}" for name in PLACEHOLDERS if name != "picture"]
_LITERAL = st.sampled_from(
    [*(piece.replace("{", "{{").replace("}", "}}") for piece in PIECES), "\n", "\n> ", "\n-# "]
)
_TEMPLATES = (
    st.lists(st.sampled_from([*_NAMES, *_NAMES, "\n{picture}\n"]) | _LITERAL, max_size=60)
    .map(lambda pieces: "{headline}" + "".join(pieces))
    .map(read_template)
    .filter(lambda read: isinstance(read, Template))
)


@given(
    any_stories, _TEMPLATES, st.lists(st.integers(10**17, 2**63), max_size=60), st.sampled_from(["", ALREADY])
)
def test_every_post_by_a_template_is_within_discords_limits_and_pings_nobody_else(
    any_story: AnyStory, any_template: Template, roles: list[int], note: str
) -> None:
    any_view = any_story.view()
    made = story_post(any_view, mentions=roles, layout=PostLayout.TEMPLATE, template=any_template, note=note)
    sent = payload(made)
    assert problems(sent) == []
    assert sent["allowed_mentions"].get("parse", []) == []
    assert {int(role) for role in sent["allowed_mentions"].get("roles", [])} <= set(roles)
    actions = [action for _, action in shown(made).buttons]
    assert actions[-2:] == [f"related:{any_view.number}", f"follow:{any_view.number}"]


# What a template may make of its own text, and what values bring.
_ALLOWED = {"text", "bold", "underline", "italic", "strike", "header", "subtext", "quote", "list"}
_OF_VALUES = {"link", "timestamp", "autolink"}


@given(any_stories, _TEMPLATES)
def test_neither_a_template_nor_a_story_makes_other_markup_in_a_post(
    any_story: AnyStory, any_template: Template
) -> None:
    any_view = any_story.view()
    made = shown(story_post(any_view, layout=PostLayout.TEMPLATE, template=any_template))
    addresses = {safe_url(member.record.url) for member in any_view.members}
    for line in made.text.splitlines():
        for node in markdown.flat(markdown.parse(line)):
            assert node.kind in _ALLOWED | _OF_VALUES, (node, line)
            if node.kind == "link":
                assert node.href in addresses, (node, line)
            if node.kind == "autolink":
                assert node.text.strip("<>") in addresses, (node, line)


def test_the_documents_name_the_same_placeholders() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "templates.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `{")]
    assert [row.split("`")[1] for row in rows] == [f"{{{name}}}" for name in PLACEHOLDERS]
