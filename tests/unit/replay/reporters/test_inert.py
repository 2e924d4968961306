"""Text of a server's choosing in reports: nothing acts on it."""

from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest

from smtp_shell.protocol.octets import unescape
from smtp_shell.replay.reporters import FORMATS, REPORTERS, ReportSettings, RunInfo
from smtp_shell.replay.reporters.inert import inert, inert_json, inert_xml
from smtp_shell.replay.results import Difference, Outcome, StepResult
from tests.support.junit import check_junit
from tests.support.tap import read_tap
from tests.unit.replay.reporters.test_files import written
from tests.unit.replay.reporters.test_reporters import report

HOSTILE = {
    "cdata": b"250 ]]> <![CDATA[ x",
    "element": b"250 </failure></testcase><testcase name='x'/>",
    "script": b"250 <script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": b'250 " onmouseover="alert(1)" \' x=\'',
    "entity": b"250 &amp; &lt; &#0; &#x1b; &xxe; <!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "comment": b"250 --> <!-- </style></details></main>",
    "colours": b"250 \x1b[31mred\x1b]0;title\x07",
    "c1": "250 \x9b31m \x85 \u2028".encode(),
    "bidi": "250 \u202e\u2066 \u200b \ufeff".encode(),
    "not XML": "250 \ufffe \uffff \ufdd0".encode() + b"\x00\x08\x0b\x7f",
    "not UTF-8": b"250 \xff\xfe\xc0\x80 \xed\xa0\x80",
    "line ends": b"250 a\rb\x0bc\x0cd",
    "github": b"250 ::error file=x,line=1::boo",
    "github, first in a line": b"::set-output name=a::b",
    "github, after white space": b" \t ::add-mask::x",
    "github, older": b"250 ##[error]boo ##[group]x",
    "azure": b"250 ##vso[task.setvariable variable=x]y",
    "azure, first": b"##vso[task.complete result=Succeeded;]",
    "teamcity": b"##teamcity[testFinished name='x']",
    "tap": b"not ok 1 - x # SKIP y",
    "tap, bail": b"Bail out! x",
    "tap, directive": b"250 x # TODO y \\# z",
    "yaml": b"250 ...\\n---\\n: { [ ! & * | > ' \" % @ `",
    "gitlab": b"section_start:1:x\r\x1b[0K",
}
_COMMANDS = re.compile(r"##\w*\[|(?m:^[ \t]*::)")


def hostile_steps(line: bytes) -> list[StepResult]:
    """Return steps in which a server's line stands wherever one can."""
    from smtp_shell.protocol.octets import escape

    shown = escape(line)
    differing = Difference(shown, f"{shown}\n{shown}", 4, 3)
    single = Difference("250 ok", shown, 4, 3)
    reply = (line + b"\r\n" + line + b"\r\n",)
    return [
        StepResult(shown, (1,), "", Outcome.MATCHED, code=250, replies=reply, captures={"x": shown}),
        StepResult(shown, (2,), shown, Outcome.MISMATCHED, shown, difference=differing, replies=reply),
        StepResult(shown, (2,), shown, Outcome.MISMATCHED, shown, difference=single, replies=(shown,)),
        StepResult(shown, (4,), f"{shown}\n{shown}", Outcome.SKIPPED, shown),
        StepResult(shown, (5,), shown, Outcome.SENT, shown, replies=reply),
    ]


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", [*REPORTERS, *FORMATS])
def test_nothing_acts_on_what_a_server_says(tmp_path: Path, name: str, line: bytes) -> None:
    steps = hostile_steps(line)
    shown = steps[0].path
    run = RunInfo(shown, shown)
    if name in FORMATS:
        text = written(tmp_path, name, *steps, run=run, failure=shown)
    else:
        settings = ReportSettings(times=True, whole_replies=True)
        text = "\n".join(report(name, *steps, settings=settings, run=run, status=1, failure=shown))
    seen = {unicodedata.category(char) for char in text} - {"Lu", "Ll", "Nd", "Zs", "So", "Sm", "Sc", "Sk"}
    assert not {category for category in seen if category.startswith("C") or category in ("Zl", "Zp")} - {"Cc"}
    assert not {char for char in text if unicodedata.category(char) == "Cc"} - {"\n"}
    assert not _COMMANDS.search(text), _COMMANDS.search(text)
    match name:
        case "junit":
            assert len(check_junit(text)) == 1
        case "tap":
            (whole,) = read_tap(text).points
            assert [point.ok for point in whole.points] == [True, False, False, True, True]
        case "html":
            _Page().feed(text)
        case "json":
            first = json.loads(text.split("\n")[0])
            assert first["captures"] == {"x": shown}
        case _:
            pass


class _Page(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "link", "iframe", "object", "form", "base"), tag
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name not in ("src", "action", "srcdoc"), name
            assert name != "href" or (value or "").startswith("#"), value


@pytest.mark.parametrize("text", ["##[error]x", "a ##vso[x]y", "##teamcity[x]", "::error::x", " \t::warning file=a::b"])
def test_commands_are_escaped_so_that_they_can_be_read_back(text: str) -> None:
    shown = inert(text)
    assert not _COMMANDS.search(shown)
    assert unescape(shown) == text.encode()
    assert json.loads(inert_json(json.dumps(text))) == text


@pytest.mark.parametrize("text", ["## a heading", "#[x]", "250 ::1 is no command", "a::b", "::1", "[::1]:25 ##"])
def test_what_is_no_command_stays(text: str) -> None:
    assert inert(text) == text


def test_markup_is_text() -> None:
    assert inert_xml('<a b="c">&\'') == "&lt;a b=&quot;c&quot;&gt;&amp;'"
    assert inert_xml("a\x00\ufffe\ud800") == r"a\x00\xef\xbf\xbe\xed\xa0\x80"
