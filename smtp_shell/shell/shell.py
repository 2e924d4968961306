"""The shell without its prompt: what a typed line does, over one connection at a time.

Modules that only a connection needs are imported with the first connection, so that the first prompt appears sooner.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.display.links import shows_links
from smtp_shell.display.render import Look
from smtp_shell.display.themes import AUTO, usable_theme
from smtp_shell.errors import (
    CertificateRefused,
    ConnectionLost,
    DialogueBroken,
    Interrupted,
    OutcomeUnknown,
    SmtpShellError,
    TlsFailed,
    UsageError,
)
from smtp_shell.protocol.commands import Command, refuse_line_breaks
from smtp_shell.protocol.events import Decoded, Entry
from smtp_shell.protocol.masking import describe_typed, is_secret_answer, may_answer
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell import owed_replies
from smtp_shell.shell.aliases import Aliases
from smtp_shell.shell.at_hand import LinesAtHand
from smtp_shell.shell.chunks import begin_chunk, send_chunk_line, takes_chunk
from smtp_shell.shell.completion import CompletionContext, TypedAddresses, TypedHosts
from smtp_shell.shell.gauge import Gauge
from smtp_shell.shell.groups import HeldGroup, commands_of, send_group
from smtp_shell.shell.handshakes import WAIT_ENDED_BEFORE_TLS, finish_tls, show_certificate, start_tls_at_once
from smtp_shell.shell.lines import Answer, Line, MailDataLine, Run, Wire, is_for_shell, parse
from smtp_shell.shell.outlet import Outlet
from smtp_shell.shell.owed_replies import AwaitedT
from smtp_shell.shell.raw_octets import check_greeting, holds_secret, needs_greeting
from smtp_shell.shell.recordings import SessionRecordings
from smtp_shell.shell.refusals import Refusals
from smtp_shell.shell.refused_calls import error_of_line
from smtp_shell.shell.registry import Registry
from smtp_shell.shell.remarks import Remarks
from smtp_shell.shell.settings import ShellOptions, ShellSettings, connect_settings, tls_settings, trusting_practice
from smtp_shell.shell.typed_mail_data import TypedMailData
from smtp_shell.shell.typed_secrets import is_guess, is_initial_response

if TYPE_CHECKING:
    from smtp_shell.client.credentials import Ask
    from smtp_shell.client.session import Session
    from smtp_shell.display.views import View
    from smtp_shell.knowledge.exchanges import Standing
    from smtp_shell.net.chain_checks import Check
    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.net.target import Target
    from smtp_shell.protocol.events import Consumer, Event, TlsStarted
    from smtp_shell.protocol.masking import ExchangeLines
    from smtp_shell.protocol.replies import Reply
    from smtp_shell.shell.composition import Composition
    from smtp_shell.shell.explanations import Explanations
    from smtp_shell.shell.login import Login
    from smtp_shell.shell.reached import Reached
    from smtp_shell.shell.settings import ProfileInUse
    from smtp_shell.shell.wire_record import WireRecord

_RESPONSE_GUESSED = (
    "The word after the mechanism decodes to a response, so it is taken for base64; "
    "a user name of these letters is given with --user."
)
_UNFOLD = "/show data"


class Shell:
    """Runs typed lines over one connection at a time.

    Args:
        view: Shows the dialogue and the shell's own words.
        options: What does not change.
        settings: The settings that `/set` changes, as they are at first.
        ask: Asks the user; None where nobody can be asked.

    Attributes:
        view: Shows the dialogue and the shell's own words.
        outlet: What is below it, and leads the words of a command elsewhere.
        registry: The shell commands and shorthands.
        session: The connection, or the last one, closed; None before the first.
        target: The server of the connection, or the one that was named last; None before the first.
        answered: The last server to which there was a connection; None before the first.
        recordings: What is being recorded.
        history: Returns the lines typed before, the oldest first.
        typed_here: Returns those of them that were typed at the server of the connection.
        leaving: Whether the shell is to end.
        at_close: Called when the shell is closed, after its connection.
        stopped: Whether the user stopped the last wait with Ctrl-C.
        refusals: What the server refused.
        ways: How each server was connected to the last time.
        gauge: What the bottom line counts.
        explanations: What follows the dialogue for `/explain`; None before the first connection.
        reached: What follows it for the way back to where it was; None before the first connection.
        wire: The last octets of the connection, for `/hex`; None before the first.
        remarks: What is wrong with what was sent, or is being written, on this connection; None before the first.
        after_line: Called after each typed line, whatever has become of it: a lesson speaks then.
        followers: More consumers for the dialogues of new connections.
        last_user: The user name of the last `auth`; empty before the first.
        login: How the last `auth` went that the server accepted, for `/status`; None before the first.
        sources: The files that `/source` is running, the outermost first.
        tls_failure: Why TLS could not be started on the last connection, for `/tls`; None if it could, or was not tried.
        composition: The message that is being composed; None before `/compose`.
        group: The group of commands that `/pipeline` has begun; None for none.
        asked_for_staple: What the server showed when `/tls ocsp` asked it for an OCSP staple; None if it was not asked.
        demands: What `/tls dane` and `/tls sts` found about this connection, by the name of the check.
        pins: The public keys that `/tls pin` keeps, by host.
        origins: Where each setting came from that is not as by default, by the name of its field.
        profile: The profile that is in use; None for none.
        known_as: The name of the profile with which each server was connected to; empty without one.
        aliases: What `/alias` has named, or the configuration.
        mail_data: The mail data that is being sent, line by line or from a file.
        at_hand: What the next prompt begins with, and what was typed last.
        edit: Asks the user for a line, given the question and what the answer begins as; None where there is no prompt.
        waiting_for: Returns a context in which a wait takes place, given what returns the words for what is awaited. At a prompt it
            says so while the wait takes long.
    """

    def __init__(
        self,
        view: View,
        options: ShellOptions | None = None,
        settings: ShellSettings | None = None,
        *,
        ask: Ask | None = None,
    ) -> None:
        self.outlet = Outlet(view)
        self.view: View = self.outlet
        self.options = options or ShellOptions()
        self.registry: Registry[Shell] = Registry.load()
        self.session: Session | None = None
        self.target: Target | None = None
        self.answered: Target | None = None
        self.ways: dict[Target, ConnectSettings] = {}
        self.recordings = SessionRecordings(automatic=self.options.recording, on_failure=self.say_loudly)
        self.history: Callable[[], Sequence[str]] = tuple
        self.typed_here: Callable[[], Sequence[str]] = tuple
        self.leaving = self.stopped = False
        self.after_line: list[Callable[[], None]] = []
        self.at_close: list[Callable[[], object]] = []
        self.followers: list[Consumer] = []
        self.gauge = Gauge()
        self.refusals = Refusals(self.view if self.options.interactive else None, self.registry.meant)
        self.explanations: Explanations | None = None
        self.reached: Reached | None = None
        self.wire: WireRecord | None = None
        self.last_user = ""
        self.login: Login | None = None
        self.sources: list[Path] = []
        self.tls_failure: TlsFailed | None = None
        self.composition: Composition | None = None
        self.asked_for_staple: TlsStarted | None = None
        self.demands: dict[str, Check] = {}
        self.pins: dict[str, str] = {}
        self.origins: dict[str, str] = {}
        self.profile: ProfileInUse | None = None
        self.known_as: dict[Target, str] = {}
        self.aliases = Aliases()
        self.waiting_for: Callable[[Callable[[], str]], AbstractContextManager[None]] = lambda what: nullcontext()
        self.edit: Callable[[str, str], str] | None = None
        self.group: HeldGroup | None = None
        self.at_hand = LinesAtHand()
        self.mail_data = TypedMailData(self)
        self._ask = ask
        self._advised: Session | None = None  # the session whose end was spoken of
        self._addresses, self._hosts = TypedAddresses(), TypedHosts()
        self.remarks: Remarks | None = None
        self._greeting_due = False  # the connection was opened, and its greeting has not been waited for
        self.change_settings(settings or ShellSettings())

    @property
    def phase(self) -> Phase | None:
        """Phase of the dialogue as the client stands in it; None without a connection."""
        return self.session.dialogue.standing if self.session is not None and self.session.is_open else None

    @property
    def undecided(self) -> str:
        """The verb whose reply is owed and decides what the next line to the server would be; empty for none."""
        return owed_replies.undecided(self.session)

    @property
    def awaits_answer(self) -> bool:
        """Whether an AUTH command was sent whose exchange has not ended: a word by itself answers a challenge."""
        return self.session is not None and self.session.is_open and self.session.dialogue.exchange.is_open

    @property
    def tls(self) -> TlsSettings:
        """How TLS is done, by the options, `/set` and `/tls pin`."""
        tls = trusting_practice(tls_settings(self.options, self.settings), self.options.practice, self.target)
        pin = self.pins.get(self.target.host) if self.target is not None else None
        return replace(tls, pins=(*tls.pins, pin)) if pin is not None and pin not in tls.pins else tls

    @property
    def connection(self) -> ConnectSettings:
        """How connections are opened, by the options and `/set`."""
        return connect_settings(self.options, self.settings)

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts of the RFC where a user can press Ctrl-C, shorter ones elsewhere, or what `/set timeout` says."""
        times = Timeouts.patient() if self.options.interactive else Timeouts()
        return times.all(self.settings.timeout) if self.settings.timeout else times

    def change_settings(self, settings: ShellSettings) -> None:
        """Use these settings from now on."""
        self.settings = settings
        self.view.look = Look(
            settings.times,
            settings.decoded,
            typed_data=not self.options.interactive,
            theme=usable_theme(settings.theme, os.environ),
            reasons=False,
            unfold=_UNFOLD if self.options.interactive else "",
            links=settings.links == "on" or (settings.links == AUTO and shows_links(os.environ)),
        )

    def completion_context(self) -> CompletionContext:
        """Return what suggestions are made from now."""
        extensions = self.session.dialogue.extensions if self.session is not None else None
        draft = self.composition.draft if self.composition is not None else None
        return CompletionContext(
            self.registry,
            self._addresses,
            self.history(),
            self.phase,
            extensions,
            self._hosts,
            self.settings,
            self.options,
            tuple(each.shown_name for each in draft.attachments) if draft is not None else (),
        )

    def say(self, text: str, style: str = "said") -> None:
        """Show the shell's own words."""
        self.view.say(text, style)

    def say_loudly(self, text: str) -> None:
        """Show a sentence that must not be missed."""
        self.say(text, "error")

    def ask(self, question: str, hidden: bool) -> str:
        """Ask the user.

        Args:
            question: The question, printable.
            hidden: Whether the answer is not shown.

        Raises:
            UsageError: Nobody can be asked.
        """
        if self._ask is None:
            raise UsageError(f"{question.strip()} nobody can be asked here.")
        return self._ask(question, hidden)

    def confirm(self, question: str) -> bool:
        """Ask a question whose answer is no unless it is yes; it is no where nobody can be asked."""
        return self._ask is not None and self._ask(f"{question} [y/N] ", False).strip().lower() in ("y", "yes")

    def run(self, text: str) -> None:
        """Run a typed line.

        Args:
            text: The line, without its line end.

        Raises:
            SmtpShellError: It cannot be done.
        """
        self.refusals.of_mail_data = False
        if takes_chunk(self.session) and not text.lstrip(" \t").startswith("/"):
            self._act(partial(send_chunk_line, self, text))
            return
        line = parse(text, self.registry, self.phase)
        if self.group is not None and self.phase not in (Phase.MAILDATA, Phase.AUTH) and not is_for_shell(line):
            if line is None:
                self.send_group()
            else:
                self.group.add(commands_of(text, self.registry, self.hello_command))
            return
        self._act(lambda: self._run_line(line), greets=self._greeting_due and needs_greeting(line))

    def run_group(self, commands: Sequence[Command]) -> None:
        """Send commands in one write, and wait for their replies.

        Raises:
            SmtpShellError: It cannot be done.
        """
        self.refusals.of_mail_data = False
        self.await_decision()
        owed_replies.check_between_commands(self.session)
        self._act(partial(send_group, self, commands), greets=True)

    def send_group(self) -> None:
        """Send the group that `/pipeline` began, and wait for its replies.

        Raises:
            SmtpShellError: It cannot be done; the group is given up.
        """
        group, self.group = self.group, None
        if group is not None and group.commands:
            self.run_group(group.commands)

    def _run_line(self, line: Line[Shell]) -> None:
        match line:
            case Run() if line.command.is_for_shell:
                self._run_command(line)
            case Run():
                self._check_decided()
                line.command.run(self, line.args)
            case Wire():
                self._check_decided()
                self.send_as_typed(line.text)
            case Answer():
                self._check_decided()
                self._answer(line.text)
            case MailDataLine():
                self.mail_data.send_line(line.text)
            case None:
                return

    def _run_command(self, line: Run[Shell]) -> None:
        """Run a slash command, whose words go to a file, a program or a pager if that is asked for."""
        pager = self.settings.pager and self.options.interactive
        if self.outlet.file is None and not pager and "|" not in line.args.text:
            line.command.run(self, line.args)
            return
        from smtp_shell.shell.output import run_command

        run_command(self.outlet, line.args, partial(line.command.run, self), pager=pager)

    def _act(self, action: Callable[[], None], *, greets: bool = False) -> None:
        """Do what a line asks for, and what follows every line: a handshake that is due, recordings, lessons."""
        self.stopped = False
        try:
            if greets:
                self.greet()
            action()
            finish_tls(self)
        except TlsFailed as failure:
            self.tls_failure = failure
            raise
        except (OSError, MemoryError) as error:
            raise error_of_line(error, self.session) from None
        finally:
            if self.session is not None and not self.session.is_open:
                self.recordings.end_session()
            for follow in self.after_line:
                follow()

    def look(self) -> None:
        """Show what the server has sent meanwhile.

        Raises:
            DialogueBroken: The server closed the connection or broke the protocol.
        """
        if self.session is None:
            return
        try:
            self.session.look()
        finally:
            if not self.session.is_open:
                self.recordings.end_session()

    def _check_decided(self) -> None:
        """Refuse a line for the server while it is open what the server would take it for. `/raw` sends it all the same.

        Raises:
            UsageError: The reply to DATA, AUTH or STARTTLS is owed, and a user is at the prompt.
        """
        if self.options.interactive:
            owed_replies.check_decided(self.session)

    def await_decision(self) -> None:
        """Wait for the reply that decides what the next line to the server is, where nobody at a prompt could do that.

        Raises:
            DialogueBroken: The connection broke, or the reply did not come in time.
        """
        session = self.session
        if self.undecided and session is not None and not self.options.interactive:
            self._act(partial(self._wait_for_owed, session))

    def _wait_for_owed(self, session: Session) -> None:
        self.waiting(session.read_late)

    def send_as_typed(self, text: str) -> None:
        """Send a line exactly as it was typed.

        Raises:
            AuthFailed: It carries a credential, the connection is in the clear, and the user does not insist.
            NotSendable: It holds CR, LF or NUL.
        """
        refuse_line_breaks(text, "the line")
        command = Command.parse(text.encode("utf-8", "surrogateescape"))
        session = self.need_session()
        if session.dialogue.unended:
            if holds_secret(session, command.octets):
                self.confirm_cleartext()
        elif session.dialogue.exchange.is_open and may_answer(command.line):
            self._answer(text)  # the challenge has not come yet
            return
        if session.dialogue.unended or not command.secret:
            if not begin_chunk(self, command):
                self.command(command)
            return
        self.confirm_cleartext()
        words = text.split()
        if len(words) == 3 and is_guess(words[2]) and is_initial_response(*words[1:]):
            self.say(_RESPONSE_GUESSED, "notice")
        session.send(command)
        for response in command.line.split()[2:3]:
            self._explain(session.dialogue.exchange, response)
        self.waiting(session.read_reply)

    def _answer(self, text: str) -> None:
        refuse_line_breaks(text, "the answer")
        session = self.need_session()
        line = text.encode("utf-8", "surrogateescape")
        secret = is_secret_answer(line)
        if secret:
            self.confirm_cleartext()
        session.send_sasl(line, secret=secret)
        self._explain(session.dialogue.exchange, line)
        self.waiting(session.read_reply)

    def _explain(self, exchange: ExchangeLines, response: bytes) -> None:
        """Show what the base64 of the line before means, ahead of the reply to it."""
        meaning = describe_typed(response, exchange.mechanism, names_user=exchange.names_user)
        self.need_session().publish(Decoded(True, escape_str(exchange.mechanism), meaning))

    def send_mail_lines(self, lines: Sequence[str]) -> None:
        """Send lines of mail data in one write. The argument is that of `TypedMailData.send_lines`.

        Raises:
            DialogueBroken: The connection broke.
        """
        self._act(partial(self.mail_data.send_lines, lines))

    def need_session(self) -> Session:
        """Return the session.

        Raises:
            UsageError: There is no connection.
        """
        if self.session is None or not self.session.is_open:
            raise UsageError("there is no connection; use /connect HOST[:PORT] first, or /connect practice.")
        return self.session

    def connect(
        self,
        target: Target,
        *,
        greets: bool = True,
        connection: ConnectSettings | None = None,
        before: Sequence[Event] = (),
    ) -> None:
        """Connect and read the greeting. Where the target asks for STARTTLS, go on until TLS has started.

        Args:
            target: The server.
            greets: Whether to wait for the greeting now. Otherwise that is done before the first line that is not for the shell itself,
                so that octets can be sent before it, such as a PROXY header.
            connection: How the connection is opened; None for what the options and `/set` say.
            before: What happened before, for the recording of the session; it has been shown.

        Raises:
            ConfigError: A file, version or cipher for TLS cannot be used; nothing was sent, and the connection before is kept.
            DialogueBroken: There is no connection, no greeting, or no TLS.
        """
        from smtp_shell.net.tls_check import check_tls

        check_tls(self.tls)
        self.disconnect()
        self.tls_failure = self.asked_for_staple = None
        self.demands.clear()
        try:
            self._connect(target, connection or self.connection, before, greets=greets)
        except TlsFailed as failure:
            self.tls_failure = failure
            raise

    def _connect(self, target: Target, connection: ConnectSettings, before: Sequence[Event], *, greets: bool) -> None:
        from smtp_shell.client.session import Session

        last, trying = self.session, [""]
        self.target, self.ways[target] = target, replace(connection, resume=None)
        self.known_as[target] = self.profile.name if self.profile is not None else ""
        self.refusals.said_goodbye = False
        self.recordings.begin_session(target, before)
        try:
            with self.waiting_for(lambda: f"the connection to {trying[-1] or target}"):
                self.session = Session.open(
                    target,
                    self.consumers(),
                    deferred=[self.advise_on],
                    timeouts=self.timeouts,
                    tls=self.tls,
                    strict=not self.options.interactive,
                    connection=connection,
                    taps=self.recordings.taps,
                    trying=trying.append,
                )
        except BaseException as error:  # Ctrl-C too
            self.recordings.end_session()
            if isinstance(error, DialogueBroken) and self.options.interactive and self.answered not in (None, target):
                error.message += f" /reconnect goes back to {self.answered}."
            raise
        self.answered = target
        if self.options.interactive:
            self.session.transport.keep_alive()
        self.options.note_own(self.session)
        if last is not None:
            self.session.keep_secrets_of(last)
        show_certificate(self, self.session.tls)
        self._greeting_due = True
        if greets:
            self._greet(self.session)

    def consumers(self, now: Standing | None = None) -> list[Consumer]:
        """Return what follows the dialogue of a new connection, in order.

        Args:
            now: Where that dialogue stands; None for its beginning.
        """
        from smtp_shell.shell.explanations import Explanations
        from smtp_shell.shell.reached import Reached
        from smtp_shell.shell.wire_record import WireRecord

        self.reached = Reached()
        self.wire = WireRecord()
        self.explanations = Explanations(self.say, lambda: self.settings.explain, now)
        self.remarks = Remarks(self.view, lambda: self.settings.lint, wanted=self.options.interactive)
        # Recorded first: what is on the screen is in the file, even if the process is killed.
        return [
            *self.recordings.open,
            self.view,
            self.refusals,
            self.explanations,
            self.remarks,
            self.wire,
            self.gauge,
            self.reached,
            *self.followers,
        ]

    def advise_on(self, entry: Entry) -> None:
        """Name what is wrong with what has been sent. A deferred consumer, beside those of `consumers`."""
        if self.remarks is not None:
            self.remarks.advise(entry)

    def greet(self) -> None:
        """Wait for a greeting that was not waited for when the connection was opened, and do what follows it.

        Raises:
            Refused: The server does not want this client.
            DialogueBroken: There is no greeting, or no TLS.
        """
        if self._greeting_due and self.session is not None and self.session.is_open:
            self._greet(self.session)
            check_greeting(self.session)

    def _greet(self, session: Session) -> None:
        self._greeting_due = False
        reply = session.dialogue.greeting or self.waiting(session.read_late)
        if reply is None and session.target.starttls:
            raise TlsFailed(WAIT_ENDED_BEFORE_TLS.format("the greeting"))
        if reply is None or reply.is_negative:
            return
        if session.target.starttls:
            start_tls_at_once(self)
        elif self.settings.auto_ehlo and session.dialogue.asked == 1:
            self.hello()  # not after a command of `/raw`, which may have begun AUTH

    def advise(self, error: SmtpShellError | None = None) -> None:
        """Name the way back to the server if it has ended the connection, once for each connection, and where to read of its certificate.

        Args:
            error: What went wrong; None for nothing.
        """
        lost = self.refusals.said_goodbye or isinstance(error, ConnectionLost | OutcomeUnknown)
        if lost and self.session is not None and self.session is not self._advised:
            self._advised = self.session
            is_beyond = self.reached is not None and self.reached.point.is_beyond_greeting
            offer = " It offers the way back." if is_beyond and self.options.interactive else ""
            self.say(f"/reconnect connects to {self.session.target} again.{offer}")
        if isinstance(error, CertificateRefused):
            self.say("/tls shows its chain, and each check apart.")

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        try:
            if self.session is not None:
                try:
                    self._say_if_unknown()
                finally:  # the screen may be lost
                    self.session.close()
        finally:
            self.recordings.end_session()
        self.group = None
        self.mail_data.forget()

    def drop(self, *, reset: bool = False) -> None:
        """Close the connection at once, in the middle of whatever it is in.

        Args:
            reset: Send a TCP reset.

        Raises:
            UsageError: There is no connection.
        """
        session = self.need_session()
        self._say_if_unknown()
        session.drop(reset=reset)

    def _say_if_unknown(self) -> None:
        """Warn that a message may have been accepted, if its reply is owed and will not be read any more."""
        if warning := owed_replies.unknown_outcome(self.session):
            self.say_loudly(warning)

    def close(self) -> None:
        """Close all that is open."""
        with ExitStack() as stack:  # the screen may be lost, and what follows is closed all the same
            for close in reversed(self.at_close):
                stack.callback(close)
            stack.callback(self.outlet.close)
            stack.callback(self.recordings.close)
            self.disconnect()

    def hello(self, verb: str = "") -> Reply | None:
        """Send EHLO with this client's name.

        Args:
            verb: The verb to send instead; by default EHLO, or LHLO in LMTP.
        """
        return self.command(self.hello_command(verb))

    def hello_command(self, verb: str = "") -> Command:
        """Return EHLO with this client's name. The argument is that of `hello`.

        Raises:
            UsageError: There is no connection.
        """
        from smtp_shell.net.resolve import local_name

        session = self.need_session()
        verb = verb or ("LHLO" if session.dialogue.lmtp else "EHLO")
        return Command.of(verb, self.settings.ehlo or local_name(session.transport.local_host))

    def command(self, command: Command) -> Reply | None:
        """Send a command and wait for its reply.

        Returns:
            The reply, or None if the user stopped the wait.

        Raises:
            DialogueBroken: The connection broke.
        """
        session = self.need_session()
        return self.waiting(lambda: session.command(command))

    def waiting(self, wait: Callable[[], AwaitedT], what: Callable[[], str] = str) -> AwaitedT | None:
        """Wait for a reply. Ctrl-C stops the wait; the reply is then shown and paired when it comes.

        Args:
            wait: Waits for the reply and returns it, or what became of several.
            what: Returns what is awaited, in words; empty for the replies that are owed.

        Returns:
            What it returned, or None if the user stopped the wait.

        Raises:
            Interrupted: Ctrl-C, where no user is at the prompt to go on.
            DialogueBroken: The connection broke.
        """
        try:
            with self.waiting_for(lambda: what() or owed_replies.awaited(self.session)):
                return wait()
        except KeyboardInterrupt:
            if not self.options.interactive:
                raise Interrupted("interrupted.") from None
        self.stopped = True
        if self.session is not None:
            self.session.give_up_waiting()
            self.say(owed_replies.after_stopped_wait(self.session))
        return None

    def confirm_cleartext(self) -> bool:
        """Check that a credential may cross this connection, and ask the user if it is not encrypted.

        Returns:
            True if the connection is in the clear and the user insists.

        Raises:
            AuthFailed: The connection is in the clear and the user does not insist.
        """
        from smtp_shell.client.authentication import refuse_in_the_clear

        session = self.need_session()
        insists = session.is_private or self.settings.insecure_auth
        insists = insists or self.confirm(
            "This connection is not encrypted: anyone on the way can read the credential and use it. Send it all the same?"
        )
        switch = "/set insecure-auth on" if self.options.interactive else "--insecure-auth"
        refuse_in_the_clear(session, allow_cleartext=insists, switch=switch)
        return not session.is_private

    def record_to(self, path: Path, *, overwrite: bool = False, times: bool = True) -> None:
        """Record everything from now on into a file, in place of the one before.

        Args:
            path: The file.
            overwrite: Whether to replace an existing file.
            times: Whether the file has times.

        Raises:
            UsageError: The file exists, or cannot be created.
        """
        target = self.session.target if self.session is not None else self.target
        self.recordings.begin_own(path, target, overwrite=overwrite, session=self.session, times=times)

    def stop_recording(self) -> None:
        """End what `record_to` began."""
        self.recordings.end_own(self.session)
