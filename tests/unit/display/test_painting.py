"""Which part of a row has which style."""

import pytest

from smtp_shell.display.painting import gutter_parts, word_styles


@pytest.mark.parametrize(
    ("gutter", "style", "parts"),
    [
        ("!| S: ", "reply.5", [("!", "reply.5"), ("|", "tls"), (" S: ", "gutter")]),
        ("+? S: ", "reply.2", [("+", "reply.2"), ("?", "tls.unverified"), (" S: ", "gutter")]),
        ("?  S: ", "reply.odd", [("?", "reply.odd"), (" ", "tls"), (" S: ", "gutter")]),
        ("[12] !| S: ", "reply.5", [("[12] ", "gutter"), ("!", "reply.5"), ("|", "tls"), (" S: ", "gutter")]),
        ("   #! ", "notice", [("   #! ", "notice")]),
        ("", "said", [("", "said")]),
    ],
)
def test_the_gutter_is_dim_but_for_its_signs(gutter: str, style: str, parts: list[tuple[str, str]]) -> None:
    assert [part for part in gutter_parts(gutter, style) if part[0] or style == "said"] == parts


@pytest.mark.parametrize(
    ("kind", "style", "styles"),
    [
        ("", "reply.2", ()),
        ("word.code", "reply.2", ("reply.2", "word.code")),
        ("word.announced", "reply.3", ("word.announced",)),
        ("", "reply.5", ("reply.5",)),
        ("word.code", "reply.4", ("reply.4", "word.code")),
        ("word.verb", "command", ("command", "word.verb")),
        ("", "error", ("error",)),
    ],
)
def test_of_a_reply_that_went_well_only_the_code_has_its_colour(kind: str, style: str, styles: tuple[str, ...]) -> None:
    assert word_styles(kind, style) == styles
