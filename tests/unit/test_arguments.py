"""The parser of arguments: what it says of an option that it does not have."""

import pytest

from smtp_shell.arguments import ArgumentParser, nearest
from smtp_shell.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["--starttsl"], "unrecognized arguments: --starttsl; did you mean --starttls? See x --help."),
        (["--Ca-Fle=x"], "did you mean --ca-file?"),
        (["--password-com", "hunter2"], "did you mean --password-command?"),
        (["--nonsense"], "unrecognized arguments: --nonsense; see x --help."),
        (["--", "a", "b"], "see x --help."),
        (["--tls\x1b[2J"], r"--tls\\x1b\[2J"),
    ],
)
def test_an_unknown_option_names_the_nearest(typed: list[str], says: str) -> None:
    parser = ArgumentParser(prog="x")
    for option in ("--starttls", "--tls", "--ca-file", "--password-command", "--seed"):
        parser.add_argument(option)
    parser.add_argument("--hidden-seeds", help="==SUPPRESS==")
    with pytest.raises(UsageError, match=says.replace("?", r"\?")):
        parser.parse_args(typed)


def test_hyphens_and_slashes_do_not_make_names_near() -> None:
    assert nearest("--nonsense", ["--seed", "--kind"]) == ""
    assert nearest("/conect", ["/connect", "connect"]) in ("/connect", "connect")
