"""See SMTP with your own eyes: an interactive shell, transcripts, and their replay.

The packages, from the bottom up. Each imports only from those before it in this list (tests/test_house.py holds that):

    errors, config, figures   the tree of errors, settings and folders, numbers in words
    protocol                  the pure core: octets, commands, replies, mail data, SASL, the dialogue's state; no input or output
    knowledge                 facts about SMTP with their sections, and explanations made of them
    net                       names, sockets, TLS
    client                    a session: one dialogue over one connection, its events, AUTH
    display                   events as rows on a screen
    transcript                the file format, and nothing else
    matching                  expectations, and replies compared with them
    export, recording         events as other formats; events as a transcript, and back
    lint                      what in a dialogue breaks a rule: one function a rule, and rubrics for tasks
    replay                    transcripts replayed: plan, driver, verifier, reporters
    servers                   servers on loopback: the practice server
    study                     questions about one dialogue
    shell                     the interactive shell and its commands
    cli                       the commands of `smtp-shell`

To read the core, begin with protocol.replies, protocol.dialogue, client.session, shell.repl and replay.driver.

This module is the Python API. Its names are imported when they are first used, so that `smtp-shell --version` loads nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing, which takes as long as all of `--version`
if TYPE_CHECKING:
    from smtp_shell.client.api import connect as connect
    from smtp_shell.protocol.commands import Command as Command
    from smtp_shell.replay.api import replay as replay
    from smtp_shell.transcript.transcript import Transcript as Transcript

__version__ = "0.1.0"
__all__ = ["Command", "Transcript", "__version__", "connect", "replay"]

_HOMES = {
    "connect": "smtp_shell.client.api",
    "replay": "smtp_shell.replay.api",
    "Command": "smtp_shell.protocol.commands",
    "Transcript": "smtp_shell.transcript.transcript",
}


def __getattr__(name: str) -> object:
    """Import a name of the API from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
