"""The practice server: a mail server on loopback that answers as a good one would, and says why.

It is built on aiosmtpd: `connection` (one client), `authentication` (AUTH), `commands` (replies to each command), `server` (its thread).
"""

from __future__ import annotations

from smtp_shell.servers.mailboxes import HOSTNAME, LOCAL_DOMAINS, MESSAGE_LIMIT, RECIPIENT_LIMIT
from smtp_shell.servers.practice.server import PracticeServer
from smtp_shell.servers.practice.settings import PracticeSettings

__all__ = ["HOSTNAME", "LOCAL_DOMAINS", "MESSAGE_LIMIT", "RECIPIENT_LIMIT", "PracticeServer", "PracticeSettings"]
