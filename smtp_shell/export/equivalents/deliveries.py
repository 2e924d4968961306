"""A dialogue as one-shot tools see it: connections that each carry one message, and remarks on what does not fit into that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.export.equivalents.acts import LEFT_OUT, Body, Closed, LoggedIn, Noted, Opened, Said, Secured
from smtp_shell.export.equivalents.routes import Route
from smtp_shell.protocol.addresses import EnvelopePath, parse_paths
from smtp_shell.protocol.commands import HELLOS
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtp_shell.export.equivalents.acts import Act
    from smtp_shell.net.target import Target

MOST = 50
"""How many deliveries and how many remarks an equivalent has."""

_MAIL = re.compile(rb"MAIL[ \t]+FROM:[ \t]*", re.IGNORECASE)
_RCPT = re.compile(rb"RCPT[ \t]+TO:[ \t]*", re.IGNORECASE)
_ORDER = ("", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA")
_OF_SOME_TOOLS = re.compile(r"PRDR|SMTPUTF8|AUTH=.+", re.IGNORECASE)
_SHOWN = 60  # characters of a command in a remark


class Delivery(Struct, frozen=True):
    """One message over one connection, or the part of that which happened.

    Args:
        target: The server; None where the transcript does not say.
        route: How the connection was made.
        tls: `implicit`, `starttls`, or empty for none.
        verified: Whether the certificate was verified; None where that is not known.
        hello: The verb of the greeting; empty for none.
        name: The name that it gave.
        login: The AUTH exchange; None for none.
        xclient: Arguments of each XCLIENT.
        sender: The reverse-path; None before MAIL.
        recipients: The forward-paths.
        has_refusal: Whether a recipient was refused.
        parameters: Those of MAIL that one tool or another can send: PRDR, SMTPUTF8, AUTH=.
        pipelined: Whether MAIL or RCPT went out with what followed it.
        body: Ranges of the spool with the message; None for none.
        is_whole: Whether the message was ended.
        has_chunks: Whether it went out with BDAT.
    """

    target: Target | None = None
    route: Route = Route()
    tls: str = ""
    verified: bool | None = None
    hello: str = ""
    name: bytes = b""
    login: LoggedIn | None = None
    xclient: tuple[bytes, ...] = ()
    sender: EnvelopePath | None = None
    recipients: tuple[EnvelopePath, ...] = ()
    has_refusal: bool = False
    parameters: tuple[str, ...] = ()
    pipelined: bool = False
    body: tuple[tuple[int, int], ...] | None = None
    is_whole: bool = False
    has_chunks: bool = False

    @property
    def is_lmtp(self) -> bool:
        """Whether the dialogue is LMTP."""
        return self.hello == "LHLO" or (self.target is not None and self.target.lmtp)

    @property
    def reached(self) -> str:
        """The last stage that was reached: empty for the greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT or DATA."""
        if self.body is not None:
            return "DATA"
        if self.recipients:
            return "RCPT"
        if self.sender is not None:
            return "MAIL"
        if self.login is not None:
            return "AUTH"
        if self.hello:
            return "EHLO"
        return "STARTTLS" if self.tls else ""


class Deliveries(Struct, frozen=True):
    """What a one-shot tool can do of a dialogue.

    Args:
        each: The deliveries, in order.
        remarks: What is left out or is different, each a printable sentence.
        notes: The notes of a person.
    """

    each: tuple[Delivery, ...]
    remarks: tuple[str, ...]
    notes: tuple[str, ...]


def deliveries(acts: Iterable[Act]) -> Deliveries:
    """Return the deliveries that acts amount to."""
    sorter = _Sorter()
    for act in acts:
        sorter.take(act)
    return sorter.end()


class _Sorter:
    """Sorts acts into deliveries and remarks."""

    def __init__(self) -> None:
        self._done: list[Delivery] = []
        self._remarks: dict[str, None] = {}  # each of them once
        self._notes: list[str] = []
        self._now: Delivery | None = None
        self._is_begun = False  # whether the current delivery has done anything that no delivery before it has
        self._too_many = 0

    def take(self, act: Act) -> None:
        match act:
            case Opened():
                self._finish()
                self._now = Delivery(act.target, act.route, "implicit" if act.tls else "")
                self._is_begun = True
            case Secured():
                tls = self._current.tls or "starttls"
                self._change(tls=tls, verified=act.verified)
            case LoggedIn():
                if self._current.login is not None and self._current.login.code >= 400:
                    self._remark(LEFT_OUT)
                self._change(login=act)
            case Said():
                self._said(act)
            case Body():
                self._body(act)
            case Noted():
                self._notes.append(act.text)
            case Closed():
                self._closed(act)

    def end(self) -> Deliveries:
        self._finish()
        remarks = list(self._remarks)
        if self._too_many:
            remarks.append(f"{self._too_many:,} more deliveries are left out.")
        return Deliveries(tuple(self._done), tuple(remarks), tuple(self._notes[:MOST]))

    @property
    def _current(self) -> Delivery:
        if self._now is None:
            self._now = Delivery()
        return self._now

    def _change(self, **changes: object) -> None:
        self._now, self._is_begun = replace(self._current, **changes), True

    def _remark(self, text: str) -> None:
        if len(self._remarks) < MOST:
            self._remarks[text] = None

    def _left_out(self, said: Said, why: str) -> None:
        shown = escape(said.line)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        self._remark(f"left out, {why}: {shown}")

    def _finish(self) -> None:
        """Keep the current delivery, if it has done anything."""
        if self._now is not None and self._is_begun:
            if len(self._done) < MOST:
                self._done.append(self._now)
            else:
                self._too_many += 1
        self._is_begun = False

    def _said(self, said: Said) -> None:
        if said.verb in HELLOS:
            self._change(hello=said.verb, name=said.line[4:].strip())
        elif said.verb == "MAIL":
            self._mail(said)
        elif said.verb == "RCPT":
            self._rcpt(said)
        elif said.verb == "RSET":
            self._left_out(said, "the tool has no such command")
            if not self._current.is_whole:
                self._forget_envelope()
        elif said.verb == "XCLIENT":
            self._change(xclient=(*self._current.xclient, said.line[7:].strip()))
        elif said.verb == "DATA" and said.is_refused:
            self._left_out(said, f"refused with {said.code}")
        elif said.verb not in ("DATA", "BDAT", "STARTTLS", "QUIT"):
            self._left_out(said, "the tool has no such command")

    def _mail(self, said: Said) -> None:
        if said.is_refused:
            self._left_out(said, f"refused with {said.code}")
            return
        found = _path(said, _MAIL)
        if found is None:
            self._left_out(said, "the tool writes MAIL FROM:<…> only")
            return
        self._forget_envelope()
        some = tuple(each for each in found.parameters if _OF_SOME_TOOLS.fullmatch(each))
        self._parameters(each for each in found.parameters if each not in some)
        self._change(sender=found, parameters=some, pipelined=self._current.pipelined or said.pipelined)

    def _rcpt(self, said: Said) -> None:
        found = _path(said, _RCPT)
        if found is None:
            self._left_out(said, "the tool writes RCPT TO:<…> only")
            return
        if self._current.sender is None:
            self._left_out(said, "out of order")
            return
        self._parameters(found.parameters)
        self._change(
            recipients=(*self._current.recipients, found),
            has_refusal=self._current.has_refusal or said.is_refused,
            pipelined=self._current.pipelined or said.pipelined,
        )

    def _parameters(self, parameters: Iterable[str]) -> None:
        for parameter in parameters:
            if not parameter.upper().startswith("SIZE="):
                self._remark(parameter_left_out(parameter))

    def _forget_envelope(self) -> None:
        """Begin another envelope on the same connection."""
        if self._current.sender is None:
            return
        if self._current.is_whole:
            self._finish()
            self._remark("the tool sends one message for each connection; here they went over one.")
        else:
            self._remark("an envelope that no message followed is left out (RSET, or a second MAIL).")
        self._change(sender=None, recipients=(), has_refusal=False, pipelined=False, body=None, is_whole=False)
        self._change(parameters=())
        self._change(has_chunks=False)

    def _body(self, body: Body) -> None:
        if body.kind == "raw":
            self._remark("octets sent with /raw are left out; the tool cannot send them.")
            return
        known = self._current.body or ()
        self._change(body=(*known, (body.start, body.end)), is_whole=body.is_whole, has_chunks=body.kind == "chunk")
        if body.kind == "chunk":
            self._remark("the message went out with BDAT; the tool sends it with DATA.")

    def _closed(self, closed: Closed) -> None:
        self._finish()
        self._now = None
        if not closed.by_client:
            self._remark("the server closed the connection, or it broke; that is the server's to repeat.")


def parameter_left_out(parameter: str) -> str:
    """Return a remark about a parameter of MAIL or RCPT."""
    shown = escape(parameter.encode("utf-8", "surrogateescape"))
    return f"a parameter that the tool cannot send is left out: {shown}"


def _path(said: Said, verb: re.Pattern[bytes]) -> EnvelopePath | None:
    """Return the path of a MAIL or RCPT; None where it is not written as RFC 5321 section 4.1.2 asks."""
    found = verb.match(said.line)
    paths = parse_paths(said.line[found.end() :].decode("utf-8", "surrogateescape")) if found else None
    return paths[0] if paths is not None and len(paths) == 1 else None
