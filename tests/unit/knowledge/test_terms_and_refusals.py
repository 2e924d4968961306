"""Header fields, alerts, terms and refusals: nothing that people meet is missing, and a refusal is known by its wording."""

import re
from collections import Counter
from collections.abc import Mapping

import pytest

from smtp_shell.knowledge.lookup import (
    CLASSES,
    AlertFact,
    Fact,
    HeaderFact,
    RefusalFact,
    TermFact,
    facts,
    find,
)
from smtp_shell.knowledge.refusals import ANY_SERVER, LONGEST_TEXT, find_refusals, refusal_text, refusals_of
from smtp_shell.protocol.replies import Reply

# RFC 5322 section 3.6, with the MIME fields of RFC 2045 and 2183, and those that receivers, relays and lists add.
_FIELDS = """
    Date From Sender Reply-To To Cc Bcc Message-ID In-Reply-To References Subject Comments Keywords
    Resent-Date Resent-From Resent-Sender Resent-To Resent-Cc Resent-Bcc Resent-Message-ID Return-Path Received
    MIME-Version Content-Type Content-Transfer-Encoding Content-ID Content-Description Content-Disposition
    DKIM-Signature Authentication-Results ARC-Seal ARC-Message-Signature ARC-Authentication-Results Received-SPF
    List-Id List-Unsubscribe List-Unsubscribe-Post Auto-Submitted Delivered-To Disposition-Notification-To X-Mailer User-Agent
"""
HEADER_FIELDS = _FIELDS.split()
EXACTLY_ONCE = {"Date", "From"}  # RFC 5322 section 3.6, the table's column Min number

# RFC 8446 section 6 and appendix B.2
ALERTS = {
    "close_notify": 0,
    "unexpected_message": 10,
    "bad_record_mac": 20,
    "record_overflow": 22,
    "handshake_failure": 40,
    "bad_certificate": 42,
    "unsupported_certificate": 43,
    "certificate_revoked": 44,
    "certificate_expired": 45,
    "certificate_unknown": 46,
    "illegal_parameter": 47,
    "unknown_ca": 48,
    "access_denied": 49,
    "decode_error": 50,
    "decrypt_error": 51,
    "protocol_version": 70,
    "insufficient_security": 71,
    "internal_error": 80,
    "inappropriate_fallback": 86,
    "user_canceled": 90,
    "missing_extension": 109,
    "unsupported_extension": 110,
    "unrecognized_name": 112,
    "bad_certificate_status_response": 113,
    "unknown_psk_identity": 115,
    "certificate_required": 116,
    "no_application_protocol": 120,
}
OPENSSL_NAMES = {
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "handshake_failure",
    "SSLV3_ALERT_BAD_CERTIFICATE": "bad_certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "unknown_ca",
    "TLSV1_ALERT_PROTOCOL_VERSION": "protocol_version",
    "TLSV1_ALERT_USER_CANCELLED": "user_canceled",
    "TLSV1_UNRECOGNIZED_NAME": "unrecognized_name",
    "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE": "bad_certificate_status_response",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "certificate_required",
    "TLSV13_ALERT_MISSING_EXTENSION": "missing_extension",
    "ssl/tls alert handshake failure": "handshake_failure",
}

TERMS = """
    envelope|header|relay|open relay|submission|base64|dot-stuffing|CRLF|pipelining|implicit TLS|explicit TLS|certificate chain|SNI
    null reverse-path|null sender|<>|bounce|greylisting|MX|LMTP|SPF|DKIM|DMARC|MTA|MUA|MSA|MDA|queue|smart host|EHLO vs HELO
    transaction|mail data|final dot|port 25|port 587|port 465|reply code|multi-line reply|enhanced status code|SASL|challenge
    initial response|reverse-path|mailbox|source route|address literal|FQDN|postmaster|VRFY and EXPN|address harvesting|backscatter
    block list|DNSBL|rDNS|PTR|FCrDNS|MTA-STS|DANE|DSN|MIME|quoted-printable|8bit|7bit|EAI|punycode|IDNA|TLS handshake|cipher suite
    self-signed certificate|downgrade|STARTTLS stripping|SMTP smuggling|time-out|Nagle|one recv is not one reply|state of a dialogue
    order of commands|session|session vs transaction|stop-and-wait|phishing|spoofing|ARP|TCP handshake|decrypt|key log|display filter
    envelope and header|relay and open relay|implicit and explicit TLS|bare LF|mail loop|empty line|app password|greeting|extension
""".replace("\n", "|").split("|")
TERMS = [term.strip() for term in TERMS if term.strip()]

