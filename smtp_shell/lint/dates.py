"""The Date field, read as RFC 5322 writes it."""

from __future__ import annotations

import re

_DAYS = (b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun")
_MONTHS = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_DATE = re.compile(
    rb"(?i)(?:(?P<weekday>[a-z]{3,9})\s*(?P<comma>,?)\s*)?(?P<day>[0-9]{1,2})\s+(?P<month>[a-z]{3,9})\s+(?P<year>[0-9]{2,5})\s+"
    rb"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?(?P<zone>\s+(?:[+-][0-9]{4}|[a-z]{1,5}))?"
)
_COMMENT = re.compile(rb"\([^()]*\)")


def fault_of_date(value: bytes) -> str:
    """Return what is wrong with the value of a Date field, in words that repeat nothing of it; empty if it is a date.

    The zones by name, such as GMT, are an old form that readers know; they are no fault.

    Args:
        value: The value.

    Source: RFC 5322 sections 3.3 and 4.3
    """
    match = _DATE.fullmatch(_COMMENT.sub(b"", value).strip())
    if match is None:
        return "the Date field holds no date"
    if match["month"].lower() not in _MONTHS:
        return "the month is none of Jan to Dec"
    if len(match["year"]) < 4:
        return "the year has fewer than four digits"
    if match["zone"] is None:
        return "the date has no time zone"
    if match["weekday"] is not None and (not match["comma"] or match["weekday"].lower() not in _DAYS):
        return "the day of the week is none of Mon to Sun with a comma after it"
    return _fault_of_numbers(match)


def _fault_of_numbers(match: re.Match[bytes]) -> str:
    from datetime import date

    month = _MONTHS.index(match["month"].lower()) + 1
    try:
        day = date(int(match["year"]), month, int(match["day"]))
    except ValueError:
        return "there is no such day"
    if int(match["hour"]) > 23 or int(match["minute"]) > 59 or int(match["second"] or 0) > 60:
        return "there is no such time"
    if match["weekday"] is not None and _DAYS.index(match["weekday"].lower()) != day.weekday():
        return "the day of the week is not that of the date"
    return ""
