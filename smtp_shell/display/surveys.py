"""Surveys of ports on the screen: one under another, or side by side in a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from smtp_shell.display.tables import GAP, beside, cell
from smtp_shell.figures import shown_seconds
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.client.survey import Survey

_LABEL = 12
_WIDEST = 79
_PLACES = {25: "smtp", 465: "submissions", 587: "submission"}


def survey_rows(survey: Survey, indent: str = "      ") -> Iterator[tuple[str, str]]:
    """Yield a survey as labelled lines, each with its style.

    Args:
        survey: The survey.
        indent: What each line begins with.
    """
    for attempt in survey.failed:
        yield f"{indent}{'no answer':{_LABEL}} {attempt}", "quoted"
    if not survey.is_reached:
        reason = short_reason(survey.problem)
        if not any(reason in attempt for attempt in survey.failed):
            yield f"{indent}{'no answer':{_LABEL}} {reason}", "notice"
        return
    yield f"{indent}{'reached':{_LABEL}} {survey.peer}; {times(survey)}", "quoted"
    for label, text, style in _lines(survey):
        yield f"{indent}{label:{_LABEL}} {text}", style


def _lines(survey: Survey) -> Iterator[tuple[str, str, str]]:
    if survey.greeting:
        style = "quoted" if survey.is_welcome else "notice"
        yield "greeting", survey.greeting, style
    for label, keywords in (("EHLO", survey.keywords), ("EHLO in TLS", survey.secured)):
        if keywords is not None:
            yield label, ", ".join(keywords) or "announces nothing", "quoted"
    yield "TLS", tls_words(survey), "quoted"
    if survey.tls is not None or survey.doubt:
        yield "certificate", certificate_words(survey), "quoted" if survey.is_verified else "notice"
    if survey.keywords is not None or survey.secured is not None:
        yield "AUTH", _mechanisms(survey), "quoted"
    if survey.problem:
        yield "stopped", survey.problem, "notice"


def times(survey: Survey) -> str:
    """Return how long each step took."""
    steps = (
        ("DNS", survey.looked_up),
        ("TCP", survey.opened_in),
        ("TLS", survey.tls_in),
        ("greeting", survey.greeted_in),
    )
    return ", ".join(f"{name} {shown_seconds(seconds)}" for name, seconds in steps if seconds is not None)


def tls_words(survey: Survey) -> str:
    """Return what became of TLS, in words."""
    how = "from the first octet" if survey.target.tls else "after STARTTLS"
    if survey.tls is not None:
        return f"{survey.tls.version} {escape_str(survey.tls.cipher)}, {how}"
    if survey.doubt or (survey.starttls and survey.problem):
        return f"{how}: it failed"
    return "none: STARTTLS is not announced" if survey.keywords is not None else "none"


def certificate_words(survey: Survey) -> str:
    """Return the verdict on the certificate."""
    if survey.is_verified:
        return "verified: chain, dates and name"
    if survey.doubt:
        return f"NOT verified: {short_reason(survey.doubt)}"
    return "NOT verified: --insecure is on"


def _mechanisms(survey: Survey) -> str:
    clear = " ".join(survey.mechanisms) or "none"
    secured = " ".join(survey.secured_mechanisms) or "none"
    if survey.keywords is None:
        return f"{secured}, inside TLS"
    return clear if survey.secured is None else f"{clear}; after STARTTLS {secured}"


def comparison(surveys: Sequence[Survey]) -> Iterator[tuple[str, str]]:
    """Yield surveys side by side, one column each, as lines with their style.

    Args:
        surveys: At most four: columns of a screen of 80.
    """
    width = (_WIDEST - _LABEL - 2 - GAP * len(surveys)) // max(len(surveys), 1)
    yield from _row("", [_headline(each) for each in surveys], width, "event")
    yield from _row("reached", [_reached(each) for each in surveys], width)
    yield from _row("times", [times(each).replace(", ", "\n") for each in surveys], width)
    yield from _row("greeting", [each.greeting for each in surveys], width)
    yield from _row("AUTH, clear", [_clear(each) for each in surveys], width)
    yield from _row("TLS", [_tls_cell(each) for each in surveys], width)
    yield from _row("certificate", [_certificate_cell(each) for each in surveys], width)
    yield from _row("AUTH in TLS", [_auth_in_tls(each) for each in surveys], width)
    yield from _row("EHLO", ["\n".join(_words_of(each)) for each in surveys], width)
    yield from _row("stopped", [each.problem if each.is_reached else "" for each in surveys], width)


def _headline(survey: Survey) -> str:
    port = survey.target.port
    name = _PLACES.get(port, "")
    return f"port {port}{f' {name}' if name else ''}{', TLS at once' if survey.target.tls and not name else ''}"


def _reached(survey: Survey) -> str:
    return survey.peer.rpartition(":")[0] if survey.is_reached else f"no: {short_reason(survey.problem)}"


def short_reason(problem: str) -> str:
    """Return why there is no connection, without the advice, and without the place, which is said already."""
    _, said, why = problem.partition("no connection to ")
    reason = why.partition(": ")[2] if said else problem
    return reason.partition(";")[0].rstrip(".")


def _clear(survey: Survey) -> str:
    if not survey.is_reached or survey.target.tls:
        return "-" if survey.target.tls and survey.is_reached else ""
    return " ".join(survey.mechanisms) or "none" if survey.keywords is not None else ""


def _tls_cell(survey: Survey) -> str:
    if survey.tls is not None:
        return f"{survey.tls.version}, {'at once' if survey.target.tls else 'STARTTLS'}"
    if survey.keywords is not None:
        return "STARTTLS failed" if survey.starttls else "no STARTTLS"
    return "failed" if survey.doubt or (survey.target.tls and survey.is_reached) else ""


def _certificate_cell(survey: Survey) -> str:
    if survey.tls is None and not survey.doubt:
        return ""
    if survey.is_verified:
        return "verified"
    reason = survey.doubt.partition(":")[0].removeprefix("the certificate's ")
    return f"NOT verified: {reason}" if reason else "NOT verified (--insecure)"


def _auth_in_tls(survey: Survey) -> str:
    return "" if survey.secured is None else " ".join(survey.secured_mechanisms) or "none"


def _words_of(survey: Survey) -> Sequence[str]:
    """Return what the best EHLO announced, without what has a row of its own."""
    found = survey.secured if survey.secured is not None else survey.keywords or ()
    return [each for each in found if each.partition(" ")[0] not in ("AUTH", "STARTTLS")]


def _row(label: str, texts: Sequence[str], width: int, style: str = "quoted") -> Iterator[tuple[str, str]]:
    """Yield the lines of one row of a table; none if it is empty."""
    if not any(texts):
        return
    columns = [cell(text, width) for text in texts]
    for number, line in enumerate(beside(columns, [width] * len(columns))):
        yield f"  {label if not number else '':{_LABEL}}{' ' * GAP}{line}".rstrip(), style
