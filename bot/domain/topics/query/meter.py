"""What the queries of server topics cost at run time, counted in the price of what was evaluated. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

from bot.i18n import mark, number, tr

Label: TypeAlias = tuple[int, str]  # a topic's server (0: shared), and its name

CHEAP = 10  # what costs no more is not counted: a server has few topics
WINDOW = 100  # articles over which costs are averaged
MOST_A_TOPIC = 100  # the average price of an article for one topic
MOST_A_SERVER = 1_000  # and for all topics of a server
TOO_EXPENSIVE = mark(  # is stored with the topic
    "its query costs {price} per article on average; the limits are {topic} for one topic and {server} for all topics "
    "of a server together"
)


class Meter:
    """Counts over a window of articles. Shared topics are not counted: whoever runs the bot answers for them.

    Articles of a server's own feeds count for its own topics alone, so no server can make another's topics dear.
    """

    def __init__(self) -> None:
        self._articles: Counter[int] = Counter()
        self._spent: Counter[Label] = Counter()

    def count(self, spent: Mapping[Label, int], guild_id: int = 0) -> None:
        """One more article was matched, of a feed of that server's (0: shared).

        `spent` is the price of each query that was evaluated for it.
        """
        self._articles[guild_id] += 1
        for label, price in spent.items():
            if label[0] and guild_id in (0, label[0]):
                self._spent[label] += price

    def excess(self) -> dict[Label, int]:
        """At the end of a window, the topics that cost too much, each with its average price; else none.

        Those above `MOST_A_TOPIC`, and of a server above `MOST_A_SERVER` the dearest until the others are within it.
        """
        if self._articles.total() < WINDOW:
            return {}
        average = {
            label: spent // (self._articles[0] + self._articles[label[0]])
            for label, spent in self._spent.items()
        }
        of_server: Counter[int] = Counter()
        excessive: dict[Label, int] = {}
        for label, price in sorted(average.items(), key=lambda entry: (entry[1], entry[0])):
            if price > MOST_A_TOPIC or of_server[label[0]] + price > MOST_A_SERVER:
                excessive[label] = price
            else:
                of_server[label[0]] += price
        self._articles.clear()
        self._spent.clear()
        return excessive


def reason(price: int) -> str:
    """Why a topic is suspended that costs so much."""
    return tr(TOO_EXPENSIVE, price=number(price), topic=number(MOST_A_TOPIC), server=number(MOST_A_SERVER))
