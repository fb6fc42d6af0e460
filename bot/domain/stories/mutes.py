"""What can be muted: an outlet, or words in a row of a title. Pure."""

from __future__ import annotations

import re

from bot.domain.records.identity import is_host, registered_domain
from bot.domain.text.cleaning import repair
from bot.domain.text.words import tokens
from bot.i18n import tr

LONGEST = 100

_PREFIX = re.compile(r"(?:domain|site|outlet|source|from)\s*:\s*", re.IGNORECASE)
_QUOTED = re.compile(r"[\"'“”„«»‘’`](.+)[\"'“”„«»‘’`]")
_ALTERNATIVES = re.compile(r"\||\s(?:OR|AND|NOT)\s")
_WILDCARD = re.compile(r"(?<!\*)\*(?!\*)|\w\?\w")  # two stars in a row are Markdown, or a word made harmless


def parse(text: str) -> str:
    """What is muted by a text: an outlet's domain, or words. ValueError where it could never match, with what to do."""
    value = repair(_PREFIX.sub("", text.strip(), count=1), 4 * LONGEST)
    if quoted := _QUOTED.fullmatch(value):
        value = quoted[1].strip()
    if not value or len(value) > LONGEST:
        raise ValueError(
            tr("Enter an outlet (example.com) or words, at most {most} characters", most=LONGEST)
        )
    if " " not in value and (domain := _outlet(value)):
        return domain
    if _WILDCARD.search(value):
        raise ValueError(tr("A mute matches whole words and has no wildcards such as *: write the words out"))
    if _ALTERNATIVES.search(value):
        raise ValueError(tr("A mute is one outlet or one phrase, not a query: use `/mute` once for each"))
    if not tokens(value):
        raise ValueError(
            tr("“{text}” cannot match any title: enter an outlet (example.com) or words", text=value)
        )
    return value


def _outlet(value: str) -> str:
    """The domain that is meant where a text can only be an address; empty where it may be words, as `Node.js`."""
    address = value.strip("<>")
    if "://" in address or address.startswith("//"):
        return _domain(address)
    bare = address.removeprefix("*.").removeprefix("@")
    host, _, _ = bare.partition("/")
    host = re.sub(r":\d+$", "", host).rstrip(".")
    if "@" in host and is_host(host.rpartition("@")[2]):
        raise ValueError(
            tr("People and e-mail addresses cannot be muted: enter an outlet (example.com) or words")
        )
    plain = host == value and host.count(".") < 2
    return _domain(host) if is_host(host) and not plain else ""


def _domain(address: str) -> str:
    try:
        domain = registered_domain(address)
    except ValueError as error:
        raise ValueError(tr("That address is not valid: {problem}", problem=error)) from error
    return readable(domain)


def readable(domain: str) -> str:
    """A domain as people write it: `bücher.example` for `xn--bcher-kva.example`."""
    if "xn--" not in domain:
        return domain
    import idna  # few outlets need it

    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def domain_of(value: str) -> str:
    """The registered domain, or the first part of one, that a mute may name; empty where it cannot be one."""
    if " " in value:
        return ""
    try:
        return registered_domain(value)
    except ValueError:
        return ""
