"""`/connect --probe`: the ports of one server compared, and which to use."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from smtp_shell.client.survey import Plan, Survey, survey_all
from smtp_shell.display.surveys import comparison, short_reason
from smtp_shell.errors import ConnectFailed, UsageError
from smtp_shell.net.literals import family_of
from smtp_shell.net.target import parse_target
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.net.target import Target
    from smtp_shell.shell.shell import Shell

PORTS = "25,465/tls,587"
_MOST_PORTS = 4
_SECONDS_TO_CONNECT = 10.0
_SECONDS_TO_TALK = 30.0
_SMTP, _SUBMISSION = 25, 587


def plan_of(shell: Shell, target: Target, connection: ConnectSettings | None = None) -> Plan:
    """Return how the shell surveys ports: as it would connect, but with less patience.

    Args:
        shell: The shell.
        target: The server.
        connection: How connections are opened; None for the shell's way.
    """
    from smtp_shell.config import Timeouts
    from smtp_shell.net.tls_check import check_tls
    from smtp_shell.shell.settings import tls_settings, trusting_practice

    tls = trusting_practice(tls_settings(shell.options, shell.settings), shell.options.practice, target)
    check_tls(tls)
    limit = shell.settings.timeout
    times = Timeouts().all(limit or _SECONDS_TO_CONNECT)
    return Plan(tls, connection or shell.connection, times, limit * 2 or _SECONDS_TO_TALK, shell.settings.ehlo)


def probe(shell: Shell, host: str, ports: str, connection: ConnectSettings) -> None:
    """Survey the ports of a server at the same time, and compare them.

    Args:
        shell: The shell.
        host: The server, without a port.
        ports: The ports, with commas between them; `/tls` after one: TLS from the first octet.
        connection: How connections are opened.

    Raises:
        UsageError: That is no host, or these are no ports.
        ConnectFailed: No port answers.
    """
    targets = probe_targets(host, ports)
    begun = time.monotonic()
    left = [target.port for target in targets]

    def ended(survey: Survey) -> None:
        left.remove(survey.target.port)

    with shell.waiting_for(lambda: f"port {', '.join(map(str, left))} of {escape_str(host)}"):
        surveys = survey_all(targets, plan_of(shell, targets[0], connection), ended)
    sentences = list(advice(surveys))
    facts = {
        "probe": targets[0].host,
        "ports": [survey.facts() for survey in surveys],
        "advice": sentences,
        "seconds": round(time.monotonic() - begun, 3),
    }
    rows = [*comparison(surveys), *((f"  {sentence}", "quoted") for sentence in sentences)]
    shell.view.answer(rows, [facts])
    if not any(survey.is_reached for survey in surveys):
        raise ConnectFailed(f"no connection to {escape_str(host)}: no port answers; check the host and the network.")


def probe_targets(host: str, ports: str, taker: str = "--probe") -> list[Target]:
    """Return the ports of a server as targets.

    Args:
        host: The server, without a port.
        ports: The ports, with commas between them; `/tls` after one: TLS from the first octet.
        taker: What takes the host, for messages.

    Raises:
        UsageError: That is no host, or these are no ports.
    """
    words = ports.split(",")
    if len(words) > _MOST_PORTS:
        raise UsageError(f"--ports takes {_MOST_PORTS} ports at most, as many as a table has room for.")
    found = []
    for word in words:
        number = re.fullmatch(r"([0-9]{1,5})(/tls)?", word)
        if number is None or not 1 <= int(number[1]) <= 65535:
            raise UsageError(f"--ports takes numbers, such as {PORTS}, and not {escape_str(word)}.")
        found.append(_at(host, int(number[1]), taker, tls=bool(number[2]) or int(number[1]) == 465))
    if len({target.port for target in found}) < len(found):
        raise UsageError("--ports names a port twice; once is enough.")
    return found


def _at(host: str, port: int, taker: str, *, tls: bool) -> Target:
    if (":" in host and not host.startswith("[") and family_of(host) is None) or "/" in host or re.search(r"\]:", host):
        raise UsageError(f"{taker} takes a host without a port, and not {escape_str(host)}; --ports names the ports.")
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return parse_target(f"{shown}:{port}", tls=tls)


def advice(surveys: Sequence[Survey]) -> Iterator[str]:
    """Yield which port to use for what, in sentences.

    Source: RFC 8314 section 3, RFC 6409 section 3.1
    """
    usable = [each for each in surveys if each.is_welcome and each.is_verified and each.secured_mechanisms]
    best = min(usable, key=_rank, default=None)
    if best is not None:
        how = "TLS from the first octet" if best.target.tls else "STARTTLS"
        yield f"To submit mail with a password: port {best.target.port}, with {how} ({_command(best)})."
    else:
        yield f"To submit mail with a password: none of these ports, {_why_none(surveys)}."
    plain = next((each for each in surveys if each.target.port == _SMTP), None)
    if plain is not None and plain.is_welcome:
        secure = " with STARTTLS" if plain.is_verified else ", and TLS does not protect it" if plain.tls is None else ""
        yield f"From server to server: port {_SMTP}{secure}."
    for each in surveys:
        if each.mechanisms:
            yield f"Port {each.target.port} takes passwords in the clear ({' '.join(each.mechanisms)}): start TLS first."
        if each.doubt:
            yield f"Port {each.target.port}: {short_reason(each.doubt)}; /connect to it, and /tls tells more."


def _rank(survey: Survey) -> tuple[bool, bool]:
    """Return what sorts the ports for submission: TLS from the first octet first, and the port for it before others."""
    return not survey.target.tls, survey.target.port != _SUBMISSION


def _command(survey: Survey) -> str:
    if survey.target.tls:
        return f"/connect smtps://{survey.target}"
    return f"/connect {survey.target} --starttls"


def _why_none(surveys: Sequence[Survey]) -> str:
    if not any(each.is_welcome for each in surveys):
        return "since none greets this client"
    if not any(each.secured_mechanisms or each.mechanisms for each in surveys):
        return "since none offers AUTH"
    if not any(each.is_verified for each in surveys):
        return "until TLS can be verified"
    return "since none offers AUTH inside verified TLS"
