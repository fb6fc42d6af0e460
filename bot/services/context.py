"""What every service works with; made once at the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

from bot.domain.forwarding import ForwardLimits
from bot.domain.polling import Polls
from bot.domain.posting.alerts import AlertLimits
from bot.domain.posting.decisions import PostingSettings
from bot.domain.posting.schedule import Schedule
from bot.domain.topics.learned import TitleModel
from bot.services.evaluation import Evaluations
from bot.services.health import HealthMonitor
from bot.sources.parsing.pool import InProcessParsers, Parsers
from bot.store.alerts import AlertCache
from bot.store.database import Database
from bot.store.revisions import StoryLog
from bot.store.topic_cache import TopicCache

if TYPE_CHECKING:
    from bot.sources.web.fetch import Web  # most commands reach no feed, and it takes long to import

Now = Callable[[], datetime]

TOPICS_PER_SERVER = 100


def _nobody() -> None:
    """There is no worker to wake, as on the command line."""


ALL: Literal["all"] = "all"  # servers


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """What servers may have of the HTTP endpoint. `is_on`: the bot listens. `public_url`: its address for others, if that is set."""

    is_on: bool = False
    public_url: str = ""
    tokens_per_server: int = 10


@dataclass(frozen=True, slots=True)
class Context:
    """The database, the one clock, and the settings that decisions need.

    `wake` tells the loops that something new may be due. `web` is how feeds are reached; None: they are not.
    `parsers` parse what comes from there; a bot that runs has a pool of processes for it.
    `editors` are the servers whose people decide about shared stories; `ALL`: those of all servers.
    `topics_per_server` is how many topics of its own a server may make. `semantic`: stories are found by what
    reports mean, too, for which the model must be installed. `evaluations` is where queries are evaluated. `topics` are
    the topics of `db` in memory. `titles` is what guesses of topics are learned from; None: there are none. `story_log`
    tells an intake which stories people have changed. `model` is the name of the language model for briefs;
    empty: there is none. `alerts` are those of `db` in memory, and `alert_limits` what members may have of them. `keep` is how long
    articles are kept; None: for ever.
    `monitor` knows the present outages.
    `api` is what servers may have of the HTTP endpoint, and `forward_limits` what of forwards.
    """

    db: Database
    now: Now
    rules: PostingSettings = field(default_factory=PostingSettings)
    digest_default: Schedule = field(default_factory=lambda: Schedule(time(9), "UTC"))
    wake: Callable[[], None] = _nobody
    polls: Polls = field(default_factory=Polls)
    web: Web | None = None
    parsers: Parsers = field(default_factory=InProcessParsers)
    editors: frozenset[int] | Literal["all"] = frozenset()
    topics_per_server: int = TOPICS_PER_SERVER
    semantic: bool = False
    evaluations: Evaluations = field(default_factory=Evaluations)
    topics: TopicCache = field(default_factory=TopicCache)
    story_log: StoryLog = field(default_factory=StoryLog)
    titles: TitleModel | None = None
    model: str = ""
    alerts: AlertCache = field(default_factory=AlertCache)
    alert_limits: AlertLimits = field(default_factory=AlertLimits)
    api: ApiAccess = field(default_factory=ApiAccess)
    forward_limits: ForwardLimits = field(default_factory=ForwardLimits)
    keep: timedelta | None = None
    monitor: HealthMonitor = field(default_factory=HealthMonitor)
