"""Explanations of words: codes, lines, names, and what is not known."""

import pytest

from smtp_shell.knowledge.explain import combined, explain, explain_reply, explanations, near_names, nothing_known
from smtp_shell.knowledge.explanation import Explanation, first_sentence
from smtp_shell.knowledge.lookup import EnhancedFact, RefusalFact, ReplyFact, facts
from smtp_shell.protocol.replies import Reply, ReplyParser


def kinds(words: str) -> list[str]:
    return [each.kind for each in explanations(words)]


def reply_of(line: bytes) -> Reply:
    (reply,) = ReplyParser().receive(line + b"\r\n")
    assert isinstance(reply, Reply)
    return reply


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("550", ["reply"]),
        ("550 5.7.1", ["reply"]),
        ("5.7.1", ["enhanced"]),
        ("x.7.1", ["enhanced"]),
        ("4.2.2", ["enhanced"]),
        ("SIZE", ["extension", "parameter"]),
        ("SIZE=1200", ["parameter", "extension"]),
        ("AUTH LOGIN", ["mechanism", "command", "extension"]),
        ("auth login", ["mechanism", "command", "extension"]),
        ("SCRAM-SHA-256", ["mechanism"]),
        ("envelope", ["term"]),
        ("open  relay", ["term"]),
        ("Message-ID", ["header"]),
        ("Subject: hello", ["header"]),
        ("RCPT TO:<bob@example.org>", ["command"]),
        ("MAIL FROM:<ann@example.org> SIZE=1200 SMTPUTF8", ["command", "parameter", "parameter"]),
        ("250-STARTTLS", ["reply", "extension"]),
        ("250 SIZE 1000", ["reply", "extension"]),
        ("  0.021  S: 550 5.7.1", ["reply"]),
        ("!| S: 550 5.7.1", ["reply"]),
        ("!= S: 550 5.7.1", ["reply"]),
        ("C: EHLO client.example.org", ["command"]),
    ],
)
def test_what_is_found(words: str, expected: list[str]) -> None:
    assert kinds(words) == expected


@pytest.mark.parametrize("words", ["PIPELINING", "MAIL FROM", ".", "Date:", "EHLO"])
def test_what_fits_best_comes_first(words: str) -> None:
    best = explain(words)
    assert best is not None
    expected = {"PIPELINING": "extension", "Date:": "header"}
    assert best.kind == expected.get(words, "command")


@pytest.mark.parametrize("words", ["", "xyzzy", "no such thing", "1", "12 34", "\x1b[31m", "5.7", "55x"])
def test_nothing_is_known(words: str) -> None:
    assert explanations(words) == ()
    assert explain(words) is None
    sentence = nothing_known(words)
    assert sentence.isprintable()
    assert sentence.startswith("nothing is known about ")


def test_near_names_are_told() -> None:
    assert near_names("piplining")[0].upper() == "PIPELINING"
    assert "EHLO" in near_names("EHL0 client.example.org")
    assert "did you mean" in nothing_known("MESAGE-ID")


def test_a_code_and_its_enhanced_code_are_one_explanation() -> None:
    both, alone, enhanced = explain("550 5.7.1"), explain("550"), explain("5.7.1")
    assert both is not None
    assert alone is not None
    assert enhanced is not None
    assert both.what == "550 5.7.1"
    assert both.meaning == f"{enhanced.meaning}\n{alone.meaning}"
    assert set(both.sources) == {*alone.sources, *enhanced.sources}


@pytest.mark.parametrize("code", ["299", "577", "499", "311"])
def test_an_unknown_code_is_read_digit_by_digit(code: str) -> None:
    found = explain(code)
    assert found is not None
    assert not found.known
    assert "no standard" in found.meaning
    assert found.do == {"2": "none", "3": "none", "4": "retry", "5": "fix"}[code[0]]
    assert found.as_json()["known"] is False


@pytest.mark.parametrize("code", ["000", "150", "600", "999"])
def test_what_is_no_reply_code_is_said_to_be_none(code: str) -> None:
    found = explain(code)
    assert found is not None
    assert "no reply code" in found.title


@pytest.mark.parametrize(("code", "do"), [("5.99.1", "fix"), ("4.7.250", "retry"), ("2.99.9", "none"), ("3.1.1", None)])
def test_an_unknown_enhanced_code_is_read_number_by_number(code: str, do: str | None) -> None:
    found = explain(code)
    assert found is not None
    assert not found.known
    assert do is None or found.do == do


def test_the_class_of_an_enhanced_code_says_what_to_do() -> None:
    for_now, for_good, done = explain("4.2.2"), explain("5.2.2"), explain("2.1.5")
    assert for_now is not None
    assert for_good is not None
    assert done is not None
    assert (for_now.do, done.do) == ("retry", "none")
    assert for_good.do != "none"
    assert "by itself" in for_now.retries


