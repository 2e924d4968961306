"""The table of transcript events: which are known, what their arguments may be, and which name was probably meant."""

import pytest

from smtp_shell.transcript.events import ACTED_EVENTS, EVENTS, authentication, check_event, near_miss, seconds_of


def test_the_events_that_a_replay_acts_on() -> None:
    acted = {"connect", "close", "timeout", "error", "wait", "within", "no-tls", "authenticate", "finally"}
    assert acted == ACTED_EVENTS
    assert EVENTS.keys() - ACTED_EVENTS == {"tls", "auth", "include"}


@pytest.mark.parametrize(
    "words",
    [
        "connect mx.example.org:25",
        "connect mx.example.org:465 tls",
        "tls",
        "auth PLAIN ann",
        "close server",
        "timeout 300 the greeting",
        "wait 0",
        "wait 86400",
        "within 2.5",
        "close reset",
        "include sub/login.smtp",
        "include a name with spaces.smtp",
        "finally",
        "authenticate",
        "authenticate plain scram-sha-256",
        "authenticate SCRAM-SHA-256 PLAIN ann@example.org",
        "authenticate ann",
        "graph 42",
        "step 4",
        "x-mark",
    ],
)
def test_a_good_event_has_no_problem(words: str) -> None:
    assert check_event(words.split()) is None


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("connect", "*: connect names no server"),
        ("wait", "*: wait has no number of seconds"),
        ("wait soon", "*: wait has no number of seconds"),
        ("wait -1", "*: wait has no number of seconds"),
        ("wait inf", "*: wait has no number of seconds"),
        ("wait 86401", "*: wait has no number of seconds"),
        ("within 1e3", "*: within has no number of seconds"),
        ("within soon", "*: within has no number of seconds"),
        ("within 0x", "*: within has no number of seconds"),
        ("wait 2 s", "*: wait has 's' after the seconds"),
        ("include", "*: include names no file"),
    ],
)
def test_a_bad_event_is_named_with_what_was_expected(words: str, problem: str) -> None:
    found = check_event(words.split())
    assert found is not None
    assert found[0] == problem
    assert found[1].startswith(f"*: {words.split()[0]} ")


@pytest.mark.parametrize(
    ("words", "mechanisms", "user"),
    [
        ("", (), ""),
        ("ann", (), "ann"),
        ("PLAIN", ("PLAIN",), ""),
        ("plain LOGIN", ("PLAIN", "LOGIN"), ""),
        ("SCRAM-SHA-256 PLAIN ann@example.org", ("SCRAM-SHA-256", "PLAIN"), "ann@example.org"),
        (r"PLAIN ann\x20lee", ("PLAIN",), "ann lee"),
        ("EXTERNAL", ("EXTERNAL",), ""),
        ("ANNABEL@example.org", (), "ANNABEL@example.org"),
        (r"PLAIN ann\xff", ("PLAIN",), "ann\udcff"),
    ],
)
def test_the_mechanisms_and_the_user_of_authenticate(words: str, mechanisms: tuple[str, ...], user: str) -> None:
    assert authentication(words.split()) == (mechanisms, user)


@pytest.mark.parametrize("words", ["SCRAM-SHA256", "OTP", "ann PLAIN", "PLAIN ann lee", "OTP ann"])
def test_a_word_of_authenticate_that_is_no_mechanism(words: str) -> None:
    found = check_event(["authenticate", *words.split()])
    assert found is not None
    assert found[0].startswith("*: authenticate: '")
    assert "is no mechanism that smtp-shell knows; it knows ANONYMOUS, CRAM-MD5, DIGEST-MD5, " in found[0]
    assert found[1] == "*: authenticate [MECHANISM ...] [USER]"


@pytest.mark.parametrize(("words", "problem"), [("finally now", "*: finally has 'now' after it")])
def test_finally_stands_alone(words: str, problem: str) -> None:
    found = check_event(words.split())
    assert found is not None
    assert found[0] == problem


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("conect", "connect"),
        ("withn", "within"),
        ("tsl", "tls"),
        ("notls", "no-tls"),
        ("WAIT", "wait"),
        ("closed", "close"),
        ("inclued", "include"),
        ("finaly", "finally"),
        ("authenticat", "authenticate"),
    ],
)
def test_a_misspelt_event_is_named_with_the_nearest_known_one(name: str, meant: str) -> None:
    assert near_miss(name) == meant


@pytest.mark.parametrize("name", ["wait", "note", "graph", "x-mark", "authenticate", "include", "finally", "ожидание"])
def test_an_event_that_is_known_reserved_or_something_else_is_not_misspelt(name: str) -> None:
    assert near_miss(name) is None


