"""The way back to where a dialogue was, over another connection.

No credential was kept: AUTH is done again with a password from where it came from before, which may be the user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str, quoted

if TYPE_CHECKING:
    from smtp_shell.protocol.commands import Command
    from smtp_shell.shell.reached import Point
    from smtp_shell.shell.shell import Shell


def offer_way_back(shell: Shell, point: Point) -> None:
    """Ask the user whether to go back to where the dialogue was when its connection was lost, and do so.

    Raises:
        SmtpShellError: A step cannot be done.
    """
    if not (point.is_lost and point.is_beyond_greeting and shell.options.interactive and _is_greeted(shell)):
        return
    if shell.confirm(f"Go on to where it was ({point.steps})?"):
        go_back(shell, point)
        if point.transaction and shell.confirm(f"And the mail transaction ({point.transaction})?"):
            repeat_transaction(shell, point)


def go_back(shell: Shell, point: Point) -> None:
    """Do again what led to a point: EHLO, STARTTLS, EHLO, AUTH. What the new connection has already is not done twice.

    Raises:
        UsageError: A step was refused; the steps before it were done.
        TlsFailed: TLS was on before and cannot be started now. Nothing more is sent, and no credential.
        SmtpShellError: A step cannot be done.

    Source: RFC 3207 section 4.2
    """
    from smtp_shell.shell.handshakes import start_tls

    session = shell.need_session()
    if not _is_greeted(shell):
        raise UsageError("the server has not greeted this client; there is no way back to where the dialogue was.")
    hello = point.hello or shell.hello_command()
    if point.in_tls and session.tls is None:
        _said(shell, hello)
        start_tls(shell, advises=False)
    if point.hello is not None and (shell.reached is None or shell.reached.point.hello is None):
        _said(shell, hello)
    if point.mechanism and not session.user:
        _authenticate(shell, point)
    shell.say(f"Back where the dialogue was: {point.steps}.")


def repeat_transaction(shell: Shell, point: Point) -> None:
    """Send the MAIL and RCPT commands of a transaction again. Its mail data is the user's to send.

    Raises:
        UsageError: One was refused.
        SmtpShellError: The connection broke.
    """
    if point.mail is None:
        raise UsageError("no mail transaction was open, or its message may have been accepted: nothing is repeated.")
    for command in (point.mail, *point.recipients):
        _said(shell, command)
    shell.say("Back in the mail transaction; data comes next." if point.recipients else "Back in the mail transaction.")


def _is_greeted(shell: Shell) -> bool:
    session = shell.session
    greeting = session.dialogue.greeting if session is not None and session.is_open else None
    return greeting is not None and not greeting.is_negative


def _said(shell: Shell, command: Command) -> None:
    """Send a command; raise if it is refused, or the user stops the wait for its reply."""
    reply = shell.command(command)
    if reply is None or reply.code // 100 != 2:
        why = f"it said {quoted(reply.one_line())}" if reply is not None else "the wait for its reply was stopped"
        raise UsageError(f"the way back ends at {escape_str(command.verb)}: {why}; go on by hand.")


def _authenticate(shell: Shell, point: Point) -> None:
    """Do the AUTH exchange again; what it lacks is asked for."""
    import shlex

    from smtp_shell.protocol.sasl import MECHANISMS
    from smtp_shell.shell.registry import Args

    if point.mechanism not in MECHANISMS:
        name = escape_str(point.mechanism)
        raise UsageError(f"the way back ends at AUTH: its {name} was done by hand, and so is the next one.")
    shell.last_user = point.user or shell.last_user
    auth = shell.registry["auth"]
    words = f"{point.mechanism} {shlex.quote(point.user)}" if point.user else point.mechanism
    auth.run(shell, Args("auth", words, auth.options))
    if not shell.need_session().user:
        raise UsageError("the way back ends at AUTH, which was not accepted; go on by hand.")
