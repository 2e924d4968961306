"""What it means which ports of a mail server a network reaches: the part of `smtp-shell doctor` that uses the network.

Many networks, those of dormitories, homes and clouds among them, let no connection to port 25 out. That is told apart here from a host
that is off, a name that is wrong, and a server that is not for submission.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.display.surveys import short_reason, times, tls_words
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtp_shell.client.survey import Survey

_RELAY = 25
_REFUSED, _SILENT = "refused", ("did not answer in time", "no answer within")
_UNKNOWN, _NO_SERVER = "the name is not known", "no name server answers"


def port_words(survey: Survey) -> str:
    """Return what became of one port, in a line."""
    if not survey.is_reached:
        return f"not reached: {short_reason(survey.problem)}"
    parts = [f"open ({times(survey)})"]
    if survey.code:
        parts.append(f"greets with {survey.code}")
    if survey.tls is not None or survey.doubt or survey.keywords is not None:
        parts.append(f"TLS: {tls_words(survey)}")
    if survey.is_verified:
        parts.append("certificate verified")
    elif survey.tls is not None or survey.doubt:
        reason = survey.doubt.partition(":")[0].rstrip(".") or "--insecure is on"
        parts.append(f"certificate NOT verified: {reason}")
    if survey.problem:
        parts.append(survey.problem.rstrip("."))
    return "; ".join(parts)


def is_troubled(survey: Survey) -> bool:
    """Return whether a port that was reached is one to beware of: it does not greet, breaks off, or its certificate is not good."""
    return survey.is_reached and bool(survey.problem or survey.doubt or not survey.is_welcome)


def meaning(surveys: Sequence[Survey]) -> Iterator[str]:
    """Yield what the ports that were reached and not reached mean, in sentences, and how to go on.

    Args:
        surveys: What the ports of one host answered.

    Source: RFC 8314 section 3, RFC 6409 section 3.1
    """
    reached = [each for each in surveys if each.is_reached]
    if not reached:
        yield _why_none(surveys)
        return
    others = [each for each in reached if each.target.port != _RELAY]
    relay = next((each for each in surveys if each.target.port == _RELAY), None)
    if len(reached) == len(surveys):
        yield "This network reaches every port that was tried."
    elif relay is not None and not relay.is_reached:
        yield _about_relay(relay)
    elif not others:
        yield (
            "Only port 25 answers: this host takes mail from other servers. A provider's host for its own users often has another "
            "name, such as smtp.example.org; its help pages name it."
        )
    for each in reached:
        if not each.target.tls and each.keywords is not None and not each.starttls:
            yield (
                f"Port {each.target.port} does not announce STARTTLS: the server cannot, or something on the way takes the keyword out. "
                "Send no password there."
            )
        if each.doubt:
            yield f"What is wrong with the certificate on port {each.target.port}: smtp-shell {_words(each)} -c /tls"
    if (best := next((each for each in (*others, *reached) if each.is_welcome), None)) is not None:
        yield f"To connect: smtp-shell {_words(best)}"


def _about_relay(relay: Survey) -> str:
    if _REFUSED in relay.problem:
        return (
            "Port 25 is refused and another is open: this host takes no mail from servers, or a firewall refuses it. For sending mail "
            "with a user name it is not needed."
        )
    return (
        "Port 25 does not answer and another does: most likely this network lets no connection to port 25 out, as those of dormitories, "
        "homes and clouds do against spam. Only servers need it: to send mail with a user name, use a port that is open."
    )


def _why_none(surveys: Sequence[Survey]) -> str:
    problems = [each.problem for each in surveys]
    host = escape_str(surveys[0].target.host)
    if any(_UNKNOWN in problem for problem in problems):
        return f"The name {host} is not known: check its spelling. For the hosts that take mail for a domain: smtp-shell --mx DOMAIN."
    if any(_NO_SERVER in problem for problem in problems):
        return "No name server answers: this network has no way out at present, or wants a login in a browser first."
    if all(_REFUSED in problem for problem in problems):
        return f"{host} answers, and refuses every port: no mail server runs there, or a firewall refuses for it."
    if all(any(words in problem for words in _SILENT) for problem in problems):
        return (
            f"No port of {host} answers: it is off, or this network lets no mail connection out. Try a host that is known to work: if "
            "that does not answer either, it is the network. smtp-shell practice needs none."
        )
    return f"No port of {host} was reached, for different reasons: see each port. smtp-shell practice needs no network."


def _words(survey: Survey) -> str:
    target = survey.target
    host = f"[{target.host}]" if ":" in target.host else target.host
    if target.tls:
        return f"smtps://{escape_str(host)}" + ("" if target.port == 465 else f":{target.port}")
    port = "" if target.port == (587 if survey.starttls else _RELAY) else f":{target.port}"
    return f"{'--starttls ' if survey.starttls else ''}{escape_str(host)}{port}"
