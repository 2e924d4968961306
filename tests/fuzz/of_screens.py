"""What has to hold for everything that is shown or exported, and for how long anything may take."""

import io
import json
from collections.abc import Callable, Iterable, Iterator

from rich.console import Console

from smtp_shell.display.columns import cells, fold, wrap
from smtp_shell.display.json_lines import JsonView
from smtp_shell.display.render import Presenter, certificate_rows
from smtp_shell.display.themes import STYLES
from smtp_shell.display.views import ConsoleView, PlainView
from smtp_shell.errors import SmtpShellError, TranscriptError
from smtp_shell.export.diagram import ladder
from smtp_shell.export.timing import bars
from smtp_shell.matching.normalise import normalise
from smtp_shell.protocol.addresses import parse_paths
from smtp_shell.protocol.commands import secret_start
from smtp_shell.protocol.events import Entry, TlsStarted
from smtp_shell.protocol.masking import conceal_octets, describe_typed
from smtp_shell.protocol.octets import escape, unescape
from smtp_shell.protocol.replies import Extensions, Reply, ReplyParser
from smtp_shell.protocol.sasl import MECHANISMS, ChannelBinding, Credentials, mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.recording.decoder import entries
from smtp_shell.shell.typed_secrets import mask_start
from smtp_shell.transcript.header import parse_header
from smtp_shell.transcript.notation import clean, client_text
from smtp_shell.transcript.reader import TranscriptReader
from smtp_shell.transcript.variables import Template
from tests.fuzz.material import LONGEST, assert_seen, at_most, folder, never_raises, split_choices
from tests.fuzz.of_files import inbox
from tests.fuzz.program import hostile_events, session
from tests.support.pictures import check_page, check_picture, check_sheet, export

NARROWEST, WIDEST = 24, 120


BINDING = ChannelBinding("tls-exporter", bytes(32))
STARTED = [name for name in MECHANISMS if name != "GSSAPI"]  # that needs a library of the system and a ticket


def views(data: bytes) -> None:
    """Whatever a server says, what is shown of it is printable, and each row of it is marked as the server's."""
    choices, program = split_choices(data)
    happened = session(program)
    _show(happened, NARROWEST + choices.below(WIDEST - NARROWEST + 1))
    said = program.partition(b"\n")[0]
    _show([Entry(1, 0.0, event, True) for event in hostile_events(said)], NARROWEST)


def shown_transcripts(data: bytes) -> None:
    """Whatever stands in a transcript, what is shown of it is printable."""
    choices, text = split_choices(data)
    reader = never_raises(lambda: TranscriptReader(io.BytesIO(text), "fuzz.smtp"), TranscriptError)
    if reader is not None:
        found: list[Entry] = []
        never_raises(lambda: found.extend(entries(reader, folder())), TranscriptError)
        _show(found, NARROWEST + choices.below(WIDEST - NARROWEST + 1))


def pictures(data: bytes) -> None:
    """An exported picture is well-formed, and holds no markup that a stranger wrote; each row of a drawing fits and is printable."""
    choices, program = split_choices(data)
    happened = [*session(program[:400]), *(Entry(1, 0.5, event, True) for event in hostile_events(program[:100]))]
    check_picture(export("svg", happened))
    check_page(export("html", happened))
    check_sheet(export("md", happened))
    width = NARROWEST + choices.below(WIDEST - NARROWEST + 1)
    for ascii_only in (False, True):
        for row in (*ladder(happened, width, ascii_only=ascii_only), *bars(happened, width, ascii_only=ascii_only)):
            assert_seen(row.text)
            assert cells(row.text) <= width
            assert row.style in STYLES
            assert row.text.isascii() or not ascii_only


def _show(happened: Iterable[Entry], width: int) -> None:
    happened = list(happened)
    _assert_plain(happened)
    _assert_json(happened)
    _assert_folded(happened, width)
    if width % 3 == 0:  # rich is slow, and the rows are the same
        _assert_on_console(happened, width)
    for entry in happened:
        if isinstance(entry.event, TlsStarted):
            assert_seen(*certificate_rows(entry.event))


def _assert_plain(happened: list[Entry]) -> None:
    out = io.StringIO()
    view = PlainView(out, out)
    for entry in happened:
        view(entry)
    assert_seen(*out.getvalue().split("\n"))
    presenter = Presenter()
    assert out.getvalue().count("\n") == sum(len(list(presenter.rows(entry))) for entry in happened)


def _assert_json(happened: list[Entry]) -> None:
    out = io.StringIO()
    view = JsonView(out, out)
    for entry in happened:
        view(entry)
    view.finish()
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert out.getvalue().isascii()
    assert [record["n"] for record in records] == list(range(1, len(records) + 1))
    for record in records:
        assert_seen(*record.get("text", "").split("\n"))


