"""What is shown of a paste: printable, no wider than both its ends, and never more than the paste."""

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.shell.paste_question import numbered

MOST_ROWS = 11


@given(st.text(max_size=400), st.booleans())
def test_any_paste_is_shown_in_few_printable_rows(text: str, in_exchange: bool) -> None:
    rows = numbered(text, in_exchange=in_exchange)
    assert 1 <= len(rows) <= MOST_ROWS
    assert all(row.isprintable() for row in rows)


@given(st.lists(st.sampled_from(["noop", "c2VzYW1l", "AUTH PLAIN AHgAc2VzYW1l", "*"]), min_size=1, max_size=8))
def test_no_answer_after_auth_is_shown(lines: list[str]) -> None:
    shown = "\n".join(numbered("\n".join(["AUTH LOGIN", *lines]), in_exchange=False))
    assert "AHgAc2VzYW1l" not in shown
    if lines[0] == "c2VzYW1l":
        assert "c2VzYW1l" not in shown.split("\n")[1]
