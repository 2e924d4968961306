"""Near misses: what is wrong with the form of a client's line, and what was probably meant.

Whether a line was in order at its point of the dialogue is in `reasons`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

from smtp_shell.protocol.commands import VERBS
from smtp_shell.protocol.octets import escape_str, quoted
from smtp_shell.protocol.parameters import PARAMETERS

LINE_LIMIT = 512
"""Octets of a command line with its CRLF that every server takes (RFC 5321 section 4.5.3.1.4)."""

_KEYWORDS = {"MAIL": "FROM", "RCPT": "TO"}
_HELLOS = ("EHLO", "HELO", "LHLO")
_ALONE = ("DATA", "RSET", "QUIT", "STARTTLS")
_LOOKALIKES = str.maketrans("01358|!", "OIESBII")
_ALSO = str.maketrans("01", "OL")
_LEAVING = ("EXIT", "BYE", "LOGOUT", "CLOSE", "/QUIT", "/EXIT")
_HEADERS = (
    "FROM",
    "TO",
    "CC",
    "BCC",
    "SUBJECT",
    "DATE",
    "MESSAGE-ID",
    "REPLY-TO",
    "SENDER",
    "MIME-VERSION",
    "CONTENT-TYPE",
)
_METHODS = ("GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT")
_MOST_QUOTED = 40
_PATH = r"\s*(?P<word>[A-Za-z0-9]*)(?P<before>[ \t]*)(?P<colon>[:;=]?)(?P<after>[ \t]*)(?P<rest>.*)"


class Envelope(Struct, frozen=True):
    """What a MAIL or RCPT line says, as far as it can be read.

    Args:
        address: What stands between the angle brackets.
        parameters: Keyword in upper case -> value; an empty one for a keyword alone.
    """

    address: str
    parameters: dict[str, str]


def envelope(line: bytes) -> Envelope | None:
    """Read a MAIL or RCPT line; None for another line, and for one without an address in brackets."""
    text = line.decode("utf-8", "surrogateescape")
    match = re.match(
        r"(?i)\s*(?:MAIL\s+FROM|RCPT\s+TO)\s*:\s*<(?P<address>(?:\"(?:[^\"\\]|\\.)*\"|[^<>\"])*)>(?P<rest>.*)",
        text,
        re.DOTALL,
    )
    if match is None:
        return None
    parameters = {}
    for word in match["rest"].split():
        keyword, _, value = word.partition("=")
        parameters[keyword.upper()] = value
    return Envelope(match["address"], parameters)


def near_misses(line: bytes) -> tuple[str, ...]:
    """Return what is wrong with the form of a command line, in sentences, the gravest first; none for a good line.

    Args:
        line: The line without its line end, and without a credential in it.
    """
    return tuple(_misses(line))


def _misses(line: bytes) -> Iterator[str]:
    text = line.decode("utf-8", "surrogateescape")
    if not text.strip():
        yield "The line is empty, and SMTP has no empty command."
        return
    if text[0] in " \t":
        yield "A blank stands before the command."
    if len(line) + 2 > LINE_LIMIT:
        yield (
            f"The line has {len(line) + 2} octets with its end, "
            f"and a server need not take more than {LINE_LIMIT} (RFC 5321 section 4.5.3.1.4)."
        )
    word, _, rest = text.strip().partition(" ")
    verb = word.rstrip(":;,").upper()
    if verb not in VERBS:
        yield _unknown(word, rest)
        return
    if word[-1] in ":;,":
        yield f"{verb} stands without {quoted(word[-1])} after it."
    check = _CHECKS.get(verb)
    if check is not None:
        yield from check(verb, text.strip()[len(word) :])


def _unknown(word: str, rest: str) -> str:
    upper = word.upper()
    name = upper.partition(":")[0]
    shown = _quoted(word)
    for verb, keyword in _KEYWORDS.items():
        if upper.startswith(f"{verb}{keyword}"):
            return f"A blank is missing after {verb}: {verb} {keyword}:<address>."
    if ":" in word and name in _HEADERS:
        return f"{_quoted(word.partition(':')[0] + ':')} begins a header field, which belongs to the mail data, after DATA and its 354."
    if upper in _METHODS and "/" in rest:
        return f"{shown} is a request of HTTP, and this server speaks SMTP."
    for table in (_LOOKALIKES, _ALSO):
        meant = upper.translate(table)
        if meant != upper and meant in VERBS:
            odd = next(char for char, other in zip(upper, meant, strict=True) if char != other)
            return f"{shown} has {_quoted(odd)} where {meant} has the letter {meant[upper.index(odd)]}."
    if upper in _LEAVING:
        return f"{shown} is no command of SMTP; QUIT ends the dialogue."
    if upper == ".":
        return "A dot alone ends mail data, and the server was not taking any."
    if (
        not rest
        and len(word) >= 8
        and re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", word)
        and (len(word) % 4 == 0)
        and not word.isalpha()
    ):
        return "The line looks like base64, an answer in an AUTH exchange, and no exchange was under way."
    from difflib import get_close_matches

    near = get_close_matches(upper[:20], VERBS, n=1, cutoff=0.66)
    if near:
        return f"{shown} is no command of SMTP; {near[0]} was probably meant."
    return f"{shown} is no command of SMTP."


def _of_path(verb: str, rest: str) -> Iterator[str]:
    """Check what follows MAIL or RCPT.

    Source: RFC 5321 sections 4.1.1.2 and 4.1.1.3
    """
    keyword = _KEYWORDS[verb]
    form = f"{verb} {keyword}:<address>"
    match = re.match(_PATH, rest, re.DOTALL)
    if match is None or not rest.strip():
        yield f"The address is missing: {form}."
        return
    word = match["word"].upper()
    if word == keyword and not match["rest"]:
        yield f"The address is missing: {form}."
        return
    if word != keyword:
        yield _keyword_miss(verb, keyword, match["word"], rest)
        return
    if match["colon"] != ":":
        yield (
            f"The colon after {keyword} is missing: {form}."
            if not match["colon"]
            else f"A colon stands after {keyword}, not {_quoted(match['colon'])}: {form}."
        )
    elif match["before"]:
        yield f"No blank stands before the colon: {form}."
    if match["colon"] and match["after"]:
        yield f"No blank stands after the colon: {form}. Many servers take it all the same."
    yield from _bracket_misses(verb, keyword, match["rest"].strip())


def _keyword_miss(verb: str, keyword: str, word: str, rest: str) -> str:
    form = f"{verb} {keyword}:<address>"
    other = "TO" if keyword == "FROM" else "FROM"
    if word.upper() == other:
        return f"{verb} goes with {keyword}:, and {other}: with {'RCPT' if other == 'TO' else 'MAIL'}."
    if word and "@" not in rest[: rest.find(word) + len(word) + 1] and _is_close(word.upper(), keyword):
        return f"{_quoted(word)} is written {keyword}: {form}."
    return f"{keyword}: is missing before the address: {form}."


def _is_close(word: str, keyword: str) -> bool:
    """Return whether a word is a keyword with its letters in another order, or with one more, less or other."""
    if sorted(word) == sorted(keyword):
        return True
    if abs(len(word) - len(keyword)) > 1 or not word:
        return False
    shorter, longer = sorted((word, keyword), key=len)
    if len(shorter) == len(longer):
        return sum(one != other for one, other in zip(word, keyword, strict=True)) == 1
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))


def _bracket_misses(verb: str, keyword: str, path: str) -> Iterator[str]:
    form = f"{keyword}:<address>"
    if not path:
        yield f"The address is missing: {form}."
    elif not path.startswith("<"):
        if "<" in path and ">" in path:
            yield f"Only the address stands after the colon, in angle brackets, and no name before it: {form}."
        elif ">" in path:
            yield f"The opening angle bracket is missing: {form}."
        else:
            yield f"The angle brackets around the address are missing: {form}."
    elif ">" not in path:
        yield f"The closing angle bracket is missing: {form}."
    else:
        address, _, rest = path[1:].rpartition(">") if path.endswith(">") else path[1:].partition(">")
        yield from _address_misses(verb, address)
        if rest[:1] in (",", ";"):
            yield "Each recipient has a RCPT of its own." if verb == "RCPT" else "MAIL names one sender."
        elif rest and rest[0] not in " \t":
            yield "A blank is missing between the closing angle bracket and the parameters."
        yield from _parameter_misses(rest.split())


def _address_misses(verb: str, address: str) -> Iterator[str]:
    if not address:
        if verb == "RCPT":
            yield "A recipient is never empty: <> is the null reverse-path, and stands after MAIL only."
        return
    plain = '"' not in address
    if plain and ("<" in address or ">" in address):
        several = "@" in address.partition(">")[0] and "@" in address.partition(">")[2]
        yield (
            "Each recipient has a RCPT of its own."
            if several
            else "One pair of angle brackets stands around the address."
        )
    elif plain and (" " in address or "\t" in address):
        yield "A blank stands inside the angle brackets."
    elif plain and "," in address:
        yield (
            "Each recipient has a RCPT of its own: a comma does not separate them."
            if verb == "RCPT"
            else "MAIL names one sender."
        )
    elif plain and address.count("@") > 1 and ":" not in address:
        yield "The address has more than one @."
    elif "@" not in address and address.upper() != "POSTMASTER":
        yield "The address has no domain: an @ and the name of a domain are missing."
    elif "@" in address:
        local, _, domain = address.rpartition("@")
        if not local or not domain:
            yield f"The address has nothing {'before' if not local else 'after'} its @."
        elif plain and (local.startswith(".") or local.endswith(".") or ".." in local):
            yield "A dot begins or ends the local part, or follows another one, which needs quotation marks."
        elif ".." in domain or domain.startswith((".", "-")):
            yield "The domain has an empty label, or begins with a dot or a hyphen."


def _parameter_misses(words: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    for word in words:
        keyword, equals, value = word.partition("=")
        upper = keyword.upper()
        if upper in seen:
            yield f"{_quoted(keyword)} stands twice."
        seen.add(upper)
        if upper == "SIZE" and not (value.isascii() and value.isdigit()):
            yield "SIZE takes an equals sign and a number of octets: SIZE=1200."
        elif upper in PARAMETERS and (fault := PARAMETERS[upper].fault(value)):
            yield f"{fault}."
        elif not equals and keyword.isdigit():
            yield f"{_quoted(word)} is no parameter; a value follows its keyword and an equals sign, as in SIZE=1200."


def _of_hello(verb: str, rest: str) -> Iterator[str]:
    """Check what follows EHLO.

    Source: RFC 5321 section 4.1.1.1
    """
    name = rest.strip()
    if not name:
        yield f"{verb} takes the name of the client's host, or its address in square brackets: {verb} [192.0.2.1]."
    elif "@" in name:
        yield f"{verb} takes the name of the client's host, not a mail address."
    elif " " in name:
        yield f"{verb} takes one name and nothing after it."
    elif re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", name):
        yield f"An address stands in square brackets: {verb} [{name}]."
    elif name.startswith("[") and not name.endswith("]"):
        yield f"The closing square bracket is missing: {verb} [192.0.2.1]."


def _of_lone(verb: str, rest: str) -> Iterator[str]:
    if rest.strip():
        yield f"{verb} takes nothing after it."


def _of_auth(verb: str, rest: str) -> Iterator[str]:
    """Check what follows AUTH.

    Source: RFC 4954 section 4
    """
    if not rest.strip():
        yield "The mechanism is missing: AUTH PLAIN, for example."
        return
    from smtp_shell.protocol.sasl import MECHANISMS

    word = rest.split()[0].upper()
    if word not in MECHANISMS and len(word) <= 20:
        from difflib import get_close_matches

        if near := get_close_matches(word, MECHANISMS, n=1, cutoff=0.8):
            yield f"{_quoted(rest.split()[0])} is no mechanism that is well known; {near[0]} was probably meant."


def _of_bdat(verb: str, rest: str) -> Iterator[str]:
    if not re.fullmatch(r"(?i)\s+[0-9]+(\s+LAST)?\s*", rest):
        yield "BDAT takes the number of octets that follow, and LAST with the last chunk: BDAT 1200 LAST."


def _of_name(verb: str, rest: str) -> Iterator[str]:
    if not rest.strip():
        yield f"{verb} takes a name or an address."


_CHECKS: dict[str, Callable[[str, str], Iterator[str]]] = {
    **dict.fromkeys(_KEYWORDS, _of_path),
    **dict.fromkeys(_HELLOS, _of_hello),
    **dict.fromkeys(_ALONE, _of_lone),
    "AUTH": _of_auth,
    "BDAT": _of_bdat,
    "VRFY": _of_name,
    "EXPN": _of_name,
}


def _quoted(text: str) -> str:
    short = text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…"
    return quoted(escape_str(short))