def test_a_contradiction_between_the_codes_is_told() -> None:
    assert "contradicts" in combined("550", "4.2.1").meaning
    assert combined("550", "4.2.1").do == combined("550").do


def test_a_reply_means_something_for_its_command() -> None:
    assert combined("250", "2.1.0", "MAIL").summary != combined("250", "", "EHLO").summary
    found = explain_reply(reply_of(b"250 2.1.5 Ok"), "RCPT")
    assert found.what == "250 2.1.5"
    assert found.known


def test_a_whole_line_says_what_is_wrong_with_its_form() -> None:
    found = explain("MAIL FORM:<ann@example.org>")
    assert found is not None
    assert found.kind == "command"
    assert found.meaning.startswith('"FORM" is written FROM')


@pytest.mark.parametrize("words", ["AUTH PLAIN AGFubgBzM2NyZXQ=", "AUTH LOGIN czNjcmV0"])
def test_a_credential_is_not_repeated(words: str) -> None:
    found = explanations(words)
    assert found
    assert words.split()[-1] not in " ".join(line for each in found for line in each.lines())


def test_text_from_elsewhere_is_escaped_and_short() -> None:
    found = explain("EHLO \x1b[31m\u202e" + "x" * 500)
    assert found is not None
    assert found.what.isprintable()
    assert len(found.what) < 100


def test_an_explanation_does_not_change() -> None:
    found = combined("550")
    with pytest.raises(AttributeError):
        found.title = "other"
    other = found.but(title="other")
    assert other != found
    assert other.but(title=found.title) == found
    assert len({found, combined("550")}) == 1
    assert "550" in repr(found)


def test_json_leaves_out_what_is_absent() -> None:
    found = Explanation(what="x", kind="term", title="t", meaning="m", sources=["s"]).as_json()
    assert found == {"what": "x", "kind": "term", "title": "t", "meaning": "m", "do": "none", "sources": ("s",)}


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two.", "One."),
        ("See RFC 5321 section 4.2. Then go.", "See RFC 5321 section 4.2."),
        ("Such as e.g. this one. And more.", "Such as e.g. this one."),
        ("Only one", "Only one"),
        ("", ""),
    ],
)
def test_the_first_sentence(text: str, first: str) -> None:
    assert first_sentence(text) == first


def test_a_wording_that_is_well_known_is_found() -> None:
    reply, refusal, *_ = explanations("550 5.7.1 <a@example.org>: Relay access denied")
    assert (reply.kind, refusal.kind) == ("reply", "refusal")
    assert refusal.server == "Postfix"
    assert refusal.causes
    assert refusal.check
    assert kinds("S: 550 5.7.1 <a@example.org>: Relay access denied")[:2] == ["reply", "refusal"]
    assert "refusal" in kinds("5.7.1 <a@example.org>: Relay access denied")
    assert kinds("250 2.1.5 Relay access denied") == ["reply"]


def test_a_reply_with_a_wording_that_is_well_known_is_one_explanation() -> None:
    found = explain_reply(reply_of(b"550 5.7.1 <a@example.org>: Relay access denied"), "RCPT")
    assert (found.what, found.kind, found.server) == ("550 5.7.1", "reply", "Postfix")
    assert found.summary != explain_reply(reply_of(b"550 5.7.1 xyzzy"), "RCPT").summary
    assert found.causes


@pytest.mark.parametrize("kind", [EnhancedFact, RefusalFact, ReplyFact])
def test_what_to_do_has_no_doubled_words(kind: type[EnhancedFact | RefusalFact | ReplyFact]) -> None:
    for name, fact in facts(kind).items():
        action = Explanation(do=fact.do, advice=fact.advice).action
        assert action.endswith(fact.advice)
        before = action.removesuffix(fact.advice)
        if before and fact.advice:
            assert before.split()[0].lower() != fact.advice.split()[0].lower(), name


@pytest.mark.parametrize(
    ("do", "advice", "action"),
    [
        ("retry", "Try again later. Send nothing in the clear.", "Try again later. Send nothing in the clear."),
        ("retry", "Try again in some days.", "Try again in some days."),
        ("retry", "Send less at once.", "Try again later. Send less at once."),
        ("fix", "Fix the address.", "Fix the address."),
        ("fix", "Fixed strings are compared.", "Fix it. Fixed strings are compared."),
        ("give up", "", "Give up."),
        ("none", "Go on.", "Go on."),
        ("none", "", ""),
    ],
)
def test_what_to_do(do: str, advice: str, action: str) -> None:
    assert Explanation(do=do, advice=advice).action == action
