"""Where a dialogue stands, beyond its phase: what was announced, which commands were refused, and the mail transaction."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from smtp_shell.lint.moments import View
from smtp_shell.lint.verbs import KNOWN_VERBS
from smtp_shell.protocol.commands import HELLOS, Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.phases import Asked, Owed, Phase
from smtp_shell.protocol.replies import Extensions, Reply
from smtp_shell.protocol.written_paths import parameters_of, written_path

MOST_OF_COMMAND = 8 * 1024
_MOST_DOMAINS = 1_000
_ENDS_TRANSACTION = frozenset({*HELLOS, "RSET"})


class Standing:
    """What rules know of a dialogue. The attributes are those of `View`, which has their meanings."""

    def __init__(self) -> None:
        self.hello = ""
        self.announced: Extensions | None = None
        self.announced_before_tls: Extensions | None = None
        self.hello_since_tls = self.started_tls = False
        self.sent: set[str] = set()
        self.accepted: set[str] = set()
        self.refused: set[str] = set()
        self.failure = b""
        self.mails = self.last_code = 0
        self.after_message = self.data_refused = self.in_text = False
        self.authenticated = False
        self.mechanism = ""
        self.sender: bytes | None = None
        self.parameters: Mapping[str, bytes] = {}
        self.recipients = self.refusals = self.chunks = 0
        self.domains: frozenset[bytes] = frozenset()

    def view(self, dialogue: Dialogue, owed: tuple[Owed, ...], *, tls: bool, is_recorded: bool) -> View:
        """Return where the dialogue stands, as a value.

        Args:
            dialogue: The state of the dialogue.
            owed: The replies that are owed.
            tls: Whether it is inside TLS.
            is_recorded: Whether every reply is known.
        """
        return View(
            phase=dialogue.standing,
            tls=tls,
            hello=self.hello,
            announced=self.announced,
            announced_before_tls=self.announced_before_tls,
            is_recorded=is_recorded,
            owed=owed,
            sent=frozenset(self.sent),
            accepted=frozenset(self.accepted),
            refused=frozenset(self.refused),
            sender=self.sender,
            mail_parameters=MappingProxyType(self.parameters),
            recipients=self.recipients,
            refusals=self.refusals,
            domains=self.domains,
            chunks=self.chunks,
            authenticated=self.authenticated,
            mechanism=self.mechanism,
            failure=self.failure,
            started_tls=self.started_tls,
            hello_since_tls=self.hello_since_tls,
            last_code=self.last_code,
            mails=self.mails,
            after_message=self.after_message,
            data_refused=self.data_refused,
            in_text=self.in_text,
        )

    def begin_transaction(self, sender: bytes | None) -> None:
        """Forget the mail transaction, and begin another.

        Args:
            sender: The line of its MAIL command; None for none.
        """
        self.sender = sender
        self.parameters = parameters_of(sender) if sender is not None else {}
        self.recipients = self.refusals = self.chunks = 0

    def enter_tls(self) -> None:
        """Forget what was announced in the clear.

        Source: RFC 3207 section 4.2
        """
        self.announced_before_tls, self.announced = self.announced, None
        self.started_tls, self.hello_since_tls = True, False
        self.begin_transaction(None)

    def command_sent(self, command: Command, *, in_transaction: bool) -> None:
        """Record that a command was sent.

        Args:
            command: The command.
            in_transaction: Whether a mail transaction is open.
        """
        verb = command.verb
        if not self.in_text:
            self.after_message = self.data_refused = False
        self.sent.add(verb if verb in KNOWN_VERBS else "")
        if verb in HELLOS:
            self.hello_since_tls = True
        elif verb == "AUTH":
            words = command.shown.split()
            self.mechanism = words[1].upper().decode("ascii", "replace") if len(words) > 1 else ""
        elif verb == "MAIL":
            self.mails += 1
            if not in_transaction:
                self.begin_transaction(command.shown[:MOST_OF_COMMAND])
        elif verb == "RCPT":
            self._note_domain(command.shown[:MOST_OF_COMMAND])
        elif verb == "BDAT":
            self.chunks += 1

    def _note_domain(self, line: bytes) -> None:
        domain = domain_of(line)
        if domain and len(self.domains) < _MOST_DOMAINS:
            self.domains |= {domain}

    def reply_received(self, owed: Owed, reply: Reply, dialogue: Dialogue, *, is_whole: bool) -> None:
        """Record what a reply says, before the dialogue takes it in.

        Args:
            owed: What it answers.
            reply: The reply.
            dialogue: The state of the dialogue.
            is_whole: Whether all its lines are known.
        """
        verb, good = owed.verb, reply.code < 400
        if owed.asked in (Asked.END_OF_DATA, Asked.CHUNK):
            self.begin_transaction(_pending_mail(dialogue))
            return
        if not verb:
            return
        self._verdict(owed, reply, good=good)
        if verb in _ENDS_TRANSACTION and good:
            self.begin_transaction(_pending_mail(dialogue))
        if verb in HELLOS and good:
            self.hello = verb
            self.announced = Extensions.parse(reply) if is_whole and verb != "HELO" else None
        elif verb == "MAIL" and not good and dialogue.phase not in (Phase.MAIL, Phase.RCPT):
            self.begin_transaction(None)
        elif verb == "RCPT" and self.sender is not None:
            self.recipients += good
            self.refusals += not good
        elif verb == "DATA" and not good:
            self.data_refused = True
        elif verb == "AUTH" and reply.code == 235:
            self.authenticated = True

    def _verdict(self, owed: Owed, reply: Reply, *, good: bool) -> None:
        verb = owed.verb if owed.verb in KNOWN_VERBS else ""
        if good:
            self.accepted.add(verb)
            self.refused.clear()
            self.failure = b""
        else:
            self.refused.add(verb)
        if reply.code // 100 == 5 and owed.command is not None:
            self.failure = owed.command.shown[:MOST_OF_COMMAND]


def domain_of(line: bytes) -> bytes:
    """Return the domain of a recipient in lower case; empty if there is none, as of Postmaster, or if it is a variable.

    Args:
        line: The line of a RCPT command.
    """
    path = written_path(line)
    if path is None or not path.is_known:
        return b""
    _, at, domain = path.mailbox.rpartition(b"@")
    return domain.lower() if at else b""


def _pending_mail(dialogue: Dialogue) -> bytes | None:
    """Return the line of the oldest MAIL command that was sent already, and whose reply is owed: a second one is out of order."""
    lines = [each.command.shown for each in dialogue.owed if each.verb == "MAIL" and each.command is not None]
    return lines[0][:MOST_OF_COMMAND] if lines else None