SERVERS = {
    "Postfix": 40,
    "Exim": 20,
    "Sendmail": 15,
    "Exchange Online": 20,
    "Outlook.com": 3,
    "Gmail": 20,
    "Yahoo": 5,
    "AOL": 1,
    "iCloud Mail": 4,
    "Proofpoint": 2,
    "Mimecast": 6,
    "Barracuda": 2,
    "Cisco": 4,
    "SpamAssassin": 1,
    "Rspamd": 2,
    "amavis": 3,
    "Postgrey": 1,
    "Spamhaus": 5,
    "SpamCop": 1,
    "SORBS": 1,
    "UCEPROTECT": 1,
    "Abusix": 1,
    "SURBL": 1,
    "URIBL": 1,
    "Dovecot": 3,
    "OpenSMTPD": 2,
    "qmail": 5,
    "hMailServer": 3,
    "MailEnable": 2,
    "practice": 15,
    "aiosmtpd": 5,
    ANY_SERVER: 20,
}

# An RFC down to its section, a registry of IANA, a page of the vendor, or the program with the name of its manual or parameter.
SOURCES = re.compile(
    r"RFC [1-9]\d{0,4} (section \d+(\.\d+)*|appendix [A-Z](\.\d+)*)"
    r"|RFC 826"  # has no numbered sections
    r"|IANA [A-Z].+"
    r"|https://[a-z0-9.-]+\.[a-z]{2,}(/[^\s]*)?"
    r"|(Postfix|Exim|Sendmail|qmail|OpenSMTPD|hMailServer|MailEnable|Dovecot|cPanel|Cisco|Proofpoint|SpamAssassin|amavis|ClamAV|OpenDMARC"
    r"|policyd-spf|milter-greylist): .+"
)
OURS: tuple[type[Fact], ...] = (HeaderFact, AlertFact, TermFact, RefusalFact)
ALL_FACTS = [(kind, name, fact) for kind in OURS for name, fact in facts(kind).items()]
REFUSALS: Mapping[str, RefusalFact] = facts(RefusalFact)


def reply(text: str, code: int = 550, enhanced: str = "") -> Reply:
    lines = tuple(f"{enhanced} {line}".strip().encode() for line in text.split("\n"))
    return Reply(code, lines, b"")


def as_its_server_sends_it(fact: RefusalFact) -> Reply:
    code = fact.codes[0] if fact.codes else 550
    enhanced = next((each for each in fact.enhanced if each[0] == str(code)[0]), "")
    return reply(fact.example, code, enhanced)


@pytest.mark.parametrize("name", HEADER_FIELDS)
def test_every_header_field_that_people_meet_is_explained(name: str) -> None:
    fact = find(HeaderFact, name)
    assert fact is not None
    assert fact.syntax.startswith(f"{name}:") or name in fact.also
    assert fact.set_by in {"author", "submission server", "relay", "delivery"}
    assert (fact.occurs == "exactly once") == (name in EXACTLY_ONCE)


@pytest.mark.parametrize("fact", facts(HeaderFact).values(), ids=facts(HeaderFact))
def test_a_header_fields_example_is_a_line_of_it(fact: HeaderFact) -> None:
    name = fact.syntax.partition(":")[0]
    assert facts(HeaderFact)[name] is fact
    assert fact.example.startswith(f"{name}: ")
    assert fact.occurs in {"exactly once", "at most once", "any number"}


