"""Explanations of what a person asks about: a code, a reply line, a command line, a keyword, a header field, a term."""

from __future__ import annotations

from smtp_shell.knowledge.codes import explain_code, explain_enhanced, is_enhanced_code, is_reply_code
from smtp_shell.knowledge.explanation import Explanation
from smtp_shell.knowledge.tables import KINDS, table

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing
if TYPE_CHECKING:
    from smtp_shell.protocol.replies import Reply

_WITHOUT_CODES = tuple(kind for kind in KINDS if kind not in ("reply", "enhanced", "refusal"))
_FINAL_DOT = (".", "end of data", "final dot", "end of mail data")
_MOST_SHOWN = 72
_MOST_REFUSALS = 3


def explain(words: str) -> Explanation | None:
    """Return the explanation that fits best; None if nothing is known. The arguments are those of `explanations`."""
    return next(iter(explanations(words)), None)


def explanations(words: str) -> tuple[Explanation, ...]:
    """Return what is known about what somebody asks, the most fitting first.

    Args:
        words: A reply code, an enhanced status code, both, a reply line, a command or a whole line of a client, an extension, a parameter,
            a mechanism, a header field, or a term. A mark in front, as in a transcript, is passed over.
    """
    text = _without_mark(" ".join(words.split()))
    first, _, rest = text.partition(" ")
    if is_reply_code(first[:3]) and first[3:4] in ("", "-"):
        return _reply_line(first[:3], f"{first[4:]} {rest}".strip())
    if is_enhanced_code(first):
        return (explain_enhanced(first),) if not rest else _text_of_reply(first, rest)
    if text == ".":
        return _dot()
    return _named(text) or _line(text)


def explain_fact(kind: str, name: str) -> Explanation | None:
    """Return the explanation of the fact of this kind with this name; None if there is none.

    Args:
        kind: A value of `lookup.Kind`.
        name: The name, or another name of it, without regard to case.
    """
    hit = table(kind, name) if name else None
    return None if hit is None else Explanation(**{**hit[1], "what": hit[0], "kind": kind})


def explain_reply(reply: Reply, verb: str = "") -> Explanation:
    """Explain a reply, as one explanation: its code, its enhanced status code, what it means for its command, and its wording.

    Args:
        reply: The reply.
        verb: Verb of the command that it answers; `.` for the final dot, `greeting` for the greeting, empty for what answers nothing.
    """
    enhanced = reply.enhanced
    explained = combined(f"{reply.code:03}", str(enhanced) if enhanced else "", verb)
    refusals = _refusals(reply) if reply.is_negative else ()
    if not refusals:
        return explained
    found = refusals[0]
    return explained.but(
        meaning=f"{found.meaning}\n{explained.meaning}",
        do=found.do,
        fault=found.fault or explained.fault,
        advice=found.advice or explained.advice,
        retries=found.retries or explained.retries,
        server=found.server,
        causes=found.causes,
        check=found.check,
        sources=tuple(dict.fromkeys(found.sources + explained.sources)),
        known=True,
    )


def combined(code: str, enhanced: str = "", verb: str = "") -> Explanation:
    """Explain a reply code together with an enhanced status code, which says more, and with what it means for a command.

    Args:
        code: Three digits.
        enhanced: The enhanced status code; empty for none.
        verb: The verb of the command; empty for none.
    """
    explained = explain_code(code)
    here = of_reply_to(code, verb)
    meaning = "\n".join(filter(None, (here, explained.meaning)))
    explained = explained.but(meaning=meaning, known=explained.known or bool(here))
    if not enhanced:
        return explained
    more = explain_enhanced(enhanced)
    what = f"{code} {enhanced}"
    if enhanced[0] != code[0]:
        contrary = f"The {enhanced} contradicts the code, whose class is {code[0]} (RFC 2034 section 4)."
        return explained.but(what=what, meaning=f"{meaning}\n{contrary}")
    sources = tuple(dict.fromkeys(explained.sources + more.sources))
    if not more.known:
        return explained.but(what=what, meaning=f"{meaning}\n{more.meaning}", sources=sources)
    # A refusal is told best by the enhanced code; "2.1.0: another address status" says less than "the sender is accepted".
    first_here = here and code[0] in "23"
    return more.but(
        what=what,
        kind="reply",
        title=f"{explained.title}; {more.title}" if explained.known else more.title,
        meaning=f"{meaning}\n{more.meaning}" if first_here else f"{more.meaning}\n{meaning}",
        fault=more.fault or explained.fault,
        advice=more.advice or explained.advice,
        retries=more.retries or explained.retries,
        sources=sources,
        see=tuple(each for each in dict.fromkeys(explained.see + more.see) if each not in (code, f"x{enhanced[1:]}")),
    )


def of_reply_to(code: str, verb: str) -> str:
    """Return what a reply code means for a command, in a sentence; empty where that is not known.

    Args:
        code: Three digits.
        verb: The verb, `greeting`, or `.` for the final dot.
    """
    for name in (".", "DATA") if verb == "." else (verb,):
        command = table("command", name) if name else None
        replies = command[1].get("replies") if command is not None and command[0] == name else None
        here = replies.get(code) if isinstance(replies, dict) else None
        if here:
            return f"{here[0].upper()}{here[1:].rstrip('.')}."
    return ""


