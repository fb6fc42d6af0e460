"""The reply that announces a grown story, whatever the story says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import StorySize
from bot.messages.escalation import continued, escalation_message
from bot.messages.message import safe_url
from tests import discord_markdown as markdown
from tests.discord_rules import payload, problems
from tests.hostile import AnyStory, any_stories
from tests.shown import shown

SIZES = st.sampled_from([StorySize.NOTABLE, StorySize.MAJOR])


@given(any_stories, SIZES, st.lists(st.integers(10**17, 2**63), max_size=90))
def test_it_is_within_discords_limits_and_pings_these_roles_alone(
    any_story: AnyStory, size: StorySize, roles: list[int]
) -> None:
    sent = payload(escalation_message(any_story.view(), size, roles, 0x112233))
    assert problems(sent) == []
    assert sent["allowed_mentions"].get("parse", []) == []
    assert {int(role) for role in sent["allowed_mentions"].get("roles", [])} <= set(roles)


@given(any_stories, SIZES)
def test_it_links_nowhere_but_to_the_article(any_story: AnyStory, size: StorySize) -> None:
    view = any_story.view()
    reply = shown(escalation_message(view, size, (), None))
    assert {href for _, href in reply.links} <= {safe_url(view.lead.record.url)}
    for line in reply.lines:
        assert {node.kind for node in markdown.flat(markdown.parse(line))} <= {"text", "link"}


def test_of_a_merged_story_it_says_nothing() -> None:
    assert problems(payload(continued(4, 3))) == []
    assert shown(continued(4, 3)).lines == ("### This story continues in #3", "-# #4 → #3")
