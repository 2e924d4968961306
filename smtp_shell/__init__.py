"""See SMTP with your own eyes: an interactive shell, transcripts, and their replay.

The packages, from the bottom up. Each imports only from those before it in this list (tests/test_house.py holds that):

    errors, config, figures   the tree of errors, settings and folders, numbers in words
    protocol                  the pure core: octets, commands, replies, mail data, SASL, the dialogue's state; no input or output
    arguments, private_files  words as options; files that only their owner can read (temporary_folders: for one run)
    message                   messages that are composed: drafts, their header fields, their octets
    knowledge                 facts about SMTP with their sections, and explanations made of them
    net                       names, sockets, TLS
    client                    a session: one dialogue over one connection, its events, AUTH, a whole transaction
    display                   events as rows on a screen
    transcript, importers     the file format, and nothing else; what other tools wrote, as steps of it
    matching                  expectations and replies compared with them; two dialogues compared
    export                    events as other formats
    recording                 events as a transcript, and back
    lint                      what in a dialogue breaks a rule: one function a rule, and rubrics for tasks
    configuration             the TOML file: settings, profiles of servers, aliases
    replay                    transcripts replayed: plan, driver, verifier, reporters
    servers                   servers on loopback: practice, mock and relay; their faults, and their dialogues watched
    study                     lessons, and questions about one dialogue
    shell                     the interactive shell and its commands
    api                       the Python API
    integrations              plugins for pytest and Locust
    cli                       the commands of `smtp-shell`

To read the core, begin with protocol.replies, protocol.dialogue, client.session, shell.repl and replay.driver.

This module is the Python API:

    connect, Session          a dialogue, line by line
    Transcript                a transcript in memory: read, parse, write
    replay, ReplayResult      a transcript replayed against a server, and what became of each step
    practice_server           a mail server on loopback, with STARTTLS, AUTH and a mailbox
    serve                     a mock server that speaks the server's side of a transcript
    relay                     a server that stands between a client and a server, and records both
    Command, Reply            what is sent and received
    errors                    exceptions; a reply of 4yz or 5yz is a result

Its names are imported when they are first used, so that `smtp-shell --version` loads nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing, which takes as long as all of `--version`
if TYPE_CHECKING:
    from smtp_shell import errors as errors
    from smtp_shell.api.servers import practice_server as practice_server
    from smtp_shell.api.servers import relay as relay
    from smtp_shell.api.servers import serve as serve
    from smtp_shell.api.session import Session as Session
    from smtp_shell.api.session import connect as connect
    from smtp_shell.protocol.commands import Command as Command
    from smtp_shell.protocol.replies import Reply as Reply
    from smtp_shell.replay.api import replay as replay
    from smtp_shell.replay.results import ReplayResult as ReplayResult
    from smtp_shell.transcript.transcript import Transcript as Transcript

__version__ = "0.1.0"
__all__ = [
    "Command",
    "ReplayResult",
    "Reply",
    "Session",
    "Transcript",
    "__version__",
    "connect",
    "practice_server",
    "relay",
    "replay",
    "serve",
]

_HOMES = {
    "connect": "smtp_shell.api.session",
    "practice_server": "smtp_shell.api.servers",
    "relay": "smtp_shell.api.servers",
    "replay": "smtp_shell.replay.api",
    "serve": "smtp_shell.api.servers",
    "Command": "smtp_shell.protocol.commands",
    "ReplayResult": "smtp_shell.replay.results",
    "Reply": "smtp_shell.protocol.replies",
    "Session": "smtp_shell.api.session",
    "Transcript": "smtp_shell.transcript.transcript",
}


def __getattr__(name: str) -> object:
    """Import a name of the API from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