WORDS = {
    "within": ("*: within has no number of seconds", "*: within SECONDS, such as *: within 2.5, 86400 at most"),
    "within 0": ("*: within has no time for a reply", "more than 0 seconds"),
    "within 0.0": ("*: within has no time for a reply", "more than 0 seconds"),
    "within 0 s": ("*: within has no time for a reply", "more than 0 seconds"),
    "wait 2 s t": ("*: wait has 's t' after the seconds", "*: wait SECONDS, such as *: wait 2.5"),
    f"connect {'a' * 80} {'x' * 80}": (
        f"*: connect has '{'x' * 60}' after the server",
        f"tls or nothing, as in *: connect {'a' * 60} tls",
    ),
    "connect mx:25 tls now": (
        "*: connect has 'tls now' after the server",
        "tls or nothing, as in *: connect mx:25 tls",
    ),
    "close sever server": ("'sever' after *: close is a misspelling", "*: close server, or other words about the end"),
    "within 2 s": ("*: within has 's' after the seconds", "*: within SECONDS, such as *: within 2.5"),
    f"wait 2 {'x' * 80}": (
        f"*: wait has '{'x' * 60}' after the seconds",
        "*: wait SECONDS, such as *: wait 2.5",
    ),
    "close sever": ("'sever' after *: close is a misspelling", "*: close server, or other words about the end"),
    "close SERVRE now": ("'SERVRE' after *: close is a misspelling", "*: close server, or other words about the end"),
    "finally now then": ("*: finally has 'now then' after it", "*: finally alone"),
    f"no-tls {'x' * 80}": (f"*: no-tls has '{'x' * 60}' after it", "*: no-tls alone"),
    "include": ("*: include names no file", "*: include FILE, a transcript in the folder of this one"),
    "Wait 2": ("*: Wait is no event that a replay knows", "*: wait"),
    "wiat 2": ("*: wiat is no event that a replay knows", "*: wait"),
    "wai 2": ("*: wai is no event that a replay knows", "*: wait"),
    "wwait 2": ("*: wwait is no event that a replay knows", "*: wait"),
    "connetc x": ("*: connetc is no event that a replay knows", "*: connect"),
    "conect x": ("*: conect is no event that a replay knows", "*: connect"),
    "konnekt x": ("*: konnekt is no event that a replay knows", "*: connect"),
    "ocnnetc x": ("*: ocnnetc is no event that a replay knows", "*: connect"),
    "conneccct x": ("*: conneccct is no event that a replay knows", "*: connect"),
    "kloze": ("*: kloze is no event that a replay knows", "*: close"),
    "fnally": ("*: fnally is no event that a replay knows", "*: finally"),
    "atuh": ("*: atuh is no event that a replay knows", "*: auth"),
}


@pytest.mark.parametrize("words", WORDS)
def test_what_is_wrong_with_an_event_and_what_was_expected(words: str) -> None:
    assert check_event(words.split()) == WORDS[words]


@pytest.mark.parametrize(
    "words",
    [
        "close by the server",
        "close server",
        "close",
        "conn x",
        "knnkt x",
        "waaaait 2",
        "wwaiit 2",
        "les",
        "ats",
        "ati",
        "within 0.1",
        "x" * 5000,
    ],
)
def test_what_is_no_slip_of_a_known_event_is_right(words: str) -> None:
    assert check_event(words.split()) is None


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        ("2.5", 2.5), ("0", 0.0), ("86400", 86_400.0), ("86400.1", None), ("soon", None), ("1e3", None), ("2x", None), ("-1", None),
        ("inf", None), ("", None),
    ],
)  # fmt: skip
def test_what_is_a_number_of_seconds(word: str, seconds: float | None) -> None:
    assert seconds_of(word) == seconds


def test_a_long_word_that_is_no_mechanism_is_named_in_part() -> None:
    with pytest.raises(ValueError, match="is no mechanism") as found:
        authentication(["Y" * 80, "ann"])
    assert str(found.value).startswith(f"'{'Y' * 60}' is no mechanism")


def test_the_table_of_events() -> None:
    assert [(kind.name, kind.arguments, kind.where, kind.acts) for kind in EVENTS.values()] == [
        ("connect", "HOST:PORT [tls]", "at the start, or after close", True),
        ("tls", "[VERSION CIPHER verified|unverified [SUBJECT]]", "after the 220 reply to STARTTLS", False),
        ("no-tls", "", "after the 220 reply to STARTTLS", True),
        ("auth", "MECHANISM [USER]", "after the reply that ends an AUTH exchange", False),
        ("wait", "SECONDS", "anywhere", True),
        ("within", "SECONDS", "anywhere before the reply", True),
        ("authenticate", "[MECHANISM ...] [USER]", "where a command may stand", True),
        ("include", "FILE", "anywhere", False),
        ("finally", "", "once, before what is done in any case", True),
        ("close", "[server] [TEXT]", "at the end of a connection", True),
        ("timeout", "[SECONDS TEXT]", "where a reply was awaited", True),
        ("error", "[TEXT]", "at the end of a connection", True),
    ]
