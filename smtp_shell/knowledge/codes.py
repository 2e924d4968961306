"""Reply codes and enhanced status codes: as the standards define them, or digit by digit where none does."""

from __future__ import annotations

from smtp_shell.knowledge.explanation import Explanation
from smtp_shell.knowledge.tables import table

_BY_DIGIT = ("RFC 5321 section 4.2.1",)
_BY_NUMBER = ("RFC 3463 section 3",)
_FIRST = {
    "2": ("the command was carried out", "none", ""),
    "3": ("the command is accepted so far, and more is awaited from the client", "none", ""),
    "4": ("refused for now: the same may be accepted later", "retry", "the client, by itself, after a while"),
    "5": ("refused for good: the same must not be sent again unchanged", "fix", "nobody, until the mistake is mended"),
}
_SECOND = {
    "0": "about syntax, or a command that fits no other group",
    "1": "an answer to a question for information, such as HELP",
    "2": "about the connection",
    "5": "about the mail system and the mailbox",
}
# Source: RFC 3463 sections 3.1 to 3.8
_SUBJECTS = (
    "no subject, or none of the others",
    "the address",
    "the mailbox",
    "the destination's mail system",
    "the network and the routing",
    "the protocol, that is, the commands and their order",
    "the content of the message, or its conversion",
    "security and policy",
)


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
    first, second = code[0], code[1]
    if first not in _FIRST:
        words = (
            "A reply code begins with a digit from 2 to 5."
            if first != "1"
            else ("A code that begins with 1 would announce another reply; SMTP has no such reply.")
        )
        return Explanation(
            what=code,
            kind="reply",
            title="no reply code of SMTP",
            meaning=words,
            sources=_BY_DIGIT,
            known=False,
            do="give up",
        )
    meaning, do, retries = _FIRST[first]
    group = _SECOND.get(second, "of a group that no standard defines")
    return Explanation(
        what=code,
        kind="reply",
        title="unknown reply code, read digit by digit",
        meaning=f"{code} is in no standard that smtp-shell knows; its first digit says: {meaning}. The second says: {group}. "
        f"The last one, {code[2]}, only tells replies of this group apart.",
        do=do,
        retries=retries,
        sources=_BY_DIGIT,
        known=False,
    )


def explain_enhanced(code: str) -> Explanation:
    """Explain an enhanced status code. That of a class 4 is retried, whatever its permanent form asks for.

    Source: RFC 3463, RFC 5248
    """
    class_, subject, detail = code.split(".")
    found = table("enhanced", f"x.{subject}.{detail}")
    first = _FIRST.get(class_)
    if found is None:
        return _unknown_enhanced(code)
    explained = Explanation(**{**found[1], "what": code.lower(), "kind": "enhanced", "replies": {}})
    if class_ == "4":
        return explained.but(do="retry", retries=_FIRST["4"][2], advice="")
    if class_ == "2":
        return explained.but(do="none", retries="", advice="", fault="")
    if first is None and class_ not in "xX":
        return explained.but(
            known=False, meaning=f"{explained.meaning} But {class_} is no class: it is 2, 4 or 5 (RFC 3463 section 2)."
        )
    return explained


def _unknown_enhanced(code: str) -> Explanation:
    class_, subject, detail = code.split(".")
    number = int(subject)
    group = _SUBJECTS[number] if number < len(_SUBJECTS) else "a subject that no standard defines"
    meaning, do, retries = (
        _FIRST.get(class_, ("no class: it is 2, 4 or 5", "none", ""))
        if class_ != "3"
        else ("no class: it is 2, 4 or 5", "none", "")
    )
    if class_ in "xX":
        meaning = "any class"
    return Explanation(
        what=code,
        kind="enhanced",
        title="unknown enhanced status code, read number by number",
        meaning=f"{code} is in no registry that smtp-shell knows; class {class_} says: {meaning}. Subject {subject} says: {group}. "
        f"Detail {detail} says more to whoever made it up.",
        do=do,
        retries=retries,
        sources=_BY_NUMBER,
        known=False,
    )
