"""AUTH exchanges: `AuthExchange` is given challenges and returns lines, `authenticate` sends and reads them over a session.

Source: RFC 4954 section 4
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.errors import AuthFailed, DialogueBroken, ProtocolViolation, SmtpShellError, UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Decoded, Noticed, NoticeKind
from smtp_shell.protocol.octets import escape, escape_str, quoted
from smtp_shell.protocol.sasl import (
    MECHANISMS,
    ChannelBinding,
    Credentials,
    Mechanism,
    Response,
    choose,
    decode_challenge,
    explain_choice,
    mechanism,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from smtp_shell.client.session import Session
    from smtp_shell.protocol.replies import Reply

_COMMAND_LIMIT = 512
"""Octets in a command line, CRLF included. Source: RFC 5321 section 4.5.3.1.4"""

_MOST_NAMED = 20
"""How many of the mechanisms that a server offers an error names."""

_ADVICE = {
    421: "the server is closing; connect again",
    432: "the user must first log in in another way, or change the password",
    500: "it does not know AUTH here; say ehlo, and see what it announces",
    501: "it could not read the exchange, or it was cancelled",
    502: "it does not know AUTH here; say ehlo, and see what it announces",
    503: "say ehlo first; AUTH is also out of order in a mail transaction, and a second time",
    504: "choose a mechanism that it announces",
    530: "use starttls first",
    534: "choose a stronger mechanism",
    538: "use starttls first",
}
"""Reply code -> what to do, where it is not the credentials that are wrong."""

CANCEL = b"*"
"""The line that cancels an exchange. Source: RFC 4954 section 4"""


class AuthLine(Struct, frozen=True):
    """A line that the client sends in an exchange.

    Args:
        octets: The line without CRLF.
        secret: Whether it carries a credential.
        meaning: What its base64 means, decoded and masked; empty for an AUTH command without an initial response.
    """

    octets: bytes
    secret: bool
    meaning: str = ""

    def __repr__(self) -> str:
        return f"AuthLine(secret={self.secret!r}, meaning={self.meaning!r})"


class Challenge(Struct, frozen=True):
    """A challenge that the server sent.

    Args:
        octets: The challenge, decoded.
        meaning: What it means, as printable text; empty where nothing but its arrival counts.
    """

    octets: bytes
    meaning: str


class AuthExchange:
    """One AUTH exchange, without any input or output.

    Args:
        mechanism: The mechanism.
        credentials: Who authenticates, and with what.
        target: The server; some mechanisms name it.
        binding: What a mechanism with channel binding binds to; None for nothing.
        binding_unannounced: Whether this client could bind and the server announces no mechanism that does.

    Raises:
        AuthFailed: The mechanism lacks something.
        NotSendable: A credential holds what the mechanism cannot carry.
    """

    def __init__(
        self,
        mechanism: Mechanism,
        credentials: Credentials,
        target: Target,
        *,
        binding: ChannelBinding | None = None,
        binding_unannounced: bool = False,
    ) -> None:
        self.mechanism = mechanism
        self.credentials = credentials
        host = target.name if target.way is Way.TCP else ""
        self._exchange = mechanism.start(
            credentials,
            nonce=_nonce,
            host=host,
            port=target.port,
            service="lmtp" if target.lmtp else "smtp",
            binding=binding,
            binding_unannounced=binding_unannounced,
        )
        self._awaits_text = mechanism.begins_with_text
        self._held: Response | None = (
            None  # an initial response too long for the command line: sent when it is asked for
        )

    def begin(self, *, initial: bool | None = None) -> AuthLine:
        """Return the AUTH command.

        Args:
            initial: Whether it carries the initial response; None for what is usual for the mechanism.
        """
        head = b"AUTH " + self.mechanism.name.encode()
        response = None if initial is False else self._exchange.initial_response(asked=initial is True)
        if response is None:
            return AuthLine(head, secret=False)
        self._awaits_text = False
        line = head + b" " + response.base64_initial
        if len(line) + 2 > _COMMAND_LIMIT and initial is None:
            self._held = response
            return AuthLine(head, secret=False)
        return AuthLine(line, response.secret, response.meaning)

    def read_challenge(self, reply: Reply) -> Challenge:
        """Decode the challenge of a 334.

        Raises:
            ProtocolViolation: It is not base64. The caller cancels the exchange.
        """
        if self._held is not None:
            return Challenge(b"", "")
        challenge = decode_challenge(reply.lines[0]) if len(reply.lines) == 1 else None
        if self._awaits_text:  # as "334 NTLM supported"
            self._awaits_text = False
            return Challenge(b"", "" if challenge else escape(reply.lines[0]))
        if challenge is None:
            raise ProtocolViolation(
                "the server's challenge is not one line of base64: the exchange is cancelled with `*`."
            )
        return Challenge(challenge, self._exchange.explain(challenge))

    def respond(self, challenge: Challenge) -> AuthLine:
        """Return the answer to a challenge.

        Raises:
            ProtocolViolation: The challenge is not what the mechanism foresees. The caller cancels the exchange.
            AuthFailed: The response cannot be made. The caller cancels the exchange.
        """
        response, self._held = self._held or self._exchange.respond(challenge.octets), None
        return AuthLine(response.base64, response.secret, response.meaning)

    def finish(self, reply: Reply) -> None:
        """Check the reply that ends the exchange.

        Raises:
            AuthFailed: It is no 235.
            ProtocolViolation: The server has not proved itself although the mechanism lets it.
        """
        if reply.code != 235:
            advice = _advice(reply, self.mechanism)
            raise AuthFailed(f"the server refused {self.mechanism.name}: {quoted(reply.one_line())}; {advice}.")
        self._exchange.finish()


def begin_exchange(
    session: Session, mechanism: Mechanism, credentials: Credentials, *, allow_cleartext: bool, binding: str = ""
) -> AuthExchange:
    """Return an exchange for a session, whose secrets the session masks from now on.

    Args:
        session: The session.
        mechanism: The mechanism.
        credentials: Who authenticates, and with what.
        allow_cleartext: The user insists on authenticating where somebody may listen.
        binding: The type of channel binding; empty for the best there is.

    Raises:
        AuthFailed: The connection is not private and the user does not insist, or the mechanism lacks something.
        NotSendable: A credential holds what the mechanism cannot carry.
    """
    refuse_in_the_clear(session, allow_cleartext=allow_cleartext or not mechanism.holds_credential)
    if "password" in mechanism.needs and not credentials.password:
        raise AuthFailed(f"{mechanism.name} needs a password, and it is empty; nothing was sent.")
    bound = session.transport.channel_binding(binding) if "binding" in mechanism.needs else None
    exchange = AuthExchange(
        mechanism,
        credentials,
        session.target,
        binding=bound,
        binding_unannounced=mechanism.speaks_of_binding and _is_binding_unannounced(session),
    )
    session.bound_by = bound.name if bound is not None else ""
    session.keep_secret(credentials.password)
    session.drives_auth = True
    return exchange


def authenticate(
    session: Session,
    mechanism: Mechanism,
    credentials: Credentials,
    *,
    allow_cleartext: bool = False,
    initial: bool | None = None,
    binding: str = "",
) -> Reply:
    """Do a whole exchange over a session.

    Args:
        session: The session.
        mechanism: The mechanism.
        credentials: Who authenticates, and with what.
        allow_cleartext: The user insists on authenticating where somebody may listen.
        initial: Whether the AUTH command carries the initial response; None for what is usual for the mechanism.
        binding: The type of channel binding; empty for the best there is.

    Returns:
        The 235.

    Raises:
        AuthFailed: The server refused, or the credential may not be sent here.
        NotSendable: A credential holds what the mechanism cannot carry.
        ProtocolViolation: The server did not keep to the mechanism, or did not prove itself.
        DialogueBroken: The connection broke.
    """
    exchange = begin_exchange(session, mechanism, credentials, allow_cleartext=allow_cleartext, binding=binding)
    send_auth_command(session, exchange, exchange.begin(initial=initial))
    reply = session.read_reply()
    while reply.code == 334:
        try:
            answer(session, exchange, reply)
        except SmtpShellError:
            cancel(session)
            raise
        reply = session.read_reply()
    finish(session, exchange, reply)
    return reply


def send_auth_command(
    session: Session,
    exchange: AuthExchange,
    line: AuthLine,
    before: Sequence[Command] = (),
    after: Sequence[Command] = (),
) -> None:
    """Send the AUTH command of an exchange.

    Args:
        session: The session.
        exchange: The exchange, which has begun.
        line: The command, which it has made.
        before: Commands that go out in the same write, before it.
        after: Responses that go out in the same write, after it.

    Raises:
        DialogueBroken: The connection broke.
    """
    notice_cleartext(session, exchange)
    public = len(b"AUTH ") + len(exchange.mechanism.name) + 1 if line.secret else None
    session.send(*before, Command(line.octets, public), *after)
    if line.meaning:
        session.publish(Decoded(True, exchange.mechanism.name, line.meaning))


def notice_cleartext(session: Session, exchange: AuthExchange) -> None:
    """Publish that a credential is about to go over a connection without TLS, if that is so."""
    if not session.is_private and exchange.mechanism.holds_credential:
        session.publish(Noticed(NoticeKind.CLEARTEXT_AUTH))


def answer(session: Session, exchange: AuthExchange, reply: Reply) -> None:
    """Send the answer to the challenge of a 334; publish the meaning of both.

    Raises:
        ProtocolViolation: The challenge is not base64, or not what the mechanism foresees. The caller cancels the exchange.
        AuthFailed: The response cannot be made. The caller cancels the exchange.
        DialogueBroken: The connection broke.
    """
    name = exchange.mechanism.name
    challenge = exchange.read_challenge(reply)
    if challenge.meaning:
        session.publish(Decoded(False, name, challenge.meaning))
    line = exchange.respond(challenge)
    session.send_sasl(line.octets, secret=line.secret, meaning=line.meaning)
    session.publish(Decoded(True, name, line.meaning))


def cancel(session: Session) -> None:
    """Cancel an exchange, and read the reply to that; never fails."""
    with suppress(DialogueBroken):
        session.send_sasl(CANCEL, secret=False)
        session.read_reply()


def finish(session: Session, exchange: AuthExchange, reply: Reply) -> None:
    """Check the reply that ends an exchange, and publish who is authenticated.

    Raises:
        AuthFailed: It is no 235.
        ProtocolViolation: The server has not proved itself although the mechanism lets it; the connection is closed.
    """
    try:
        exchange.finish(reply)
    except ProtocolViolation:
        session.close()
        raise
    session.set_user(exchange.mechanism.name, exchange.credentials.user)


def refuse_in_the_clear(session: Session, *, allow_cleartext: bool, switch: str = "--insecure-auth") -> None:
    """Refuse to send a credential over a connection on which somebody may listen.

    Args:
        session: The session.
        allow_cleartext: The user insists on authenticating where somebody may listen.
        switch: How the user insists, for the message; empty where that cannot be done.

    Raises:
        AuthFailed: The connection is not private, and the user does not insist.
    """
    if session.is_private or allow_cleartext:
        return
    insist = f", or {switch} if it must be" if switch else ""
    raise AuthFailed(f"a credential is not sent over a connection without TLS: use starttls first{insist}.")


def offered(session: Session) -> tuple[str, ...]:
    """Return the mechanisms that the server announced.

    Raises:
        UsageError: There was no EHLO yet.
        AuthFailed: It announced none.
    """
    extensions = session.dialogue.extensions
    if extensions is None:
        raise UsageError("auth: what the server offers is not known yet; say ehlo first (and again after starttls).")
    if not extensions.mechanisms:
        hint = "; it may offer it after starttls" if "STARTTLS" in extensions else ""
        raise AuthFailed(f"the server does not offer AUTH{hint}.")
    return extensions.mechanisms


def strongest(
    session: Session,
    *,
    token: bool,
    among: Collection[str] = (),
    password: bool = True,
    certificate: bool = False,
    authzid: bool = False,
) -> Mechanism:
    """Return the strongest mechanism that both sides can do.

    Args:
        session: The session.
        token: Whether an OAuth token can be had.
        among: Names of mechanisms, in capitals, of which it must be one; none for any.
        password: Whether a password is at hand; one can be asked for all the same.
        certificate: Whether the client has shown a certificate. With no password or token at hand it is what authenticates.
        authzid: Whether it must be able to say whom to act as.

    Raises:
        UsageError: There was no EHLO yet.
        AuthFailed: There is none in common, or only one that nobody has asked for by name and that reveals the password in the clear.
    """
    announced = offered(session)
    names = [name for name in announced if not among or name.upper() in among]
    if authzid:
        names = [name for name in names if name.upper() in MECHANISMS and mechanism(name).takes_authzid]
    if certificate and not password and not token and "EXTERNAL" in names and session.tls is not None:
        return mechanism("EXTERNAL")
    chosen = choose(names, tls=session.is_private, token=token, binding=_binds(session, names))
    if chosen is None:  # the user or the transcript has named those that are never chosen else
        chosen = next((mechanism(name) for name in names if name in among and name in MECHANISMS), None)
    if chosen is None:
        if not among and (known := [mechanism(name) for name in names if name.upper() in MECHANISMS]):
            raise AuthFailed(
                f"none of the mechanisms that the server offers is chosen by itself: {_not_chosen(known)}."
            )
        wanted = f"the transcript names {', '.join(among)}" if among else f"smtp-shell knows {', '.join(MECHANISMS)}"
        offer = escape_str(", ".join(announced[:_MOST_NAMED]))
        raise AuthFailed(f"no common mechanism: the server offers {offer}; {wanted}.")
    if chosen.plaintext and not session.is_private and not among:
        raise AuthFailed(
            f"in the clear the server offers nothing better than {chosen.name}, and anyone on the way can have arranged that; "
            "use starttls first, or name the mechanism if you mean it."
        )
    return chosen


def reason_for(session: Session, chosen: Mechanism, *, token: bool) -> str:
    """Return a sentence: why `strongest` took this mechanism.

    Args:
        session: The session.
        chosen: The mechanism.
        token: Whether an OAuth token can be had.
    """
    names = offered(session)
    return explain_choice(chosen, names, tls=session.is_private, token=token, binding=_binds(session, names))


def _not_chosen(known: list[Mechanism]) -> str:
    """Return why none of the mechanisms is chosen unless it is named, and how one names it."""
    by_name = [each.name for each in known if each.by_name_only]
    lacking = [
        f"{each.name} needs {'a token' if 'token' in each.needs else 'TLS to bind to'}"
        for each in known
        if not each.by_name_only
    ]
    if by_name:
        lacking += [f"{' and '.join(by_name)} must be named, as in `auth {by_name[0].lower()}`"]
    return ", ".join(lacking)


def _binds(session: Session, names: Iterable[str]) -> bool:
    """Return whether one of these mechanisms can be bound to this connection."""
    return any(name.upper().endswith("-PLUS") for name in names) and session.transport.channel_binding() is not None


def _is_binding_unannounced(session: Session) -> bool:
    """Return whether this client could bind, and the server, which has said what it can do, announces nothing that does.

    Source: RFC 5802 section 6
    """
    extensions = session.dialogue.extensions
    if session.tls is None or extensions is None or not extensions.mechanisms:
        return False
    if any(name.upper().endswith("-PLUS") for name in extensions.mechanisms):
        return False
    return session.transport.channel_binding() is not None


def _advice(reply: Reply, mechanism: Mechanism) -> str:
    """Return what to do about a refusal.

    Source: RFC 4954 section 6
    """
    code = reply.code
    if code in _ADVICE:
        return _ADVICE[code]
    if code // 100 == 4:
        return "try again later"
    needs = mechanism.needs
    if "certificate" in needs:
        return (
            "check the client certificate, and what the server knows it for; none is sent unless client-cert names one"
        )
    if "binding" in needs:
        from smtp_shell.protocol.sasl.scram import another_connection

        sees = another_connection(mechanism.name)
        if re.search(rb"(?i)channel.?binding", reply.octets):
            return f"the server sees {sees}"
        return f"check user and password; or the server sees {sees}"
    return "check user and token, which may have expired" if "token" in needs else "check user, password and mechanism"


def _nonce() -> str:
    import secrets

    return secrets.token_urlsafe(24)
