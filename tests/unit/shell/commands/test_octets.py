"""`/hex`, and `/pipeline show`."""

import pytest

from smtp_shell.display.columns import cells
from smtp_shell.errors import UsageError
from tests.unit.shell.fake import make_shell

GROUP = "/pipeline mail ann@example.org; rcpt bob@example.org; rcpt nobody@example.org; data"
REFUSED = {b"RCPT": b"550 5.1.1 " + b"no such user here " * 8 + b"\x1b[2J\r\n"}


def test_hex_shows_the_last_exchange_in_both_directions() -> None:
    shell, _, screen = make_shell(before=("noop", "rset"))
    shell.run("/hex")
    assert [" ".join(row.split()) for row in screen.said[1::2]] == [
        "0000 72 73 65 74 0d 0a rset..",
        "0000 32 35 30 20 4f 6b 0d 0a 250 Ok..",
    ]
    assert screen.said[0].startswith("  sent 6 octets at ")
    assert screen.said[2].startswith("  received 8 octets at ")
    assert screen.answers[0]["hex"] == b"rset\r\n".hex()
    screen.said.clear()
    shell.run("/hex all")
    assert sum(row.startswith("  received") for row in screen.said) == 3
    assert b"220 mail.example.org".hex(" ")[:20] in screen.words


@pytest.mark.parametrize("words", ["0", "-1", "1 2", "x", "1" * 9])
def test_hex_takes_a_number_or_all(words: str) -> None:
    shell, _, _ = make_shell()
    with pytest.raises(UsageError, match="/hex takes a number of exchanges from 1, or all"):
        shell.run(f"/hex {words}")
    with pytest.raises(UsageError, match="/hex has no option --all"):
        shell.run("/hex --all")


def test_hex_needs_octets() -> None:
    shell, _, _ = make_shell()
    shell.wire = None
    with pytest.raises(UsageError, match="nothing has gone over a connection yet"):
        shell.run("/hex")


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 200])
def test_a_group_is_drawn_with_its_replies(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shell, _, screen = make_shell(REFUSED, before=("ehlo",))
    with pytest.raises(UsageError, match="no group has gone out"):
        shell.run("/pipeline show")
    shell.run(GROUP)
    shell.run(".")
    screen.said.clear()
    shell.run("/pipeline show")
    assert all(cells(row) < columns and row.isprintable() for row in screen.said[1:])
    assert [row.split()[0] for row in screen.said if row[3:4].isdigit()] == ["1", "2", "3", "4"]
    together = " ".join(screen.words.split())
    if columns >= 80:
        assert "1 MAIL FROM:<ann@example.org>" in together
        assert "! 550 5.1.1" in together
        assert "> 354 go on" in together
    assert [each["code"] for each in screen.answers] == [250, 550, 550, 354]
    assert screen.answers[0]["command"] == "MAIL FROM:<ann@example.org>"
