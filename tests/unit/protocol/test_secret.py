"""A secret shows nowhere by accident."""

import copy
import pickle

import pytest

from smtp_shell.protocol.secret import Secret

VALUE = "canary-password"


def test_only_reveal_gives_the_value() -> None:
    secret = Secret(VALUE)
    assert secret.reveal() == VALUE
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", repr([secret]), "%s" % secret]  # noqa: UP031
    assert {*shown} == {"Secret(...)", "(secret)", "[Secret(...)]"}


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError) as caught:
        pickle.dumps(Secret(VALUE))
    assert VALUE not in str(caught.value)
    with pytest.raises(TypeError):
        copy.copy(Secret(VALUE))


def test_secrets_are_compared_by_value() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE)}) == 1
    assert [bool(Secret(text)) for text in ("", VALUE)] == [False, True]
