"""Addresses as others than who gave them may read them: the host alone, as the rest may hold a password or a token."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# Up to the host any number of user names and passwords; behind it all that is no space or closing quote.
_ADDRESS = re.compile(r"""[A-Za-z][\w+.-]*://(?:[^/?#\s]*@)?([^/?#\s:'"@]+)(?:[^\s'"]|['"](?=\w))*""")


def host_of(address: str) -> str:
    """The host of an address; empty where it has none.

    >>> host_of("https://ann:secret@example.com/feed?key=123")
    'example.com'
    """
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def hosts_only(text: str) -> str:
    """A text with the host in place of each address.

    >>> hosts_only("https://ann:secret@example.com/feed?key=123 cannot be read")
    'example.com cannot be read'
    """
    return _ADDRESS.sub(r"\1", text)
