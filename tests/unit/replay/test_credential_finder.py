"""Credentials for many replays: each is looked up once, and those of a host at that host."""

import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.config import TlsSettings
from smtp_shell.configuration.profile import Profile
from smtp_shell.protocol.sasl import mechanism
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.credential_finder import CredentialFinder
from smtp_shell.replay.profiles import ProfiledServer
from smtp_shell.replay.runner import settings_for
from smtp_shell.replay.settings import ReplaySettings

PLAIN = mechanism("PLAIN")


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "keyring", None)
    file = tmp_path / "netrc"
    file.write_text("machine a.example.org login ann password one\nmachine b.example.org login bob password two\n")
    file.chmod(0o600)
    return file


def test_somebody_is_asked_once_for_all_hosts_and_mechanisms() -> None:
    asked: list[str] = []

    def ask(question: str, hidden: bool) -> str:
        asked.append(question)
        return "typed"

    find = CredentialFinder(lambda: CredentialSource("ann", ask=ask))
    found = [
        find.at(host)(each, "") for host in ("a.example.org", "b.example.org") for each in (PLAIN, mechanism("LOGIN"))
    ]
    assert {each.password for each in found} == {Secret("typed")}
    assert asked == ["Password for ann: "]
    assert find.at("c.example.org")(mechanism("SCRAM-SHA-256-PLUS"), "").password == Secret("typed")
    assert len(asked) == 1


@pytest.mark.parametrize(("given", "named", "used"), [("ann", "bob", "ann"), ("ann", "", "ann"), ("", "bob", "bob")])
def test_the_user_that_the_caller_names_comes_before_that_of_the_transcript(given: str, named: str, used: str) -> None:
    find = CredentialFinder(lambda: CredentialSource(given, preset=Secret("x")))
    assert find(PLAIN, named).user == used


def test_each_user_that_the_transcripts_name_has_credentials_of_its_own() -> None:
    asked: list[str] = []

    def ask(question: str, hidden: bool) -> str:
        asked.append(question)
        return "typed"

    find = CredentialFinder(lambda: CredentialSource(ask=ask))
    assert [find(PLAIN, user).user for user in ("ann", "bob", "ann")] == ["ann", "bob", "ann"]
    assert asked == ["Password for ann: ", "Password for bob: "]


def test_each_host_has_its_own_entry(netrc: Path) -> None:
    settings = ReplaySettings(credentials=CredentialFinder(lambda: CredentialSource(netrc=netrc)))
    found = []
    for server in ("smtps://a.example.org", "b.example.org:25", "smtps://a.example.org."):
        find = settings_for(server, settings).credentials
        assert find is not None
        found.append(find(PLAIN, "").password)
    assert found == [Secret("one"), Secret("two"), Secret("one")]


def test_what_is_no_finder_of_ours_and_no_server_stay_as_they_are(netrc: Path) -> None:
    own = ReplaySettings(credentials=lambda mechanism, user: CredentialSource("ann", preset=Secret("x")).find(set()))
    assert settings_for("a.example.org", own).credentials is own.credentials
    finder = replace(own, credentials=CredentialFinder(lambda: CredentialSource(netrc=netrc)))
    assert settings_for("smtp://:nonsense:", finder).credentials is finder.credentials
    assert settings_for(None, finder).credentials is finder.credentials


def test_a_profile_names_its_netrc_file_and_whom_to_act_as(netrc: Path) -> None:
    profile = Profile("smtps://b.example.org", netrc_file=netrc.name, authzid="boss")
    server = ProfiledServer("b", profile, netrc.parent, CredentialSource())
    find = server.settings(ReplaySettings(tls_settings=TlsSettings())).credentials
    assert find is not None
    found = find(PLAIN, "")
    assert (found.user, found.password, found.authzid) == ("bob", Secret("two"), "boss")
