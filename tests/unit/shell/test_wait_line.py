"""The words of the line that says what is awaited."""

import pytest

from smtp_shell.shell.wait_line import wait_words


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (79, "   … waiting 3 s for the reply to DATA; Ctrl-C ends the wait"),
        (50, "… 3 s for the reply to DATA; Ctrl-C ends it"),
        (39, "… 3 s for the reply to DATA; Ctrl-C"),
        (30, "… 3 s; Ctrl-C ends the wait"),
        (20, "… 3 s; Ctrl-C"),
        (1, "… 3 s; Ctrl-C"),
    ],
)
def test_the_way_out_is_named_however_narrow_the_screen(
    width: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtp_shell.shell.prompt.shows_utf_8", lambda environment, encoding: True)
    assert wait_words("the reply to DATA", 3.2, width) == words
