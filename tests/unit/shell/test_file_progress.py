"""How far a message that goes out is."""

from pathlib import Path

from smtp_shell.display.folding import FIRST, HiddenPieces
from smtp_shell.display.render import Look
from smtp_shell.figures import shown_octets
from smtp_shell.protocol.events import MailDataSent, TimedOut
from smtp_shell.shell.file_progress import ReadingProgress, SendingProgress


def test_a_file_shows_which_part_of_it_has_gone_out(tmp_path: Path) -> None:
    path = tmp_path / "large.eml"
    path.write_bytes(b"x" * 4_000_000)
    with path.open("rb") as stream:
        progress = SendingProgress.of(stream)
        shown = []
        for _ in progress.counted(iter(lambda: stream.read(1_000_000), b"")):
            shown.append(progress.words())
        assert shown == ["", *(f"the file to go out ({part} % of 4 MB)" for part in (25, 50, 75))]
        assert progress.words() == "", "it waits for the reply now"


def test_of_a_pipe_nobody_knows_the_end() -> None:
    progress = SendingProgress()
    pieces = progress.counted([b"x" * 2_500_000, b"y"])
    next(pieces)
    next(pieces)
    assert progress.words() == "the message to go out (2.5 MB so far)"


def test_octets_are_written_as_people_write_them() -> None:
    assert [shown_octets(each) for each in (0, 999, 1000, 12_345, 999_999, 40_000_000, 3_210_000_000)] == [
        "0 octets", "999 octets", "1 kB", "12.3 kB", "1,000 kB", "40 MB", "3.21 GB",
    ]  # fmt: skip


def test_a_piece_that_has_no_row_is_known() -> None:
    hidden, line = HiddenPieces(), MailDataSent(b"line\r\n")
    assert [hidden(line, Look()) for _ in range(FIRST + 2)] == [False] * FIRST + [True, True]
    assert not hidden(line, Look(unfolded=True))
    assert hidden(line, Look(typed_data=False))
    assert not hidden(MailDataSent(b".\r\n", last=True), Look())
    assert not hidden(line, Look()), "the next message"
    assert not hidden(TimedOut(1.0, ""), Look())


def test_a_file_that_is_read_shows_which_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "large.smtp"
    path.write_bytes(b"x" * 2_000_000)
    progress = ReadingProgress("large.smtp")
    assert progress.words() == "large.smtp to be read"
    with path.open("rb", buffering=0) as stream:
        progress.follow(stream)
        stream.read(500_000)
        assert progress.words() == "large.smtp to be read (25 % of 2 MB)"
    assert progress.words() == "large.smtp to be read", "it is closed"
