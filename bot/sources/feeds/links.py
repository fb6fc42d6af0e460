"""Makes addresses in feeds absolute, and repairs them."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urljoin

_WEB = ("http://", "https://")
_SITE = re.compile(r"https?://([^/?#\\]+)", re.IGNORECASE)
# An ampersand that was escaped once too often; no page has such a parameter.
_AMPERSAND = re.compile(r"&(?:(?:amp|#0*38|#x0*26);)+", re.IGNORECASE)
_BROKEN_LINE = re.compile(r"[\t\r\n]+ *")
_CDATA = re.compile(r"(?:<!\[CDATA\[\s*)+(.*?)(?:\s*\]\]>)*", re.DOTALL)
# `http:/host`, `https//host`, `http://http://host`, backslashes
_SCHEME = re.compile(r"(?:https?(?::[/\\]*|//+))*(https?)(?::[/\\]+|//+)(?=[^/\\])", re.IGNORECASE)
_HOST = re.compile(r"((?:[a-z0-9-]+\.)+[a-z0-9-]+)(?::\d+)?(?=[/?#]|$)", re.IGNORECASE)


def resolve(url: str, base: str) -> str:
    """The address, made absolute if possible."""
    if url.startswith(_WEB) and "&" not in url and url.count("//") == 1 and url.isprintable():
        return url
    url = clean_address(url)
    if url.startswith(_WEB):
        return url
    if url[:1] == "/" and url[1:2] != "/" and "/." not in url and is_web(base):  # most relative addresses
        return f"{site_of(base)}{url}"
    if url.startswith("//") and not is_web(base):
        return f"https:{url}"
    if scheme := _scheme_of_host(url, base):
        return f"{scheme}://{url}"
    try:
        return urljoin(base, url)
    except ValueError:  # an invalid address, such as `http://[`
        return url


def clean_address(url: str) -> str:
    """The address without damage by templates: escapes, line breaks, broken or repeated schemes."""
    url = url.strip()
    if url.startswith("<![CDATA["):
        url = cdata[1] if (cdata := _CDATA.fullmatch(url)) else url
    if "&" in url:
        url = _AMPERSAND.sub("&", url)
    if not url.isprintable():
        url = _BROKEN_LINE.sub("", url)
    if url[:4].lower() == "http" and (scheme := _SCHEME.match(url)):
        url = f"{scheme[1].lower()}://{url[scheme.end() :]}"
    return url


def is_web(url: str) -> bool:
    """Whether the address begins with http:// or https://."""
    return url.startswith(_WEB) or url[:8].lower().startswith(_WEB)


def host_of(url: str) -> str:
    """The host and port of a web address in lower case; empty for other addresses."""
    site = _SITE.match(url)
    return site[1].lower() if site else ""


def _scheme_of_host(url: str, base: str) -> str:
    """The scheme for an address that begins with a host (`www.` or the host of `base`); else empty."""
    begins = _HOST.match(url)
    if begins is None:
        return ""
    host = begins[1].lower()
    site = host_of(base).partition(":")[0].removeprefix("www.")
    if "." in site and (host == site or host.endswith(f".{site}")):
        return base.partition(":")[0].lower()
    return "https" if host.startswith("www.") and host.count(".") > 1 else ""


@lru_cache(maxsize=64)
def site_of(base: str) -> str:
    """The scheme and host of a web address."""
    site = _SITE.match(base)
    return site[0] if site else ""
