"""Surveys: what one port of a server answers to a client that only looks, and several of them at once.

A survey connects, greets, starts TLS where that is offered, greets again, and leaves with QUIT. It sends no credential and no mail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.client.session import Session
from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.errors import CertificateRefused, DialogueBroken, SmtpShellError
from smtp_shell.net.resolve import local_name, prepare
from smtp_shell.net.waiting import TICK
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import Connected, Noticed, NoticeKind, TlsStarted
from smtp_shell.protocol.octets import escape, quoted

if TYPE_CHECKING:
    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.net.target import Target
    from smtp_shell.protocol.events import Entry
    from smtp_shell.protocol.replies import Extensions, Reply

_LONGEST_SHOWN = 300
_MOST_KEYWORDS = 64


class Plan(Struct, frozen=True):
    """How surveys are made.

    Args:
        tls: How TLS is done.
        connection: How connections are opened.
        timeouts: Timeouts of each kind of wait.
        seconds: How long one connection may be talked over, once it is open.
        ehlo: The name that EHLO gives; empty for this host's.
    """

    tls: TlsSettings
    connection: ConnectSettings
    timeouts: Timeouts
    seconds: float
    ehlo: str = ""


class Survey(Struct, frozen=True):
    """What one port of a server answered. All text is printable.

    Args:
        target: The port.
        peer: The address that answered; empty for none.
        problem: Why it was not surveyed to its end; empty if it was.
        failed: Its addresses that did not answer before the one that did.
        looked_up: Seconds for the look-up of the name.
        opened_in: Seconds until the TCP connection was open.
        greeted_in: Seconds from there, or from the end of TLS, until the greeting was complete.
        tls_in: Seconds for the TLS handshake.
        seconds: Seconds for the whole survey.
        greeting: The greeting; empty for none.
        code: Its reply code; 0 for none.
        keywords: What EHLO announced in the clear; None where nothing was said in the clear.
        mechanisms: The mechanisms among that.
        secured: What EHLO announced inside TLS; None without TLS.
        secured_mechanisms: The mechanisms among that.
        starttls: Whether STARTTLS was announced.
        tls: What the handshake agreed on; None without TLS.
        doubt: Why the certificate is not good; empty where it is, or none was seen.
    """

    target: Target
    peer: str = ""
    problem: str = ""
    failed: tuple[str, ...] = ()
    looked_up: float | None = None
    opened_in: float | None = None
    greeted_in: float | None = None
    tls_in: float | None = None
    seconds: float = 0.0
    greeting: str = ""
    code: int = 0
    keywords: tuple[str, ...] | None = None
    mechanisms: tuple[str, ...] = ()
    secured: tuple[str, ...] | None = None
    secured_mechanisms: tuple[str, ...] = ()
    starttls: bool = False
    tls: TlsStarted | None = None
    doubt: str = ""

    @property
    def is_reached(self) -> bool:
        """Whether a connection could be opened."""
        return self.opened_in is not None

    @property
    def is_welcome(self) -> bool:
        """Whether the server greeted with a 2yz reply."""
        return self.code // 100 == 2

    @property
    def is_verified(self) -> bool:
        """Whether TLS started, and the certificate is good."""
        return self.tls is not None and bool(self.tls.verified)

    def facts(self) -> dict[str, object]:
        """Return it as the fields of a JSON object; absent values are left out."""
        found: dict[str, object] = {"host": self.target.host, "port": self.target.port, "reached": self.is_reached}
        times = {"dns": self.looked_up, "tcp": self.opened_in, "tls_time": self.tls_in, "greeted": self.greeted_in}
        found |= {name: round(seconds, 4) for name, seconds in times.items() if seconds is not None}
        found["seconds"] = round(self.seconds, 4)
        texts = {"peer": self.peer, "greeting": self.greeting, "problem": self.problem, "doubt": self.doubt}
        found |= {name: text for name, text in texts.items() if text}
        if self.failed:
            found["failed"] = list(self.failed)
        if self.keywords is not None:
            found |= {"starttls": self.starttls, "ehlo": list(self.keywords), "auth": list(self.mechanisms)}
        if self.secured is not None:
            found |= {"ehlo_tls": list(self.secured), "auth_tls": list(self.secured_mechanisms)}
        if self.tls is not None:
            found |= {"tls": self.tls.version, "cipher": escape(self.tls.cipher.encode())}
            found |= {"verified": bool(self.tls.verified), "sha256": self.tls.certificate.fingerprint}
        return found


def survey(target: Target, plan: Plan, opened: Callable[[Session], object] = lambda session: None) -> Survey:
    """Return what one port of a server answers. It raises nothing that the server or the network is to blame for.

    Args:
        target: The port.
        plan: How to survey it.
        opened: Called with each session, so that it can be broken off.
    """
    begun = time.monotonic()
    found = _Surveyor(target, plan, opened).run()
    if found.doubt and not plan.tls.insecure:
        # OpenSSL has refused the certificate. What the server announces inside TLS is seen over another connection, all the same.
        again = _Surveyor(target, replace(plan, tls=replace(plan.tls, insecure=True)), opened).run()
        tls = None if again.tls is None else replace(again.tls, verified=False)
        if tls is not None:
            found = replace(again, tls=tls, doubt=found.doubt)
    return replace(found, seconds=time.monotonic() - begun)


class _Surveyor:
    """One connection of a survey."""

    def __init__(self, target: Target, plan: Plan, opened: Callable[[Session], object]) -> None:
        self._target = target
        self._plan = plan
        self._opened = opened
        self._failed: list[str] = []
        self._found = Survey(target)

    def run(self) -> Survey:
        """Return what was found, up to where the server or the network ended it."""
        session: Session | None = None
        try:
            begun = time.monotonic()
            session = self._open()
            session.waits.deadline = time.monotonic() + self._plan.seconds
            self._talk(session, begun)
        except CertificateRefused as error:
            self._note(doubt=error.reason, tls=error.seen)
        except SmtpShellError as error:
            self._note(problem=error.message)
        finally:
            if session is not None:
                session.close()
        return replace(self._found, failed=tuple(self._failed))

    def _note(self, **facts: object) -> None:
        self._found = replace(self._found, **facts)

    def _follow(self, entry: Entry) -> None:
        event = entry.event
        if isinstance(event, Connected):
            self._note(
                peer=event.peer or event.address, looked_up=event.looked_up or None, opened_in=event.opened_in or 0.0
            )
            self._at = entry.at
        elif isinstance(event, TlsStarted) and self._target.tls:
            self._note(tls_in=entry.at - self._at)
        elif isinstance(event, Noticed) and event.kind is NoticeKind.ATTEMPT:
            self._failed.append(event.detail)

    def _open(self) -> Session:
        plan = self._plan
        return Session.open(
            self._target,
            [self._follow],
            timeouts=plan.timeouts,
            tls=plan.tls,
            strict=True,
            connection=plan.connection,
        )

    def _talk(self, session: Session, begun: float) -> None:
        self._opened(session)
        if session.tls is not None:
            self._note(tls=session.tls)
        since = time.monotonic()
        greeting = session.read_reply()
        self._note(greeted_in=time.monotonic() - since, greeting=_shown(greeting), code=greeting.code)
        if greeting.is_negative:
            self._leave(session, f"the greeting is {quoted(_shown(greeting))}")
            return
        extensions = self._hello(session)
        if extensions is None:
            return
        if session.tls is not None:
            self._note(secured=_lines(extensions), secured_mechanisms=extensions.mechanisms)
        else:
            self._note(keywords=_lines(extensions), mechanisms=extensions.mechanisms, starttls="STARTTLS" in extensions)
            if "STARTTLS" in extensions and not self._start_tls(session):
                return
        self._leave(session)

    def _hello(self, session: Session) -> Extensions | None:
        verb = "LHLO" if self._target.lmtp else "EHLO"
        reply = session.command(Command.of(verb, self._plan.ehlo or local_name(session.transport.local_host)))
        extensions = session.dialogue.extensions
        if reply.is_negative or extensions is None:
            self._leave(session, f"{verb} was answered {quoted(_shown(reply))}")
            return None
        return extensions

    def _start_tls(self, session: Session) -> bool:
        """Start TLS and greet again; return whether that went well."""
        reply = session.command(Command(b"STARTTLS"))
        if not session.tls_due:
            self._leave(session, f"STARTTLS was answered {quoted(_shown(reply))}")
            return False
        since = time.monotonic()
        facts = session.start_tls(self._plan.tls)
        self._note(tls=facts, tls_in=time.monotonic() - since)
        extensions = self._hello(session)
        if extensions is None:
            return False
        self._note(secured=_lines(extensions), secured_mechanisms=extensions.mechanisms)
        return True

    def _leave(self, session: Session, problem: str = "") -> None:
        if problem:
            self._note(problem=problem)
        with suppress(DialogueBroken):
            session.command(Command(b"QUIT"))


def _shown(reply: Reply) -> str:
    return reply.one_line()[:_LONGEST_SHOWN]


def _lines(extensions: Extensions) -> tuple[str, ...]:
    """Return each keyword with its parameters."""
    names = list(extensions.keywords)[:_MOST_KEYWORDS]
    return tuple(" ".join((name, *extensions.parameters(name)))[:_LONGEST_SHOWN] for name in names)


def survey_all(targets: Sequence[Target], plan: Plan, ended: Callable[[Survey], object] | None = None) -> list[Survey]:
    """Return what several ports answer, asked at the same time, in the order of the targets.

    Args:
        targets: The ports, a few dozen at most.
        plan: How to survey them.
        ended: Called with each survey that is complete, by the calling thread, in the order in which they end.

    Raises:
        KeyboardInterrupt: Ctrl-C; the connections are broken off.
    """
    import threading

    prepare(plan.connection.resolver)
    found: dict[int, Survey] = {}
    sessions: list[Session] = []

    def run(number: int, target: Target) -> None:
        try:
            found[number] = survey(target, plan, sessions.append)
        except Exception as error:  # of ours: the caller's thread must not wait for it
            found[number] = Survey(target, problem=f"{type(error).__name__} in the survey")
            raise

    threads = [
        threading.Thread(target=run, args=(number, target), daemon=True, name=f"survey-{number}")
        for number, target in enumerate(targets)
    ]
    told: set[int] = set()
    try:
        for thread in threads:
            thread.start()
        while len(told) < len(threads):
            next((thread for thread in threads if thread.is_alive()), threads[0]).join(TICK)
            for number in list(found):
                if number not in told:
                    told.add(number)
                    if ended is not None:
                        ended(found[number])
    finally:
        if len(told) < len(threads):  # Ctrl-C
            for session in list(sessions):
                session.transport.shut()
    return [found[number] for number in range(len(targets))]
