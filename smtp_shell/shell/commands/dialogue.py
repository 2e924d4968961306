"""Lines to the server: the shorthands, and `/raw` for octets as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.protocol.addresses import parse_paths
from smtp_shell.protocol.commands import Command, refuse_line_breaks
from smtp_shell.protocol.maildata import MailDataEncoder, in_chunks
from smtp_shell.protocol.octets import unescape
from smtp_shell.protocol.phases import Asked, Phase
from smtp_shell.protocol.replies import Reply
from smtp_shell.shell.chunks import send_octets
from smtp_shell.shell.completion import CompletionContext, files_after_sign, mail_parameters, rcpt_parameters
from smtp_shell.shell.envelope_lines import mail_command, rcpt_commands
from smtp_shell.shell.handshakes import start_tls
from smtp_shell.shell.owed_replies import check_between_commands
from smtp_shell.shell.raw_octets import holds_secret
from smtp_shell.shell.registry import Args, shell_command, shorthand
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from smtp_shell.client.session import Session

_RAW_LISTEN_SECONDS = 0.05


def _is_nothing(text: str) -> bool:
    return not text


def _is_paths(text: str) -> bool:
    return parse_paths(text) is not None


def _is_file(text: str) -> bool:
    return text.startswith("<")


def _is_nothing_or_file(text: str) -> bool:
    return _is_nothing(text) or _is_file(text)


@shorthand("ehlo", rfc="RFC 5321 §4.1.1.1", applies=_is_nothing)
def ehlo(shell: Shell, args: Args) -> None:
    """Greet the server; its reply lists its extensions.

    Alone it goes out as EHLO with a name: --ehlo's, else this host's. `ehlo anything` goes out as typed.
    """
    shell.hello("EHLO")


@shorthand("helo", rfc="RFC 5321 §4.1.1.1", applies=_is_nothing)
def helo(shell: Shell, args: Args) -> None:
    """Greet the server as before 1995, with no extensions.

    Alone it goes out as HELO with a name, as `ehlo` does. `helo anything` goes out as typed.
    """
    shell.hello("HELO")


@shorthand("lhlo", rfc="RFC 2033 §4.1", applies=_is_nothing)
def lhlo(shell: Shell, args: Args) -> None:
    """Greet an LMTP server with this client's name.

    Alone it goes out as LHLO with a name, as `ehlo` does. `lhlo anything` goes out as typed.
    """
    shell.hello("LHLO")


@shorthand(
    "mail", "ADDRESS [PARAMETER…] [< FILE]", rfc="RFC 5321 §4.1.1.2", applies=_is_paths, complete=mail_parameters
)
def mail(shell: Shell, args: Args) -> None:
    """Begin a mail transaction, with its reverse-path.

    `mail ann@example.org size=1200` sends MAIL FROM:<ann@example.org> SIZE=1200.
    `mail ann@example.org < letter.eml` adds the SIZE and the BODY of that file, where the server has announced them.
    `mail <>` is the null reverse-path, for bounces. `MAIL FROM:<…>` and anything else goes out as typed.
    A domain in other letters than ASCII is sent as IDNA 2008 writes it (xn--…), unless SMTPUTF8 is among the parameters.
    A value that is written in xtext (ENVID, ORCPT, AUTH) is put into it: `envid="Order 7"`.
    """
    from smtp_shell.shell.message_files import open_message, size_parameters, split_file

    refuse_line_breaks(args.text, "mail")
    typed, file = split_file(args.text)
    command = mail_command(typed)
    if file:
        with open_message(Args(args.name, file)) as stream:
            added = size_parameters(stream, shell.need_session().dialogue, typed)
        command = Command.parse(b" ".join((command.line, *(each.encode() for each in added))))
    shell.command(command)


@shorthand("rcpt", "ADDRESS… [PARAMETER…]", rfc="RFC 5321 §4.1.1.3", applies=_is_paths, complete=rcpt_parameters)
def rcpt(shell: Shell, args: Args) -> None:
    """Name one recipient or more.

    `rcpt bob@example.org carol@example.org` sends a RCPT TO:<…> for each.
    Parameters belong to the address before them: `rcpt bob@example.org notify=success,failure orcpt=rfc822;bob+x@example.org`.
    The address in ORCPT is put into xtext.
    """
    for command in rcpt_commands(args.text):
        if shell.command(command) is None:
            return


def _message_file(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    yield from files_after_sign(context, text)
    if "<" in text:
        yield "--raw", "untouched, with whatever is wrong in it"


@shorthand("data", "[< FILE]", rfc="RFC 5321 §4.1.1.4", applies=_is_nothing_or_file, complete=_message_file)
def data(shell: Shell, args: Args) -> None:
    r"""Send the mail data; a dot alone on a line ends it.

    In the editor Alt-Enter writes the dot and sends (Emacs keys); /help keys has more.
    Type it after the 354, or stream a file with `data < FILE`. Line ends go out as CRLF, and a dot that begins a line is
    doubled (transparency, RFC 5321 §4.5.2). A file that is larger than the server announced is named before it goes out.
    `data < FILE --raw` sends the file untouched, with whatever is wrong in it.
    It goes out as DATA, however it is typed; `/raw data\r\n` sends your own letters.
    """
    if not args.text:
        shell.command(Command(b"DATA"))
        return
    from smtp_shell.shell.file_progress import SendingProgress
    from smtp_shell.shell.message_files import advice_before, open_message, read_pieces
    from smtp_shell.shell.untouched import UNTOUCHED, send_untouched, split_raw

    args, untouched = split_raw(args)
    with open_message(args) as stream:
        session = shell.need_session()
        if advice := advice_before(stream, session.dialogue):
            shell.say(advice, "notice")
        progress = SendingProgress.of(stream)
        pieces = progress.counted(read_pieces(stream))
        reply = shell.command(Command(b"DATA"))
        if shell.phase is Phase.MAILDATA and untouched:
            shell.say(UNTOUCHED, "notice")
            with shell.outlet.showing_mail_data():
                shell.waiting(lambda: send_untouched(session, pieces), progress.words)
        elif shell.phase is Phase.MAILDATA:
            shell.mail_data.send_message(pieces, progress.words)
        elif reply is None:
            shell.say("The file was not sent.", "notice")


@shorthand("bdat", "< FILE", rfc="RFC 3030 §2", applies=_is_file, complete=_message_file)
def bdat(shell: Shell, args: Args) -> None:
    r"""Send a file in chunks, with no dots to double.

    Each chunk is a BDAT, the last one with LAST; `/set chunk-size` says how many octets a chunk has. Line ends go out as CRLF, or
    with BODY=BINARYMIME or --raw as they are. The server must announce CHUNKING, since another would take the chunks for commands.
    It stops at the first chunk that is refused.
    By hand: `/raw BDAT 4 LAST\r\ntext`, or BDAT as typed, and its octets with /raw.
    """
    from smtp_shell.shell.file_progress import SendingProgress
    from smtp_shell.shell.message_files import advice_before, is_binary, open_message, read_pieces
    from smtp_shell.shell.untouched import mended_remark, split_raw

    session = shell.need_session()
    check_between_commands(session)
    _check_chunking(shell, session)
    args, untouched = split_raw(args)
    with open_message(args) as stream:
        if advice := advice_before(stream, session.dialogue):
            shell.say(advice, "notice")
        encoder = None if untouched or is_binary(session.dialogue) else MailDataEncoder(transparent=False)
        progress = SendingProgress.of(stream)
        chunks = in_chunks(progress.counted(read_pieces(stream)), shell.settings.chunk_size, encoder)
        reply = shell.waiting(lambda: _send_chunks(session, chunks), progress.words)
        if encoder is not None and (remark := mended_remark(encoder)):
            shell.say(remark, "notice")
        if reply is None and all(owed.asked is not Asked.CHUNK for owed in session.dialogue.owed):
            shell.say("The rest of the file was not sent, so the message is not whole; rset gives it up.", "notice")


def _check_chunking(shell: Shell, session: Session) -> None:
    extensions = session.dialogue.extensions
    if extensions is not None and "CHUNKING" in extensions:
        return
    known = "has not announced CHUNKING" if extensions is not None else "has not been asked with ehlo for CHUNKING"
    if not shell.confirm(f"The server {known}, and may take the lines of the file for commands. Send it all the same?"):
        raise UsageError(f"bdat: the server {known}; nothing was sent. Use data < FILE.")


def _send_chunks(session: Session, chunks: Iterator[bytes]) -> Reply:
    """Send each chunk when the next one is known, since the last one says that it is the last."""
    held = next(chunks)
    for chunk in chunks:
        reply = session.send_bdat(held, last=False)
        if reply.is_negative:
            return reply
        held = chunk
    return session.send_bdat(held, last=True)


@shorthand("starttls", rfc="RFC 3207 §4", applies=_is_nothing)
def starttls(shell: Shell, args: Args) -> None:
    r"""Go on inside TLS, with the certificate verified.

    STARTTLS, then after the 220 the handshake; the certificate is shown. What EHLO announced before counts no more, so say
    ehlo again. Text in the clear after the 220 ends the session.
    It goes out as STARTTLS, however it is typed; `/raw starttls\r\n` sends your own letters.
    """
    start_tls(shell)


@shorthand("quit", rfc="RFC 5321 §4.1.1.10", applies=_is_nothing)
def quit_(shell: Shell, args: Args) -> None:
    r"""End the dialogue: QUIT, then close; the shell stays.

    It goes out as QUIT, however it is typed; `/raw quit\r\n` sends your own letters.
    /exit or Ctrl-D leaves the shell.
    """
    session = shell.need_session()
    reply = shell.command(Command(b"QUIT"))
    if reply is not None and session.is_open:
        shell.disconnect()


@shell_command("/raw", "OCTETS")
def raw(shell: Shell, args: Args) -> None:
    r"""Send octets as they are, with nothing added.

    \r \n \t \xNN and \\ are escapes.
    `/raw EHLO x\r\nMAIL FROM:<a@example.org>\r\n` pipelines by hand, `/raw .\n` ends a line with LF alone.
    Replies are shown as they come; /wait waits for them. A line that has no end yet goes on with the next /raw, or with the next line.
    What must precede the greeting: /connect with --no-wait; in -c and -f a PROXY header in the first line goes before it anyway.
    """
    if not args.text:
        raise UsageError(r"/raw takes the octets to send, such as NOOP\r\n; see /help /raw.")
    octets = unescape(args.text)
    session = shell.need_session()
    if holds_secret(session, octets):
        shell.confirm_cleartext()
    send_octets(shell, octets)
    if shell.options.interactive and session.is_open:
        session.listen(_RAW_LISTEN_SECONDS)
