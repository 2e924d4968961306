"""An AUTH exchange over a session, in one go or step by step.

Source: RFC 4954 §4
"""

from __future__ import annotations

from contextlib import suppress
from typing import NoReturn

from smtp_shell.client.session import Session
from smtp_shell.errors import AuthFailed, DialogueBroken, ProtocolViolation, SmtpShellError, UsageError
from smtp_shell.net.target import Way
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import NoticeKind
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.replies import Reply
from smtp_shell.protocol.sasl import Credentials, Exchange, Mechanism, Response, decode_challenge

_COMMAND_LIMIT = 512
"""Octets in a command line, CRLF included. Source: RFC 5321 §4.5.3.1.4"""


class Authentication:
    """One AUTH exchange.

    Args:
        session: The session it goes over.
        mechanism: The mechanism.
        credentials: Who authenticates, and with what.
        allow_cleartext: The user insists on authenticating where somebody may listen.

    Raises:
        AuthFailed: The connection is not private and the user does not insist, or the mechanism lacks something.
        NotSendable: A credential holds what the mechanism cannot carry.
    """

    def __init__(
        self, session: Session, mechanism: Mechanism, credentials: Credentials, *, allow_cleartext: bool = False
    ) -> None:
        self.mechanism = mechanism
        self._session = session
        self._credentials = credentials
        refuse_in_the_clear(session, allow_cleartext=allow_cleartext)
        target = session.target
        host = target.host if target.way is Way.TCP else ""
        self._exchange: Exchange = mechanism.start(credentials, nonce=_nonce, host=host, port=target.port)
        session.keep_secret(credentials.password)

    def run(self) -> Reply:
        """Do the whole exchange.

        Returns:
            The 235.

        Raises:
            AuthFailed: The server refused.
            ProtocolViolation: The server did not keep to the mechanism, or did not prove itself.
            DialogueBroken: The connection broke.
        """
        reply = self.begin()
        while reply.code == 334:
            reply = self.answer(reply)
        return self.finish(reply)

    def begin(self, *, initial: bool | None = None) -> Reply:
        """Send AUTH.

        Args:
            initial: Whether the first response goes along; None for what is usual for the mechanism.
        """
        if not self._session.is_private:
            self._session.notice(NoticeKind.CLEARTEXT_AUTH)
        head = b"AUTH " + self.mechanism.name.encode()
        response = None if initial is False else self._exchange.initial_response(asked=initial is True)
        if response is None:
            return self._session.command(Command(head))
        line = head + b" " + response.base64_initial
        if len(line) + 2 > _COMMAND_LIMIT and initial is None:
            return self._begin_bare(head, response)
        self._session.send(Command(line, len(head) + 1 if response.secret else None))
        self._session.explain(self.mechanism.name, response.meaning, client=True)
        return self._session.read_reply()

    def _begin_bare(self, head: bytes, response: Response) -> Reply:
        """Send AUTH alone, and the first response when it is asked for: it would make the command line too long."""
        reply = self._session.command(Command(head))
        return self._send(response) if reply.code == 334 else reply

    def answer(self, reply: Reply) -> Reply:
        """Answer the challenge of a 334.

        Raises:
            ProtocolViolation: The challenge is not base64, or not what the mechanism foresees: the exchange is cancelled.
            AuthFailed: The response cannot be made.
        """
        challenge = decode_challenge(reply.lines[0]) if len(reply.lines) == 1 else None
        if challenge is None:
            self._cancel(
                ProtocolViolation(
                    "the server's challenge is not one line of base64: the exchange is cancelled with `*`."
                )
            )
        self._session.explain(self.mechanism.name, self._exchange.explain(challenge), client=False)
        try:
            response = self._exchange.respond(challenge)
        except SmtpShellError as error:
            self._cancel(error)
        return self._send(response)

    def finish(self, reply: Reply) -> Reply:
        """Judge the reply that ends the exchange.

        Returns:
            The 235.

        Raises:
            AuthFailed: It is no 235.
            ProtocolViolation: The server has not proved itself although the mechanism lets it; the connection is closed.
        """
        name = self.mechanism.name
        if reply.code != 235:
            said = escape(b" ".join(reply.wire_lines())[:200])
            raise AuthFailed(f'the server refused {name}: "{said}"; check user, password and mechanism.')
        try:
            self._exchange.finish()
        except ProtocolViolation:
            self._session.close()
            raise
        self._session.set_user(name, self._credentials.user)
        return reply

    def _send(self, response: Response) -> Reply:
        self._session.send_sasl(response.base64, secret=response.secret, meaning=response.meaning)
        self._session.explain(self.mechanism.name, response.meaning, client=True)
        return self._session.read_reply()

    def _cancel(self, error: SmtpShellError) -> NoReturn:
        with suppress(DialogueBroken):
            self._session.send_sasl(b"*", secret=False)
            self._session.read_reply()
        raise error


def refuse_in_the_clear(session: Session, *, allow_cleartext: bool) -> None:
    """Refuse to let a credential cross a connection on which somebody may listen.

    Raises:
        AuthFailed: The connection is not private, and the user does not insist.
    """
    if session.is_private or allow_cleartext:
        return
    raise AuthFailed(
        "a credential is not sent over a connection without TLS: use starttls first, or --insecure-auth if it must be."
    )


def _nonce() -> str:
    import secrets

    return secrets.token_urlsafe(24)


def offered(session: Session) -> tuple[str, ...]:
    """Give the mechanisms that the server announced.

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
