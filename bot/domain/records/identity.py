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
from urllib.parse import quote

from bot.domain.records.tracking import is_tracking
from bot.i18n import tr

MAX_URL = 2048

_URL = re.compile(r"(?i:https?)://([^/?#\\]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
# A host and a path in which there is nothing to normalise but a slash at the end, or WordPress's `/?p=123`.
_SIMPLE = re.compile(
    r"(https?://[a-z0-9.-]++(?<=[a-z]))((?:/[A-Za-z0-9_~-]++(?:\.[a-z]++)?+)*+)/?+(\?p=[0-9]++)?+"
)
_SIMPLE_LENGTH = 500
_MEANINGFUL = re.compile(r"youtu|ampproject\.org|bing-amp\.com")  # sites whose paths mean more than pages
_SCHEME = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")  # no database and no server takes one
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:]+)(?::(\d{0,5}))?", re.IGNORECASE)
_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")  # browsers read such a host as an IPv4 address

_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PLAIN = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?]*")
_RESERVED = "%!$&'()*+,;=:@/?"

_MOBILE = re.compile(r"(?:m|mobile|amp)\.(?=.*\.)")
_CACHE = re.compile(r"/[a-z]{1,2}/(?:s/)?([^/]+\.[^/]+(?:/.*)?)")
_AMP_CACHES = ("cdn.ampproject.org", "bing-amp.com")
_GOOGLE = re.compile(r"google\.(?:com|[a-z]{2}|com?\.[a-z]{2})")
_MAYBE_WRAPPED = re.compile(r"ampproject\.org|bing-amp\.com|google\.", re.IGNORECASE)
_GOOGLE_AMP = re.compile(r"/amp/(?:s/)?([^/]+\.[^/]+(?:/.*)?)")

# `/amp/story`, `/google-amp/story`, `/story/amp`, `/story.amp`, `/story.amp.html`
_AMP_FIRST = re.compile(r"^/(?:amp|google-amp|\.amp|platform/amp)(?=/.)", re.IGNORECASE)
_AMP_LAST = re.compile(r"(?<=[^/])(?:/amp|\.amp)(?=\.html$|$)")
# There `amp` is a name that somebody chose.
_NAMES = re.compile(
    r"(?:.*\.)?(?:github\.com|gitlab\.com|bitbucket\.org|npmjs\.com|pypi\.org|crates\.io|docs\.rs|wikipedia\.org|reddit\.com)"
)
_NAMED = re.compile(
    r"/(?:wiki|tags?|topics?|category|categories|u|users?|authors?|r|c|packages?|search|projects?)/amp$"
)

_ENTITY = re.compile("^(?:amp;)+")  # what `&amp;` leaves of its parameter's name

_YOUTUBE = frozenset({"youtube.com", "youtube-nocookie.com", "youtu.be"})
_SHARED = re.compile(r"/([A-Za-z0-9_-]{11})")
_EMBEDDED = re.compile(r"/(?:embed|shorts|live|v)/([A-Za-z0-9_-]{11})")

# These choose a page on one site and tell the way to it on another: dropped where the value is a way.
_ORIGINS = frozenset({"emc", "from", "mod", "partner", "ref", "source", "src", "track", "via"})
_WAYS = frozenset({
    "email", "facebook", "fb", "flipboard", "googlenews", "hackernews", "hn", "instagram", "linkedin", "mail",
    "newsletter", "reddit", "rss", "share", "social", "telegram", "tw", "twitter", "whatsapp",
})  # fmt: skip
# A reader's session. Names such as `sid` and `session_id` are left out: they choose pages as well.
_SESSION_PREFIXES = ("aspsessionid", "phpsessid", "jsessionid")
_SESSIONS = frozenset({"cfid", "cftoken", "oscsid", "xtcsid", "zenid"})
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid)=[^/;?]*", re.IGNORECASE)
_YES = frozenset({"", "1", "amp", "true", "yes"})


def canonical(url: str) -> str:
    """The one address, https, that stands for a page and all its twins. Idempotent.

    Raises `ValueError` saying what is wrong where the text is not a sane http or https address.
    """
    if len(url) <= _SIMPLE_LENGTH and (match := _SIMPLE.fullmatch(url)):
        site, path, query = match.groups()
        if "amp" not in path.lower() and (start := _simple_site(site)):
            return f"{start}{path}{query or ''}"
    return _canonical(url)


@lru_cache(maxsize=1024)
def _simple_site(site: str) -> str:
    """The beginning that a site's simple addresses have in common; empty where it has none."""
    return "" if _MEANINGFUL.search(site) else _canonical(site)


def _canonical(url: str) -> str:
    """`canonical` of any address."""
    rest = url.strip()
    if len(rest) > MAX_URL:
        raise ValueError(tr("longer than {most} characters", most=MAX_URL))
    if _CONTROL.search(rest):
        raise ValueError(tr("contains control characters"))
    if _SURROGATE.search(rest):
        raise ValueError(tr("contains half a character (a lone surrogate)"))
    while True:
        match = _URL.fullmatch(rest)
        if match is None:
            scheme = _SCHEME.match(rest)
            is_other = scheme or "//" not in rest
            raise ValueError(tr("not an http or https address") if is_other else tr("no host"))
        authority, path, query, fragment = match.groups()
        host, port = _authority(authority)
        host, path = _without_prefix(host), _path(_PATH_SESSION.sub("", path))
        inner = _unwrapped(host, path) or _unwrapped(host, path := _without_amp(host, path))
        if inner is None:
            break
        rest = inner if query is None else f"{inner}?{query}"  # shorter each time: the loop ends
    query_text = _query(query) if query else ""
    if host in _YOUTUBE:
        host, path, query_text = _video(host, path, query_text)
    tail = f"?{query_text}" if query_text else ""
    if fragment and fragment.startswith("!") and fragment.strip("!/"):
        tail += f"#{_encoded(fragment)}"
    key = f"https://{host}{port}{path}{tail}"
    if len(key) > MAX_URL:
        raise ValueError(tr("longer than {most} characters once encoded", most=MAX_URL))
    return key