def near_names(words: str) -> tuple[str, ...]:
    """Return names of facts that are close to what was asked for, the closest first."""
    from difflib import get_close_matches

    from smtp_shell.knowledge.lookup import CLASSES, Kind, facts

    by_name = {kind: facts(CLASSES[Kind(kind)]) for kind in _WITHOUT_CODES}
    names = (each for found in by_name.values() for name, fact in found.items() for each in (name, *fact.also))
    by_lower = {name.lower(): name for name in names}
    wanted = " ".join(words.lower().split())
    candidates = [wanted, *wanted.split()[:4]]
    found = [by_lower[near] for each in candidates for near in get_close_matches(each, by_lower, n=3, cutoff=0.7)]
    if not found:
        found = [name for lower, name in by_lower.items() if len(wanted) > 2 and wanted in lower]
    return tuple(dict.fromkeys(found))[:3]


def nothing_known(words: str) -> str:
    """Return the sentence for what is not known, with names that are near."""
    near = near_names(words)
    hint = (
        f"did you mean {' or '.join(near)}?"
        if near
        else "try a reply code, a command, an extension, a header field or a term."
    )
    return f"nothing is known about {_shown(' '.join(words.split())) or 'nothing'}; {hint}"


def _named(text: str) -> tuple[Explanation, ...]:
    """Return the facts that have this name. A colon at its end asks for a header field, an equals sign in it for a parameter."""
    if text.endswith(":"):
        return _facts(text.removesuffix(":"), ("header", *_WITHOUT_CODES))
    name, equals, _ = text.partition("=")
    if equals and " " not in text:
        return _facts(text, ("parameter",)) or _facts(name, ("parameter", "extension", "command"))
    return _facts(text, KINDS)


def _facts(name: str, kinds: tuple[str, ...]) -> tuple[Explanation, ...]:
    found = (explain_fact(kind, name) for kind in dict.fromkeys(kinds))
    return tuple(each for each in found if each is not None)


def _dot() -> tuple[Explanation, ...]:
    for name in _FINAL_DOT:
        if found := _facts(name, _WITHOUT_CODES):
            return found
    return _facts("DATA", ("command",))


def _line(text: str) -> tuple[Explanation, ...]:
    """Return what is known about a line of a client, or about a header field with its value."""
    first, _, rest = text.partition(" ")
    verb = first.partition(":")[0]
    if verb.lower() == "auth" and rest:
        mechanism = rest.split()[0]
        return _facts(mechanism.upper(), ("mechanism",)) + _facts("AUTH", ("command", "extension"))
    two = f"{verb} {rest.partition(':')[0]}".strip()
    found = _facts(two, ("command",)) if rest else ()
    found = found or _facts(verb, ("command",))
    if found and (first == verb or not _facts(verb, ("header",))):
        explained = found[0].but(what=_shown(text), meaning="\n".join((*_form(text), found[0].meaning)))
        parameters = [each for each in rest.split() if each[:1].isalpha() and "@" not in each and ":" not in each]
        of_line = [fact for each in parameters for fact in _facts(each.partition("=")[0], ("parameter",))]
        return (explained, *of_line)
    if first.endswith(":"):
        return _facts(verb, ("header",))
    # A line of the reply to EHLO, without its code.
    return _facts(verb, ("extension",)) if verb.isupper() else ()


def _form(text: str) -> tuple[str, ...]:
    """Return what is wrong with the form of a whole line; nothing for the name of a command."""
    if not any(sign in text for sign in ":<@="):
        return ()
    from smtp_shell.knowledge.near import near_misses

    return near_misses(text.encode("utf-8", "surrogateescape"))


def _reply_line(code: str, text: str) -> tuple[Explanation, ...]:
    first, _, rest = text.partition(" ")
    enhanced = first if is_enhanced_code(first) and first[0] not in "xX" else ""
    explained = combined(code, enhanced)
    words = rest if enhanced else text
    if not words:
        return (explained,)
    if code == "250" and first.isupper() and (extensions := _facts(first.partition("=")[0], ("extension",))):
        return (explained, *extensions)
    return (explained, *_refusals_of(f"{code} {text}"))


def _text_of_reply(enhanced: str, rest: str) -> tuple[Explanation, ...]:
    """Return what is known about a reply whose code was left out, as log files have it."""
    code = {"2": "250", "4": "450", "5": "550"}.get(enhanced[0], "")
    refusals = _refusals_of(f"{code} {enhanced} {rest}") if code else ()
    return (explain_enhanced(enhanced), *refusals)


def _refusals_of(line: str) -> tuple[Explanation, ...]:
    if line[0] not in "45":
        return ()
    from smtp_shell.protocol.replies import Reply, ReplyParser

    octets = line.encode("utf-8", "surrogateescape") + b"\r\n"
    reply = next(iter(ReplyParser().receive(octets)), None)
    return _refusals(reply) if isinstance(reply, Reply) else ()


def _refusals(reply: Reply) -> tuple[Explanation, ...]:
    """Return the well-known refusals that the wording of a reply is."""
    from msgspec.structs import asdict

    from smtp_shell.knowledge.refusals import find_refusals

    found = find_refusals(reply)
    of_one = [fact for fact in found if fact.server == found[0].server]
    return tuple(
        Explanation(**{**asdict(fact), "what": f"{reply.code} ({fact.server})", "kind": "refusal", "example": ""})
        for fact in of_one[:_MOST_REFUSALS]
    )


def _without_mark(text: str) -> str:
    """Return a line without what stands in front of it in a transcript or on the screen: `0.021 S: `, `!| S: `, `C: `."""
    head, marker, rest = text.partition(": ")
    if marker and head.split(" ")[-1] in ("S", "C") and len(head) < 12 and set(head[:-1]) <= set("+>~!|=? .0123456789"):
        return rest
    return text


def _shown(text: str) -> str:
    """Return a text of somebody else's as it may be shown: printable, and not long."""
    short = text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
    if short.isascii() and short.isprintable() and "\\" not in short:
        return short
    from smtp_shell.protocol.octets import escape_str

    return escape_str(short)
