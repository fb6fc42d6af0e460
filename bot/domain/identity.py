"""What makes two addresses the same page, and who publishes it.

`canonical` is the identity of a record: twins of a page (http and https, `www.`, mobile and AMP
versions, links with tracking) share it, and distinct pages never do. Where a rule could go wrong
on some site it is left out: a duplicate is a lesser evil than a story that vanishes in another.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any
from urllib.parse import quote, quote_from_bytes

MAX_URL = 2048

_URL = re.compile(r"(?i:https?):/{2}([^/?#\\]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_SCHEME = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:]+)(?::(\d{0,5}))?", re.IGNORECASE)
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*")
_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")  # browsers read such a host as an IPv4 address

_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PLAIN = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?]*")
_RESERVED = "%!$&'()*+,;=:@/?"

_MOBILE = re.compile(r"(?:m|mobile|amp)\.(?=.*\.)")
_CACHE = re.compile(r"/(?:[a-z]{1,2}/)?[a-z]{1,2}/(s/)?([^/]+\.[^/]+/.*)")
_GOOGLE = re.compile(r"google(?:\.[a-z]{2,3}){1,2}")
_GOOGLE_AMP = re.compile(r"/amp/(s/)?([^/]+\.[^/]+/.*)")

# `/amp/story`, `/google-amp/story`, `/story/amp`, `/story.amp`, `/story.amp.html`
_AMP_FIRST = re.compile(r"/(?:amp|google-amp|\.amp|platform/amp)(?=/.)", re.IGNORECASE)
_AMP_LAST = re.compile(r"(?<=[^/])(?:/amp|\.amp)(?=\.html$|$)")
# There `amp` is a name that somebody chose.
_NAMES = re.compile(
    r"(?:.*\.)?(?:github\.com|gitlab\.com|bitbucket\.org|npmjs\.com|pypi\.org|crates\.io|docs\.rs|wikipedia\.org|reddit\.com)"
)
_NAMED = re.compile(r"/(?:wiki|tags?|topics?|category|categories|u|users?|authors?|r|c|packages?|search|projects?)/amp$")

_YOUTUBE = frozenset({"youtube.com", "youtube-nocookie.com", "youtu.be"})
_VIDEO = re.compile(r"(?:/(?:embed|shorts|live|v))?/([A-Za-z0-9_-]{11})")

# Query parameters that tell where a reader came from, never which page is meant (names in lower case).
_TRACKING_PREFIXES = (
    "utm_", "mtm_", "matomo_", "pk_", "piwik_", "hsa_", "vero_", "oly_", "elq", "at_medium", "at_campaign",
    "at_custom", "at_link", "at_ptr", "at_bbc", "guce_", "soc_", "_hs", "__hs", "amp_js_", "amp_gsa",
    "stm_", "trk_", "fb_action_", "fb_ref", "fb_source",
)  # fmt: skip
_TRACKING = frozenset({
    "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "twclid", "ttclid", "li_fat_id",
    "yclid", "ymclid", "igshid", "igsh", "mkt_tok", "mc_cid", "mc_eid", "_ga", "_gl", "cmpid", "cmp", "ncid",
    "ocid", "icid", "cvid", "mbid", "ito", "smid", "smtyp", "xtor", "s_cid", "sr_share", "guccounter",
    "ref_src", "ref_url", "ftag", "taid", "tsrc", ".tsrc", "feedtype", "feedname", "usqp",
    "__twitter_impression", "wt.mc_id", "wt_mc", "spm", "rss", "srnd", "_openstat", "trackingid",
})  # fmt: skip
# These mean a page on one site and a way to it on another; only such values are dropped.
_ORIGINS = frozenset({"ref", "source", "src", "partner", "track", "emc", "from", "mod", "via", "feed"})
_CHANNELS = frozenset({
    "rss", "feed", "twitter", "tw", "facebook", "fb", "linkedin", "reddit", "hackernews", "hn", "newsletter",
    "email", "mail", "whatsapp", "telegram", "instagram", "share", "social", "googlenews", "flipboard",
})  # fmt: skip
_AMP_NAMES = frozenset({"amp", "_amp", "outputtype", "context"})
_AMP_VALUES = frozenset({"amp", "", "1", "true", "yes"})


def canonical(url: str) -> str:
    """The one address, https, that stands for a page and all its twins. Idempotent.

    Raises `ValueError` saying what is wrong where the text is not a sane http or https address.
    """
    rest = url.strip()
    if len(rest) > MAX_URL:
        raise ValueError(f"longer than {MAX_URL} characters")
    if _CONTROL.search(rest):
        raise ValueError("contains control characters")
    while True:
        found = _URL.fullmatch(rest)
        if found is None:
            scheme = _SCHEME.match(rest)
            raise ValueError("not an http or https address" if scheme or "//" not in rest else "no host")
        authority, path, query, fragment = found.groups()
        host, port = _authority(authority)
        path = _path(path)
        inner = _unwrapped(host, path)
        if inner is None:
            break
        rest = inner if query is None else f"{inner}?{query}"  # shorter each time: the loop ends
    host = _without_prefix(host)
    kept = _query(query) if query else ""
    if host in _YOUTUBE:
        path, kept = _video(host, path, kept)
    tail = f"?{kept}" if kept else ""
    if fragment and fragment.startswith("!") and fragment.strip("!/"):
        tail += f"#{_encoded(fragment)}"
    key = f"https://{host}{port}{_without_amp(host, path)}{tail}"
    if len(key) > MAX_URL:
        raise ValueError(f"longer than {MAX_URL} characters once encoded")
    return key


@lru_cache(maxsize=4096)
def registered_domain(host_or_url: str) -> str:
    """The domain that somebody registered: `bbc.co.uk` of `https://www.news.bbc.co.uk/x`.

    Lower case, IDNA-encoded. IP addresses, single labels and public suffixes themselves stay as
    they are. Raises `ValueError` where there is no valid host.
    """
    authority = re.split(r"[/?#\\]", host_or_url.strip().split("//", 1)[-1], maxsplit=1)[0]
    host, _ = _authority(authority)
    if host.count(".") < 2 or host.startswith("[") or _NUMBER.fullmatch(host):
        return host  # of two labels the second is always a suffix
    found = _suffixes().privatesuffix(host)
    return str(found) if found else host


@cache
def _suffixes() -> Any:
    from publicsuffixlist import PublicSuffixList  # reads a list of 10,000 rules

    return PublicSuffixList()


def _authority(text: str) -> tuple[str, str]:
    """The host, normalised, and `:port` where it is not the usual one."""
    if not text:
        raise ValueError("no host")
    if "@" in text:
        raise ValueError("contains a user name or password")
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        raise ValueError("its host is not valid")
    port = int(found[2] or 443)
    if not 0 < port < 65536:
        raise ValueError("its port is not valid")
    return _host(found[1]), "" if port in (80, 443) else f":{port}"


@lru_cache(maxsize=4096)
def _host(text: str) -> str:
    host = text.lower()
    try:
        if host.startswith("["):
            return f"[{IPv6Address(host[1:-1]).compressed}]"
        if not host.isascii():
            import idna

            host = idna.encode(host, uts46=True).decode("ascii")
        host = host.removesuffix(".")
        if _NUMBER.fullmatch(host):
            return str(IPv4Address(host))
    except (AddressValueError, UnicodeError) as error:  # idna's errors are UnicodeErrors
        raise ValueError("its host is not valid") from error
    if not _HOST.fullmatch(host):
        raise ValueError("its host is not valid")
    return host


def _without_prefix(host: str) -> str:
    """The host without `www.`, `m.`, `mobile.` and `amp.`, as long as a site of its own is left."""
    while True:
        if host.startswith("www.") and host.count(".") > 1:
            host = host[4:]
        elif (found := _MOBILE.match(host)) and not _is_suffix(host[found.end() :]):
            host = host[found.end() :]
        else:
            return host


@lru_cache(maxsize=1024)
def _is_suffix(host: str) -> bool:
    return bool(_suffixes().publicsuffix(host) == host)


def _encoded(text: str) -> str:
    """Percent-encoding in one form: only what needs it, of UTF-8, in upper case."""
    if _PLAIN.fullmatch(text):
        return text
    try:
        text = quote(text, safe=_RESERVED)
    except UnicodeEncodeError as error:
        raise ValueError("contains half a character (a lone surrogate)") from error
    return _ESCAPE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    if found[1] is None:
        return "%25"
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()


def _path(path: str) -> str:
    """The path with one encoding and without empty and dot segments or a slash at the end."""
    path = _encoded(path)
    if "//" not in path and "/." not in path:
        return path.rstrip("/")
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return "".join(f"/{segment}" for segment in segments)


def _unwrapped(host: str, path: str) -> str | None:
    """The publisher's own address of a page that an AMP cache or Google's AMP viewer shows, else None."""
    if host.endswith(("cdn.ampproject.org", "bing-amp.com")):
        found = _CACHE.fullmatch(path)
    elif path.startswith("/amp/") and _GOOGLE.fullmatch(host.removeprefix("www.")):
        found = _GOOGLE_AMP.fullmatch(path)
    else:
        return None
    return f"https://{found[2]}" if found else None


def _without_amp(host: str, path: str) -> str:
    if "amp" not in path.lower() or _NAMES.fullmatch(host):
        return path
    before = None
    while path != before and not _NAMED.search(path):
        before = path
        path = _AMP_LAST.sub("", _AMP_FIRST.sub("", path, count=1), count=1)
    return path


def _query(query: str) -> str:
    """The parameters that choose the page, sorted by name."""
    if "&amp;" in query:
        query = re.sub(r"&(?:amp;)+", "&", query)
    kept = [pair for pair in _encoded(query).split("&") if pair and not _is_noise(pair)]
    return "&".join(sorted(kept, key=_name))


def _name(pair: str) -> str:
    return pair.partition("=")[0]


def _is_noise(pair: str) -> bool:
    name, _, value = pair.lower().partition("=")
    if name in _TRACKING or name.startswith(_TRACKING_PREFIXES):
        return True
    if name in _ORIGINS:
        return value in _CHANNELS
    return name in _AMP_NAMES and value in _AMP_VALUES and (value == "amp" or name.endswith("amp"))


def _video(host: str, path: str, query: str) -> tuple[str, str]:
    """A YouTube page is its video, however it is embedded or shared."""
    return path, query
