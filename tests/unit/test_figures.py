"""Figures in plain decimals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.figures import counted, plain, shown_octets


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (3012.3, 3, "3010"),
        (0.0, 3, "0"),
        (0.123456, 3, "0.123"),
        (1.5, 3, "1.5"),
        (99.96, 3, "100"),
        (0.00001, 6, "0.00001"),
        (86_400.0, 6, "86400"),
        (1e6, 3, "1000000"),
        (60.0, 6, "60"),
        (100.0, 3, "100"),
    ],
)
def test_a_number_is_shown_as_people_write_it(value: float, digits: int, shown: str) -> None:
    assert plain(value, digits) == shown


@given(st.floats(1e-9, 1e12), st.integers(1, 6))
def test_no_number_has_an_exponent_and_each_is_near_enough(value: float, digits: int) -> None:
    shown = plain(value, digits)
    assert set(shown) <= set("0123456789.")
    assert float(shown) == pytest.approx(value, rel=10.0 ** (1 - digits), abs=1e-12)


@pytest.mark.parametrize(
    ("number", "noun", "shown"),
    [(0, "line", "0 lines"), (1, "line", "1 line"), (2, "alias", "2 aliases"), (12_000, "run", "12,000 runs")],
)
def test_what_is_counted_has_its_plural(number: int, noun: str, shown: str) -> None:
    assert counted(number, noun) == shown


def test_few_octets_are_counted_and_many_are_rounded() -> None:
    assert [shown_octets(number) for number in (1, 999, 1_500, 2_340_000)] == [
        "1 octet",
        "999 octets",
        "1.5 kB",
        "2.34 MB",
    ]
