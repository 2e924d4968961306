"""The Date field."""

from datetime import date, timedelta

import pytest

from smtp_shell.lint.dates import fault_of_date

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
NO_DATE = "the Date field holds no date"
NO_MONTH = "the month is none of Jan to Dec"
SHORT_YEAR = "the year has fewer than four digits"
NO_ZONE = "the date has no time zone"
NO_WEEKDAY = "the day of the week is none of Mon to Sun with a comma after it"
NO_DAY = "there is no such day"
NO_TIME = "there is no such time"
OTHER_WEEKDAY = "the day of the week is not that of the date"


@pytest.mark.parametrize("month", range(12))
def test_each_day_of_a_year_has_its_weekday_and_no_other(month: int) -> None:
    day = date(2024, month + 1, 1)
    while day.month == month + 1:
        for number, weekday in enumerate(DAYS):
            text = f"{weekday}, {day.day} {MONTHS[month]} 2024 10:21:05 +0100"
            expected = "" if number == day.weekday() else OTHER_WEEKDAY
            assert fault_of_date(text.encode()) == expected
            assert fault_of_date(text.upper().encode()) == expected
        day += timedelta(days=1)


@pytest.mark.parametrize("month", range(12))
def test_a_month_ends_with_its_last_day(month: int) -> None:
    last = (date(2023 + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    assert fault_of_date(f"{last} {MONTHS[month]} 2023 10:21 GMT".encode()) == ""
    assert fault_of_date(f"{last + 1} {MONTHS[month]} 2023 10:21 GMT".encode()) == NO_DAY
    assert fault_of_date(f"0 {MONTHS[month]} 2023 10:21 GMT".encode()) == NO_DAY


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("  1 Jan 2026 00:00 GMT  ", ""),
        ("1 jan 2026 0:00:00 Z", ""),
        ("1\tJan\r\n 2026\t23:59:60\t-1100", ""),
        ("Thu,1 Jan 2026 23:59 +1400", ""),
        ("Thu , 1 Jan 2026 23:59 +1400", ""),
        ("(a comment) Thu, 1 Jan (another) 2026 23:59 +0000 (UTC)", ""),
        ("1 Jan 2026 23:59 AWSTX", ""),
        ("1 Jan 2026 23:59 AWSTXY", NO_DATE),
        ("1 Jan 2026 23:59 +100", NO_DATE),
        ("1 Jan 2026 23:59 +01000", NO_DATE),
        ("1 Jan 2026 23:59+0100", NO_DATE),
        ("1 Jan 2026 23:59 01:00", NO_DATE),
        ("1 Jan 2026 +0100", NO_DATE),
        ("1 Jan 2026 2359 +0100", NO_DATE),
        ("1 Jan 2026 23:5 +0100", NO_DATE),
        ("1 Jan 2026 23:59:5 +0100", NO_DATE),
        ("100 Jan 2026 23:59 +0100", NO_DATE),
        ("1Jan 2026 23:59 +0100", NO_DATE),
        ("1 Ja 2026 23:59 +0100", NO_DATE),
        ("1 Jan 6 23:59 +0100", NO_DATE),
        ("Th, 1 Jan 2026 23:59 +0100", NO_DATE),
        ("x 1 Jan 2026 23:59 +0100 x", NO_DATE),
        ("1 Jan 2026 23:59 +0100 (open", NO_DATE),
        ("1 Janu 2026 23:59 +0100", NO_MONTH),
        ("1 Okt 2026 23:59 +0100", NO_MONTH),
        ("1 Jan 026 23:59 +0100", SHORT_YEAR),
        ("1 Jan 26 23:59 +0100", SHORT_YEAR),
        ("1 Jan 0001 23:59 +0100", ""),
        ("1 Jan 9999 23:59 +0100", ""),
        ("1 Jan 0000 23:59 +0100", NO_DAY),
        ("1 Jan 2026 23:59", NO_ZONE),
        ("1 Jan 2026 23:59:00 (CET)", NO_ZONE),
        ("Thursday, 1 Jan 2026 23:59 +0100", NO_WEEKDAY),
        ("Thu 1 Jan 2026 23:59 +0100", NO_WEEKDAY),
        ("Don, 1 Jan 2026 23:59 +0100", NO_WEEKDAY),
        ("29 Feb 2025 10:21 +0100", NO_DAY),
        ("29 Feb 2024 10:21 +0100", ""),
        ("1 Jan 2026 24:00 +0100", NO_TIME),
        ("1 Jan 2026 23:60 +0100", NO_TIME),
        ("1 Jan 2026 23:59:61 +0100", NO_TIME),
        ("1 Jan 2026 23:59:59 +0100", ""),
    ],
)
def test_a_date_is_one_of_the_standard_or_says_what_is_wrong_with_it(value: str, fault: str) -> None:
    assert fault_of_date(value.encode()) == fault