def publisher_address(url: str) -> str:
    """The publisher's own address of a page that an AMP cache or viewer shows; any other address as it is."""
    while _MAYBE_WRAPPED.search(url) and (match := _URL.fullmatch(url.strip())):
        authority, path, query, _ = match.groups()
        try:
            inner = _unwrapped(_without_prefix(_authority(authority)[0]), path)
        except ValueError:
            return url
        if inner is None:
            return url
        url = inner if query is None else f"{inner}?{query}"
    return url


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
    domain = _suffixes().privatesuffix(host)
    return str(domain) if domain else host


_LABELS = re.compile(r"(?:[\w-]+\.)+([^\W\d_][\w-]+)")
_TOP_LEVEL = 4  # letters from which on an ending is taken for a top-level domain that the list does not have


def is_host(text: str) -> bool:
    """Whether a text without a scheme looks like a host, in any script: `example.co.uk`, not `AC/DC` nor `Node.js`."""
    labels = _LABELS.fullmatch(text)
    if labels is None:
        return False
    try:
        host = _host(text)
    except ValueError:
        return False
    has_known_suffix = _suffixes().publicsuffix(host, accept_unknown=False) is not None
    return has_known_suffix or len(labels[1]) >= _TOP_LEVEL or host.count(".") > 1


@cache
def _suffixes() -> Any:
    from publicsuffixlist import PublicSuffixList  # reads a list of 10,000 rules

    return PublicSuffixList()


def _authority(text: str) -> tuple[str, str]:
    """The host, normalised, and `:port` where it is not the usual one."""
    if not text:
        raise ValueError(tr("no host"))
    if "@" in text:
        raise ValueError(tr("contains a user name or password"))
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise ValueError(tr("its host is not valid"))
    port = int(match[2] or 443)
    if not 0 < port < 65536:
        raise ValueError(tr("its port is not valid"))
    return _host(match[1]), "" if port in (80, 443) else f":{port}"


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
        raise ValueError(tr("its host is not valid")) from error
    if not _HOST.fullmatch(host):
        raise ValueError(tr("its host is not valid"))
    return host


def _without_prefix(host: str) -> str:
    """The host without `www.`, `m.`, `mobile.` and `amp.`, as long as a site of its own is left."""
    while True:
        if host.startswith("www.") and host.count(".") > 1:
            host = host[4:]
        elif (match := _MOBILE.match(host)) and not _is_suffix(host[match.end() :]):
            host = host[match.end() :]
        else:
            return host


@lru_cache(maxsize=1024)
def _is_suffix(host: str) -> bool:
    return bool(_suffixes().publicsuffix(host) == host)


def _encoded(text: str) -> str:
    """Percent-encoding in one form: only what needs it, of UTF-8, in upper case."""
    if _PLAIN.fullmatch(text):
        return text
    return _ESCAPE.sub(_escape, quote(text, safe=_RESERVED))


def _escape(match: re.Match[str]) -> str:
    if match[1] is None:
        return "%25"
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _path(path: str) -> str:
    """The path with one encoding and without empty and dot segments or a slash at the end."""
    path = _encoded(path.replace("\\", "/"))  # as browsers read it
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
    if any(host == cache or host.endswith(f".{cache}") for cache in _AMP_CACHES):
        match = _CACHE.fullmatch(path)
    elif path.startswith("/amp/") and _GOOGLE.fullmatch(host) and registered_domain(host) == host:
        match = _GOOGLE_AMP.fullmatch(path)
    else:
        return None
    return f"https://{match[1]}" if match else None


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
    pairs = _encoded(query).split("&")
    if "amp;" in query:
        pairs = [_ENTITY.sub("", pair) for pair in pairs]
    significant = [pair for pair in pairs if pair and not _is_noise(pair)]
    return "&".join(sorted(significant, key=_name))


def _name(pair: str) -> str:
    return pair.partition("=")[0]


def _is_noise(pair: str) -> bool:
    name, _, value = pair.lower().partition("=")
    if is_tracking(name):
        return True
    if name in _ORIGINS:
        return value in _WAYS
    if name in _SESSIONS or name.startswith(_SESSION_PREFIXES):
        return True
    if name in ("amp", "_amp"):
        return value in _YES
    return value == "amp" and name in ("outputtype", "context")


def _video(host: str, path: str, query: str) -> tuple[str, str, str]:
    """A YouTube page is its video, however that is embedded or shared."""
    if path == "/watch":
        video_ids = [pair for pair in query.split("&") if pair.startswith("v=")][:1]
    else:
        match = (_SHARED if host == "youtu.be" else _EMBEDDED).fullmatch(path)
        video_ids = [f"v={match[1]}"] if match else []
    return ("youtube.com", "/watch", video_ids[0]) if video_ids else (host, path, query)
