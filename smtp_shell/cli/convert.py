"""`smtp-shell convert`: a transcript in another format."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING

from smtp_shell.cli.options import command_parser
from smtp_shell.transcript.foreign import AUTO, OWN_FORM

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TextIO

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.export import Export
    from smtp_shell.protocol.events import Entry
    from smtp_shell.transcript.header import Header
    from smtp_shell.transcript.step import Step

OWN_FORMAT = "smtp"


_STEPS = 200  # that are written at once: one by one takes 10 % longer

_EXAMPLES = (
    ("smtp-shell convert window.log window.smtp", "what another tool wrote"),
    ("smtp-shell convert lab.smtp lab.html", "or md, svg, pcapng, anki"),
    ("smtp-shell convert lab.smtp lab.sh --to swaks", "a script"),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell convert`.

    Args:
        words: The arguments after `convert`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: An option is wrong, the transcript cannot be read, or the file cannot be created.
    """
    options = make_parser().parse_args(words)
    from pathlib import Path

    from smtp_shell.errors import UsageError
    from smtp_shell.export import BINARY_EXPORTS, PICTURES
    from smtp_shell.protocol.octets import escape_str

    formats = written_formats()
    _check_form(options.form)
    name = options.to or (OWN_FORMAT if options.output == "-" else Path(options.output).suffix.removeprefix("."))
    if name not in formats:
        what = (
            f"{escape_str(name)} is no format that can be written"
            if name
            else "the name of OUT has no suffix that tells a format"
        )
        raise UsageError(f"{what}; use one of {', '.join(formats)}.")
    if options.theme is not None and name not in PICTURES:
        raise UsageError(f"--theme is for {' and '.join(sorted(PICTURES))}, and {name} has no colours; leave it out.")
    if name in BINARY_EXPORTS and options.output == "-" and sys.stdout.isatty():
        raise UsageError(f"{name} is nothing that a terminal shows; name a file in place of -.")
    steps, advice = _convert(options, name)
    if options.output != "-":
        noun = "step" if steps == 1 else "steps"
        sys.stderr.write(f"smtp-shell: {escape_str(options.output)} is written: {name}, {steps:,} {noun}.\n")
    if advice:
        sys.stderr.write(f"smtp-shell: {advice}.\n")
    return 0


def _check_form(form: str) -> None:
    """Check the value of `--from`.

    Raises:
        UsageError: It is no form that can be read.
    """
    if form in (AUTO, OWN_FORM):
        return
    from smtp_shell.errors import UsageError
    from smtp_shell.importers import dialects
    from smtp_shell.protocol.octets import escape_str

    if form not in dialects():
        known = ", ".join((AUTO, OWN_FORM, *dialects()))
        raise UsageError(f"{escape_str(form)} is no form that can be read; use one of {known}.")


def _exports() -> Mapping[str, Export]:
    """Return the formats of text: those of `export`, and the cards of `study`, which stands above it."""
    from smtp_shell.export import EXPORTS

    return {**EXPORTS, "anki": _write_cards}


def _write_cards(entries: Iterable[Entry], out: TextIO, title: str, *, theme: str = "") -> None:
    from smtp_shell.study.anki import write_anki

    write_anki(entries, out, title)


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from smtp_shell.display.themes import THEMES

    *names, last = written_formats()
    parser = command_parser("convert", examples=_EXAMPLES)
    parser.add_argument("input", metavar="IN", help="the transcript, or what another tool wrote; - is standard input")
    parser.add_argument("output", metavar="OUT", help="the file to write; - is standard output")
    parser.add_argument(
        "--from",
        dest="form",
        metavar="FORM",
        default=AUTO,
        help="the form of IN: smtp for a transcript, auto (default), or a tool's; an unknown word lists them",
    )
    parser.add_argument(
        "--to", metavar="FORMAT", help=f"{', '.join(names)} or {last} (default: the suffix of OUT; smtp for -)"
    )
    parser.add_argument("--theme", choices=tuple(THEMES), help="colours of svg and html: dark, or light for paper")
    parser.add_argument("--force", action="store_true", help="overwrite a file that is there")
    parser.add_argument("--keep-secrets", action="store_true", help="write credentials that stand in IN as they are")
    return parser


