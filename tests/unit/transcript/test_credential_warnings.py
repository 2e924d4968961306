"""What is said of credentials: the warning that names their lines, and lines that cannot be read, quoted without them."""

from __future__ import annotations

import pytest

from smtp_shell.protocol.masking import MASK
from smtp_shell.transcript.credentials import CredentialMask, are_hidden, masking_warning, where_they_stand
from smtp_shell.transcript.header import Header
from smtp_shell.transcript.included_line import IncludedLine
from smtp_shell.transcript.step import Marker, Step
from tests.unit.transcript.test_credentials import BLOB, PASSWORD, masked


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (0, ""),
        (1, "a.smtp: line 1 holds a credential, which is masked here; why."),
        (2, "a.smtp: lines 1 and 2 hold credentials, which are masked here; why."),
        (3, "a.smtp: lines 1, 2 and 3 hold credentials, which are masked here; why."),
        (12, "a.smtp: lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more hold credentials, which are masked here; why."),
    ],
)
def test_one_warning_names_the_lines(count: int, sentence: str) -> None:
    _, mask = masked(*[f"C: AUTH PLAIN {BLOB}"] * count)
    assert masking_warning("a.smtp", mask, "why") == sentence


def test_what_another_tool_wrote_says_nothing_of_a_header() -> None:
    mask = CredentialMask(is_foreign=True)
    mask.mask(Step(Marker.CLIENT, f"AUTH PLAIN {BLOB}", None, 1))
    assert masking_warning("a.log", mask) == "a.log: line 1 holds a credential, which is masked here."
    mask = CredentialMask()
    mask.mask(Step(Marker.CLIENT, f"AUTH PLAIN {BLOB}", None, 1))
    why = "the header does not say `Secrets: included`"
    assert masking_warning("a.smtp", mask) == f"a.smtp: line 1 holds a credential, which is masked here; {why}."


def test_a_line_of_an_included_file_is_named_with_the_file() -> None:
    mask = CredentialMask()
    mask.mask(Step(Marker.CLIENT, f"AUTH PLAIN {BLOB}", None, IncludedLine.of(7, "b.smtp")))
    assert where_they_stand(mask) == "line 7 of b.smtp holds a credential"


@pytest.mark.parametrize(("secrets", "hidden"), [(None, True), ("redacted", True), ("included", False)])
def test_only_a_header_says_that_credentials_are_shown(secrets: str | None, hidden: bool) -> None:
    header = Header((("Transcript", "1"), ("Secrets", secrets))) if secrets else Header((("Transcript", "1"),))
    assert are_hidden(header) is hidden
    assert are_hidden(None)


@pytest.mark.parametrize(
    "lines",
    [
        [("> AUTH PLAIN sesame", f"> AUTH PLAIN {MASK}"), ("535 sesame", f"535 {MASK}")],
        # What a question for a password is answered with is one, and what LOGIN begins with is a user name.
        [
            ("AUTH LOGIN", ""),
            ("334 UGFzc3dvcmQ6 ", f"334 {MASK} "),
            (PASSWORD, MASK),
            ("535 open sesame", f"535 {MASK}"),
        ],
        [("AUTH LOGIN", ""), ("334 VXNlcm5hbWU6", f"334 {MASK}"), ("cG9zdG1hc3Rlcg==", MASK), ("535 postmaster", "")],
        [("AUTH LOGIN cG9zdG1hc3Rlcg==", f"AUTH LOGIN {MASK}"), ("535 postmaster", "")],
        [("AUTH LOGIN", ""), ("334 VXNlcm5hbWU6", f"334 {MASK}"), ("", "")],
        [("AUTH LOGIN", ""), ("2500", MASK)],
        [("octets \udcff\udcfe", "")],
    ],
)
def test_lines_are_quoted_one_after_the_other(lines: list[tuple[str, str]]) -> None:
    mask = CredentialMask()
    assert [mask.quote(line) for line, _ in lines] == [shown or line for line, shown in lines]
