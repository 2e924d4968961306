"""The registry: each entry says what it does, and what stands behind a name is read in one way."""

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.shell.registry import Args, Registry, ShellEntry
from tests.unit.shell.fake import make_shell

REGISTRY = Registry.load()
ENTRIES = list(REGISTRY)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_each_entry_says_what_it_does(entry: ShellEntry) -> None:
    assert entry.summary.endswith(".")
    assert entry.help.startswith(entry.summary)
    assert "    " not in entry.help
    assert (entry.rfc is None) == entry.name.startswith("/")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_help_of_each_entry(entry: ShellEntry) -> None:
    shell, server, screen = make_shell()
    shell.run(f"/help {entry.name}")
    assert screen.said[0].split()[0] == entry.name
    assert entry.summary in screen.words
    assert server.heard == b""


def test_help_lists_every_entry_in_rows_that_fit() -> None:
    shell, _, screen = make_shell()
    shell.run("/help")
    rows = screen.words.split("\n")
    for entry in ENTRIES:
        assert any(row.split()[:1] == [entry.name] for row in rows)
    assert all(len(row) < 80 for row in rows if row.startswith("  "))


def test_the_verbs_with_manners_are_those_of_the_contract() -> None:
    verbs = {entry.name for entry in ENTRIES if not entry.name.startswith("/")}
    assert verbs == {"ehlo", "helo", "lhlo", "mail", "rcpt", "data", "bdat", "starttls", "auth", "quit"}


@pytest.mark.parametrize("name", ["/status", "status"])
def test_find_takes_a_name_with_and_without_its_slash(name: str) -> None:
    assert REGISTRY.find(name).name == "/status"


@pytest.mark.parametrize(
    ("name", "hint"), [("/stauts", "did you mean /status?"), ("/xyzzy", "/help lists"), ("/\x1b[2J", r"\x1b")]
)
def test_an_unknown_name_is_refused_with_what_comes_near(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        REGISTRY.find(name)
    assert hint in str(caught.value)
    assert "nothing was sent" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("word", ["MAIL", "mail", "Mail"])
def test_a_verb_is_found_in_any_case(word: str) -> None:
    found = REGISTRY.verb(word)
    assert found is not None
    assert found.name == "mail"


@pytest.mark.parametrize("word", ["ſtarttls", "mail:", "", "noop"])
def test_no_other_word_is_a_verb_with_manners(word: str) -> None:
    assert REGISTRY.verb(word) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b", ["a", "b"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        (r"C:\letters\one.eml", [r"C:\letters\one.eml"]),
        ("a#b # c", ["a#b", "#", "c"]),
        ("", []),
    ],
)
def test_words_are_quoted_as_in_a_shell(text: str, words: list[str]) -> None:
    assert Args("/x", text).words == words


def test_an_open_quote_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="a quote is not closed"):
        _ = Args("/x", "'a").words


@pytest.mark.parametrize(
    "line",
    [
        "/status now", "/reconnect x", "/disconnect x", "/drop x", "/tls x", "/capabilities x", "/wait x", "/wait -1", "/wait nan",
        "/wait 1e9", "/connect", "/connect a b", "/connect a --nonsense", "/exit now", "/record off", "/save", "/save a b", "/note",
        "/inbox", "/set nonsense", "/set nonsense on", "/set times perhaps", "/set timeout x", "/set timeout -1", "/set editing ed",
        "/set ca-file /nonexistent", "/source", "/source a b", "/source /nonexistent", "/raw", "/tls", "/help xyzzy",
        "/connect smtp://ann:secret@mail.example.org", "/connect 'x", "data < /nonexistent", "bdat < /nonexistent", "data <", "/save x",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_a_sentence_and_sends_nothing(line: str) -> None:
    shell, server, _ = make_shell()
    with pytest.raises(UsageError) as caught:
        shell.run(line)
    assert server.heard == b""
    assert caught.value.exit_status == 2
    assert str(caught.value).endswith((".", "?"))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["noop", "ehlo", "mail <>", "rcpt <a>", "data", "auth plain", "starttls", "quit", r"/raw x\r\n", "/drop", "/wait"],
)
def test_without_a_connection_one_is_asked_for(line: str) -> None:
    shell, server, _ = make_shell()
    shell.disconnect()
    with pytest.raises(UsageError, match="there is no connection; use /connect"):
        shell.run(line)
    assert server.heard == b""