def written_formats() -> tuple[str, ...]:
    """Return the names of the formats that can be written."""
    from smtp_shell.export import BINARY_EXPORTS

    return OWN_FORMAT, *_exports(), *BINARY_EXPORTS


def _convert(options: argparse.Namespace, name: str) -> tuple[int, str]:
    """Write the file, and return the number of steps in it, and what a user must know to open it."""
    from pathlib import Path

    from smtp_shell.display.late_progress import late_progress
    from smtp_shell.export import BINARY_EXPORTS, SCRIPTS
    from smtp_shell.protocol.masking import MASK
    from smtp_shell.protocol.octets import escape_str
    from smtp_shell.recording.decoder import entries
    from smtp_shell.recording.shown import without_variables
    from smtp_shell.transcript.credentials import CredentialMask, masked_steps, masking_warning
    from smtp_shell.transcript.reader import open_transcript

    binary, export, advice = BINARY_EXPORTS.get(name), _exports().get(name), ""
    path = Path(options.input)
    with (
        late_progress(f"converting {escape_str(path.name)}", beside=options.output != "-") as progress,
        open_transcript(path, form=options.form, keep_secrets=True, opened=progress.follow) as reader,
    ):
        if reader.taken_for:
            sys.stderr.write(f"smtp-shell: {reader.name}: taken for: {reader.taken_for}\n")
        header = reader.header
        mask = CredentialMask(header.variables if header else None)
        if not options.keep_secrets:
            header = without_variables(path, header, None if name == OWN_FORMAT else MASK)
        title = (header.title or header.server) if header else ""
        steps = reader if options.keep_secrets else masked_steps(reader, mask)
        with _output(options) as stream:
            if binary is not None:
                counted = _Counted(entries(steps, path.parent, header))
                stream.flush()
                advice = binary(counted, stream.buffer, escape_str(title) or "smtp-shell")
                number = counted.steps
            elif export is None:
                number = _write_transcript(header, steps, stream, keep_secrets=options.keep_secrets)
            else:
                counted = _Counted(entries(steps, path.parent if name in SCRIPTS else None, header))
                export(counted, stream, escape_str(title) or "smtp-shell", theme=options.theme or "")
                number = counted.steps
    if warning := masking_warning(reader.name, mask, "--keep-secrets writes them as they are"):
        sys.stderr.write(f"smtp-shell: {warning}\n")
    return number, advice


@contextmanager
def _output(options: argparse.Namespace) -> Iterator[TextIO]:
    """Open standard output, or the file that is there when all of it is written."""
    if options.output == "-":
        yield sys.stdout
        return
    from io import TextIOWrapper
    from pathlib import Path

    from smtp_shell.private_files import whole_file

    with whole_file(Path(options.output), overwrite=options.force) as file:
        stream = TextIOWrapper(file, "utf-8", newline="\n")
        try:
            yield stream
            stream.detach()
        except BaseException:
            with suppress(OSError):  # else it would be flushed when nobody needs it any more
                stream.close()
            raise


def _write_transcript(header: Header | None, steps: Iterable[Step], out: TextIO, *, keep_secrets: bool) -> int:
    """Write steps as a transcript, whose header says whether credentials are included; return how many there were."""
    from smtp_shell.transcript.header import with_secrets
    from smtp_shell.transcript.writer import TranscriptWriter

    writer = TranscriptWriter(out.buffer, with_secrets(header, included=keep_secrets))
    rest, number = iter(steps), 0
    while block := [*islice(rest, _STEPS)]:
        writer.write_buffered(block)
        number += len(block)
    out.buffer.flush()
    return number


class _Counted:
    """Entries that are counted as they pass: as many steps as the dialogue has JSON lines.

    Args:
        entries: The entries.

    Attributes:
        steps: How many steps have passed.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = entries
        self.steps = 0

    def __iter__(self) -> Iterator[Entry]:
        from smtp_shell.display.json_lines import StepCounter

        counter = StepCounter()
        for entry in self._entries:
            self.steps = counter.count(entry)
            yield entry
