"""Reply codes and enhanced status codes: as the standards define them, or digit by digit where none does."""

from __future__ import annotations

from smtp_shell.knowledge.explanation import Explanation
from smtp_shell.knowledge.tables import table

_BY_DIGIT = ("RFC 5321 section 4.2.1",)
_BY_NUMBER = ("RFC 3463 section 2", "RFC 3463 section 3")
_OF_DETAIL = "The third number says more to whoever made it up"
_DO = {"2": "none", "3": "none", "4": "retry", "5": "fix"}
_RETRIES = {"4": "the client, by itself, after a while", "5": "nobody, until the mistake is mended"}


def is_reply_code(text: str) -> bool:
    """Return whether a text is three ASCII digits."""
    return len(text) == 3 and text.isascii() and text.isdigit()


def is_enhanced_code(text: str) -> bool:
    """Return whether a text has the form of an enhanced status code, such as `5.7.1` or, for every class, `x.7.1`."""
    parts = text.split(".")
    numbers = [part.isascii() and part.isdigit() and len(part) <= 3 for part in parts]
    return len(parts) == 3 and all(numbers[1:]) and len(parts[0]) == 1 and (numbers[0] or parts[0] in "xX")


def explain_code(code: str) -> Explanation:
    """Explain a reply code of three digits.

    Source: RFC 5321 section 4.2
    """
    found = table("reply", code)
    if found is not None:
        return Explanation(**{**found[1], "what": code, "kind": "reply"})
    if code[0] not in _DO:
        return Explanation(
            what=code,
            kind="reply",
            title="no reply code of SMTP",
            meaning=_title("reply", f"{code[0]}yz") or "A reply code begins with a digit from 2 to 5.",
            sources=_BY_DIGIT,
            known=False,
        )
    first, second = (
        _title("reply", f"{code[0]}yz"),
        _title("reply", f"x{code[1]}z") or "No standard defines the second digit.",
    )
    return Explanation(
        what=code,
        kind="reply",
        title="unknown reply code, read digit by digit",
        meaning=f"{first} {second} The third digit only tells replies of this group apart: {code} is in no standard that smtp-shell knows.",
        do=_DO[code[0]],
        retries=_RETRIES.get(code[0], ""),
        sources=_BY_DIGIT,
        known=False,
    )


def explain_enhanced(code: str) -> Explanation:
    """Explain an enhanced status code. That of a class 4 is retried, whatever its permanent form asks for.

    Source: RFC 3463, RFC 5248
    """
    class_, subject, detail = code.split(".")
    found = table("enhanced", f"x.{subject}.{detail}")
    if found is None:
        return _unknown_enhanced(code)
    explained = Explanation(**{**found[1], "what": code.lower(), "kind": "enhanced", "replies": {}})
    if class_ == "4":
        return explained.but(do="retry", retries=_RETRIES["4"], advice="")
    if class_ == "2":
        return explained.but(do="none", retries="", advice="", fault="")
    if class_ not in "5xX":
        return explained.but(
            known=False, meaning=f"{explained.meaning} But {class_} is no class: it is 2, 4 or 5 (RFC 3463 section 2)."
        )
    return explained


def _unknown_enhanced(code: str) -> Explanation:
    class_, subject, _ = code.split(".")
    first = "" if class_ in "xX" else _title("enhanced", class_) or f"{class_} is no class: it is 2, 4 or 5."
    second = _title("enhanced", f"x.{subject}.z") or f"No registry has the subject {subject}."
    return Explanation(
        what=code,
        kind="enhanced",
        title="unknown enhanced status code, read number by number",
        meaning=f"{first} {second} {_OF_DETAIL}: {code} is in no registry that smtp-shell knows.".lstrip(),
        do=_DO.get(class_, "none") if class_ != "3" else "none",
        retries=_RETRIES.get(class_, ""),
        sources=_BY_NUMBER,
        known=False,
    )


def _title(kind: str, name: str) -> str:
    """Return the title of a fact as a sentence; empty if there is no such fact."""
    found = table(kind, name)
    return f"{found[1]['title']}." if found is not None else ""
