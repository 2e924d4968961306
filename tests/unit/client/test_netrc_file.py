"""Credentials from a netrc file, and what is no such file."""

import os
import sys
from pathlib import Path

import pytest

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.client.netrc_file import netrc_entry
from smtp_shell.config import PASSWORD_VARIABLE
from smtp_shell.errors import AuthFailed
from smtp_shell.protocol.secret import Secret

BOTH = frozenset({"user", "password"})
HOST = "mail.example.org"
on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    (tmp_path / "home").mkdir()


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_entry_of_the_host_gives_user_and_password(tmp_path: Path) -> None:
    file = written(tmp_path / "netrc", f"machine other login x password y\nmachine {HOST} login ann password sesame\n")
    found = CredentialSource(netrc=file).find(BOTH, host=HOST)
    assert (found.user, found.password, found.origin) == ("ann", Secret("sesame"), f"netrc file {file}")
    assert CredentialSource("ann", netrc=file).find(BOTH, host=HOST).password == Secret("sesame")
    assert CredentialSource(netrc=file, host=HOST.upper()).find(BOTH).user == "ann"
    assert CredentialSource(netrc=file).has_password(host=HOST)
    assert "sesame" not in repr(found) + repr(netrc_entry(file, HOST))


@pytest.mark.parametrize(("user", "host"), [("bob", HOST), ("", "elsewhere.example.org"), ("", "")])
def test_another_user_or_host_has_none(tmp_path: Path, user: str, host: str) -> None:
    file = written(tmp_path / "netrc", f"machine {HOST} login ann password sesame\ndefault login any password thing\n")
    assert netrc_entry(file, host, user) is None
    assert not CredentialSource(user, netrc=file).has_password(host=host)
    with pytest.raises(AuthFailed, match=r"no user|no password"):
        CredentialSource(user, netrc=file).find(BOTH, host=host)


def test_the_file_in_the_home_folder_is_read_without_being_named() -> None:
    written(Path.home() / ".netrc", f"machine {HOST} login ann password sesame\n")
    assert CredentialSource().find(BOTH, host=HOST).password == Secret("sesame")


def test_what_is_named_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "netrc", f"machine {HOST} login ann password sesame\n")
    monkeypatch.setenv(PASSWORD_VARIABLE, "other")
    found = CredentialSource(netrc=file).find(BOTH, host=HOST)
    assert (found.user, found.password, found.origin) == ("ann", Secret("other"), PASSWORD_VARIABLE)


@on_posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
@pytest.mark.parametrize("named", [True, False])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int, named: bool) -> None:
    text = f"machine {HOST} login ann password sesame\nmachine open.example.org login guest\n"
    file = written(Path.home() / ".netrc", text, mode)
    source = CredentialSource(netrc=file if named else None)
    with pytest.raises(AuthFailed, match="other users can read or change the file; use chmod 600") as caught:
        source.find(BOTH, host=HOST)
    assert "sesame" not in str(caught.value)
    assert source.has_password(host=HOST)  # so that the reason is told, and nobody is asked instead
    entry = netrc_entry(source.netrc, "open.example.org")  # holds no password, so that nothing is exposed
    assert entry is not None
    assert entry.user == "guest"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("machine", "is no netrc file"),
        ("sesame open\n", "is no netrc file: see line 1"),
        (f"machine {HOST} login ann pasword sesame\n", "is no netrc file: see line"),
        ("\udcff", "is no netrc file"),
        ("#" * 1_100_000, "longer than"),
    ],
)
def test_what_is_no_netrc_file_is_a_sentence_without_its_words(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "netrc"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    file.chmod(0o600)
    with pytest.raises(AuthFailed, match=says) as caught:
        netrc_entry(file, HOST)
    assert "sesame" not in str(caught.value)
    (Path.home() / ".netrc").write_bytes(file.read_bytes())
    assert netrc_entry(None, HOST) is None


def test_a_named_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AuthFailed, match=r"--netrc-file .*none cannot be read"):
        netrc_entry(tmp_path / "none", HOST)
    with pytest.raises(AuthFailed, match="is no regular file"):
        netrc_entry(tmp_path, HOST)


def test_a_host_without_password_falls_through_to_the_prompt(tmp_path: Path) -> None:
    file = written(tmp_path / "netrc", f"machine {HOST} login ann\n")
    found = CredentialSource(netrc=file, ask=lambda question, hidden: "typed").find(BOTH, host=HOST)
    assert (found.user, found.password, found.origin) == ("ann", Secret("typed"), "the prompt")


def test_each_origin_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    prints = f"{sys.executable} -c \"print('secret')\""
    assert CredentialSource("ann", prints).find(BOTH).origin == "--password-command"
    assert CredentialSource("ann", token_command=prints).find(frozenset({"user", "token"})).origin == "--token-command"
    assert CredentialSource("ann", preset=Secret("x")).find(BOTH).origin == "the practice server"

    class Keyring:
        @staticmethod
        def get_password(service: str, name: str) -> str:
            return f"{service} {name}"

    monkeypatch.setitem(sys.modules, "keyring", Keyring)
    found = CredentialSource("ann").find(BOTH, host=HOST)
    assert (found.password, found.origin) == (Secret(f"smtp-shell ann@{HOST}"), "the system's keyring")


def test_whom_to_act_as() -> None:
    source = CredentialSource("ann", preset=Secret("x"), authzid="boss")
    assert source.find(BOTH).authzid == "boss"
    assert source.find(BOTH, authzid="chief").authzid == "chief"
    assert source.find(frozenset()).authzid == "boss"