def _assert_folded(happened: list[Entry], width: int) -> None:
    presenter = Presenter()
    for entry in happened:
        for row in presenter.rows(entry):
            assert row.style in STYLES
            assert len(row.gutter) == 6
            parts = list(fold(row, width))
            assert "".join(text for _, text, _ in parts) == row.text
            for gutter, text, aside in parts:
                assert_seen(gutter, text, aside)
                assert gutter in (row.gutter, row.gutter[:3] + " : ")
                assert cells(text + aside) <= max(width - 6, NARROWEST)


def _assert_on_console(happened: list[Entry], width: int) -> None:
    out = io.StringIO()
    view = ConsoleView(Console(file=out, width=width, force_terminal=True, color_system=None, legacy_windows=False))
    for entry in happened:
        view(entry)
    assert_seen(*out.getvalue().split("\n"))


def long(data: bytes) -> None:
    """The work is bounded: a few octets, again and again up to the longest line, are dealt with in a moment."""
    choices, rest = split_choices(data)
    start, _, unit = rest[:48].partition(b"\n")
    octets = (start + (unit or b"a") * LONGEST)[:LONGEST]
    work = choices.one_of(_WORK)
    with at_most(3.0, work.__name__):
        work(octets)


def _reply_of(octets: bytes) -> Reply:
    line = octets.replace(b"\n", b"")[: LONGEST - 8]
    (reply,) = ReplyParser().receive(b"250-x\r\n250 " + line + b"\r\n")
    assert isinstance(reply, Reply)
    return reply


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def work_reply(octets: bytes) -> None:
    reply = _reply_of(octets)
    assert reply.text
    assert Extensions.parse(reply).mechanisms is not None
    assert reply.enhanced is None


def work_many_replies(octets: bytes) -> None:
    assert sum(len(item.octets) for item in ReplyParser().receive(octets)) <= len(octets)


def work_notation(octets: bytes) -> None:
    assert unescape(escape(octets)) == octets
    clean(_text(octets))
    client_text(octets)


def work_normal(octets: bytes) -> None:
    for verb in ("", "EHLO"):
        normalise(octets, verb=verb, greets=True)


def work_template(octets: bytes) -> None:
    never_raises(lambda: Template.parse(_text(octets)), ValueError)


def work_typed(octets: bytes) -> None:
    text = _text(octets[: LONGEST // 8])
    parse_paths(text)
    mask_start(text)
    secret_start(octets)


def work_header(octets: bytes) -> None:
    lines = octets.decode("utf-8", "replace").split("\n")
    parse_header(list(enumerate(lines, 1)), longest=LONGEST)


def work_masking(octets: bytes) -> None:
    conceal_octets(octets, Secret("passw0rd"))
    for name in MECHANISMS:
        describe_typed(octets, name)


def work_challenge(octets: bytes) -> None:
    for name in STARTED:
        exchange = mechanism(name).start(
            Credentials("student", Secret("passw0rd")), nonce=lambda: "abc", binding=BINDING
        )
        exchange.explain(octets)
        never_raises(lambda exchange=exchange: exchange.respond(octets), SmtpShellError)  # type: ignore[misc]
        never_raises(lambda exchange=exchange: exchange.respond(octets), SmtpShellError)  # type: ignore[misc]


def work_rows(octets: bytes) -> None:
    presenter = Presenter()
    for entry in session(b"< 220 x\n> NOOP\n< 250 " + octets[: LONGEST // 8]):
        for row in presenter.rows(entry):
            for _ in fold(row, NARROWEST):
                pass
    for _ in wrap(escape(octets[: LONGEST // 8]), NARROWEST):
        pass


def work_transcript(octets: bytes) -> None:
    def steps() -> Iterator[Entry]:
        yield from entries(TranscriptReader(io.BytesIO(octets), "fuzz.smtp"))

    never_raises(lambda: sum(1 for _ in steps()), TranscriptError)


def work_message(octets: bytes) -> None:
    inbox(b"Subject: " + octets)


_WORK: tuple[Callable[[bytes], None], ...] = (
    work_reply,
    work_many_replies,
    work_notation,
    work_normal,
    work_template,
    work_typed,
    work_header,
    work_masking,
    work_challenge,
    work_rows,
    work_transcript,
    work_message,
)

TARGETS: dict[str, Callable[[bytes], None]] = {
    "views": views,
    "shown_transcripts": shown_transcripts,
    "pictures": pictures,
    "long": long,
}
