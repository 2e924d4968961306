"""The registries as tables: what IANA and the RFCs list is explained, and nothing is listed that is not."""

import re
from pathlib import Path

import pytest

import smtp_shell.servers
from smtp_shell.knowledge.lookup import (
    CommandFact,
    EnhancedFact,
    ExtensionFact,
    MechanismFact,
    ParameterFact,
    ReplyFact,
    facts,
)
from smtp_shell.protocol.foreseen import FORESEEN, is_foreseen_after_message, is_foreseen_as_greeting
from smtp_shell.protocol.phases import TRANSITIONS, Phase
from smtp_shell.protocol.sasl import MECHANISMS, mechanism

ROOT = Path(__file__).parents[3]

# RFC 5321 section 4.1.1; RFC 821 sections 3.4 and 3.8; RFC 3207, 4954, 3030, 4468, 1985, 2645, 2033; Postfix.
COMMANDS = {
    "EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "VRFY", "EXPN", "HELP", "NOOP", "QUIT",
    "SEND", "SOML", "SAML", "TURN",
    "STARTTLS", "AUTH", "BDAT", "BURL", "ETRN", "ATRN", "LHLO",
    "XCLIENT", "XFORWARD",
    "greeting", ".",
}  # fmt: skip

# RFC 5321 section 4.2.3; RFC 1845, 1985, 2645, 3207, 4954, 7504, draft-hall-prdr; and the basic codes of IANA's registry of enhanced codes.
REPLIES = {
    "211", "214", "220", "221", "235", "250", "251", "252", "253",
    "334", "353", "354", "355",
    "421", "422", "430", "432", "450", "451", "452", "453", "454", "455", "458", "459",
    "500", "501", "502", "503", "504", "521", "523", "524", "525", "530", "533", "534", "535", "538",
    "550", "551", "552", "553", "554", "555", "556",
}  # fmt: skip
DIGITS = {"1yz", "2yz", "3yz", "4yz", "5yz", "x0z", "x1z", "x2z", "x3z", "x4z", "x5z"}

# IANA, SMTP Enhanced Status Codes, Enumerated Status Codes, as of 2024-12-06: subject -> last detail; none is left out in between.
ENHANCED = {0: 0, 1: 10, 2: 4, 3: 6, 4: 7, 5: 6, 6: 10, 7: 30}

# IANA, SMTP, SMTP Service Extensions, as of 2025-09-19.
KEYWORDS = {
    "SEND", "SOML", "SAML", "EXPN", "HELP", "TURN", "8BITMIME", "SIZE", "VERB", "ONEX", "CHUNKING", "BINARYMIME",
    "CHECKPOINT", "DELIVERBY", "PIPELINING", "DSN", "ETRN", "ENHANCEDSTATUSCODES", "STARTTLS", "NO-SOLICITING", "MTRK",
    "SUBMITTER", "ATRN", "AUTH", "BURL", "FUTURERELEASE", "CONPERM", "CONNEG", "SMTPUTF8", "UTF8SMTP", "MT-PRIORITY",
    "RRVS", "REQUIRETLS", "LIMITS",
}  # fmt: skip
UNREGISTERED_KEYWORDS = {
    "VRFY", "XCLIENT", "XFORWARD", "XVERP", "PRDR", "PIPECONNECT", "CLIENTID", "X-ANONYMOUSTLS", "X-EXPS", "XEXCH50",
    "X-LINK2STATE", "XRDST", "XOORG", "XSHADOW", "XXXXXXXA",
}  # fmt: skip

