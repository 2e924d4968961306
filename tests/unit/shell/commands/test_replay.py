"""`/replay`: options that are refused."""

from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from tests.unit.shell.fake import make_shell


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--match foo", "code, enhanced, keywords, text, exact; see /help /replay."),
        ("--match", "expected one argument"),
        ("--repeat 0", "'0' is no whole number from 1 to"),
        ("--overall x", "'x' is no number of seconds"),
        ("--var q=1", "--var q: no transcript has such a variable"),
        ("--nonsense", "unrecognized arguments: --nonsense"),
    ],
)
def test_an_option_that_is_wrong_is_a_sentence_and_nothing_is_sent(tmp_path: Path, options: str, words: str) -> None:
    (tmp_path / "lab.smtp").write_text("C: NOOP\n")
    shell, server, _ = make_shell()
    with pytest.raises(UsageError) as caught:
        shell.run(f"/replay {tmp_path / 'lab.smtp'} {options}")
    assert words in str(caught.value)
    assert server.heard == b""
