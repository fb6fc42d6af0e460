"""Unwraps addresses that contain their target: alerts, redirects and "you are leaving" pages.

A wrapper is recognised by its host and path. Its target is untrusted like any link: unless it is the address of an
ordinary public page, the wrapper is kept.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from bot.domain.records.identity import canonical, registered_domain
from bot.sources.feeds.links import clean_address, host_of, is_web

_DEEPEST = 3  # wrappers inside each other
_MOST_PARAMETERS = 50
# Google owns the name `google` under these suffixes.
_GOOGLE_SUFFIXES = (
    "com ad ae al am as at az ba be bf bg bi bj bs bt by ca cat cd cf cg ch ci cl cm cn co.ao co.bw co.ck co.cr co.id"
    " co.il co.in co.jp co.ke co.kr co.ls co.ma co.mz co.nz co.th co.tz co.ug co.uk co.uz co.ve co.vi co.za co.zm co.zw"
    " com.af com.ag com.ar com.au com.bd com.bh com.bn com.bo com.br com.bz com.co com.cu com.cy com.do com.ec com.eg"
    " com.et com.fj com.gh com.gi com.gt com.hk com.jm com.kh com.kw com.lb com.ly com.mm com.mt com.mx com.my com.na"
    " com.ng com.ni com.np com.om com.pa com.pe com.pg com.ph com.pk com.pr com.py com.qa com.sa com.sb com.sg com.sl"
    " com.sv com.tj com.tr com.tw com.ua com.uy com.vc com.vn cv cz de dj dk dm dz ee es fi fm fr ga ge gg gl gm gr gy"
    " hn hr ht hu ie im iq is it je jo kg ki kz la li lk lt lu lv md me mg mk ml mn mu mv mw ne nl no nr nu pl pn ps pt"
    " ro rs ru rw sc se sh si sk sm sn so sr st td tg tl tm tn to tt vg vu ws"
)
# Host and path -> the parameters that may hold the target, in order.
_WRAPPERS: dict[tuple[str, str], tuple[str, ...]] = {
    **{(f"google.{suffix}", "/url"): ("url", "q") for suffix in _GOOGLE_SUFFIXES.split()},
    ("news.google.com", "/news/url"): ("url",),
    ("news.url.google.com", "/url"): ("url", "q"),
    ("bing.com", "/news/apiclick.aspx"): ("url",),
    ("duckduckgo.com", "/l"): ("uddg",),
    ("youtube.com", "/redirect"): ("q",),
    ("facebook.com", "/l.php"): ("u",),
    ("l.facebook.com", "/l.php"): ("u",),
    ("lm.facebook.com", "/l.php"): ("u",),
    ("l.messenger.com", "/l.php"): ("u",),
    ("l.instagram.com", ""): ("u",),
    ("l.threads.net", ""): ("u",),
    ("l.threads.com", ""): ("u",),
    ("linkedin.com", "/redir/redirect"): ("url",),
    ("linkedin.com", "/safety/go"): ("url",),
    ("t.umblr.com", "/redirect"): ("z",),
    ("vk.com", "/away.php"): ("to",),
    ("m.vk.com", "/away.php"): ("to",),
    ("steamcommunity.com", "/linkfilter"): ("url", "u"),
    ("slack-redir.net", "/link"): ("url",),
    ("getpocket.com", "/redirect"): ("url",),
    ("medium.com", "/r"): ("url",),
    ("pinterest.com", "/offsite"): ("url",),
    ("exit.sc", ""): ("url",),
    ("go.redirectingat.com", ""): ("url",),
    ("redirect.viglink.com", ""): ("u",),
}
_SAFELINKS = ".safelinks.protection.outlook.com"
_RELEVANT = re.compile("[?&](?:url|q|u|z|to|uddg)=")
_ADDRESS_OF_A_MACHINE = re.compile(r"\[.*|[\d.]+")
_NOT_PUBLIC = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".onion")


def unwrap(url: str) -> str:
    """The target of a wrapper; any other address as it is."""
    for _ in range(_DEEPEST):
        target = _target(url) if "?" in url and _RELEVANT.search(url) else ""
        if not target:
            break
        url = target
    return url


def _target(url: str) -> str:
    """The target of a wrapper; empty if the address is not a wrapper, or its target is not an ordinary page."""
    try:
        parts = urlsplit(url)
        host = host_of(url).removesuffix(":443").removesuffix(":80").removeprefix("www.")
        names = _WRAPPERS.get((host, parts.path.rstrip("/")))
        if names is None and host.endswith(_SAFELINKS) and parts.path in ("", "/"):
            names = ("url",)
        if names is None:
            return ""
        parameters = dict(reversed(parse_qsl(parts.query, max_num_fields=_MOST_PARAMETERS)))
    except ValueError:
        return ""
    target = next((clean_address(parameters[name]) for name in names if name in parameters), "")
    return target if is_web(target) and _is_public(target) else ""


def _is_public(url: str) -> bool:
    """Whether the address has a registrable domain and the default port."""
    try:
        page = canonical(url)
        host = host_of(page)
        return (
            "." in host
            and ":" not in host
            and not _ADDRESS_OF_A_MACHINE.fullmatch(host)
            and not host.endswith(_NOT_PUBLIC)
            and "." in registered_domain(host)
        )
    except ValueError:
        return False
