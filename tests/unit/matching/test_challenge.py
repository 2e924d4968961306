"""Which part of a challenge or of a proof is random."""

from __future__ import annotations

from base64 import b64encode

import pytest

from smtp_shell.matching.challenge import without_random


@pytest.mark.parametrize(
    ("challenge", "kept"),
    [
        (b"Username:", True), (b"Password:", True), (b"User Name\0", True), (b"User Name:\0", True), (b"x" * 40, True), (b"x" * 41, False),
        (b"<1.2@example.org>", False), (b"r=fyko,s=QSXC,i=4096", False), (b"Username::", False), (b"User1", False), (b"\0\0\0", False),
        (b"x" * 49_152, False),
    ],
)  # fmt: skip
def test_a_prompt_is_kept_and_a_challenge_is_not(challenge: bytes, kept: bool) -> None:
    text = b64encode(challenge)
    assert without_random(text, 334) == (text if kept else b"<challenge>")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"go on",
        b"ABC",
        b"ABCDE",
        b"VXNl=cm5h",
        b"VXN_",
        b"ABCDE=",
        b"A===",
        b"\xff\xff\xff\xff",
        b"AAAA=AAA",
        b"AAAA!",
    ],
)
def test_what_is_no_base64_is_kept(text: bytes) -> None:
    assert without_random(text, 334) == text


@pytest.mark.parametrize("longest", [65_536, 65_537])
def test_what_is_longer_than_a_challenge_is_kept(longest: int) -> None:
    text = b"/" * longest
    assert (without_random(text, 334) == text) is (longest > 65_536)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"2.7.0 ok", b"2.7.0 ok"),
        (b64encode(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), b"<challenge>"),
        (b"2.7.0 " + b64encode(b"rspauth=ea40f60335c427b5") + b" ok", b"2.7.0 <challenge> ok"),
        (b"2.7.0 " + b64encode(b"xv=rmF9pqV8S7suA") + b" ok", b"2.7.0 " + b64encode(b"xv=rmF9pqV8S7suA") + b" ok"),
        (b"ABCD EFGH", b"ABCD EFGH"),
        # A challenge does not belong into a 235 reply.
        (b64encode(b"<1.2@example.org>"), b64encode(b"<1.2@example.org>")),
    ],
)
def test_a_proof_in_the_last_reply_is_random(text: bytes, found: bytes) -> None:
    assert without_random(text, 235) == found
