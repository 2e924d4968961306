"""The HTML report: one file that loads nothing and runs nothing, for a screen of any width and for paper.

The summary is written last and shown first: by the order of the style sheet, so that the file is whole after each run, whatever ends the
process. In the same way the runs that failed stand before the others.
"""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, Final

from smtp_shell.figures import plain
from smtp_shell.replay.reporters.files import Spool
from smtp_shell.replay.reporters.inert import inert_xml
from smtp_shell.replay.reporters.wording import Parts, client_lines, remarks, run_title, server_lines
from smtp_shell.replay.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.replay.reporters import ReportSettings, RunInfo
    from smtp_shell.replay.results import ReplayResult, StepResult
    from smtp_shell.replay.stats import Latencies, RunStats

_PERCENTILES: Final = (50, 90, 95, 99)
_MOST_LISTED: Final = 100
_FIRST, _LAST = -4.0, 1.0  # of the bars, as powers of ten: 0.1 ms to 10 s
_WORDS: Final = {
    Outcome.MATCHED: ("ok", "matched"),
    Outcome.SENT: ("sent", "sent with nothing expected"),
    Outcome.MISMATCHED: ("FAIL", "differed"),
    Outcome.SKIPPED: ("skip", "skipped"),
}

_LAYOUT = """\
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; overflow-wrap: anywhere; font: 0.9rem Arial, sans-serif; }
main { display: flex; flex-direction: column; gap: 0.5rem; }
h1 { font-size: 1.25rem; margin: 0 0 0.5rem; } #summary p { margin: 0.3rem 0; }
ul { margin: 0.2rem 0; padding-left: 1.2rem; } h2 { font-size: 1rem; margin: 0.8rem 0 0.3rem; }
#summary { order: 0; } details.failed { order: 1; } details.passed { order: 2; }
details { border: 1px solid; border-left-width: 6px; padding: 0.4rem 0.6rem; }
summary { cursor: pointer; } summary b { display: inline-block; min-width: 2.6rem; }
table { border-collapse: collapse; } th, td { text-align: right; padding: 0.1rem 0.8rem 0.1rem 0; } th { text-align: left; }
code, .step, pre { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 0.85rem; line-height: 1.45; }
pre { margin: 0; white-space: pre-wrap; }
.step { display: grid; grid-template-columns: 2.6rem 3rem 1fr 9rem; column-gap: 0.6rem; padding: 0.15rem 0; border-top: 1px dotted; }
.number { text-align: right; } .lines { min-width: 0; white-space: pre-wrap; } .time { text-align: right; white-space: nowrap; }
.bar { display: inline-block; height: 0.5rem; background: currentColor; opacity: 0.35; margin-right: 0.4rem; }
.diff { grid-column: 1 / -1; display: grid; grid-template-columns: 1fr 1fr; gap: 0.2rem 1rem; margin: 0.3rem 0 0.5rem 2.6rem; }
.diff > * { min-width: 0; } .diff .why { grid-column: 1 / -1; }
.expected, .received { border-left: 3px solid; padding-left: 0.5rem; }
mark { font-weight: bold; text-decoration: underline; color: inherit; background: none; }
@media (max-width: 40rem) {
body { padding: 0.5rem; } .step { grid-template-columns: 2rem 2.6rem 1fr; }
.time { grid-column: 3; text-align: left; } .diff { grid-template-columns: 1fr; margin-left: 0; } .bar { display: none; }
}
@media print { body { max-width: none; padding: 0; } .step { break-inside: avoid; } }
"""

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="smtp-shell replay">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Replay report</title>
<style>
{style}
</style>
</head>
<body>
<h1>Replay report</h1>
<main>
"""

_TAIL = "</main>\n</body>\n</html>\n"


class HtmlFormat:
    """A page.

    Args:
        settings: What it needs to know of the batch.
    """

    signature = '<meta name="generator" content="smtp-shell replay">'

    def __init__(self, settings: ReportSettings) -> None:
        self.only_failures = settings.only_failures
        self.runs = 0
        self.failed: list[tuple[int, str, str]] = []  # of the first runs that failed: number, title, failure

    def head(self) -> str:
        """Return the start of the page."""
        return _HEAD.format(style=_style())

    def run(self, info: RunInfo) -> HtmlRun:
        """Return an empty section."""
        return HtmlRun(self, info)

    def count_run(self, title: str, result: ReplayResult) -> int:
        """Note that a run is written; return its number. Runs are written one after the other."""
        self.runs += 1
        if not result.ok and len(self.failed) < _MOST_LISTED:
            self.failed.append((self.runs, title, result.failure or ""))
        return self.runs

    def tail(self, stats: RunStats, problem: str) -> str:
        """Return the summary and the end of the page."""
        verdict = "no run yet" if not stats.replays else "all matched" if not stats.exit_status else "failed"
        style = "reply-2" if stats.replays and not stats.exit_status else "reply-5"
        counts = "".join(
            f"<tr><th>{word}</th><td>{stats.counts[outcome]:,}</td></tr>\n"
            for outcome, (_, word) in _WORDS.items()
            if stats.counts[outcome]
        )
        runs = f"{stats.replays:,} {'run' if stats.replays == 1 else 'runs'}, {stats.failed:,} failed"
        links = "".join(
            f'<li><a href="#run-{number}">{inert_xml(title)}</a><br><code>{inert_xml(failure)}</code></li>\n'
            for number, title, failure in self.failed
        )
        more = stats.failed - len(self.failed)
        links += f"<li>{more:,} more</li>\n" if more > 0 else ""
        return (
            f'<section id="summary">\n<p><b class="{style}">{verdict}</b>: {runs}, {stats.steps:,} steps, '
            f"exit status {stats.exit_status}</p>\n"
            + (f'<p class="error">{inert_xml(problem)}</p>\n' if problem else "")
            + "".join(f"<p>{inert_xml(each)}</p>\n" for each in remarks(stats))
            + f"<table>\n{counts}</table>\n"
            + (f"<h2>What failed</h2>\n<ul>\n{links}</ul>\n" if links else "")
            + _not_run(stats)
            + _latencies(stats)
            + f"</section>\n{_TAIL}"
        )


class HtmlRun:
    """The section of one run."""

    def __init__(self, form: HtmlFormat, info: RunInfo) -> None:
        self._form = form
        self._info = info
        self._steps = Spool()
        self._parts = Parts(info.name)

    def step(self, result: StepResult) -> None:
        """Add a step."""
        if self._form.only_failures and result.outcome in (Outcome.MATCHED, Outcome.SENT):
            return
        for heading in self._parts.headings(result):
            self._steps.write(
                f'<div class="step"><span></span><span></span><span class="lines aside">{inert_xml(heading)}</span></div>\n'
            )
        word, _ = _WORDS[result.outcome]
        style = {Outcome.MISMATCHED: "reply-5", Outcome.SKIPPED: "reply-4", Outcome.MATCHED: "reply-2"}.get(
            result.outcome, "aside"
        )
        number = str(result.lines[0]) if result.lines else "-"
        self._steps.write(
            f'<div class="step"><span class="number aside">{number}</span><b class="{style}">{word}</b>'
            f'<span class="lines">{_dialogue(result)}</span>{_time(result)}{_below(result)}</div>\n'
        )

    def parts(self, result: ReplayResult) -> Iterator[str]:
        """Return the section: open where the run failed."""
        title = run_title(self._info)
        number = self._form.count_run(title, result)
        kind, word, style = ("passed", "ok", "reply-2") if result.ok else ("failed", "FAIL", "reply-5")
        counts = ", ".join(
            f"{result.counts[each]:,} {words}" for each, (_, words) in _WORDS.items() if result.counts[each]
        )
        yield (
            f'<details class="{kind}" id="run-{number}"{"" if result.ok else " open"}>\n'
            f'<summary><b class="{style}">{word}</b> {inert_xml(title)}: {counts or "nothing was sent"}, '
            f"{plain(result.seconds * 1000, 3)} ms</summary>\n"
        )
        if result.failure:
            yield f'<p class="error">{inert_xml(result.failure)}</p>\n'
        if self._info.insecure:
            yield '<p class="notice">--insecure is on: certificates are not verified</p>\n'
        yield from self._steps.read()
        yield "</details>\n"


def _not_run(stats: RunStats) -> str:
    """Return the list of the runs that were not begun."""
    if not stats.not_run:
        return ""
    more = stats.not_run - len(stats.first_not_run)
    names = [*stats.first_not_run, *([f"{more:,} more"] if more > 0 else [])]
    items = "".join(f"<li>{inert_xml(name)}</li>\n" for name in names)
    return f"<h2>Not replayed</h2>\n<ul>\n{items}</ul>\n"


def _dialogue(step: StepResult) -> str:
    client = "".join(f'<span class="command">{inert_xml(line)}</span>\n' for line in client_lines(step))
    style = f"reply-{step.code // 100}" if 200 <= step.code < 600 else "reply-odd"
    server = "".join(f'<span class="{style}">S: {inert_xml(line)}</span>\n' for line in server_lines(step))
    return (client + server).removesuffix("\n")


def _time(step: StepResult) -> str:
    if step.outcome is Outcome.SKIPPED:
        return '<span class="time"></span>'
    power = log10(max(step.seconds, 1e-9))
    width = 4.0 * min(1.0, max(0.0, (power - _FIRST) / (_LAST - _FIRST)))
    return (
        f'<span class="time"><span class="bar" style="width:{width:.2f}rem"></span>'
        f"{plain(step.seconds * 1000, 3)} ms</span>"
    )


def _below(step: StepResult) -> str:
    captures = "".join(
        f'<div class="why aside">{inert_xml(name)} = {inert_xml(value)}</div>' for name, value in step.captures.items()
    )
    if step.outcome is Outcome.MISMATCHED:
        return (
            f'<div class="diff"><div class="why error">{inert_xml(f"{step.place}: {step.why}")}</div>'
            f'<div class="expected"><b>expected</b><pre>{inert_xml(step.expected) or "(nothing)"}</pre></div>'
            f'<div class="received"><b>received</b><pre>{_received(step) or "(nothing)"}</pre></div>{captures}</div>'
        )
    why = f'<div class="why aside">{inert_xml(step.why)}</div>' if step.why else ""
    return f'<div class="diff">{why}{captures}</div>' if why or captures else ""


def _received(step: StepResult) -> str:
    """Return the line that differs, marked from where it does."""
    text, difference = step.received, step.difference
    at = difference.at if difference is not None else None
    if at is None or "\n" in text or not step.expected or at >= len(text):
        return inert_xml(text)
    whole = inert_xml(text)
    parts = inert_xml(text[:at]), inert_xml(text[at:])
    # A command of a CI system must not come together across the mark.
    return f"{parts[0]}<mark>{parts[1]}</mark>" if "".join(parts) == whole else f"<mark>{whole}</mark>"


def _latencies(stats: RunStats) -> str:
    if not stats.steps:
        return ""
    heads = "".join(f"<th>p{percent}</th>" for percent in _PERCENTILES)
    rows = (_latency_row("a step", stats.step_seconds), _latency_row("a run", stats.replay_seconds))
    return f"<h2>Latencies, in ms</h2>\n<table>\n<tr><th></th>{heads}<th>max</th></tr>\n{''.join(rows)}</table>\n"


def _latency_row(name: str, times: Latencies) -> str:
    values = (*(times.percentile(percent) for percent in _PERCENTILES), times.longest)
    cells = "".join(f"<td>{plain(value * 1000, 3)}</td>" for value in values)
    return f"<tr><th>{name}</th>{cells}</tr>\n"


def _style() -> str:
    """Return the style sheet: the colours of the pictures, light or dark as the reader's system is, light on paper."""
    from smtp_shell.export.palette import background, foreground, rules

    def colours(theme: str) -> str:
        body = f"body {{ color: {foreground(theme)}; background: {background(theme)}; }} a {{ color: inherit; }}"
        return "\n".join((body, *rules(theme)))

    dark = f"@media screen and (prefers-color-scheme: dark) {{\n{colours('dark')}\n}}"
    return f"{_LAYOUT}:root {{ color-scheme: light dark; }}\n{colours('light')}\n{dark}"
