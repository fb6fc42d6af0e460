"""Who owns an outlet: outlets of one owner speak with one voice. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from bot.domain.records.identity import registered_domain

SHORTEST = 3  # letters of a brand: many own one of two

# Below a country these stand where `com` stands elsewhere. What else is a suffix of two labels, as `github.io`,
# gives a name to whoever asks for one.
_SECOND = frozenset({"ac", "co", "com", "edu", "gen", "go", "gob", "gouv", "gov", "ne", "net", "or", "org"})

# Words that papers and stations of many owners have as their name, each in its country.
_GENERIC = frozenset(
    [
        "abc",
        "blog",
        "business",
        "capital",
        "chronicle",
        "courier",
        "daily",
        "economist",
        "economy",
        "express",
        "finance",
        "focus",
        "free",
        "gazette",
        "global",
        "globe",
        "guardian",
        "health",
        "herald",
        "home",
        "independent",
        "info",
        "insider",
        "journal",
        "le",
        "life",
        "live",
        "local",
        "magazine",
        "mail",
        "media",
        "metro",
        "mirror",
        "money",
        "monitor",
        "morning",
        "nation",
        "national",
        "network",
        "news",
        "now",
        "observer",
        "online",
        "open",
        "people",
        "politics",
        "post",
        "press",
        "radio",
        "record",
        "reporter",
        "review",
        "science",
        "security",
        "sport",
        "sports",
        "standard",
        "star",
        "store",
        "sun",
        "tech",
        "technology",
        "telegraph",
        "the",
        "time",
        "times",
        "today",
        "tribune",
        "tv",
        "voice",
        "web",
        "weekly",
        "world",
        "bild",
        "heute",
        "kurier",
        "nachrichten",
        "presse",
        "standard",
        "tagblatt",
        "tageblatt",
        "volksblatt",
        "welt",
        "wirtschaft",
        "zeit",
        "zeitung",
        "actu",
        "echo",
        "figaro",
        "jour",
        "journal",
        "liberation",
        "monde",
        "soir",
        "diario",
        "expreso",
        "hoy",
        "mundo",
        "nacion",
        "noticias",
        "pais",
        "prensa",
        "pueblo",
        "tiempo",
        "corriere",
        "giornale",
        "messaggero",
        "stampa",
        "dagbladet",
        "politiken",
        "nieuws",
    ]
)


@lru_cache(maxsize=4096)
def brand(domain: str) -> str:
    """What sites of one brand have in common, `bbc` of `bbc.com` and of `bbc.co.uk`; else the domain itself.

    It is the registered domain without its public suffix, where that suffix is a country's or another top-level
    domain and what is left is no generic word, neither short nor a number: `news.com` and `news.com.au` are two.
    """
    label, *suffix = domain.split(".")
    ordinary = len(suffix) == 1 or (len(suffix) == 2 and len(suffix[1]) == 2 and suffix[0] in _SECOND)
    named = len(label) >= SHORTEST and label not in _GENERIC and not label.isdigit()
    return label if ordinary and named and registered_domain(domain) == domain else domain


@dataclass(frozen=True, slots=True)
class MediaOwners:
    """The owners that are known: `named` maps registered domains to their owners; of all others the brand counts."""

    named: Mapping[str, str] = field(default_factory=dict)

    def of(self, domain: str) -> str:
        """Who owns the outlet with that domain; equal for outlets of one owner, and else for none."""
        return self.named.get(domain) or brand(domain)


NO_OWNERS = MediaOwners()
