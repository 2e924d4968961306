"""Kinds about AUTH: what base64 is, what a mechanism sends, and who could have read it. No question holds a credential."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Final

from smtp_shell.protocol.octets import decode_base64
from smtp_shell.study.question import Question, choose, code_forms, kind, normal, quote, typed
from smtp_shell.study.reading import Auth, Reading

_PASSWORD: Final = "the password itself, in base64"
_PROOF: Final = "a proof made of the password and the server's challenge, not the password"
_TOKEN: Final = "an access token, which is as good as a password while it is valid"
_CERTIFICATE: Final = "nothing secret: it has shown a certificate in the TLS handshake"
_NOBODY: Final = "nothing: it is not to be known who the user is"
_SENDS: Final = {
    "PLAIN": (_PASSWORD, "RFC 4616 section 2"),
    "LOGIN": (_PASSWORD, "draft-murchison-sasl-login section 2"),
    "CRAM-MD5": (_PROOF, "RFC 2195 section 2"),
    "DIGEST-MD5": (_PROOF, "RFC 2831 section 2.1.2"),
    "SCRAM-SHA-1": (_PROOF, "RFC 5802 section 3"),
    "SCRAM-SHA-256": (_PROOF, "RFC 7677 section 3"),
    "SCRAM-SHA-1-PLUS": (_PROOF, "RFC 5802 section 6"),
    "SCRAM-SHA-256-PLUS": (_PROOF, "RFC 7677 section 3"),
    "XOAUTH2": (_TOKEN, "RFC 6750 section 5"),
    "OAUTHBEARER": (_TOKEN, "RFC 7628 section 3.1"),
    "EXTERNAL": (_CERTIFICATE, "RFC 4422 appendix A"),
    "ANONYMOUS": (_NOBODY, "RFC 4505 section 2"),
}
# What servers ask for in LOGIN. Other challenges are not decoded: a hostile server could put a credential there.
_PROMPTS: Final = {
    "username:": ("user name", "the user name", "the username"),
    "user name": ("username", "the user name", "the username"),
    "username": ("user name", "the user name", "the username"),
    "password:": ("the password", "a password"),
    "password": ("the password", "a password"),
}
_LONGEST_USER: Final = 24
_BEGINS: Final = "Line {}: an AUTH exchange with {} begins."


def _known(reading: Reading) -> Iterator[Auth]:
    return (each for each in reading.auths if each.mechanism in _SENDS)


def _begins(auth: Auth) -> str:
    return _BEGINS.format(auth.command.line, auth.mechanism)


@kind
def base64_challenge(reading: Reading) -> Iterator[Question]:
    """Ask what a challenge of LOGIN says, decoded."""
    for auth in reading.auths:
        for line, text in auth.challenges if auth.mechanism == "LOGIN" else ():
            octets = decode_base64(text.encode("utf-8", "replace")) or b""
            words = octets.decode("ascii", "replace").rstrip("\0")
            if words.lower() in _PROMPTS:
                yield typed(
                    line,
                    f"Line {line}: the server says {quote(f'334 {text}')}. Decode the base64: what does it ask for?",
                    [words, *_PROMPTS[words.lower()]],
                    f"It is {quote(words)} in base64. Four characters stand for three octets, and = fills up the end.",
                    "RFC 4648 section 4",
                    "RFC 4954 section 4",
                )


@kind
def base64_user(reading: Reading) -> Iterator[Question]:
    """Ask how a user name is written in base64."""
    for auth in reading.auths:
        user = auth.user
        if auth.mechanism == "LOGIN" and user.isascii() and user.isalnum() and len(user) <= _LONGEST_USER:
            encoded = b64encode(user.encode()).decode()
            yield typed(
                auth.command.line,
                f"{_begins(auth)} The user is {quote(user)}. How does the client write this name on the wire, in base64?",
                [encoded],
                f"{user} is {encoded}: six bits a character, from A-Z a-z 0-9 + /. Upper and lower case differ.",
                "RFC 4648 section 4",
                case_matters=True,
            )


@kind
def base64_protection(reading: Reading) -> Iterator[Question]:
    """Ask whether base64 protects a password."""
    for auth in reading.auths[:2]:
        yield choose(
            auth.command.line,
            f"{_begins(auth)} What it sends is in base64. Does that protect it from somebody who listens?",
            "no: base64 is a way to write octets, and anybody can read it back",
            [
                "yes: only the server has the key to read it",
                "yes, but only if the password is longer than eight characters",
                "yes: base64 is a hash, which cannot be reversed",
            ],
            "Base64 only makes sure that any octet passes as text. TLS protects the exchange, or a mechanism that sends no password.",
            "RFC 4648 section 12",
            "RFC 4954 section 9",
        )


@kind
def mechanism_sends(reading: Reading) -> Iterator[Question]:
    """Ask what a mechanism sends as the proof of who the user is."""
    for auth in _known(reading):
        right, source = _SENDS[auth.mechanism]
        yield choose(
            auth.command.line,
            f"{_begins(auth)} What does a client send with {auth.mechanism} to prove who the user is?",
            right,
            [
                text
                for text in (_PASSWORD, _PROOF, _TOKEN, "the client's address, which the server looks up in a list")
                if text != right
            ],
            f"{auth.mechanism} sends {right}.",
            source,
        )


@kind
def channel_binding(reading: Reading) -> Iterator[Question]:
    """Ask what -PLUS in the name of a mechanism adds."""
    for auth in reading.auths:
        if auth.mechanism in _SENDS and auth.mechanism.endswith("-PLUS"):
            yield choose(
                auth.command.line,
                f"{_begins(auth)} What does -PLUS in its name add?",
                "the proof is bound to this TLS connection, so that nobody between the two can pass it on",
                [
                    "the password is encrypted a second time",
                    "the server may ask for more than one password",
                    "it works without TLS as well",
                ],
                "-PLUS stands for channel binding: the proof covers a value that belongs to this TLS connection alone. Where TLS ends "
                "at a relay or a proxy on the way, it fails.",
                "RFC 5802 section 6",
                "RFC 5056 section 2",
            )


@kind
def token_refused(reading: Reading) -> Iterator[Question]:
    """Ask what the 334 after a refused token is."""
    for auth in reading.auths:
        if _SENDS.get(auth.mechanism, ("",))[0] != _TOKEN or auth.outcome is None or auth.outcome.digit != 5:
            continue
        for line, text in auth.challenges:
            if (decode_base64(text.encode("utf-8", "replace")) or b"").startswith(b"{"):
                yield choose(
                    line,
                    f"Line {line}: the client has sent its token with {auth.mechanism}, and the server answers 334 and not 235. "
                    "What does that line hold?",
                    "why the token is refused, in JSON; the 535 follows when the client has answered",
                    [
                        "a question for the password, in case the token is lost",
                        "a new token, for the next time",
                        "a nonce, from which the client computes a proof",
                    ],
                    "The server describes the error in JSON, in base64. The client answers with an empty line (XOAUTH2) or the octet 01 "
                    "(OAUTHBEARER), and then the refusal comes.",
                    "RFC 7628 section 3.2.3",
                )


@kind
def credential_readable(reading: Reading) -> Iterator[Question]:
    """Ask whether somebody on the way could have read the credential."""
    for auth in _known(reading):
        sends = _SENDS[auth.mechanism][0]
        if (
            not auth.responses
            or sends not in (_PASSWORD, _TOKEN)
            or not reading.regular
            or auth.outcome is None
            or auth.outcome.digit != 2
        ):
            continue
        safe, open_ = "no: the exchange is inside TLS", "yes: it is in the clear, and base64 hides nothing"
        yield choose(
            auth.command.line,
            f"{_begins(auth)} Can somebody who only listens on the way read the credential?",
            safe if auth.command.tls else open_,
            [open_ if auth.command.tls else safe, "no: base64 hides it", "no: a hash of it is sent"],
            f"{auth.mechanism} sends {sends}. What counts is whether TLS was started before it.",
            "RFC 4954 section 9",
        )


@kind
def challenge_asks(reading: Reading) -> Iterator[Question]:
    """Ask what a 334 wants of the client."""
    for auth in reading.auths:
        for line, _ in auth.challenges[:1]:
            yield choose(
                line,
                f"Line {line}: the server answers AUTH with 334. What does it want?",
                "an answer: one line in base64",
                ["the AUTH command once more", "the text of the message", "nothing: the client is authenticated"],
                "334 says that the exchange goes on. Its text is the challenge in base64, and the client answers with one line.",
                "RFC 4954 section 4",
            )


@kind
def auth_success_code(reading: Reading) -> Iterator[Question]:
    """Ask which code says that AUTH has succeeded."""
    for auth in reading.auths:
        if auth.outcome is not None and auth.outcome.code == 235:
            yield typed(
                auth.command.line,
                f"{_begins(auth)} It ends well. Which reply code says so?",
                code_forms(235),
                "235: authentication succeeded. 334 goes on, 535 refuses the credentials.",
                "RFC 4954 section 6",
            )


@kind
def auth_cancelled(reading: Reading) -> Iterator[Question]:
    """Ask what a lone asterisk in an AUTH exchange means."""
    for auth in reading.auths:
        if auth.cancelled and auth.outcome is not None and auth.outcome.code == 501:
            yield choose(
                auth.cancelled,
                f"Line {auth.cancelled}: the client answers the challenge with a line that is an asterisk and nothing else. What for?",
                "to give the exchange up",
                ["to send an empty password", "to ask for another mechanism", "to log in as any user"],
                "A line with a single * cancels the exchange, and the server answers 501.",
                "RFC 4954 section 4",
            )


@kind
def auth_once(reading: Reading) -> Iterator[Question]:
    """Ask why a second AUTH is refused."""
    for auth in reading.auths:
        if auth.command.code == 503 and auth.command.before.user and auth.command.before.sender is None:
            yield choose(
                auth.command.line,
                f"{_begins(auth)} The server answers it with 503. Why?",
                "the client is authenticated already, and once is enough",
                ["the password is wrong", "this mechanism is not offered", "TLS has not been started"],
                "After a successful AUTH no other AUTH may come in the same session; the server answers it with 503.",
                "RFC 4954 section 4",
            )


@kind
def mechanism_offered(reading: Reading) -> Iterator[Question]:
    """Ask which mechanism the server offers."""
    for exchange in reading.exchanges:
        offered = [each.upper() for each in (exchange.announced or {}).get("AUTH", ())]
        said = exchange.reply
        others = [each for each in (*_SENDS, "GSSAPI", "NTLM") if each not in offered]
        for name in offered if said is not None else ():
            if said is not None and normal(name) == name.lower() and name in _SENDS:
                yield choose(
                    said.line,
                    f"The reply on line {said.line} announces AUTH. Which of these mechanisms does the server offer?",
                    name,
                    others,
                    f"The words after AUTH name the mechanisms, here {quote(' '.join(offered))}.",
                    "RFC 4954 section 3",
                )
