"""The pytest plugin: `*.smtp` files as tests, and fixtures with a session, servers, mocks and relays.

pytest loads it in every run on a machine where smtp-shell is installed, so that it imports nothing before a transcript is found or a
fixture is used. What the tests of transcripts do is in `pytest_items`, what the fixtures return in `smtp_shell.api`.

Options, each with the setting of pytest's configuration that has the same meaning:

```
--smtp-server URL        smtp_server        what to replay against: a URL, `practice` (default) or `transcript`; may be repeated
--smtp-match LEVEL       smtp_match         code, enhanced, keywords, text or exact
--smtp-user NAME         smtp_user          user for AUTH; the password is in SMTP_SHELL_PASSWORD
--smtp-ca-file FILE      smtp_ca_file       certificate authorities to trust
--smtp-var NAME=VALUE    smtp_var           value of a variable; may be repeated
                         smtp_transcripts   false: no transcript is collected
```

Only native transcripts are collected from folders. On the command line a log or a capture of another tool may be named as well, whatever
its suffix. A transcript is never replayed against the server that it names unless `transcript` is asked for: a recording must not send mail
because somebody ran the tests. Each word of its `Tags` is a marker (`-m slow`), but for those that pytest knows, such as `skip`.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike
    from pathlib import Path

    from smtp_shell.api.servers import Practice
    from smtp_shell.api.session import Session
    from smtp_shell.integrations.pytest_items import Server, TranscriptFile
    from smtp_shell.servers.mock import MockServer
    from smtp_shell.servers.relay import RelayServer
    from smtp_shell.transcript.transcript import Transcript

_SUFFIX = ".smtp"
_OF_OTHERS = frozenset({".py", ".pyc", ".ini", ".toml", ".cfg"})
"""Files that are never what another tool wrote about a dialogue, so that they are not looked into when they are named."""
_SERVER = "server to replay transcripts against: a URL, practice (default), or transcript for the one that each names"
_MATCH = "how strict S: lines of transcripts are: code, enhanced, keywords, text or exact"
_USER = "user for AUTH in transcripts; the password is in SMTP_SHELL_PASSWORD"
_CA_FILE = "PEM file with the certificate authorities to trust"
_VAR = "value of a variable in transcripts"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and settings."""
    group = parser.getgroup("smtp-shell", "SMTP transcripts")
    group.addoption("--smtp-server", action="append", metavar="URL", help=f"{_SERVER}; may be repeated")
    group.addoption("--smtp-match", metavar="LEVEL", help=_MATCH)
    group.addoption("--smtp-user", metavar="NAME", help=_USER)
    group.addoption("--smtp-ca-file", metavar="FILE", help=_CA_FILE)
    group.addoption("--smtp-var", action="append", metavar="NAME=VALUE", help=f"{_VAR}; may be repeated")
    parser.addini("smtp_server", f"{_SERVER}; one a line", type="linelist")
    parser.addini("smtp_match", _MATCH, type="string")
    parser.addini("smtp_user", _USER, type="string")
    parser.addini("smtp_ca_file", _CA_FILE, type="string")
    parser.addini("smtp_var", f"{_VAR}, as NAME=VALUE; one a line", type="linelist")
    parser.addini("smtp_transcripts", "whether *.smtp files are collected as tests (default: true)", "bool", True)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, where any is given.

    Raises:
        UsageError: One cannot be used.
    """
    if any(config.getoption(name) for name in ("smtp_server", "smtp_match", "smtp_var", "smtp_ca_file")):
        from smtp_shell.integrations.pytest_items import check_options

        check_options(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> TranscriptFile | None:
    """Collect a native transcript as tests, and what another tool wrote about a dialogue if it is named."""
    is_named = parent.session.isinitpath(file_path)
    if not (is_named or file_path.suffix == _SUFFIX) or not parent.config.getini("smtp_transcripts"):
        return None
    if file_path.suffix in _OF_OTHERS:
        return None
    from smtp_shell.integrations.pytest_items import TranscriptFile, looks_foreign, looks_native

    if looks_native(file_path) or (is_named and (file_path.suffix == _SUFFIX or looks_foreign(file_path))):
        return TranscriptFile.from_parent(parent, path=file_path)
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with a session once for each of several servers."""
    if "smtp_shell_server" in metafunc.fixturenames:
        from smtp_shell.integrations.pytest_items import server_names

        names = server_names(metafunc.config, for_sessions=True)
        if len(names) > 1:
            metafunc.parametrize("smtp_shell_server", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def practice_server(pytestconfig: pytest.Config) -> Practice:
    """A practice server: `url`, `host`, `port`, `user`, `password`, `ca_file` and `inbox`.

    One for the whole run; with pytest-xdist one for each worker.
    """
    from smtp_shell.integrations.pytest_items import running_practice

    return running_practice(pytestconfig)


@pytest.fixture(scope="session")
def smtp_shell_server(request: pytest.FixtureRequest) -> Server:
    """What `smtp_session` connects to: the server of `--smtp-server`, else the practice server."""
    from smtp_shell.integrations.pytest_items import find_server, server_names

    (name, *_) = server_names(request.config, for_sessions=True)
    return find_server(request.config, getattr(request, "param", name))


@pytest.fixture
def smtp_session(smtp_shell_server: Server) -> Iterator[Session]:
    """A `smtp_shell.Session` that is connected to the server of `--smtp-server`, else to the practice server."""
    from smtp_shell.integrations.pytest_items import connected

    with connected(smtp_shell_server) as session:
        yield session


@pytest.fixture
def mock_server(request: pytest.FixtureRequest) -> Iterator[Callable[..., MockServer]]:
    """A function that starts a mock server from a transcript: `mock_server("lab.smtp", faults=["rcpt=451"])`.

    It takes what `smtp_shell.serve` takes. A relative name is looked for beside the test first. The servers end with the test. Call
    `server.results()`, which waits until the dialogues are over, before `server.ok` and `server.report()`.
    """
    from smtp_shell.integrations.pytest_items import beside

    with ExitStack() as stack:

        def start(transcript: str | PathLike[str] | Transcript, **options: Any) -> MockServer:  # as `serve`
            from smtp_shell import serve

            return stack.enter_context(serve(beside(request.path, transcript), **options))

        yield start


@pytest.fixture
def relay_server(
    smtp_shell_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., RelayServer]]:
    """A function that starts a relay: `relay_server()` for the server of `smtp_session`, `relay_server(url, …)` for another one.

    It takes what `smtp_shell.relay` takes. `recordings()` are kept in a temporary folder unless `keep` names one. The relays end with the
    test.
    """
    with ExitStack() as stack:

        def start(target: str | None = None, **options: Any) -> RelayServer:  # as `relay`
            from smtp_shell import relay

            if target is None:
                target = smtp_shell_server.url
                options.setdefault("ca_file", smtp_shell_server.ca_file)
            if "keep" not in options:
                options["keep"] = tmp_path_factory.mktemp("relay")
            return stack.enter_context(relay(target, **options))

        yield start
