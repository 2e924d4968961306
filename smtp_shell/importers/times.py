"""The time in front of a line of a log, with the logger's words after it."""

from __future__ import annotations

import re
from typing import Final

_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?P<part>[.,:][0-9]{1,9})?(?: ?(?P<half>[AaPp])[Mm]\b)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|CES?T|[A-Z]DT|[A-Z]ST|[+-][0-9]{2}:?[0-9]{2})\b)?"
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?"
_MONTH = r"Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DATE = (
    r"(?:(?P<year>[0-9]{4})[-/.](?P<month>[0-9]{1,2})[-/.](?P<day>[0-9]{1,2})[T _,]{1,2}"
    r"|(?P<day2>[0-9]{1,2})[./](?P<month2>[0-9]{1,2})[./](?P<year2>[0-9]{2,4}),?[ T]+"
    rf"|{_WEEKDAY}(?P<name>{_MONTH}) +(?P<day3>[0-9]{{1,2}}),?(?: [0-9]{{4}},?)? +"
    rf"|{_WEEKDAY}(?P<day4>[0-9]{{1,2}})[ /-](?P<name2>{_MONTH})[ /-][0-9]{{2,4}}[ :,]+"
    r")?"
)
_EPOCH = r"(?P<epoch>1[0-9]{9}(?:\.[0-9]{1,9})?)(?=[\] \t:])"
_TIME = re.compile(
    rf"[ \t]*[\[(<]?(?:{_DATE}{_CLOCK}{_ZONE}(?: [0-9]{{4}}(?![-/.0-9]))?|{_EPOCH})[\])>]?(?=[ \t:|,\]-]|$)"
)
# What a logger puts between the time and the words: its level, its name, a process, a thread. Marks of a dialect look otherwise.
_WORDS = re.compile(
    r"(?:[ \t]*(?:[-|,:][ \t]+)?(?:"
    r"\[(?!(?:[CScs<>*]|[Cc]lient|CLIENT|[Ss]erver|SERVER)\])[^\]\n]{1,60}\](?!:? ?(?:->|<-))"
    r"|(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FINE|FINER|FINEST|SEVERE|debug|info|warn|error|trace|notice)\b"
    r"(?! SMTP| TLS|:? Jakarta| POP| IMAP):?"
    r"|(?:[\w.-]{1,60}[ \t]+)?[A-Za-z][\w.$/-]{0,60}\[[0-9]{1,10}\]:"
    r"|[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+:?(?=[ \t]+(?:-|:|\||\[)|:)(?![ \t]*>)"
    r")(?=[ \t|:-]|$))*(?:[ \t]*[-|:](?=[ \t]))?[ \t]?"
)
_NAMED = re.compile(r"(?:DEBUG|INFO|WARNING|ERROR):[A-Za-z_][\w.]{0,60}:(?! )|[A-Za-z][\w.-]{0,40}[ \t]*\| ")
_LONGEST = 200  # characters of a time, and of what a logger puts after it
_DAYS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def after_time(text: str) -> tuple[float | None, int] | None:
    """Return the time in front of a line, in seconds, and where the line's own text begins; None if nothing of the kind is in front.

    The point in time that the seconds count from is the same for all lines with the same form of date.

    Args:
        text: The line.
    """
    found = _TIME.match(text, 0, _LONGEST)
    if found is None:
        named = _NAMED.match(text, 0, _LONGEST)
        return None if named is None else (None, named.end())
    words = _WORDS.match(text, found.end(), found.end() + _LONGEST)
    return _seconds(found), words.end() if words else found.end()


def clock_seconds(text: str) -> float | None:
    """Return the seconds of a time that stands by itself, such as `2026-11-22T01:21:29.123Z`; None if it is none."""
    found = _TIME.match(text)
    return None if found is None else _seconds(found)


def _seconds(found: re.Match[str]) -> float:
    if found["epoch"]:
        return float(found["epoch"])
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"] in "pP" else 0)
    seconds = float(hour * 3600 + int(found["minute"]) * 60 + int(found["second"]))
    if found["part"]:
        seconds += float(f"0.{found['part'][1:]}")
    name = found["name"] or found["name2"]
    month = _MONTHS.index(name.lower()) + 1 if name else int(found["month"] or found["month2"] or 1)
    day = int(found["day"] or found["day2"] or found["day3"] or found["day4"] or 1)
    year = int(found["year"] or 0) % 100
    days = year * 366 + _DAYS[(month - 1) % 12] + day - 1
    return days * 86_400 + seconds
