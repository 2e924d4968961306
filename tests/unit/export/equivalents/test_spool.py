"""Octets outside of memory, read back in pieces and in lines."""

import ast

from smtp_shell.export.equivalents.acts import Body
from smtp_shell.export.equivalents.deliveries import deliveries
from smtp_shell.export.equivalents.python_script import python_script
from smtp_shell.export.equivalents.script import Script
from smtp_shell.export.equivalents.spool import Spool

LONG = b"x" * 400_000


def test_lines_have_their_ends_and_long_ones_are_cut() -> None:
    with Spool() as spool:
        spool.write(b"one\r\n\r\n" + LONG + b"\r\nlast")
        lines = list(spool.lines([(0, spool.size)]))
    assert b"".join(lines) == b"one\r\n\r\n" + LONG + b"\r\nlast"
    assert lines[:2] == [b"one\r\n", b"\r\n"]
    assert lines[-1] == b"last"
    assert max(map(len, lines)) < 200_000


def test_ranges_are_read_as_one() -> None:
    with Spool() as spool:
        spool.write(b"a\r")
        spool.write(b"-gap-")
        spool.write(b"\nb")
        assert list(spool.lines([(0, 2), (7, 9)])) == [b"a\r\n", b"b"]
        assert list(spool.lines([])) == []


def test_a_line_that_was_cut_is_one_in_a_script() -> None:
    with Spool() as spool:
        spool.write(b"short\r\n" + LONG + b"\r\n\xc4\r\n")
        acts = (Body(0, spool.size, is_whole=True),)
        text = "".join(python_script(Script("x", acts, deliveries(acts)), spool))
    (call,) = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.List)]
    found = [ast.literal_eval(each) for each in call.elts]
    assert [each.encode() if isinstance(each, str) else each for each in found] == [b"short", LONG, b"\xc4"]
