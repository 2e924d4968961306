"""What holds for every server and every password."""

import traceback
from binascii import b2a_base64

from hypothesis import assume, given
from hypothesis import strategies as st

from smtp_shell.errors import SmtpShellError
from smtp_shell.protocol.masking import conceal_octets, describe_typed
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.sasl import (
    MECHANISMS,
    ChannelBinding,
    Credentials,
    Exchange,
    Mechanism,
    choose,
    decode_challenge,
    mechanism,
)
from smtp_shell.protocol.secret import Secret

NONCE = "fyko+d2lbbFgONRv9qkxdawL"

# GSSAPI needs a library of the system and a ticket.
mechanisms = st.sampled_from([mechanism(name) for name in MECHANISMS if name != "GSSAPI"])
# No letter of these stands in any of our sentences, so finding one is a leak and no coincidence.
passwords = st.text("\u03b1\u03b2\u03b3\u03b4\u20ac\U0001f511", min_size=6, max_size=12)
tokens = st.text("XYZ0123456789~", min_size=12, max_size=40)
challenges = st.one_of(
    st.binary(max_size=200),
    st.just(b""),
    st.builds(
        lambda tail, salt, count: b"r=%s%s,s=%s,i=%d" % (NONCE.encode(), tail, salt, count),
        st.binary(max_size=10),
        st.sampled_from([b"QSXCR+Q6sek8bf92", b"", b"!"]),
        st.sampled_from([0, 1, 4095, 4096, 600_001]),
    ),
    st.builds(b"v=%s".__mod__, st.binary(max_size=30)),
    st.builds(b'{"status": "%s"}'.__mod__, st.binary(max_size=30)),
)


def begin(each: Mechanism, secret: str) -> Exchange:
    binding = ChannelBinding("tls-exporter", bytes(32))
    return each.start(
        Credentials("student", Secret(secret)), nonce=lambda: NONCE, host="mail.example.org", binding=binding
    )


def secret_for(each: Mechanism, password: str, token: str) -> str:
    return token if "token" in each.needs else password


@given(mechanisms, passwords, tokens, st.lists(challenges, max_size=5), st.booleans())
def test_no_text_holds_the_secret_whatever_the_server_says(
    each: Mechanism, password: str, token: str, said: list[bytes], first: bool
) -> None:
    secret = secret_for(each, password, token)
    texts = []
    try:
        exchange = begin(each, secret)
        responses = [exchange.initial_response()] if first else []
        for challenge in said:
            texts.append(exchange.explain(challenge))
            responses.append(exchange.respond(challenge))
            texts.append(repr(responses) + str(responses) + repr(exchange))
        exchange.finish()
    except SmtpShellError as error:
        texts += [str(error), repr(error), "".join(traceback.format_exception(error))]
    encoded = b2a_base64(secret.encode(), newline=False).decode().rstrip("=")
    assert not [text for text in texts if secret in text or escape(secret.encode()) in text or encoded in text]


@given(mechanisms, challenges)
def test_explanations_are_printable(each: Mechanism, challenge: bytes) -> None:
    text = begin(each, "abcdefgh").explain(challenge)
    assert text.isprintable()
    assert text


@given(mechanisms, st.lists(challenges, max_size=8))
def test_only_our_own_errors_and_a_bounded_number_of_responses(each: Mechanism, said: list[bytes]) -> None:
    exchange = begin(each, "abcdefgh")
    given_out, sentence = 0, ""
    try:
        for challenge in said:
            exchange.respond(challenge)
            given_out += 1
    except SmtpShellError as error:
        sentence = str(error)
    assert sentence.isprintable()
    assert given_out <= 3
    assert sentence or given_out == len(said)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_login_answers_by_order_whatever_the_words(first: bytes, second: bytes) -> None:
    exchange = begin(mechanism("LOGIN"), "abcdefgh")
    assert (exchange.respond(first).octets, exchange.respond(second).octets) == (b"student", b"abcdefgh")


@given(passwords, st.binary(max_size=20), st.binary(max_size=20), st.booleans())
def test_an_echo_of_the_password_is_masked_at_any_offset(
    password: str, before: bytes, after: bytes, as_base64: bool
) -> None:
    echo = before + password.encode() + after
    shown = conceal_octets(b2a_base64(echo, newline=False) if as_base64 else echo, Secret(password))
    assert password.encode() not in shown
    found = decode_challenge(shown)
    assert found is None or password.encode() not in found


@given(st.binary(max_size=60))
def test_base64_both_ways(octets: bytes) -> None:
    assert decode_challenge(b2a_base64(octets, newline=False)) == octets


@given(st.binary(max_size=60), st.sampled_from([*MECHANISMS, "GSSAPI", ""]))
def test_what_a_person_types_is_described_printably(line: bytes, name: str) -> None:
    assert describe_typed(line, name).isprintable()
    assert describe_typed(b2a_base64(line), name).isprintable()


@given(mechanisms, passwords, tokens)
def test_our_own_lines_typed_by_hand_do_not_show_the_secret(each: Mechanism, password: str, token: str) -> None:
    secret = secret_for(each, password, token)
    assume("SCRAM" not in each.name and each.name not in ("DIGEST-MD5", "NTLM"))
    response = begin(each, secret).respond(b"")
    assert secret not in describe_typed(response.base64_initial, each.name)


@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(list(MECHANISMS)))), st.booleans(), st.booleans())
def test_a_plaintext_mechanism_is_never_chosen_in_the_clear_over_one_that_is_not(
    offered: list[str], password: bool, token: bool
) -> None:
    found = choose(offered, tls=False, password=password, token=token)
    safer = {"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"} & set(offered)
    if password and safer:
        assert found is not None
        assert not found.plaintext
