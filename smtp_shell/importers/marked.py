"""The dialects whose lines have a mark for who speaks: the table of those in this family."""

from __future__ import annotations

from typing import Final

from smtp_shell.importers.arrows import ARROWS, GO_MAIL, MSMTP, NET_SMTP, SENDMAIL, SMTP_CLI, WORDS
from smtp_shell.importers.curl import CURL
from smtp_shell.importers.dialect import Dialect
from smtp_shell.importers.json_lines import JSON
from smtp_shell.importers.learnt import LEARNT
from smtp_shell.importers.mailers import JAVAMAIL, NODEMAILER, PHPMAILER
from smtp_shell.importers.quoted import AIOSMTPD, RUBY, SMTPLIB
from smtp_shell.importers.rfc import RFC, RFC_821
from smtp_shell.importers.swaks import SWAKS

DIALECTS: Final[tuple[Dialect, ...]] = (
    JSON,
    SWAKS,
    CURL,
    SMTPLIB,
    MSMTP,
    PHPMAILER,
    JAVAMAIL,
    NODEMAILER,
    SENDMAIL,
    NET_SMTP,
    GO_MAIL,
    RUBY,
    AIOSMTPD,
    SMTP_CLI,
    RFC,
    RFC_821,
    ARROWS,
    WORDS,
    LEARNT,
)
"""The marked dialects; the surest of them first."""
