"""`/send`: the draft, by a whole transaction over the shell's connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.client.transaction import Envelope, transact
from smtp_shell.display.themes import reply_mark
from smtp_shell.errors import NotSendable, Refused, UsageError
from smtp_shell.message.building import lay_out
from smtp_shell.message.mailboxes import parse_mailboxes
from smtp_shell.protocol.announcements import size_limit
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.replies import Extensions
from smtp_shell.shell.composing import check_whole
from smtp_shell.shell.file_progress import SendingProgress
from smtp_shell.shell.owed_replies import check_between_commands

if TYPE_CHECKING:
    from smtp_shell.client.transaction import Outcome
    from smtp_shell.message.building import Layout
    from smtp_shell.message.draft import Draft
    from smtp_shell.shell.composition import Composition
    from smtp_shell.shell.shell import Shell

_DROPPED = "Stopped in the mail data: the connection was dropped before the final dot, so no message was sent. /reconnect connects again."


class Wishes(Struct, frozen=True):
    """How the user wants a message to be sent.

    Args:
        bdat: In chunks.
        pipeline: The commands before the message in one write.
        smtputf8: With the header in UTF-8.
        sender: The reverse-path, as typed; None for the draft's.
    """

    bdat: bool = False
    pipeline: bool = False
    smtputf8: bool = False
    sender: str | None = None


def send_draft(shell: Shell, composition: Composition, wishes: Wishes) -> None:
    """Send a draft step by step, and show what became of each recipient.

    Raises:
        UsageError: The draft is not whole, the server waits for something else than a command, or it has not announced what is wanted;
            nothing was sent.
        NotSendable: An address needs SMTPUTF8, and the server does not announce it; nothing was sent.
        Refused: The server takes neither EHLO nor HELO.
        MessageChanged: An attachment has changed; no message was sent.
        DialogueBroken: The connection broke.
    """
    draft = composition.whole
    check_whole(draft)
    session = shell.need_session()
    shell.await_decision()
    check_between_commands(session)
    if not _greet(shell):
        return
    extensions = session.dialogue.extensions or Extensions({})  # after HELO there are none
    _check_announced(extensions, wishes)
    smtputf8 = uses_smtputf8(draft, extensions, wanted=wishes.smtputf8 or composition.smtputf8)
    layout = lay_out(draft, smtputf8=smtputf8, eight_bit=smtputf8 and _announces(extensions, "8BITMIME"))
    envelope = envelope_of(draft, layout, extensions, smtputf8=smtputf8, sender=wishes.sender)
    _say_if_too_large(shell, layout, extensions)
    if session.phase in (Phase.MAIL, Phase.RCPT):
        shell.say("A transaction is open; RSET gives it up first.", "notice")
        shell.command(Command(b"RSET"))
    progress = SendingProgress(layout.size)
    with shell.outlet.showing_mail_data():
        outcome = shell.waiting(
            lambda: transact(
                session,
                envelope,
                lambda: progress.counted(layout.pieces()),
                bdat=wishes.bdat,
                pipeline=wishes.pipeline,
            ),
            progress.words,
        )
    if outcome is None:
        if not session.is_open:
            shell.say(_DROPPED, "notice")
        elif session.phase in (Phase.MAIL, Phase.RCPT):
            shell.say("The message was not sent whole; rset gives it up.", "notice")
        return
    _show_outcome(shell, outcome)
    if outcome.is_delivered:
        shell.composition = replace(composition, is_sent=True)


def uses_smtputf8(draft: Draft, extensions: Extensions | None, *, wanted: bool) -> bool:
    """Return whether a message goes with SMTPUTF8: where an address needs it, or the user wants it.

    It is not used without need, since a message with it reaches only servers that all announce it.

    Raises:
        NotSendable: An address needs it, and the server does not announce it.
        UsageError: The user wants it, and the server does not announce it.

    Source: RFC 6531 section 3.2
    """
    if extensions is None or "SMTPUTF8" in extensions:
        return wanted or draft.needs_smtputf8
    if wanted and not draft.needs_smtputf8:
        raise UsageError(
            "SMTPUTF8: the server does not announce it, and nothing was sent; without --smtputf8 the header is in ASCII."
        )
    for each in draft.mailboxes:
        if each.needs_smtputf8:
            raise NotSendable(
                f"the address {escape_str(each.address)} needs SMTPUTF8 for what stands before its @ (RFC 6531); "
                "the server does not announce it, and nothing was sent."
            )
    return False


def envelope_of(
    draft: Draft, layout: Layout, extensions: Extensions | None, *, smtputf8: bool, sender: str | None = None
) -> Envelope:
    """Return the envelope of a draft, with the parameters that the server has announced and the message needs.

    Raises:
        UsageError: The sender is no address.
        NotSendable: It holds CR, LF or NUL.

    Source: RFC 1870 section 4, RFC 6152 section 2, RFC 6531 section 3.4
    """
    parameters = []
    if _announces(extensions, "SIZE"):
        parameters.append(f"SIZE={layout.size}")
    if layout.has_eight_bit and _announces(extensions, "8BITMIME"):
        parameters.append("BODY=8BITMIME")
    if smtputf8:
        parameters.append("SMTPUTF8")
    found = [draft.sender] if sender is None else parse_mailboxes(sender.strip().removeprefix("<>"), "--mail-from")
    if len(found) > 1:
        raise UsageError("--mail-from takes one address, or <> for the null reverse-path; nothing was sent.")
    path = found[0] if found else None
    return Envelope(
        "" if path is None else path.address if smtputf8 else path.ascii_address,
        tuple(each.address if smtputf8 else each.ascii_address for each in draft.recipients),
        tuple(parameters),
    )


def _announces(extensions: Extensions | None, keyword: str) -> bool:
    return extensions is not None and keyword in extensions


def _greet(shell: Shell) -> bool:
    """Read the greeting and say EHLO, where that is still to be done; return whether to go on.

    Source: RFC 5321 section 3.2
    """
    shell.greet()
    session = shell.need_session()
    if session.phase not in (Phase.GREETING, Phase.FRESH):
        return True
    reply = shell.hello()
    if reply is not None and reply.code in (500, 502) and not session.dialogue.lmtp:
        reply = shell.hello("HELO")
    if reply is not None and reply.is_negative:
        raise Refused("the server refused the greeting; the message was not sent.")
    return reply is not None


def _check_announced(extensions: Extensions | None, wishes: Wishes) -> None:
    for is_wanted, option, keyword in (
        (wishes.bdat, "--bdat", "CHUNKING"),
        (wishes.pipeline, "--pipeline", "PIPELINING"),
    ):
        if is_wanted and not _announces(extensions, keyword):
            raise UsageError(f"/send {option}: the server has not announced {keyword}; nothing was sent.")


def _say_if_too_large(shell: Shell, layout: Layout, extensions: Extensions | None) -> None:
    limit = size_limit(extensions)
    if limit and limit < layout.size:
        shell.say(
            f"The message has {layout.size:,} octets, and the server takes {limit:,} (SIZE, RFC 1870).",
            "notice",
        )


def _show_outcome(shell: Shell, outcome: Outcome) -> None:
    for each in outcome.recipients:
        assert each.reply is not None, "a whole transaction decides about every recipient"
        word = "accepted" if each.accepted else "refused"
        shell.say(f"  {escape_str(each.recipient)}  {word}: {each.reply.one_line()}", reply_mark(each.reply.code)[1])
