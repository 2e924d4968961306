"""The lexer: whatever a line is, its words are in it, in order, and nothing of it is lost."""

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.display.dialogue_lexer import DialogueLexer
from smtp_shell.display.dialogue_words import DialogueWords, command_marks, pieces, slash_marks

_ALPHABET = st.sampled_from(
    [*' \t<>@:;="\\$}{•./-250354', "MAIL ", "FROM:", "DATA", "AUTH ", "${sasl}", "a", "ü", "\u2028", "\r"]
)
_TEXTS = st.lists(_ALPHABET, max_size=30).map("".join)
_MARKERS = st.sampled_from(["C:", "C&", "C|", "C<", "S:", "S=", "S~", "S|", "*:", "#", "#!", "E|", "", "x"])


@given(st.lists(st.tuples(_MARKERS, _TEXTS, st.sampled_from([None, True, False])), max_size=12))
def test_the_words_of_any_dialogue_are_in_its_lines(lines: list[tuple[str, str, bool | None]]) -> None:
    words = DialogueWords()
    for marker, text, is_data in lines:
        for marks in (words.marks(marker, text, is_data=is_data), command_marks(text), slash_marks(text)):
            ends = [0]
            for start, end, kind in marks:
                assert ends[-1] <= start < end <= len(text)
                assert kind.startswith("word.")
                ends.append(end)
            for cut in range(0, len(text) + 1, 5):
                assert "".join(piece for _, piece in pieces(text[:cut], marks)) == text[:cut]
                assert "".join(piece for _, piece in pieces(text[cut:], marks, cut)) == text[cut:]


@given(
    st.lists(st.one_of(_TEXTS, st.sampled_from(["Transcript: 1", "S: ", "+= S: 250 ", "\n", "\n\n"])), max_size=30).map(
        "".join
    )
)
def test_the_tokens_of_any_text_are_the_text(text: str) -> None:
    found = list(DialogueLexer().get_tokens_unprocessed(text))
    assert "".join(piece for _, _, piece in found) == text
    at = 0
    for place, _, piece in found:
        assert place == at
        at += len(piece)
