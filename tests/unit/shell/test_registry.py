"""The registry: what each command must say, how one is found, and how what follows its name is read."""

import pkgutil

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.shell import commands
from smtp_shell.shell.registry import Args, Registry, ShellCommand, shell_command, shorthand
from smtp_shell.shell.shell import Shell

REGISTRY: Registry[Shell] = Registry.load()
COMMANDS = list(REGISTRY.values())


@shell_command("/shout", "TEXT")
def shout(shell: list[str], args: Args) -> None:
    """Shout.

    Loudly.
    """
    shell.append(args.text.upper())


@shorthand("noop", rfc="RFC 5321 §4.1.1.9", applies=lambda text: not text)
def noop(shell: list[str], args: Args) -> None:
    """Ask for a reply."""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_says_what_it_does(command: ShellCommand[Shell]) -> None:
    assert command.summary.endswith(".")
    assert command.help.startswith(command.summary)
    assert "    " not in command.help
    assert (command.rfc is None) == (command.applies is None) == command.name.startswith("/")


def test_a_decorated_function_is_all_that_a_command_needs() -> None:
    said: list[str] = []
    registry: Registry[list[str]] = Registry([shout, noop])
    registry["/shout"].run(said, Args("/shout", "hello"))
    assert said == ["HELLO"]
    assert list(registry) == ["/shout", "noop"]
    assert (shout.summary, shout.help, shout.usage) == ("Shout.", "Shout.\n\nLoudly.", "TEXT")


def test_every_module_of_commands_is_loaded() -> None:
    modules = {command.run.__module__.rpartition(".")[2] for command in COMMANDS}
    assert modules == {module.name for module in pkgutil.iter_modules(commands.__path__)}


def test_the_shorthands_are_those_of_the_contract() -> None:
    verbs = {command.name for command in COMMANDS if not command.name.startswith("/")}
    assert verbs == {"ehlo", "helo", "lhlo", "mail", "rcpt", "data", "bdat", "starttls", "auth", "quit"} | {
        *("atrn", "turn", "xclient", "xforward")
    }


@pytest.mark.parametrize("name", ["/status", "status"])
def test_find_takes_a_name_with_and_without_its_slash(name: str) -> None:
    assert REGISTRY.find(name).name == "/status"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("/stauts", "did you mean /status?"),
        ("/quit", "did you mean /exit?"),
        ("/?", "did you mean /help?"),
        ("/xyzzy", "/help lists"),
        ("/\x1b[2J", r"\x1b"),
    ],
)
def test_an_unknown_name_is_refused_and_the_nearest_is_named(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        REGISTRY.find(name)
    assert hint in str(caught.value)
    assert "nothing was sent" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("word", ["MAIL", "mail", "Mail"])
def test_a_shorthand_is_found_in_any_case(word: str) -> None:
    found = REGISTRY.shorthand(word, "ann@example.org")
    assert found is not None
    assert found.name == "mail"


@pytest.mark.parametrize("word", ["ſtarttls", "mail:", "", "noop", "/status"])
def test_no_other_word_is_a_shorthand(word: str) -> None:
    assert REGISTRY.shorthand(word, "") is None


def test_a_shorthand_is_none_where_it_does_not_apply() -> None:
    assert REGISTRY.shorthand("mail", "from: a@b") is None
    assert REGISTRY.shorthand("starttls", "now") is None


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


def test_none_and_one_are_checks_that_name_the_command() -> None:
    Args("/x", "").none()
    assert Args("/x", "'a b'").one("file") == "a b"
    with pytest.raises(UsageError, match="/x takes nothing after it; see /help /x"):
        Args("/x", "a").none()
    for text in ("", "a b"):
        with pytest.raises(UsageError, match="/x takes one file; see /help /x"):
            Args("/x", text).one("file")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("help", "/help"),
        ("?", "/help"),
        ("QUIT", "/exit"),
        ("Open", "/connect"),
        ("status", "/status"),
        ("ehlo", ""),
        ("", ""),
    ],
)
def test_a_word_without_a_slash_may_mean_a_slash_command(word: str, meant: str) -> None:
    assert REGISTRY.meant(word) == meant


def test_a_name_from_another_program_leads_to_ours() -> None:
    with pytest.raises(UsageError, match=r"did you mean /exit\?"):
        REGISTRY.find("/quit")
