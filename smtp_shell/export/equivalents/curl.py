"""A dialogue as curl commands, in a script for a POSIX shell.

The password goes to curl through a configuration on descriptor 3, so that it is never an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from smtp_shell.config import PASSWORD_VARIABLE, PROXY_PASSWORD_VARIABLE
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
    TOKEN_MECHANISMS,
    Script,
    login_remark,
    server_words,
    shown_mechanism,
)
from smtp_shell.net.target import Way
from smtp_shell.protocol.octets import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.export.equivalents.acts import LoggedIn
    from smtp_shell.export.equivalents.deliveries import Delivery
    from smtp_shell.export.equivalents.routes import Route
    from smtp_shell.export.equivalents.spool import Spool
    from smtp_shell.protocol.addresses import EnvelopePath

_MECHANISMS = frozenset({"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM"})
_NO_LMTP = "curl speaks no LMTP, so this delivery is left out."
_NO_PIPE = "curl connects to no program, so this delivery is left out."


def curl_script(script: Script, spool: Spool) -> Iterator[str]:
    """Yield the lines of the script.

    Args:
        script: The deliveries, and what is known of the dialogue.
        spool: Where the messages are.
    """
    yield from script.head("curl")
    for delivery in script.found.each:
        yield "\n"
        if delivery.is_lmtp:
            yield from Script.remarks([_NO_LMTP])
        elif delivery.target is not None and delivery.target.way is Way.PIPE:
            yield from Script.remarks([_NO_PIPE])
        else:
            yield from _delivery(delivery, spool)


def _delivery(delivery: Delivery, spool: Spool) -> Iterator[str]:
    remarks: list[str] = []
    configuration: list[str] = []
    options = [*_connection(delivery, remarks), *_route(delivery.route, configuration, remarks)]
    if delivery.login is not None:
        options += _login(delivery.login, configuration, remarks)
    # The lines of an AUTH exchange, and the password of a proxy, are among what -v shows.
    is_secret = delivery.login is not None or bool(configuration)
    if is_secret:
        remarks.append("curl -v would show the dialogue, and the password in base64 with it.")
    if configuration:
        options.insert(1, "--config /dev/fd/3")
        configuration.append("CONFIGURATION\n")
    options.insert(0, "curl -sS" if is_secret else "curl -v")
    body = delivery.body if delivery.is_whole else None
    if body is None:
        remarks.append(
            "no whole message was sent, and curl cannot stop in the middle of one: it says NOOP in its place."
        )
        options.append("--request NOOP")
    else:
        options += _envelope(delivery, remarks)
    is_document = body is not None and can_be_document(spool.lines(body))
    if body is not None and not is_document:
        remarks.append("the message is written with printf, for it holds more than printable lines.")
    yield from Script.remarks(remarks)
    third = " 3<<CONFIGURATION" if configuration else ""
    if body is None:
        yield from command(options, after=third)
        yield from configuration
        return
    if is_document:
        yield from command([*options, "--crlf", "--upload-file -"], after=f"{third} <<'{DELIMITER}'")
        yield from configuration
        yield from document(spool.lines(body))
        return
    yield "{\n"
    yield from (f"printf {printf_format(line)}\n" for line in spool.lines(body))
    yield "} | "
    yield from command([*options, "--upload-file -"], after=third)
    yield from configuration


def _connection(delivery: Delivery, remarks: list[str]) -> Iterator[str]:
    """Yield the URL and the options about the connection."""
    target = delivery.target
    scheme = "smtps" if delivery.tls == "implicit" else "smtp"
    name = quote(delivery.name, safe="")
    if delivery.hello == "HELO":
        remarks.append("curl says EHLO first, and HELO only where that is refused.")
    if target is not None and target.way is Way.UNIX:
        yield f"--unix-socket {word(target.host.encode())}"
        yield f"smtp://localhost/{name}"
    else:
        host, port = server_words(target, remarks)
        host = f"[{host}]" if ":" in host else quote(host, safe="")
        yield word(f"{scheme}://{host}:{port}/{name}".encode())
    if delivery.tls == "starttls":
        yield "--ssl-reqd"
    if delivery.tls and delivery.verified is False:
        remarks.append("the certificate was not verified here, so it is not verified there.")
        yield "--insecure"
    if delivery.verified:
        remarks.append("an authority of your own is named with --cacert FILE.")
    for parameter in delivery.parameters:
        if parameter.upper().startswith("AUTH=") and is_word(value := parameter[5:].encode("utf-8", "surrogateescape")):
            yield f"--mail-auth {word(value)}"
        elif parameter.upper() != "SMTPUTF8":
            remarks.append(parameter_left_out(parameter))
        elif all(path.mailbox.isascii() for path in (delivery.sender, *delivery.recipients) if path is not None):
            remarks.append("curl says SMTPUTF8 only where an address needs it.")
    if delivery.xclient:
        remarks.append("curl has no XCLIENT; it is left out.")
    if delivery.pipelined:
        remarks.append("curl sends one command at a time; here they went out together (PIPELINING).")


def _route(route: Route, configuration: list[str], remarks: list[str]) -> Iterator[str]:
    """Yield the options about how to connect; the password of a proxy goes into the configuration."""
    if route.proxy is not None:
        proxy = route.proxy
        yield f"--proxy {word(f'{proxy.scheme}://{proxy.target}'.encode())}"
        if proxy.scheme == "http":
            yield "--proxytunnel"
        if proxy.user:
            configuration.append(
                _name_and_secret(
                    "proxy-user", word(proxy.user.encode("utf-8", "surrogateescape")), PROXY_PASSWORD_VARIABLE
                )
            )
            remarks.append(f"the password of the proxy comes from {PROXY_PASSWORD_VARIABLE}.")
    if route.source:
        yield f"--interface {word(route.source.encode())}"
    if route.version:
        yield "--haproxy-protocol"
        remarks.append("curl sends a PROXY header of version 1, with the addresses of its own connection.")


def _login(login: LoggedIn, configuration: list[str], remarks: list[str]) -> Iterator[str]:
    mechanism = login.mechanism
    if ":" in login.user or not login.user:
        remarks.append(
            "the user's name is not known here or has a colon, which curl cannot take; put yours in place of USER."
        )
    user = login.user.encode("utf-8", "surrogateescape") if ":" not in login.user else b""
    shown = word(user) if user and is_word(user) else "USER"
    if mechanism in TOKEN_MECHANISMS:
        yield f"--user {shown}:"
        configuration.append(f'oauth2-bearer = "{_quoted_variable(PASSWORD_VARIABLE)}"\n')
        return
    if mechanism == "EXTERNAL":
        yield f'--cert "${CERTIFICATE_VARIABLE}"'
        yield "--login-options AUTH=EXTERNAL"
        yield f"--user {shown}:"
        return
    if mechanism in NO_SECRET or mechanism not in _MECHANISMS:
        remarks.append(f"not every curl has the mechanism {shown_mechanism(login)}; it chooses one of its own.")
    else:
        yield f"--login-options AUTH={mechanism}"
    if login.initial:
        yield "--sasl-ir"
    configuration.append(_name_and_secret("user", shown, PASSWORD_VARIABLE))
    remarks.append(login_remark(login))


def _name_and_secret(option: str, name: str, variable: str) -> str:
    """Return the line of the configuration with a user, given as a word of the shell, and the secret of a variable."""
    prefix = f"$(printf '%s:' {name} | sed 's/[\\\\\"]/\\\\&/g')"
    return f'{option} = "{prefix}{_quoted_variable(variable)}"\n'


def _quoted_variable(variable: str) -> str:
    """Return what the shell replaces by the secret, with what curl's configuration asks for before quotes and backslashes."""
    return f"$(printf '%s' \"${variable}\" | sed 's/[\\\\\"]/\\\\&/g')"


def _envelope(delivery: Delivery, remarks: list[str]) -> Iterator[str]:
    if delivery.sender is not None:
        yield from _path("--mail-from", delivery.sender, remarks)
    for path in delivery.recipients:
        yield from _path("--mail-rcpt", path, remarks)
    if delivery.has_refusal:
        yield "--mail-rcpt-allowfails"


def _path(option: str, path: EnvelopePath, remarks: list[str]) -> Iterator[str]:
    octets = path.mailbox.encode("utf-8", "surrogateescape")
    if not is_word(octets):
        remarks.append(f"curl cannot be given this value for {option}: {escape(octets)}")
        return
    yield f"{option} {word(octets)}"
