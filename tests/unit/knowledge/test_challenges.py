"""What the lines of AUTH exchanges mean in a file."""

from base64 import b64encode

import pytest

from smtp_shell.knowledge.challenges import of_challenge, of_open_answer
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.replies import Reply


def said(text: str) -> str:
    lines = tuple(text.encode().split(b"\n"))
    return of_challenge(Reply(334, lines, b"334 " + b"\r\n334 ".join(lines) + b"\r\n"))


@pytest.mark.parametrize(
    ("challenge", "words"),
    [
        (b"Username:", "It says: Username:."),
        (b'{"status":"401"}', 'It says why the token is refused: {"status":"401"}.'),
        (b'{"status":"\\u0041\x1b[2J"}', 'It says why the token is refused: {"status":"\\\\u0041\\x1b[2J"}.'),
        (b"r=ab,s=Y2Q=,i=4096", "It says: nonce ab, salt Y2Q=, 4096 iterations."),
        (b"v=YWI=", "It is the signature by which the server proves that it knows the password too."),
        (b"e=invalid-proof", "It says: error invalid-proof."),
        (b"rspauth=00", "It proves that the server knows the password too."),
        (bytes(20), "It holds 20 octets that are no text."),
        (b"", ""),
    ],
)
def test_a_challenge_is_decoded(challenge: bytes, words: str) -> None:
    assert said(b64encode(challenge).decode()) == words


@pytest.mark.parametrize("text", ["no base64!", f"YW{MASK}I=", "YWI=\nYWI="])
def test_what_is_no_challenge_says_nothing(text: str) -> None:
    assert said(text) == ""


def test_a_long_challenge_is_cut() -> None:
    assert said(b64encode(b"x" * 40_000).decode()) == f"It says: {'x' * 300}…."


def test_only_answers_without_a_credential_are_explained() -> None:
    assert "nothing to add" in of_open_answer(b"")
    assert "OAuth" in of_open_answer(b"AQ==")
    assert "cancels" in of_open_answer(b"*")
    assert of_open_answer(b"c3R1ZGVudA==") == ""
