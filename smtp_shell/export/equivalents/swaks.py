r"""A dialogue as swaks commands, in a script for a POSIX shell.

swaks reads `SWAKS_OPT_auth_password`, so that the password is never an argument. Its repairs of a message (`\n`, `%DATE%` and the like,
dots) are turned off where they would change it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtp_shell.config import PASSWORD_VARIABLE
from smtp_shell.export.equivalents.deliveries import parameter_left_out
from smtp_shell.export.equivalents.posix_shell import (
    DELIMITER,
    can_be_document,
    command,
    document,
    is_word,
    printf_format,
    word,
)
from smtp_shell.export.equivalents.script import (
    CERTIFICATE_VARIABLE,
    NO_SECRET,
    Script,
    login_remark,
    server_words,
    shown_mechanism,
)
from smtp_shell.net.target import Way
from smtp_shell.protocol.octets import CRLF, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smtp_shell.export.equivalents.acts import LoggedIn
    from smtp_shell.export.equivalents.deliveries import Delivery
    from smtp_shell.export.equivalents.routes import Route
    from smtp_shell.export.equivalents.spool import Spool

_MECHANISMS = frozenset({"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM"})
_REPAIRED = re.compile(rb"\\n|%(?:BODY|NEWLINE|NEW_HEADERS|FROM_ADDRESS|TO_ADDRESS|MESSAGEID|SWAKS_VERSION|DATE)%")


def swaks_script(script: Script, spool: Spool) -> Iterator[str]:
    """Yield the lines of the script.

    Args:
        script: The deliveries, and what is known of the dialogue.
        spool: Where the messages are.
    """
    yield from script.head("swaks")
    for delivery in script.found.each:
        yield "\n"
        yield from _delivery(delivery, spool)


def _delivery(delivery: Delivery, spool: Spool) -> Iterator[str]:
    options, remarks = _options(delivery)
    yield from Script.remarks(remarks)
    environment = ""
    if delivery.login is not None and delivery.login.mechanism not in NO_SECRET:
        environment = f'SWAKS_OPT_auth_password="${PASSWORD_VARIABLE}" '
    body = delivery.body
    if body is None:
        stage = {"": "BANNER", "STARTTLS": "TLS"}.get(delivery.reached, delivery.reached)
        yield from command([*options, f"--quit-after {stage}"], before=environment)
        return
    if not delivery.is_whole:
        yield from Script.remarks(["the mail data was not ended, and swaks always ends it: it stops after DATA."])
        yield from command([*options, "--drop-after DATA"], before=environment)
        return
    if _stays_as_it_is(spool.lines(body)) and can_be_document(spool.lines(body)):
        options = [*options, "--no-strip-from", "--data -"]
        yield from command(options, before=environment, after=f" <<'{DELIMITER}'")
        yield from document(_with_end(spool.lines(body)))
        return
    yield from Script.remarks(["the message is given as it goes over the wire, for swaks would change it."])
    yield "{\n"
    for line in _on_the_wire(spool.lines(body)):
        yield f"printf {printf_format(line)}\n"
    yield "} | "
    yield from command([*options, "--no-data-fixup", "--data -"], before=environment)


def _options(delivery: Delivery) -> tuple[list[str], list[str]]:
    """Return the program with its options, quoted, and remarks on what it cannot do."""
    remarks: list[str] = []
    options = ["swaks", *_transport(delivery, remarks)]
    if delivery.is_lmtp:
        options.append("--protocol LMTP")
    elif delivery.hello == "HELO":
        options.append("--protocol SMTP")
    for option, octets in _values(delivery):
        if not octets or octets.startswith(b"-") or not is_word(octets):
            remarks.append(f"swaks cannot be given this value for {option}: {escape(octets) or 'nothing'}")
        else:
            options.append(f"{option} {word(octets)}")
    if any("," in path.mailbox for path in delivery.recipients):
        remarks.append("an address with a comma is left out: swaks takes it for two.")
    options += [f"--xclient {word(each)}" for each in delivery.xclient if is_word(each) and each[:1] not in (b"", b"-")]
    if delivery.pipelined:
        options.append("--pipeline")
    for parameter in delivery.parameters:
        if parameter.upper() == "PRDR":
            options.append("--prdr")
        else:
            remarks.append(parameter_left_out(parameter))
    options += _tls(delivery, remarks)
    if delivery.login is not None:
        options += _login(delivery.login, remarks)
    return options, remarks


def _transport(delivery: Delivery, remarks: list[str]) -> list[str]:
    target = delivery.target
    if delivery.route.proxy is not None:
        remarks.append("swaks goes through no proxy; it connects directly.")
    if target is not None and target.way is not Way.TCP:
        return [f"{'--pipe' if target.way is Way.PIPE else '--socket'} {word(target.host.encode())}"]
    host, port = server_words(target, remarks)
    words = [f"--server {word(f'[{host}]'.encode() if ':' in host else host.encode())}", f"--port {port}"]
    if delivery.route.source:
        words.append(f"--local-interface {word(delivery.route.source.encode())}")
    return [*words, *_proxy_header(delivery.route, remarks)]


def _proxy_header(route: Route, remarks: list[str]) -> Iterator[str]:
    if route.version == 1 and is_word(text := route.header.removeprefix(b"PROXY ").removesuffix(CRLF)):
        yield f"--proxy {word(text)}"
    elif route.ends is not None:
        (source, port), (destination, to) = route.ends
        yield f"--proxy-version 2 --proxy-family {'AF_INET6' if ':' in source else 'AF_INET'}"
        yield f"--proxy-source {source} --proxy-source-port {port}"
        yield f"--proxy-dest {destination} --proxy-dest-port {to}"
    elif route.version:
        remarks.append("swaks sends no PROXY header of version 2 without addresses; it is left out.")


def _values(delivery: Delivery) -> Iterator[tuple[str, bytes]]:
    if delivery.hello:
        yield "--ehlo", delivery.name
    if delivery.sender is not None:
        yield "--from", delivery.sender.mailbox.encode("utf-8", "surrogateescape") or b"<>"
    for_to = [path.mailbox.encode("utf-8", "surrogateescape") for path in delivery.recipients]
    if for_to:
        yield "--to", b",".join(each for each in for_to if b"," not in each)


def _tls(delivery: Delivery, remarks: list[str]) -> Iterator[str]:
    if not delivery.tls:
        return
    yield "--tls-on-connect" if delivery.tls == "implicit" else "-tls"
    if delivery.verified:
        yield "--tls-verify"
        remarks.append("an authority of your own is named with --tls-ca-path FILE.")


def _login(login: LoggedIn, remarks: list[str]) -> Iterator[str]:
    mechanism = login.mechanism
    if mechanism in NO_SECRET:
        remarks.append(f"swaks has no mechanism {shown_mechanism(login)}, so nobody is authenticated.")
        if mechanism == "EXTERNAL":
            yield f'--tls-cert "${CERTIFICATE_VARIABLE}" --tls-key "${CERTIFICATE_VARIABLE}"'
        return
    if mechanism not in _MECHANISMS:
        remarks.append(f"swaks has no mechanism {shown_mechanism(login)}; it chooses one of its own.")
        yield "--auth"
    else:
        yield f"--auth {mechanism}"
    user = login.user.encode("utf-8", "surrogateescape")
    if user and is_word(user) and not user.startswith(b"-"):
        yield f"--auth-user {word(user)}"
    else:
        remarks.append("the user's name is not known here, and swaks asks for it.")
    yield "--auth-hide-password"
    remarks.append(login_remark(login))


def _stays_as_it_is(lines: Iterable[bytes]) -> bool:
    """Return whether swaks leaves a message as it is but for its line ends and dots."""
    in_header, has_end = True, False
    for number, line in enumerate(lines):
        if _REPAIRED.search(line) or (not number and line.startswith(b".")):
            return False
        if in_header and line == CRLF:
            if not number:
                return False
            in_header, has_end = False, True
    return has_end


def _with_end(lines: Iterable[bytes]) -> Iterator[bytes]:
    yield from lines
    yield b".\r\n"


def _on_the_wire(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines dot-stuffed, and the dot at the end, whose CRLF swaks adds."""
    at_start = True
    for line in lines:
        yield b"." + line if at_start and line.startswith(b".") else line
        at_start = line.endswith(CRLF)
    yield b"." if at_start else b"\r\n."
