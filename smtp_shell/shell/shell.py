"""The shell without its prompt: one connection at a time, what is typed, and what is recorded.

What only a connection needs is imported with the first connection, so that the prompt is there sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.display.render import Look, certificate_rows
from smtp_shell.display.views import View
from smtp_shell.errors import (
    DialogueBroken,
    Interrupted,
    NotSendable,
    SmtpShellError,
    TlsFailed,
    UsageError,
)
from smtp_shell.net.target import Target
from smtp_shell.protocol.commands import Command, refuse_line_breaks
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.events import Consumer, Entry, Noticed, NoticeKind, ReplyReceived, TlsStarted
from smtp_shell.protocol.maildata import PIECE, MailDataEncoder
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.protocol.replies import Reply
from smtp_shell.shell.completion import TypedAddresses
from smtp_shell.shell.lines import Answer, MailDataLine, Run, Wire, parse
from smtp_shell.shell.registry import Registry
from smtp_shell.shell.settings import ShellOptions, ShellSettings

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.recording.recording import Recording
    from smtp_shell.replay.driver import Replay

Ask = Callable[[str, bool], str]
"""Asks a person: the question, and whether the answer is hidden."""


class Shell:
    """The shell.

    Args:
        view: Where everything is shown.
        options: What it is started with.
        settings: What `/set` changes.
        ask: How to ask a person; None where nobody is there.
    """

    def __init__(
        self,
        view: View,
        options: ShellOptions | None = None,
        settings: ShellSettings | None = None,
        *,
        ask: Ask | None = None,
    ) -> None:
        self.view = view
        self.options = options or ShellOptions()
        self.registry = Registry.load()
        self.session: Session | None = None
        self.target: Target | None = None
        self.recording: Recording | None = None
        self.extra_recording: Recording | None = None
        self.history: Sequence[str] = ()
        self.addresses = TypedAddresses()
        self.leaving = False
        self.failed_replies = 0
        self.refusal = ""
        self._ask = ask
        self._encoder: MailDataEncoder | None = None
        self._consumers: list[Consumer] = [self._count]
        self.sources: list[Path] = []
        self.settings = settings or ShellSettings()
        self.apply_look()

    @property
    def phase(self) -> Phase | None:
        """Where the dialogue stands; None without a connection."""
        return self.session.phase if self.session is not None and self.session.is_open else None

    @property
    def tls(self) -> TlsSettings:
        """How TLS is done, with what `/set` says."""
        tls, settings = self.options.tls, self.settings
        ca_file = Path(settings.ca_file) if settings.ca_file else tls.ca_file
        return TlsSettings(
            ca_file,
            settings.insecure or tls.insecure,
            tls.minimum,
            tls.maximum,
            tls.ciphers,
            tls.client_cert,
            tls.client_key,
        )

    @property
    def timeouts(self) -> Timeouts:
        """How long to wait: the waits of the RFC where a person is there, shorter ones elsewhere."""
        times = Timeouts.patient() if self.options.interactive else Timeouts()
        return times.all(self.settings.timeout) if self.settings.timeout else times

    def apply_look(self) -> None:
        """Let the view show what the settings say."""
        settings = self.settings
        self.view.look = Look(
            settings.times, settings.decoded, typed_data=not self.options.interactive, theme=settings.theme
        )

    def say(self, text: str, style: str = "said") -> None:
        """Show the shell's own words."""
        self.view.say(text, style)

    def ask(self, question: str, *, hidden: bool = False, missing: str = "") -> str:
        """Ask the person.

        Args:
            question: The question, printable.
            hidden: Whether the answer is not shown.
            missing: What to say where nobody is there.

        Raises:
            UsageError: Nobody is there.
        """
        if self._ask is None:
            raise UsageError(missing or f"{question.strip()} nobody can be asked here.")
        return self._ask(question, hidden)

    def ask_plainly(self, question: str, hidden: bool) -> str:
        """Ask the person, as `ask` does."""
        return self.ask(question, hidden=hidden)

    def confirm(self, question: str) -> bool:
        """Ask a question whose answer is no unless it is yes."""
        if self._ask is None:
            return False
        return self._ask(f"{question} [y/N] ", False).strip().lower() in ("y", "yes")

    def need_session(self) -> Session:
        """Give the session.

        Raises:
            UsageError: There is no connection.
        """
        if self.session is None or not self.session.is_open:
            raise UsageError(
                "there is no connection; use /connect HOST[:PORT] first, or start with `smtp-shell practice`."
            )
        return self.session

    def consume(self, consumer: Consumer) -> None:
        """Let a consumer have every event of this and later sessions."""
        self._consumers.append(consumer)
        if self.session is not None and self.session.is_open:
            self.session.subscribe(consumer)

    def drop_consumer(self, consumer: Consumer) -> None:
        """Let a consumer have no more events."""
        self._consumers.remove(consumer)
        if self.session is not None and self.session.is_open:
            self.session.unsubscribe(consumer)

    def connect(self, target: Target) -> None:
        """Connect and read the greeting; with STARTTLS asked for, go on until TLS has started.

        Raises:
            DialogueBroken: There is no connection, no greeting, or no TLS.
        """
        from smtp_shell.client.session import Session

        self.disconnect()
        before = self.session
        self.target = target
        self._begin_recording(target)
        recorders = [self.recording] if self.recording is not None else []
        try:
            self.session = Session.open(
                target,
                # Recorded first: what has been seen is in the file, also when the program is killed.
                [*recorders, *self._consumers, self.view],
                timeouts=self.timeouts,
                tls=self.tls,
                strict=not self.options.interactive,
                source=self.options.source,
                family=self.options.family,
            )
        except DialogueBroken:
            self._end_recording()
            raise
        if before is not None:
            self.session.keep_secrets_of(before)
        self.show_certificate(self.session.tls)
        reply = self.waiting(self.session.read_reply)
        if reply is None or reply.is_negative:
            return
        if target.starttls:
            self._start_tls_at_once()
        elif self.settings.auto_ehlo:
            self.hello()

    def adopt(self, replay: Replay) -> None:
        """Go on by hand over the connection that a replay leaves open.

        Args:
            replay: The replay; its connection is this shell's from now on.
        """
        session = replay.session
        if session is None or not session.is_open:
            return
        self.disconnect()
        self.target, self.session = session.target, session
        self.recording = None
        session.subscribe(self.view)
        for consumer in self._consumers:
            session.subscribe(consumer)
        self.say(f"The connection to {session.target} is yours now.")

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        if self.session is not None:
            self.session.close()
        self._end_recording()
        self._encoder = None

    def close(self) -> None:
        """Close all that is open."""
        self.disconnect()
        if self.extra_recording is not None:
            self.extra_recording.close()

    def hello(self, verb: str = "") -> Reply | None:
        """Say EHLO, or LHLO in LMTP, with this client's name."""
        session = self.need_session()
        verb = verb or ("LHLO" if session.dialogue.lmtp else "EHLO")
        from smtp_shell.net.resolve import local_name

        return self.command(Command.of(verb, self.settings.ehlo or local_name(session.local_host)))

    def command(self, command: Command) -> Reply | None:
        """Send a command and wait for its reply.

        Returns:
            The reply, or None when the person stopped waiting.

        Raises:
            DialogueBroken: The connection broke.
        """
        session = self.need_session()
        return self.waiting(lambda: session.command(command))

    def waiting(self, wait: Callable[[], Reply]) -> Reply | None:
        """Wait for a reply; Ctrl-C stops the wait, and the reply is shown and paired when it comes.

        Raises:
            Interrupted: Ctrl-C, where nobody is there to go on.
            DialogueBroken: The connection broke.
        """
        try:
            return wait()
        except KeyboardInterrupt:
            if not self.options.interactive:
                raise Interrupted("interrupted.") from None
        if self.session is not None and self.session.is_open:
            self.session.give_up_waiting()
            self.say(
                "The wait is over; the reply is still owed, and is shown when it comes. /drop ends the connection."
            )
        return None

    def run(self, text: str) -> None:
        """Do what a line says.

        Args:
            text: The line, without its line end.

        Raises:
            SmtpShellError: It cannot be done.
        """
        line = parse(text, self.registry, self.phase)
        match line:
            case Run():
                line.entry.run(self, line.args)
            case Wire():
                self.send_as_typed(line.text)
            case Answer():
                self._answer(line.text)
            case MailDataLine():
                self._mail_data_line(line.text)
            case None:
                return
        self.finish_tls()
        if self.session is not None and not self.session.is_open:
            self._end_recording()

    def send_as_typed(self, text: str) -> None:
        """Send a line exactly as it was typed.

        Raises:
            AuthFailed: It carries a credential, the connection is in the clear, and the user does not insist.
            NotSendable: It holds CR, LF or NUL.
        """
        refuse_line_breaks(text, "the line")
        command = Command.parse(text.encode("utf-8", "surrogateescape"))
        self.need_session()
        if command.secret:
            self.insist_in_the_clear()
        self.command(command)
        if command.secret:
            self._explain_typed(command)

    def insist_in_the_clear(self) -> bool:
        """Make sure that a credential may cross this connection.

        Returns:
            Whether it goes in the clear.

        Raises:
            AuthFailed: It may not.
        """
        from smtp_shell.client.authentication import refuse_in_the_clear

        session = self.need_session()
        insists = self.settings.insecure_auth
        if not session.is_private and not insists and self._ask is not None:
            insists = self.confirm(
                "This connection is not encrypted: anyone on the way can read the credential and use it. Send it all the same?"
            )
        refuse_in_the_clear(session, allow_cleartext=insists)
        return not session.is_private

    def finish_tls(self) -> None:
        """Do the handshake if the server said 220 to STARTTLS.

        Raises:
            DialogueBroken: It failed.
        """
        session = self.session
        if session is None or not session.is_open or not session.tls_due:
            return
        self.show_certificate(session.start_tls(self.tls))
        if self.settings.auto_ehlo:
            self.hello()
        elif self.options.interactive and not (self.target and self.target.starttls):
            self.say("Say ehlo again: what the server announced in the clear counts no more (RFC 3207 §4.2).")

    def show_certificate(self, facts: TlsStarted | None) -> None:
        """Show the server's certificate."""
        if facts is None or (facts.verified and not self.options.interactive):
            return
        for row in certificate_rows(facts):
            self.say(f"  {row}", "quoted" if facts.verified else "notice")

    def stream_mail_data(self, path: Path) -> None:
        """Send a file as mail data, in pieces."""
        session = self.need_session()
        with open_message(path) as stream:
            self.waiting(lambda: session.send_message(iter(lambda: stream.read(PIECE), b"")))

    def _start_tls_at_once(self) -> None:
        """Go from the greeting into TLS, or stop: nothing else may happen in the clear when the user asked for TLS."""
        session = self.need_session()
        reply = self.hello()
        extensions = session.dialogue.extensions
        if reply is None:
            raise TlsFailed("--starttls: the wait for the reply to EHLO ended before TLS could start.")
        if reply.is_negative or extensions is None or "STARTTLS" not in extensions:
            self.disconnect()
            raise TlsFailed(
                "--starttls: the server does not announce STARTTLS (or somebody on the way takes it out); nothing was sent in the clear. "
                "Try smtps:// or leave --starttls out."
            )
        self.start_tls()
        self.hello()

    def start_tls(self) -> None:
        """Send STARTTLS and do the handshake.

        Raises:
            TlsFailed: The server refused, or the handshake failed.
        """
        session = self.need_session()
        reply = self.command(Command(b"STARTTLS"))
        if session.tls_due:
            self.finish_tls()
            return
        if reply is not None:
            said = escape(b" ".join(reply.wire_lines())[:200])
            refused = f'the server did not start TLS: it said "{said}"; nothing secret was sent.'
            if self.target is not None and self.target.starttls:
                self.disconnect()
            raise TlsFailed(refused)

    def _answer(self, text: str) -> None:
        refuse_line_breaks(text, "the answer")
        session = self.need_session()
        line = text.encode("utf-8", "surrogateescape")
        from smtp_shell.protocol.masking import describe_typed, is_secret_answer

        secret = is_secret_answer(line)
        if secret:
            self.insist_in_the_clear()
        meaning = describe_typed(line, "") if secret else ""
        session.send_sasl(line, secret=secret, meaning=meaning)
        self.waiting(session.read_reply)

    def _explain_typed(self, command: Command) -> None:
        session = self.session
        if session is None:
            return
        words = command.line.split()
        if len(words) > 2:
            from smtp_shell.protocol.masking import describe_typed

            mechanism = words[1].decode("ascii", "replace")
            session.explain(escape_str(mechanism), describe_typed(words[2], mechanism), client=True)

    def _mail_data_line(self, text: str) -> None:
        session = self.need_session()
        if "\r" in text or "\n" in text or "\0" in text:
            raise NotSendable(
                "mail data: the line holds CR, LF or NUL; use data < FILE, or /raw to send octets as they are."
            )
        if text == ".":
            self._encoder = None
            self.waiting(session.end_message)
            return
        if self._encoder is None:
            self._encoder = MailDataEncoder()
        octets = self._encoder.encode(text.encode("utf-8", "surrogateescape") + b"\n")
        session.send_mail_data(octets)
        if self.options.interactive and octets.startswith(b".."):
            self.say(
                f"   C: {escape_str(octets[:-2].decode('utf-8', 'surrogateescape'))}   (a dot that begins a line is doubled)"
            )
        if self.options.interactive and text.strip().lower() in ("quit", "/exit", "/quit", "exit"):
            self.say(
                "That went into the mail as text. A dot alone on a line ends the mail data; Ctrl-C offers to drop the connection."
            )

    def _count(self, entry: Entry) -> None:
        event = entry.event
        if isinstance(event, Noticed) and event.kind is NoticeKind.UNFORESEEN:
            self.failed_replies += 1
            self.refusal = f"{event.sentence}."
        elif isinstance(event, ReplyReceived) and event.reply.is_negative and event.seconds is not None:
            self.failed_replies += 1
            for_now = " for now" if event.reply.code // 100 == 4 else ""
            self.refusal = f'the server refused{for_now}: "{event.reply.one_line()}".'

    def _begin_recording(self, target: Target) -> None:
        if not self.options.recording:
            return
        from smtp_shell.recording.library import automatic

        try:
            self.recording = automatic(target, on_failure=self.say_loudly)
        except SmtpShellError as error:
            self.say_loudly(f"this session is not recorded: {error}")

    def _end_recording(self) -> None:
        if self.recording is not None:
            self.recording.close()

    def record_to(self, path: Path, *, overwrite: bool = False) -> None:
        """Record everything from here on to a file.

        Raises:
            SmtpShellError: It cannot be made.
        """
        from smtp_shell.recording.library import recording_header
        from smtp_shell.recording.recording import Recording

        target = self.session.target if self.session is not None else self.target
        self.extra_recording = Recording.create(
            path, recording_header(target), overwrite=overwrite, on_failure=self.say_loudly
        )
        self.consume(self.extra_recording)

    def say_loudly(self, text: str) -> None:
        """Show a sentence that must not be missed."""
        self.say(text, "error")


def open_message(path: Path) -> BinaryIO:
    """Open a file with a message.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return path.expanduser().open("rb")
    except OSError as error:
        raise UsageError(f"{escape_str(str(path))} cannot be read: {error.strerror}; nothing was sent.") from None
