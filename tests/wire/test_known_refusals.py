"""Refusals that real servers make: known by their wording, and never taken for those of another server."""

from itertools import chain

import pytest

from smtp_shell.knowledge.refusals import ANY_SERVER, find_refusals, refusal_text
from smtp_shell.protocol.replies import Reply
from smtp_shell.servers.practice import PracticeServer
from tests.support.postfix import Postfix
from tests.wire.test_explained_replies import sessions


def refused(host: str, port: int) -> list[Reply]:
    replies = chain(sessions(host, port), sessions(host, port, tls=True))
    return [reply for reply in replies if reply.is_negative]


def strangers(replies: list[Reply], servers: set[str]) -> dict[str, set[str]]:
    """Return the texts that are taken for the wording of a server that did not send them."""
    found = {refusal_text(reply): {fact.server for fact in find_refusals(reply)} - servers for reply in replies}
    return {text: wrong for text, wrong in found.items() if wrong}


def unknown(replies: list[Reply]) -> set[str]:
    return {refusal_text(reply) for reply in replies if not find_refusals(reply)}


def test_the_practice_server_is_known_by_its_wording(practice: PracticeServer) -> None:
    replies = refused(practice.host, practice.port)
    assert len(replies) > 50
    assert strangers(replies, {"practice", "aiosmtpd", ANY_SERVER}) == {}
    assert unknown(replies) == set()


@pytest.mark.parametrize("service", ["smtp", "submission", "strict"])
def test_postfix_is_known_by_its_wording(postfix: Postfix, service: str) -> None:
    replies = refused(postfix.host, getattr(postfix, service))
    assert len(replies) > 50
    assert strangers(replies, {"Postfix", ANY_SERVER}) == {}
    assert unknown(replies) == set()
