"""Names and pictures of posts: whatever is asked for, Discord accepts what is sent."""

from __future__ import annotations

import pytest
from hypothesis import given

from bot.domain.posting.face import (
    FORBIDDEN,
    LONGEST_ADDRESS,
    LONGEST_NAME,
    Face,
    NameFault,
    WebhookKey,
    is_picture_address,
    name_fault,
    usable_name,
)
from tests.hostile import texts

KEY = WebhookKey(1, "made-up-secret")


@given(texts(300))
def test_whatever_a_topic_is_called_its_posts_have_a_name_that_discord_accepts(name: str) -> None:
    usable = usable_name(name)
    assert len(usable.encode("utf-16-le")) // 2 <= LONGEST_NAME
    assert not any(word in usable.lower() for word in FORBIDDEN)
    assert usable == "" or (usable.strip() == usable and name_fault(usable) is None)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Harbour watch", None),
        ("Wetter & Wind 🌧️", None),
        ("東京ニュース", None),
        ("x" * 80, None),
        ("x" * 81, NameFault.TOO_LONG),
        ("", NameFault.EMPTY),
        ("\u200b\u2060", NameFault.EMPTY),
        ("disCORD", NameFault.FORBIDDEN),
        ("d i s c o r d", NameFault.FORBIDDEN),
        ("dis\u200bcord", NameFault.FORBIDDEN),
        ("dis\u0301cord", NameFault.FORBIDDEN),
        ("𝐝𝐢𝐬𝐜𝐨𝐫𝐝", NameFault.FORBIDDEN),
        ("Bonnie and Clyde", NameFault.FORBIDDEN),
        ("@here", NameFault.RESERVED),
        ("Everyone", NameFault.RESERVED),
        ("Everyone’s news", None),
    ],
)
def test_names_are_accepted_or_refused_with_a_reason(name: str, fault: NameFault | None) -> None:
    assert name_fault(name) is fault


@pytest.mark.parametrize(
    "address",
    [
        "",
        "pictures.example/a.png",
        "http://pictures.example/a.png",
        "ftp://pictures.example/a.png",
        "https://",
        "https:///a.png",
        "https://localhost/a.png",
        "https://printer.local/a.png",
        "https://db.internal/a.png",
        "https://10.0.0.1/a.png",
        "https://[::1]/a.png",
        "https://0x7f.1/a.png",
        "https://2130706433/a.png",
        "https://ann@pictures.example/a.png",
        "https://ann:secret@pictures.example/a.png",
        "https://pictures.example:8443/a.png",
        "https://pictures.example:port/a.png",
        "https://pictures.example/a b.png",
        "https://pictures.example/a.png\nX: y",
        "https://pictures.example\\@evil.example/a.png",
        "https://pictures.example/" + "a" * LONGEST_ADDRESS,
    ],
)
def test_an_address_that_is_not_that_of_a_public_picture_is_refused(address: str) -> None:
    assert not is_picture_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://pictures.example/a.png",
        "HTTPS://Pictures.Example",
        "https://pictures.example:443/a.png?size=2#x",
        "https://xn--bcher-kva.example/a%20b.png",
    ],
)
def test_an_address_of_a_public_picture_is_accepted(address: str) -> None:
    assert is_picture_address(address)


def test_a_message_is_named_after_its_only_topic_or_as_was_chosen() -> None:
    face = Face(1, 2, KEY)
    assert face.byline(["Sailing"]).name == "Sailing"
    assert face.byline(["Sailing", "Sailing"]).name == "Sailing"
    assert face.byline(["Sailing", "Rowing"]).name == ""
    assert face.byline([]).name == ""
    assert face.byline(["Discord"]).name == ""
    assert Face(1, 2, KEY, "Fox").byline(["Sailing"]).name == "Fox"


def test_no_representation_of_a_face_has_the_token() -> None:
    face = Face(1, 2, KEY)
    assert KEY.token not in f"{KEY!r} {face!r} {face.byline(['Sailing'])!r} {KEY}"
