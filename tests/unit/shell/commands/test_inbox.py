"""`/inbox`: the practice server's mail on the screen."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.servers.inbox import Inbox
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import Screen, make_shell


def with_mail(folder: Path, *lines: bytes) -> tuple[Shell, Screen]:
    """Return a shell whose practice server has received one message."""
    inbox = Inbox(folder / "Maildir")
    inbox.prepare()
    delivery = inbox.deliver(b"ann@example.org", [b"bob@example.org"], b"Received: from a\r\n\tby b\r\n")
    delivery.write(b"".join(line + b"\r\n" for line in lines))
    delivery.commit()
    shell, _, screen = make_shell()
    shell.options = replace(shell.options, inbox=inbox)
    return shell, screen


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"\tby example", "        by example"),
        (b"a\tb", "a       b"),
        (b"tab\t\x1b[2J\x07", r"tab     \x1b[2J\x07"),
        (rb"a \x09 written out", r"a \\x09 written out"),
        (b"\xc2\x85 \xff", r"\xc2\x85 \xff"),
    ],
)
def test_a_tab_of_a_message_is_white_space_and_other_controls_are_escaped(
    line: bytes, shown: str, tmp_path: Path
) -> None:
    shell, screen = with_mail(tmp_path, b"Subject: x", b"", line)
    shell.run("/inbox 1")
    assert f"  | {shown}" in screen.said
    assert "  |         by b" in screen.said


@pytest.mark.parametrize(
    ("subject", "shown"),
    [(b"a\r\n\tb", "a b"), (rb"a \x09 b", r"a \\x09 b"), (b"=?utf-8?q?a=09b?=", "a b"), (b"a\x1b", r"a\x1b")],
)
def test_a_folded_subject_is_one_line(subject: bytes, shown: str, tmp_path: Path) -> None:
    shell, screen = with_mail(tmp_path, b"Subject: " + subject, b"")
    shell.run("/inbox")
    assert screen.said[-2].endswith(f"-> bob@example.org  {shown}")
