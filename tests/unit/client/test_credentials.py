"""Where a password comes from, and where it never goes."""

import subprocess
import sys
from pathlib import Path

import pytest

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.config import PASSWORD_VARIABLE, child_environment
from smtp_shell.errors import AuthFailed
from smtp_shell.protocol.secret import Secret

BOTH = frozenset({"user", "password"})
PRINTS = f"{sys.executable} -c \"print('from a command'); print('second line')\""


@pytest.fixture(autouse=True)
def without_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the keyring of this machine by none."""
    monkeypatch.setitem(sys.modules, "keyring", None)


def asked(log: list[tuple[str, bool]], answer: str = "from a person") -> "CredentialSource":
    def ask(question: str, hidden: bool) -> str:
        log.append((question, hidden))
        return answer

    return CredentialSource("student", ask=ask)


def test_the_first_source_that_has_one_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[tuple[str, bool]] = []
    ask = asked(log).ask
    monkeypatch.setenv(PASSWORD_VARIABLE, "from the environment")
    source = CredentialSource("student", password_command=PRINTS, ask=ask, preset=Secret("preset"))
    assert source.find(BOTH).password == Secret("from a command")
    source = CredentialSource("student", ask=ask, preset=Secret("preset"))
    assert source.find(BOTH).password == Secret("from the environment")
    monkeypatch.delenv(PASSWORD_VARIABLE)
    assert source.find(BOTH).password == Secret("preset")
    assert log == []
    assert asked(log).find(BOTH).password == Secret("from a person")
    assert log == [("Password for student: ", True)]


def test_a_user_is_asked_for_in_sight_and_one_given_here_goes_first() -> None:
    log: list[tuple[str, bool]] = []
    source = CredentialSource(ask=asked(log, "ann").ask)
    found = source.find(BOTH)
    assert (found.user, found.password) == ("ann", Secret("ann"))
    assert log == [("User: ", False), ("Password for ann: ", True)]
    assert source.find(BOTH, user="bob").user == "bob"


def test_what_a_mechanism_does_not_need_is_not_asked_for() -> None:
    log: list[tuple[str, bool]] = []
    assert asked(log).find(frozenset()).user == "student"
    assert log == []


def test_a_token_comes_from_its_own_command() -> None:
    source = CredentialSource("student", token_command=PRINTS)
    assert source.has_token
    assert source.find(frozenset({"user", "token"})).password == Secret("from a command")
    assert not CredentialSource("student").has_token


@pytest.mark.parametrize(
    ("source", "needs", "option"),
    [
        (CredentialSource(), BOTH, "--user NAME"),
        (CredentialSource("student"), BOTH, f"--password-command CMD or set {PASSWORD_VARIABLE}"),
        (CredentialSource("student"), frozenset({"user", "token"}), "--token-command CMD"),
    ],
)
def test_what_is_missing_is_named_by_its_option(source: CredentialSource, needs: frozenset[str], option: str) -> None:
    with pytest.raises(AuthFailed, match=option):
        source.find(needs)


@pytest.mark.parametrize("command", ["exit 3", "true", "no-such-program-anywhere", f"{sys.executable} -c 'print()'"])
def test_a_command_that_gives_nothing_is_a_sentence(command: str) -> None:
    with pytest.raises(AuthFailed, match="--password-command: the command printed nothing or failed"):
        CredentialSource("student", password_command=command).find(BOTH)


def test_a_command_with_nul_as_a_configuration_can_hold_is_a_sentence() -> None:
    with pytest.raises(AuthFailed, match="--password-command: the command could not be run"):
        CredentialSource("student", password_command="echo a\0b").find(BOTH)


def test_programs_that_are_started_do_not_see_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "open sesame")
    monkeypatch.setenv("OTHER", "stays")
    assert PASSWORD_VARIABLE not in child_environment()
    assert child_environment()["OTHER"] == "stays"
    command = f"{sys.executable} -c \"import os; print(os.environ.get('{PASSWORD_VARIABLE}', 'nothing'))\""
    assert CredentialSource("student", password_command=command).find(BOTH).password == Secret("nothing")


def test_octets_that_are_no_utf8_stay_as_they_are() -> None:
    command = f'{sys.executable} -c "import sys; sys.stdout.buffer.write(bytes([255, 13, 10]))"'
    found = CredentialSource("student", password_command=command).find(BOTH).password
    assert found.reveal().encode("utf-8", "surrogateescape") == b"\xff"


def test_a_user_name_in_a_question_is_printable() -> None:
    log: list[tuple[str, bool]] = []
    asked(log).find(BOTH, user="a\x1b[2J\u202e")
    assert log[0][0].isprintable()


def test_nothing_of_it_shows_in_a_repr() -> None:
    source = CredentialSource("student", preset=Secret("open sesame"))
    assert "sesame" not in repr(source)
    assert "sesame" not in repr(source.find(BOTH))


def test_an_empty_password_is_none_and_the_next_source_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[tuple[str, bool]] = []
    for empty in ("", " "):
        monkeypatch.setenv(PASSWORD_VARIABLE, empty)
        assert CredentialSource("student", preset=Secret("preset")).find(BOTH).password == Secret("preset")
        assert asked(log).find(BOTH).password == Secret("from a person")
    assert CredentialSource("student", preset=Secret(""), ask=asked(log).ask).find(BOTH).password == Secret(
        "from a person"
    )


@pytest.mark.parametrize("hidden", ["netrc", "keyring"])
def test_the_tests_never_meet_what_a_developer_has(hidden: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a process of their own, as the keyring chooses its backend once."""
    home = Path.home()
    assert home.is_relative_to(tmp_path_factory.getbasetemp())
    assert list(home.iterdir()) == []
    if hidden == "keyring":
        words = "import keyring; print(keyring.get_keyring(), keyring.get_password('smtp-shell', 'student@localhost'))"
        done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True, timeout=60)
        assert "null" in done.stdout
        assert done.stdout.endswith("None\n")