# Keyword -> the parameters of MAIL and RCPT that it adds.
PARAMETERS = {
    "SIZE": {"SIZE"}, "8BITMIME": {"BODY"}, "BINARYMIME": {"BODY"}, "DSN": {"RET", "ENVID", "NOTIFY", "ORCPT"},
    "SMTPUTF8": {"SMTPUTF8"}, "AUTH": {"AUTH"}, "DELIVERBY": {"BY"}, "FUTURERELEASE": {"HOLDFOR", "HOLDUNTIL"},
    "MT-PRIORITY": {"MT-PRIORITY"}, "MTRK": {"MTRK"}, "NO-SOLICITING": {"SOLICIT"}, "SUBMITTER": {"SUBMITTER"},
    "CHECKPOINT": {"TRANSID"}, "RRVS": {"RRVS"}, "REQUIRETLS": {"REQUIRETLS"}, "CONPERM": {"CONPERM"}, "CONNEG": {"CONNEG"},
    "UTF8SMTP": {"ALT-ADDRESS"}, "PRDR": {"PRDR"}, "XVERP": {"XVERP"}, "XOORG": {"XOORG"},
}  # fmt: skip

# IANA, SASL Mechanisms, as of 2024-12-06, with their usage.
USAGES = {
    "common": {
        "9798-M-DSA-SHA1", "9798-M-ECDSA-SHA1", "9798-M-RSA-SHA1-ENC", "9798-U-DSA-SHA1", "9798-U-ECDSA-SHA1",
        "9798-U-RSA-SHA1-ENC", "ANONYMOUS", "EAP-AES128", "EAP-AES128-PLUS", "EXTERNAL", "GS2-*", "GS2-KRB5",
        "GS2-KRB5-PLUS", "GSSAPI", "KERBEROS_V5", "OAUTH10A", "OAUTHBEARER", "OPENID20", "OTP", "PLAIN", "SAML20",
        "SCRAM-*", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SECURID", "SXOVER-PLUS",
    },
    "limited": {
        "CRAM-MD5", "ECDH-X25519-CHALLENGE", "ECDSA-NIST256P-CHALLENGE", "GSS-SPNEGO", "NMAS-SAMBA-AUTH", "NMAS_AUTHEN",
        "NMAS_LOGIN", "NTLM",
    },
    "obsolete": {"DIGEST-MD5", "KERBEROS_V4", "LOGIN", "SKEY", "XOAUTH", "XOAUTH2"},
    "must not be used": {"SPNEGO", "SPNEGO-PLUS"},
    "unregistered": {"SCRAM-SHA-512", "SCRAM-SHA3-512"},
}  # fmt: skip


def test_the_commands_are_those_of_the_table() -> None:
    assert set(facts(CommandFact)) == COMMANDS


def test_the_reply_codes_are_those_of_the_table_and_the_digits() -> None:
    assert set(facts(ReplyFact)) == REPLIES | DIGITS


def test_the_enhanced_codes_are_those_of_the_registry_and_the_digits() -> None:
    registered = {f"x.{subject}.{detail}" for subject, last in ENHANCED.items() for detail in range(last + 1)}
    assert set(facts(EnhancedFact)) == registered | {f"x.{subject}.z" for subject in ENHANCED} | {"2", "4", "5"}


def test_the_keywords_are_those_of_the_registry_and_some_that_it_leaves_out() -> None:
    registered = {name for name, fact in facts(ExtensionFact).items() if fact.registered}
    assert registered == KEYWORDS
    assert set(facts(ExtensionFact)) - registered == UNREGISTERED_KEYWORDS


def test_each_keyword_has_its_parameters_and_each_parameter_its_keyword() -> None:
    assert {name: set(fact.parameters) for name, fact in facts(ExtensionFact).items() if fact.parameters} == PARAMETERS
    assert set(facts(ParameterFact)) == set().union(*PARAMETERS.values())
    for name, fact in facts(ParameterFact).items():
        assert name in PARAMETERS[fact.extension]
        assert set(fact.commands) <= COMMANDS
        assert fact.syntax.startswith(name)
        assert fact.example.startswith(name)


