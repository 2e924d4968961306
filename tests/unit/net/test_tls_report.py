"""What is wrong with a handshake, in words."""

import ssl

import pytest

from smtp_shell.errors import ProtocolViolation, TlsFailed
from smtp_shell.net.tls_report import LEFT_IN_HANDSHAKE, alert, cleartext_error, why_no_handshake, why_unverified


def tls_error(reason: str | None) -> ssl.SSLError:
    error = ssl.SSLError(1, "unused")
    error.reason = reason  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (62, "the certificate's name is wrong: it is not for mail.example.com (bad \\x1b)"),
        (64, "the certificate's name is wrong"),
        (9, "the certificate's dates are wrong: bad \\x1b"),
        (10, "check this machine's clock"),
        (18, "the certificate's chain is not trusted: bad \\x1b"),
        (20, "--ca-file FILE"),
    ],
)
def test_what_is_wrong_with_a_certificate(code: int, words: str) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "bad \x1b"
    sentence = why_unverified(error, "mail.example.com")
    assert words in sentence
    assert sentence.endswith("or use --insecure to go on without verification.")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "alert: handshake failure"),
        ("TLSV1_ALERT_UNKNOWN_CA", "alert: unknown ca"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "alert: certificate required"),
        ("WRONG_VERSION_NUMBER", "wrong version number"),
        (None, "unknown reason"),
    ],
)
def test_an_alert_in_words(reason: str | None, words: str) -> None:
    assert alert(tls_error(reason)) == words


def test_why_a_handshake_failed() -> None:
    assert why_no_handshake(ssl.SSLEOFError()) == LEFT_IN_HANDSHAKE
    assert "no common version" in why_no_handshake(tls_error("UNSUPPORTED_PROTOCOL"))
    assert "alert: handshake failure; compare" in why_no_handshake(tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"))


def test_text_in_the_clear_from_the_start_is_a_server_without_tls() -> None:
    error = cleartext_error(b"220 mail \x1b[2J\r\n250 more", implicit=True)
    assert isinstance(error, TlsFailed)
    assert str(error).startswith(r'the server speaks in the clear here, not TLS: "220 mail \x1b[2J"; connect without')


def test_text_in_the_clear_after_starttls_is_a_violation() -> None:
    error = cleartext_error(b"250 forged", implicit=False)
    assert isinstance(error, ProtocolViolation)
    assert 'in place of the handshake: "250 forged"' in str(error)
