"""Commands about the connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.net.target import as_one_word, parse_domain, parse_target
from smtp_shell.protocol.octets import escape, escape_str, unescape
from smtp_shell.shell.command_options import parser_options
from smtp_shell.shell.completion import CompletionContext, Option, hosts, one_of
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from argparse import Namespace

    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.net.target import Target
    from smtp_shell.net.tls_identity import TlsSession
    from smtp_shell.protocol.events import TlsStarted
    from smtp_shell.servers.inbox import Inbox
    from smtp_shell.servers.practice import PracticeServer
    from smtp_shell.shell.command_options import GivenOptions
    from smtp_shell.shell.reached import Point


_PRACTICE = "practice"
_FORMS = {
    "v1": "text, with this connection's addresses",
    "v2": "octets, with this connection's addresses",
    "v1-unknown": "text, with no address",
    "v2-local": "octets, with no address",
}


def _connect_options() -> tuple[Option, ...]:
    from smtp_shell.shell.connecting import connect_parser

    return parser_options(connect_parser(), {"--proxy-protocol": one_of(_FORMS)})


@shell_command(
    "/connect",
    "HOST[:PORT] | HOST PORT | mx:DOMAIN | URL | PROFILE | practice",
    complete=hosts,
    options=_connect_options,
)
def connect(shell: Shell, args: Args) -> None:
    """Connect to a server.

    HOST:PORT, smtp://, smtps:// (TLS from the first octet), lmtp://, smtp+unix:/path, lmtp+unix:/path, or pipe:COMMAND.
    A port is a number or the name of a service, such as submission.
    `practice` is the practice server of this shell, which is started if there is none. A host of that name is smtp://practice.
    The name of a profile of the configuration is its server, with its user, its TLS and its settings, up to the next /connect.
    mx:DOMAIN, or DOMAIN with --mx, is the first host of a mail domain that greets.
    --probe compares the ports 25, 465 and 587 of a host, or those of --ports (25,4465/tls), and says which to use. The connection stays.
    With --no-wait, /raw can send what must precede the greeting. The password of a proxy is asked for.
    A PROXY header has this connection's addresses, or those that --proxy-source and --proxy-destination name.
    What is left out is as on the command line, and `none` leaves out what stands there.
    A connection that is open is closed first.
    """
    from smtp_shell.shell.connecting import parse_connect
    from smtp_shell.shell.mail_hosts import connect as connect_to
    from smtp_shell.shell.profiles import near_profile, undone_if_not_connected

    line, places = parse_connect(args.words)
    if len(places) == 2 and not line.probe:
        places = [as_one_word(*places)] if as_one_word(*places) else places
    if len(places) != 1:
        raise UsageError("/connect takes one address, and --tls or --starttls, and --no-wait; see /help /connect.")
    if line.ports is not None and not line.probe:
        raise UsageError("/connect: --ports names the ports of --probe; leave it out, or write HOST:PORT.")
    if line.probe:
        _probe(shell, places[0], line, _connection(shell, line))
        return
    with undone_if_not_connected(shell):
        target = _place(shell, places[0], line)
        try:
            connect_to(shell, target, greets=not line.no_wait, connection=_connection(shell, line))
        except ConnectFailed as error:
            if name := near_profile(shell, target.host):
                error.message += f" If the profile was meant: /connect {name}."
            raise


def _connection(shell: Shell, line: Namespace) -> ConnectSettings:
    from smtp_shell.shell.connecting import connection_of

    return connection_of(line, shell.connection, shell.ask if shell.options.interactive else None)


def _place(shell: Shell, place: str, line: Namespace) -> Target:
    """Return the server that a place names: with its profile in use, or with none."""
    from smtp_shell.shell.profiles import is_profile, leave_profile, use_profile

    if place == _PRACTICE or not is_profile(shell, place):
        target = _practice_target(shell, line) if place == _PRACTICE else _target_of(place, line)
        leave_profile(shell)
        return target
    if line.mx:
        raise UsageError(
            f"/connect {escape_str(place)} is a profile, which says itself what its server is; leave --mx out."
        )
    target = use_profile(shell, place)
    if line.tls or line.starttls:
        return replace(target, tls=line.tls, starttls=line.starttls)
    return target


def _target_of(place: str, line: Namespace) -> Target:
    if line.mx:
        return parse_domain(place, tls=line.tls, starttls=line.starttls)
    return parse_target(place, tls=line.tls, starttls=line.starttls, mx=True)


def _probe(shell: Shell, host: str, line: Namespace, connection: ConnectSettings) -> None:
    from smtp_shell.shell.probe import PORTS, probe

    if line.tls or line.starttls or line.mx or line.no_wait:
        raise UsageError("/connect --probe tries every port with and without TLS; leave the other options out.")
    probe(shell, host, line.ports or PORTS, connection)


def _practice_target(shell: Shell, line: Namespace) -> Target:
    from smtp_shell.net.target import Target, Way

    if line.tls:
        raise UsageError("/connect practice: it begins TLS with STARTTLS only; use --starttls, or type starttls.")
    server = shell.options.practice or _start_practice(shell)
    return Target(Way.TCP, server.host, server.port, starttls=line.starttls)


def _start_practice(shell: Shell) -> PracticeServer:
    """Start a practice server that ends with the shell.

    Raises:
        UsageError: None can be started here.
        ConnectFailed: No port of loopback can be listened on.
    """
    if shell.options.start_practice is None:
        raise UsageError(
            "/connect practice: there is no practice server here; start `smtp-shell practice`. "
            "A host of that name is smtp://practice."
        )
    server, facts = shell.options.start_practice(shell.options.interactive)
    shell.at_close.append(server.stop)
    shell.options = replace(shell.options, practice=server, inbox=server.inbox)
    shell.last_user = shell.last_user or server.user
    for fact in facts:
        shell.say(fact)
    return server


@shell_command(
    "/reconnect",
    options=(
        Option("--back", "and back to where the dialogue was: EHLO, STARTTLS, EHLO, AUTH"),
        Option("--mail", "with --back: MAIL and RCPT too; the message is yours to send again"),
        Option("--resume", "go on from the last TLS session, if the server takes that up"),
    ),
)
def reconnect(shell: Shell, args: Args) -> None:
    """Connect to the same server again, in the same way, and go back to where the dialogue was if you want.

    After a connection that was lost it asks: EHLO, STARTTLS, EHLO and AUTH are then done again, and the mail transaction if you say so.
    --back does these steps without a question.
    A password is asked for if it was asked for before. Where TLS was on and cannot be started now, nothing more is sent.
    After a /connect that failed it goes back to the last server that answered.
    A demand for TLS (--tls, --starttls) holds for the new connection too.
    """
    from smtp_shell.shell.mail_hosts import connect as connect_to
    from smtp_shell.shell.profiles import profile_for, undone_if_not_connected

    wanted = args.read()
    if wanted.words:
        raise UsageError("/reconnect takes no address: it goes to the same server; see /help /reconnect.")
    if "--mail" in wanted and "--back" not in wanted:
        raise UsageError("/reconnect --mail repeats a mail transaction after the steps of --back; give both.")
    resume = _session_to_resume(shell) if "--resume" in wanted else None
    target = shell.answered or shell.target
    if target is None:
        raise UsageError("there was no connection yet; use /connect HOST[:PORT].")
    reached = shell.reached
    point = reached.point if reached is not None and reached.point.address == str(target) else None
    try:
        with undone_if_not_connected(shell):
            profile_for(shell, target)
            if shell.target not in (None, target):
                shell.say(
                    f"Back to {target}, the last server that answered. {shell.target} did not: /connect tries it again."
                )
            connect_to(shell, target, connection=replace(shell.ways.get(target, shell.connection), resume=resume))
    except BaseException:  # Ctrl-C too
        shell.reached = reached  # another /reconnect may succeed
        raise
    if point is not None:
        _go_back(shell, point, wanted)


def _go_back(shell: Shell, point: Point, wanted: GivenOptions) -> None:
    from smtp_shell.shell.way_back import go_back, offer_way_back, repeat_transaction

    if "--back" not in wanted:
        offer_way_back(shell, point)
        return
    if point.is_beyond_greeting:
        go_back(shell, point)
    if "--mail" in wanted:
        repeat_transaction(shell, point)


def _session_to_resume(shell: Shell) -> TlsSession:
    session = shell.session
    if session is not None:
        if session.is_open:
            session.look()  # with TLS 1.3 the ticket comes after the handshake
        if found := session.transport.tls_session:
            return found
    raise UsageError(
        "/reconnect --resume: the last connection has left no session of TLS that can be resumed; /reconnect makes a new one."
    )


@shell_command("/disconnect")
def disconnect(shell: Shell, args: Args) -> None:
    """Close the connection, without QUIT.

    `quit` asks the server first; /drop breaks off at once.
    """
    args.none()
    shell.need_session()
    shell.disconnect()


@shell_command("/drop", options=(Option("--rst", "with a TCP reset, as from a client that crashed"),))
def drop(shell: Shell, args: Args) -> None:
    """Drop the TCP connection at once, in the middle of anything."""
    given = args.read()
    if given.words:
        raise UsageError("/drop takes nothing but --rst; see /help /drop.")
    shell.drop(reset="--rst" in given)


@shell_command("/status")
def status(shell: Shell, args: Args) -> None:
    """Show connection, phase, TLS, user and recording; and how to reach the practice server."""
    args.none()
    for name, value in _facts(shell):
        shell.say(f"  {name:<12} {value}", "quoted")


def _facts(shell: Shell) -> Iterator[tuple[str, str]]:
    session = shell.session
    if session is None or not session.is_open:
        back = "/reconnect or " if shell.target is not None else ""
        yield "connection", f"none; {back}/connect HOST[:PORT]"
    else:
        peer, local = session.transport.peer, session.transport.local
        shown = f" ({peer})" if peer and peer != str(session.target) else ""
        yield "connection", f"{session.target}{shown}"
        if shell.profile is not None:
            yield "profile", shell.profile.name
        if local is not None:
            yield "from", f"[{local[0]}]:{local[1]}" if ":" in local[0] else f"{local[0]}:{local[1]}"
        if session.transport.through:
            yield "through", session.transport.through
        yield "protocol", "LMTP" if session.dialogue.lmtp else "SMTP"
        yield "phase", session.dialogue.standing.value
        owed = ", ".join(str(each) for each in session.dialogue.owed)
        yield "owed", owed or "nothing"
        greeting, extensions = session.dialogue.greeting, session.dialogue.extensions
        yield "greeting", greeting.one_line() if greeting else "none yet"
        yield "extensions", str(len(extensions.keywords)) if extensions else "say ehlo"
        yield "tls", _tls_words(session.tls)
        yield "user", escape_str(session.user) or "none"
        if session.user and shell.login is not None and shell.login.session is session:
            yield "login", str(shell.login)
    server = shell.options.practice
    if server is not None:
        yield "practice", f"{server.host}:{server.port}; /connect practice"
        yield "its user", escape_str(server.user)
        yield "its password", server.shown_password
        yield "its token", f"{server.token.reveal()} (XOAUTH2, OAUTHBEARER)"
        yield "its CA file", escape_str(str(server.ca_file))
    recordings = shell.recordings
    yield "recording", str(recordings.session.path) if recordings.session else "none"
    if recordings.own is not None:
        yield "also", str(recordings.own.path)
    for capture in (recordings.capture, recordings.live):
        if capture is not None:
            yield "capture", escape_str(str(capture.path))


def _tls_words(facts: TlsStarted | None) -> str:
    if facts is None:
        return "none: all of this can be read on the way"
    return f"{facts.version} {facts.cipher} {'verified' if facts.verified else 'NOT VERIFIED'}"


@shell_command("/wait", "[SECONDS]")
def wait(shell: Shell, args: Args) -> None:
    """Wait for what is owed, or for whatever comes.

    Without SECONDS the wait for each reply is bounded as usual.
    When nothing is owed, SECONDS (default 1) pass, and what the server says meanwhile is shown.
    """
    session = shell.need_session()
    seconds = _seconds(args)
    if session.dialogue.owed:
        shell.waiting(lambda: session.read_late(seconds))
        return
    with shell.waiting_for(lambda: "whatever the server says"):
        session.listen(1.0 if seconds is None else seconds)


def _seconds(args: Args) -> float | None:
    if not args.text:
        return None
    try:
        seconds = float(args.text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise UsageError("/wait takes a number of seconds from 0 to 86400.")
    return seconds


def _messages(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    mail = context.shell_options.inbox if context.shell_options is not None else None
    for message in mail.messages() if mail is not None and not text else ():
        yield str(message.number), message.subject or f"from <{escape(message.sender)}>"


@shell_command("/inbox", "[NUMBER]", complete=_messages)
def inbox(shell: Shell, args: Args) -> None:
    """List or show the practice server's mail."""
    mail, server = shell.options.inbox, shell.options.practice
    if mail is None:
        raise UsageError("there is no practice server here yet; /connect practice starts one.")
    if args.text:
        _show_message(shell, mail, args.text)
        return
    messages = mail.messages()
    if not messages:
        shell.say("  no mail yet.")
    for message in messages:
        to = ", ".join(escape(each) for each in message.recipients[:3])
        sender = escape(message.sender)
        subject = escape(unescape(message.subject).replace(b"\t", b" "))  # a folded field often has one
        shell.say(f"  {message.number:>3}  {message.size:>8,}  <{sender}> -> {to}  {subject}", "quoted")
        for request in message.requests:
            shell.say(f"                 DSN: {request}", "quoted")
    if messages and shell.options.interactive:
        shell.say(f"  /inbox {messages[-1].number} shows the last one.")
    if server is not None:
        user, password = escape_str(server.user), server.shown_password
        shell.say(f"  server {server.host}:{server.port}, user {user}, password {password}")
        shell.say(f"  token for XOAUTH2 and OAUTHBEARER: {server.token.reveal()}")


def _show_message(shell: Shell, mail: Inbox, text: str) -> None:
    numbers = {str(message.number): message.number for message in mail.messages()}
    if text not in numbers:
        raise UsageError(f"/inbox: there is no message {escape_str(text)}; /inbox lists them.")
    message = mail.read(numbers[text])
    for line in message.replace(b"\r\n", b"\n").split(b"\n"):
        shell.say(f"  | {_as_text(line)}", "quoted")
    from smtp_shell.lint.files import lint_message

    for finding in lint_message(message):
        if finding.severity != "advice":
            shell.say(f"  line {finding.line}: {finding}", "reply.4")


def _as_text(octets: bytes) -> str:
    """Return octets of a mail as printable text. A tab is white space, as to whoever reads the mail."""
    return escape(octets.expandtabs())
