"""The dialogue of `smtp-shell send`: stage after stage, up to the end or to where it is to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.cli.send_options import with_parameters
from smtp_shell.client.transaction import Outcome, RecipientOutcome, Step, transact
from smtp_shell.display.late_progress import late_progress
from smtp_shell.errors import DialogueBroken, Interrupted, SmtpShellError, TlsFailed, UsageError
from smtp_shell.message.building import lay_out
from smtp_shell.net.target import UNIX, Way, parse_domain, parse_target
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.maildata import END_OF_DATA
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.handshakes import start_tls
from smtp_shell.shell.mail_hosts import connect
from smtp_shell.shell.sending import envelope_of, uses_smtputf8
from smtp_shell.shell.untouched import UNTOUCHED, send_untouched

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from smtp_shell.cli.send_message import FileMessage
    from smtp_shell.client.session import Session
    from smtp_shell.client.transaction import Envelope
    from smtp_shell.message.building import Layout
    from smtp_shell.message.draft import Draft
    from smtp_shell.net.target import Target
    from smtp_shell.protocol.replies import Extensions
    from smtp_shell.shell.shell import Shell

_STEPS = {"mail": Step.MAIL, "rcpt": Step.RCPT, "data": Step.DATA}
_NOT_ANNOUNCED = (
    "--starttls: the server does not announce STARTTLS (or somebody on the way takes it out); nothing was sent in the clear. "
    "Try smtps:// or leave --starttls out."
)


class SendDialogue:
    """One message over one connection.

    Args:
        shell: A shell that is not connected.
        options: The parsed options, checked.
        draft: The message, or its envelope only.
        message: The message where it is in a file; None for the draft's.
    """

    def __init__(self, shell: Shell, options: argparse.Namespace, draft: Draft, message: FileMessage | None) -> None:
        self._shell = shell
        self._options = options
        self._draft = draft
        self._message = message
        self._stop = options.quit_after or options.drop_after or ""
        self._outcome: Outcome | None = None

    def run(self) -> tuple[int, Outcome | None]:
        """Have the dialogue; return the exit status, and what became of the transaction, if there was one.

        Raises:
            SmtpShellError: There is no connection, no TLS or no authentication, or the dialogue broke.
        """
        options, shell = self._options, self._shell
        target = _target(options)
        shell.change_settings(replace(shell.settings, times=True))
        shell.view.look = replace(shell.view.look, typed_data=not options.hide_data)
        if options.record is not None:
            shell.target = target
            shell.record_to(options.record, overwrite=options.force, times=not options.no_times)
        try:
            if self._greets(target):
                self._transact()
        except Interrupted:
            raise
        except SmtpShellError:
            self._end()
            raise
        status = self._status()
        self._end()
        return status, self._outcome

    @property
    def _session(self) -> Session:
        return self._shell.need_session()

    @property
    def _extensions(self) -> Extensions | None:
        return self._session.dialogue.extensions

    def _greets(self, target: Target) -> bool:
        """Do all that comes before the transaction; return whether to go on with that."""
        stages: tuple[tuple[str, Callable[[], None]], ...] = (
            ("connect", lambda: connect(self._shell, replace(target, starttls=False))),
            ("first-ehlo", self._hello),
            ("starttls", self._start_tls),
            ("ehlo", self._hello_again),
            ("auth", self._authenticate),
            ("before", self._lines_before),
        )
        for name, act in stages:
            if name == "first-ehlo" and self._options.drop_after_send == "ehlo":
                self._drop_after(self._hello_command())
                return False
            act()
            if self._shell.refusals.number and not self._options.keep_going:
                return False
            if name == self._stop:
                return False
        return True

    def _hello_command(self) -> Command:
        from smtp_shell.net.resolve import local_name

        verb = "HELO" if self._options.helo else "LHLO" if self._session.dialogue.lmtp else "EHLO"
        return Command.of(verb, self._options.ehlo or local_name(self._session.transport.local_host))

    def _hello(self) -> None:
        self._shell.command(self._hello_command())

    def _hello_again(self) -> None:
        if self._session.tls is not None and not self._session.target.tls:
            self._hello()

    def _start_tls(self) -> None:
        """Start TLS where that was asked for.

        Raises:
            TlsFailed: It does not start.
        """
        options, extensions = self._options, self._extensions
        announced = extensions is not None and "STARTTLS" in extensions
        if options.starttls and not announced:
            raise TlsFailed(_NOT_ANNOUNCED)
        if announced and (options.starttls or options.starttls_if_offered):
            start_tls(self._shell)

    def _authenticate(self) -> None:
        """Authenticate where a user or a mechanism is named.

        Raises:
            AuthFailed: Nobody is authenticated.
        """
        options, extensions = self._options, self._extensions
        if options.auth_if_offered and not (extensions is not None and extensions.mechanisms):
            self._shell.say("--auth-if-offered: the server announces no AUTH, and nobody is authenticated.", "notice")
        elif options.user or options.mechanism:
            words = ("auth", options.mechanism, "--initial-response" if options.initial_response else "")
            self._shell.run(" ".join(filter(None, words)))

    def _lines_before(self) -> None:
        for line in self._options.before:
            before = self._shell.refusals.number
            self._shell.run(line)
            if self._shell.refusals.number > before and not self._options.keep_going:
                return

    # The transaction

    def _transact(self) -> None:
        options = self._options
        if options.before and self._session.phase is Phase.FRESH:  # XCLIENT and STARTTLS begin the dialogue anew
            self._hello()
            if self._session.phase is Phase.FRESH:
                return
        envelope, layout = self._prepared()
        if options.drop_after_send:
            self._drop_after_send(envelope, layout)
            return
        if options.raw:
            self._shell.say(UNTOUCHED, "notice")
        stop = Step.DATA if options.raw and self._stop not in ("mail", "rcpt") else _STEPS.get(self._stop)
        with late_progress("sending the message", at_once=False) as progress:
            self._outcome = self._shell.waiting(
                lambda: transact(
                    self._session,
                    envelope,
                    lambda: progress.counted(layout.pieces(), layout.size),
                    bdat=options.bdat,
                    pipeline=options.pipeline,
                    stop_after=stop,
                )
            )
        if options.raw and self._stop != "data" and self._outcome is not None and self._session.phase is Phase.MAILDATA:
            self._outcome = self._sent_raw(self._outcome, layout)

    def _prepared(self) -> tuple[Envelope, Layout]:
        """Return the envelope and the message, as this server can take them.

        Raises:
            UsageError: It has not announced what is wanted.
            NotSendable: A value would not stay one command line, or has no form that the server takes.
        """
        options, draft, extensions = self._options, self._draft, self._extensions
        for option, keyword in (("bdat", "CHUNKING"), ("pipeline", "PIPELINING")):
            if getattr(options, option) and (extensions is None or keyword not in extensions):
                raise UsageError(f"--{option}: the server has not announced {keyword}; no message was sent.")
        smtputf8 = uses_smtputf8(draft, extensions, wanted=options.smtputf8)
        eight_bit = smtputf8 and extensions is not None and "8BITMIME" in extensions
        layout = self._message or lay_out(draft, smtputf8=smtputf8, eight_bit=eight_bit)
        envelope = envelope_of(draft, layout, extensions, smtputf8=smtputf8, sender=options.mail_from)
        return with_parameters(envelope, options), layout

    def _sent_raw(self, begun: Outcome, layout: Layout) -> Outcome:
        """Send the message untouched after the 354; return what became of it."""
        reply = self._shell.waiting(lambda: send_untouched(self._session, layout.pieces()))
        if reply is None:
            return begun
        found = (RecipientOutcome(each.recipient, reply) if each.accepted else each for each in begun.recipients)
        return Outcome(Step.MESSAGE, reply, tuple(found), is_done=True)

    def _drop_after_send(self, envelope: Envelope, layout: Layout) -> None:
        """Close the connection after a command was sent, and before its reply."""
        mail, recipients = envelope.commands()
        stage = self._options.drop_after_send
        if stage == "mail":
            self._drop_after(mail)
        elif stage == "rcpt":
            self._shell.command(mail)
            self._drop_after(recipients[0])
        else:
            before = transact(
                self._session, envelope, layout.pieces, stop_after=Step.RCPT if stage == "data" else Step.DATA
            )
            if stage == "data" and not before.reply.is_negative:
                self._drop_after(Command(b"DATA"))
            elif self._session.phase is Phase.MAILDATA:
                self._drop_after_message(layout)

    def _drop_after(self, command: Command) -> None:
        self._session.send(command)
        self._shell.drop()

    def _drop_after_message(self, layout: Layout) -> None:
        from smtp_shell.protocol.maildata import MailDataEncoder

        encoder = MailDataEncoder()
        for piece in layout.pieces():
            self._session.send_mail_data(encoder.encode(piece))
        self._session.send_mail_data(encoder.end()[: -len(END_OF_DATA)], last=True)
        self._shell.drop()

    # The end

    def _status(self) -> int:
        """Return the exit status of a dialogue that did not break, and say what was refused."""
        shell, outcome = self._shell, self._outcome
        if not shell.refusals.number:
            return 0
        refused = outcome.refused if outcome is not None else ()
        for each in refused:
            said = each.reply.one_line() if each.reply is not None else ""
            shell.say_loudly(f"smtp-shell: {escape_str(each.recipient)} was refused: {said}")
        if not refused:
            shell.say_loudly(f"smtp-shell: {shell.refusals.last}")
        return 1

    def _end(self) -> None:
        """Send QUIT, or drop the connection where that was asked for. What goes wrong now changes nothing about the message."""
        shell = self._shell
        session = shell.session
        if session is None or not session.is_open:
            return
        if self._options.drop_after or session.phase in (Phase.MAILDATA, Phase.AUTH, Phase.TLS):
            shell.drop()
            return
        try:
            shell.command(Command(b"QUIT"))
        except DialogueBroken as error:
            shell.say(f"smtp-shell: {error}", "notice")
        shell.disconnect()


def _target(options: argparse.Namespace) -> Target:
    """Return the server, or the domain whose mail hosts are meant.

    Raises:
        UsageError: `--server` names none, or one that speaks no LMTP.
    """
    text: str = options.server
    if options.mx:
        target = parse_domain(text, tls=options.tls, starttls=options.starttls)
    elif options.lmtp and "://" not in text and not text.startswith((*UNIX, "pipe:", "mx:")):
        target = parse_target(f"lmtp://{text}", tls=options.tls, starttls=options.starttls)
    else:
        target = parse_target(text, tls=options.tls, starttls=options.starttls, mx=True)
    if options.lmtp and target.way is Way.MX:
        raise UsageError("--lmtp: the mail hosts of a domain speak SMTP; leave --lmtp out, or name one server.")
    return replace(target, lmtp=True) if options.lmtp else target