@pytest.mark.parametrize(("name", "number"), ALERTS.items())
def test_every_alert_is_explained_under_its_name_and_number(name: str, number: int) -> None:
    fact = facts(AlertFact)[name]
    assert fact.number == number
    assert fact.advice
    for other in (name.replace("_", " "), f"alert {number}", name.upper()):
        assert find(AlertFact, other) == fact


@pytest.mark.parametrize(("openssl", "name"), OPENSSL_NAMES.items())
def test_an_alert_is_found_as_openssl_spells_it(openssl: str, name: str) -> None:
    assert find(AlertFact, openssl) == facts(AlertFact)[name]


@pytest.mark.parametrize("term", TERMS)
def test_every_term_that_examiners_ask_about_is_explained(term: str) -> None:
    assert find(TermFact, term) is not None


@pytest.mark.parametrize("kind", OURS)
def test_a_name_finds_one_fact_of_its_kind(kind: type[Fact]) -> None:
    names = Counter(
        each for name, fact in facts(kind).items() for each in {word.casefold() for word in (name, *fact.also)}
    )
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize(
    ("kind", "name", "fact"), ALL_FACTS, ids=[f"{kind.__name__}-{name}" for kind, name, _ in ALL_FACTS]
)
def test_a_fact_is_said_in_plain_text_and_has_its_sources(kind: type[Fact], name: str, fact: Fact) -> None:
    assert fact.title
    assert not fact.title.endswith((".", "!"))
    assert len(fact.title) <= 76
    assert fact.meaning.endswith(".")
    assert 20 < len(fact.meaning) < 500
    assert (fact.title + fact.meaning).isascii()
    assert (fact.title + fact.meaning).isprintable()
    assert fact.sources
    assert [source for source in fact.sources if not SOURCES.fullmatch(source)] == []
    assert name == name.strip()


def test_what_to_read_next_exists() -> None:
    known = {
        each.casefold()
        for kind in CLASSES.values()
        for name, fact in facts(kind).items()
        for each in (name, *fact.also)
    }
    assert {see for _, _, fact in ALL_FACTS for see in fact.see if see.casefold() not in known} == set()


def test_the_well_known_servers_are_known() -> None:
    counts = Counter(fact.server for fact in REFUSALS.values())
    assert {server: counts[server] for server, least in SERVERS.items() if counts[server] < least} == {}
    assert len(REFUSALS) >= 120


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_found_by_its_wording_before_any_other(name: str) -> None:
    fact = REFUSALS[name]
    found = find_refusals(as_its_server_sends_it(fact))
    assert found[0] is fact
    assert {each.server for each in found} <= {fact.server, ANY_SERVER}
    assert fact in refusals_of(fact.example)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_to_do(name: str) -> None:
    fact = REFUSALS[name]
    assert name.startswith(f"{fact.server}: ")
    assert fact.do in {"fix", "retry", "give up", "none"}
    assert fact.fault
    assert fact.advice.endswith(".")
    assert fact.retries
    assert fact.causes or fact.server in {"practice", "aiosmtpd"}
    assert all(400 <= code <= 599 for code in fact.codes)
    assert all(re.fullmatch(r"[45]\.\d{1,3}\.\d{1,3}", code) for code in fact.enhanced)
    classes = {code[0] for code in fact.enhanced}
    assert classes <= {str(code)[0] for code in fact.codes} or not fact.codes


@pytest.mark.parametrize("name", REFUSALS)
def test_a_pattern_cannot_run_away(name: str) -> None:
    pattern = REFUSALS[name].pattern
    re.compile(pattern)
    assert unbounded_or_nested(pattern) == []
    assert not re.search(r"\\[1-9]|\(\?", pattern), "no backreferences, no groups with a meaning"