def test_an_empty_password_in_the_keyring_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Keyring:
        @staticmethod
        def get_password(service: str, name: str) -> str:
            return ""

    monkeypatch.setitem(sys.modules, "keyring", Keyring)
    assert asked([]).find(BOTH).password == Secret("from a person")


def test_where_nobody_can_be_asked_the_empty_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "")
    with pytest.raises(
        AuthFailed, match=rf"set {PASSWORD_VARIABLE} \({PASSWORD_VARIABLE} is empty\); nobody can be asked"
    ):
        CredentialSource("student").find(BOTH)


@pytest.mark.parametrize(("user", "needs"), [("student", BOTH), ("student", frozenset({"user", "token"})), ("", BOTH)])
@pytest.mark.parametrize("answer", ["", "  "])
def test_an_empty_answer_is_no_credential(user: str, needs: frozenset[str], answer: str) -> None:
    with pytest.raises(AuthFailed, match="the answer was empty, and nothing was sent"):
        CredentialSource(user, ask=lambda question, hidden: answer).find(needs)


@pytest.mark.parametrize("command", ["echo", "echo ' '"])
def test_a_command_that_prints_a_blank_line_gives_no_token(command: str) -> None:
    with pytest.raises(AuthFailed, match="--token-command: the command printed nothing or failed"):
        CredentialSource("student", token_command=command).find(frozenset({"user", "token"}))


def test_the_last_user_is_offered_and_taken_with_an_empty_answer() -> None:
    log: list[tuple[str, bool]] = []

    def ask(question: str, hidden: bool) -> str:
        log.append((question, hidden))
        return "sesame" if hidden else ""

    found = CredentialSource(ask=ask).find(BOTH, last_user="ann")
    assert (found.user, found.password) == ("ann", Secret("sesame"))
    assert log == [("User [ann]: ", False), ("Password for ann: ", True)]