def test_the_mechanisms_are_those_of_the_registry_with_their_usage() -> None:
    found: dict[str, set[str]] = {}
    for name, fact in facts(MechanismFact).items():
        found.setdefault(fact.usage, set()).add(name)
    assert found == USAGES


@pytest.mark.parametrize("name", MECHANISMS)
def test_each_mechanism_of_the_shell_is_explained_with_its_exchange(name: str) -> None:
    fact = facts(MechanismFact)[name]
    assert fact.exchange
    assert fact.needs_tls == mechanism(name).plaintext


def test_each_code_that_the_protocol_foresees_is_explained_for_its_command() -> None:
    for verb, codes in FORESEEN.items():
        assert set(map(str, codes)) <= set(facts(CommandFact)[verb].replies), verb
    greeting = set(facts(CommandFact)["greeting"].replies)
    final_dot = set(facts(CommandFact)["."].replies)
    assert all(map(is_foreseen_as_greeting, map(int, greeting)))
    assert all(map(is_foreseen_after_message, map(int, final_dot)))
    assert {"220"} <= greeting
    assert {"250", "353"} <= final_dot


def test_a_command_foresees_no_success_that_the_protocol_does_not() -> None:
    for verb, codes in FORESEEN.items():
        named = {int(code) for code in facts(CommandFact)[verb].replies}
        assert {code for code in named if code < 400} == codes, verb


def test_the_codes_phases_and_followers_that_facts_name_are_there() -> None:
    phases = {phase.value for phase in Phase}
    for name, command in facts(CommandFact).items():
        assert set(command.replies) <= REPLIES, name
        assert set(command.phases) <= phases, name
        assert set(command.next) <= COMMANDS, name
        assert command.phases, name
        assert command.example, name
    for name, enhanced in facts(EnhancedFact).items():
        assert set(enhanced.replies) <= REPLIES, name
        assert set(enhanced.classes) <= {2, 4, 5}, name
    for name, extension in facts(ExtensionFact).items():
        assert not extension.registered or set(extension.adds) <= COMMANDS | {"VERB", "ONEX"}, name
        assert extension.syntax in ("", name) or extension.syntax.startswith(f"{name} "), name


def test_each_verb_that_changes_the_phase_is_explained() -> None:
    assert {verb for verb, _ in TRANSITIONS} <= COMMANDS


def test_a_reply_of_success_asks_nothing_and_a_refusal_asks_something() -> None:
    for code in REPLIES:
        fact = facts(ReplyFact)[code]
        if code[0] in "23":
            assert (fact.do, fact.fault, fact.retries) == ("none", "nobody", "nobody"), code
        else:
            assert fact.do != "none" or code == "453", code


def test_each_code_in_the_words_of_our_servers_is_explained() -> None:
    words = "\n".join(path.read_text("utf-8") for path in Path(smtp_shell.servers.__path__[0]).rglob("*.py"))
    basic = set(re.findall(r"[\"'b]([2-5][0-9]{2})[ -]", words)) | set(
        re.findall(r"^    ([2-5][0-9]{2}): \(\"", words, re.M)
    )
    enhanced = set(re.findall(r"\b[245](\.[0-9]\.[0-9]{1,2})\b", words))
    assert len(basic) > 30
    assert len(enhanced) > 20
    assert basic <= REPLIES
    assert {f"x{rest}" for rest in enhanced} <= set(facts(EnhancedFact))


def test_each_code_in_the_transcripts_is_explained() -> None:
    lines = "\n".join(path.read_text("utf-8", "replace") for path in sorted((ROOT / "transcripts").rglob("*.smtp")))
    replies = re.findall(r"^S: ([2-5][0-9]{2})(?:[ -](?:[245](\.[0-9]{1,3}\.[0-9]{1,3}) )?|$)", lines, re.M)
    assert len(replies) > 50
    assert {code for code, _ in replies} <= REPLIES
    assert {f"x{rest}" for _, rest in replies if rest} <= set(facts(EnhancedFact))