def unbounded_or_nested(pattern: str) -> list[str]:
    """Return the quantifiers of a pattern that have no upper bound, and those of a group that holds a counted one."""
    wrong: list[str] = []
    counted_inside = [False]
    for token, quantifier in re.findall(r"(\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)(\?|\*|\+|\{[0-9,]+\})?", pattern):
        counted = quantifier not in {"", "?"}
        if counted and not re.fullmatch(r"\{\d+(,\d+)?\}", quantifier):
            wrong.append(token + quantifier)
        if token == "(":
            counted_inside.append(False)
        elif token == ")":
            inside = counted_inside.pop()
            if counted and inside:
                wrong.append(token + quantifier)
            counted_inside[-1] |= inside
        counted_inside[-1] |= counted
    return wrong


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        ("a{1,5} (b|c)?", []),
        ("a*", ["a*"]),
        ("[a-z]+x", ["[a-z]+"]),
        ("x{3,}", ["x{3,}"]),
        ("(ab{1,5}){1,5}", ["){1,5}"]),
        ("((a{1,2})){1,9}", ["){1,9}"]),
        (r"\+[+*]", []),
    ],
)
def test_a_pattern_that_could_run_away_is_noticed(pattern: str, wrong: list[str]) -> None:
    assert unbounded_or_nested(pattern) == wrong


@pytest.mark.parametrize(
    ("text", "code", "enhanced", "name"),
    [
        ("<bob@example.net>: Relay access denied", 554, "5.7.1", "Postfix: relay access denied"),
        ("Invalid domain name", 501, "5.0.0", "Sendmail: invalid domain name"),
        ('Syntax error in parameters scanning "from"', 501, "5.5.2", "Sendmail: colon missing"),
        (
            "TenantAttribution; Relay Access Denied [X.example.com]",
            550,
            "5.7.64",
            "Exchange Online: tenant attribution",
        ),
        (
            "Your email has been blocked because the sender is unauthenticated.\nGmail requires",
            550,
            "5.7.26",
            "Gmail: unauthenticated",
        ),
        (
            "Verification failed for <x@h.example>\nUnrouteable address\nSender verify failed",
            550,
            "",
            "Exim: sender verify failed",
        ),
        ("sorry, no mailbox here by that name. (#5.1.1)", 550, "", "qmail: no mailbox by that name"),
        (
            "Message for <x@example.org> would exceed mailbox quota; mailbox is full",
            552,
            "5.2.2",
            "many servers: mailbox full",
        ),
        ("Come back later, greylisting", 450, "", "many servers: greylisting"),
        ("Relaying prohibited: relaying denied", 550, "5.7.1", "many servers: relaying"),
    ],
)
def test_a_reply_as_servers_send_it_is_recognised(text: str, code: int, enhanced: str, name: str) -> None:
    assert find_refusals(reply(text, code, enhanced))[0] is REFUSALS[name]


def test_the_code_decides_between_two_that_fit() -> None:
    text = "Service unavailable - try again later"
    usual, unusual = refusals_of(text, 451, "4.7.1"), refusals_of(text, 554, "5.9.9")
    assert usual[0] is REFUSALS["Postfix: filter out of reach"]
    assert unusual[0] is usual[0]
    assert REFUSALS["many servers: not now"] in usual


def test_only_a_refusal_is_explained_as_one() -> None:
    for code in (220, 250, 334, 354):
        assert find_refusals(reply("<bob@example.net>: Relay access denied", code)) == ()
    assert find_refusals(reply("Hello, nice to meet you")) == ()
    assert find_refusals(Reply(550, (b"",), b"550\r\n")) == ()


def test_lines_are_joined_without_their_enhanced_codes() -> None:
    assert refusal_text(reply("one\ntwo", 550, "5.7.26")) == "one two"
    assert refusal_text(Reply(550, (b"5.1.1",), b"")) == ""


def test_a_text_is_escaped_and_cut() -> None:
    hostile = Reply(550, (b"\x1b[2Jred \xff", b"x" * 100_000, b"spam"), b"")
    text = refusal_text(hostile)
    assert text.isprintable()
    assert len(text) == LONGEST_TEXT
    assert "spam" not in text


def test_a_name_that_a_server_borrows_does_not_hide_its_own() -> None:
    text = "Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; Error: open resolver; https://check.spamhaus.org/returnc/pub/"
    assert refusals_of(text, 554, "5.7.1")[0] is REFUSALS["Spamhaus: query refused"]
