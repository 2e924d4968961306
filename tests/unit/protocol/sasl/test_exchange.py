"""What all mechanisms have in common, and in what they differ."""

from __future__ import annotations

import pytest

from smtp_shell.errors import AuthFailed
from smtp_shell.protocol.sasl import MECHANISMS, ChannelBinding, Credentials, mechanism
from smtp_shell.protocol.sasl.exchange import Exchange, Setting
from smtp_shell.protocol.secret import Secret


class Plainest(Exchange):
    """A mechanism that says nothing of itself."""

    name = "PLAINEST"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.setting = setting


def nonce() -> str:
    return "nonce"


def test_what_is_not_said_of_credentials_is_empty() -> None:
    assert Credentials() == Credentials(user="", password=Secret(""), authzid="", origin="")


def test_what_is_not_said_at_the_start_is_what_is_usual() -> None:
    credentials = Credentials("ann")
    usual = Setting(credentials, nonce, host="", port=0, service="smtp", binding=None, binding_unannounced=False)
    assert Setting(credentials, nonce) == usual
    assert Plainest.start(credentials, nonce=nonce).setting == usual


def test_the_data_of_a_binding_are_not_in_its_repr() -> None:
    assert repr(ChannelBinding("tls-unique", b"secret")) == "ChannelBinding('tls-unique')"


PASSWORD = {"user", "password"}
DIFFERENCES = {
    # what it needs, and its flags; where the first response may stand, unless it is always in the command
    "PLAINEST": (PASSWORD, "holds_credential", "yes"),
    "OAUTHBEARER": ({"token"}, "plaintext takes_authzid holds_credential", "yes"),
    "XOAUTH2": ({"user", "token"}, "plaintext holds_credential", "yes"),
    "SCRAM-SHA-256-PLUS": ({*PASSWORD, "binding"}, "takes_authzid speaks_of_binding holds_credential", "yes"),
    "SCRAM-SHA-1-PLUS": ({*PASSWORD, "binding"}, "takes_authzid speaks_of_binding holds_credential", "yes"),
    "SCRAM-SHA-256": (PASSWORD, "takes_authzid speaks_of_binding holds_credential", "yes"),
    "SCRAM-SHA-1": (PASSWORD, "takes_authzid speaks_of_binding holds_credential", "yes"),
    "CRAM-MD5": (PASSWORD, "holds_credential", "no"),
    "PLAIN": (PASSWORD, "plaintext takes_authzid holds_credential", "yes"),
    "LOGIN": (PASSWORD, "plaintext holds_credential", "asked"),
    "DIGEST-MD5": (PASSWORD, "takes_authzid holds_credential", "no"),
    "GSSAPI": (set(), "takes_authzid by_name_only holds_credential", "yes"),
    "NTLM": (PASSWORD, "by_name_only begins_with_text holds_credential", "asked"),
    "EXTERNAL": ({"certificate"}, "takes_authzid by_name_only", "yes"),
    "ANONYMOUS": (set(), "by_name_only", "yes"),
}
FLAGS = ("plaintext", "takes_authzid", "speaks_of_binding", "by_name_only", "begins_with_text", "holds_credential")


def test_in_what_the_mechanisms_differ() -> None:
    found = {}
    kinds: list[type[Exchange]] = [Plainest, *map(mechanism, MECHANISMS)]
    for kind in kinds:
        flags = " ".join(flag for flag in FLAGS if getattr(kind, flag))
        found[kind.name] = ({*kind.needs}, flags, kind.initial)
    assert found == DIFFERENCES
    assert (Plainest.merit, Plainest.obsolete) == ("", "")


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_without_anything_to_bind_to_the_mechanism_without_binding_is_named(name: str) -> None:
    with pytest.raises(AuthFailed, match=f"use starttls first, or {name}[.]$"):
        mechanism(f"{name}-PLUS").start(Credentials("ann", Secret("pw")), nonce=nonce)
