"""The password and the certificate that the practice server keeps from one start to the next."""

import datetime
import errno
import multiprocessing
import os
import ssl
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from smtp_shell.private_files import locked, read_private, replace_private
from smtp_shell.servers.certificate import ServerCertificate, keep_certificate
from smtp_shell.servers.passwords import keep_password

NAMES = ("localhost", "127.0.0.1", "::1", "practice.example")
POSIX = pytest.mark.skipif(os.name == "nt", reason="file modes and owners are POSIX's")
NOW = datetime.datetime.now(datetime.UTC)


def keep(folder: Path) -> ServerCertificate:
    return keep_certificate(folder, *NAMES)


def trusts(certificate: ServerCertificate, name: str = "localhost") -> bool:
    """Do a handshake in memory."""
    client = ssl.create_default_context(cafile=str(certificate.ca_file))
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=name),
        certificate.context.wrap_bio(to_server, to_client, server_side=True),
    )
    for end in ends * 3:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return ends[0].version() is not None


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def signed(folder: Path, *names: str, days: float = 30) -> None:
    """Put a certificate into the folder that lives for so many days more."""
    authority = trustme.CA()
    leaf = authority.issue_cert(
        *names, not_before=NOW - datetime.timedelta(days=30), not_after=NOW + datetime.timedelta(days=days)
    )
    (folder / "server.pem").write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
    (folder / "ca.pem").write_bytes(authority.cert_pem.bytes())
    for name in ("server.pem", "ca.pem"):
        (folder / name).chmod(0o600)  # whatever the umask


def test_what_cannot_be_read_for_now_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, flags: int, *mode: int) -> int:
        if Path(path).name in ("server.pem", "password"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, flags, *mode)

    real = os.open
    keep(tmp_path), keep_password(tmp_path)
    before = contents(tmp_path)
    monkeypatch.setattr(os, "open", refuse)
    for each in (keep, keep_password):
        with pytest.raises(OSError, match="Input/output error"):
            each(tmp_path)
    monkeypatch.undo()
    assert contents(tmp_path) == before


def test_the_same_at_each_start(tmp_path: Path) -> None:
    first, password = keep(tmp_path), keep_password(tmp_path)
    before = contents(tmp_path)
    again = keep(tmp_path)
    assert keep_password(tmp_path) == password
    assert contents(tmp_path) == before
    assert first.ca_file == again.ca_file
    assert all(trusts(again, name) for name in NAMES)


@POSIX
def test_all_of_it_is_for_its_owner_only(tmp_path: Path) -> None:
    keep(tmp_path)
    keep_password(tmp_path)
    assert {stat.S_IMODE(path.lstat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert sorted(contents(tmp_path)) == ["ca.pem", "lock", "password", "server.pem"]


def cut(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-200])


def swap_authority(folder: Path) -> None:
    (folder / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())


def link(folder: Path, name: str) -> None:
    path = folder / name
    path.rename(folder.parent / "elsewhere")
    path.symlink_to(folder.parent / "elsewhere")


BROKEN: dict[str, Callable[[Path], object]] = {
    "server cut": lambda folder: cut(folder, "server.pem"),
    "server empty": lambda folder: (folder / "server.pem").write_bytes(b""),
    "server gone": lambda folder: (folder / "server.pem").unlink(),
    "server endless": lambda folder: (folder / "server.pem").write_bytes(b"x" * 100_000),
    "server is noise": lambda folder: (folder / "server.pem").write_bytes(bytes(range(256))),
    "server is a link": lambda folder: link(folder, "server.pem"),
    "authority cut": lambda folder: cut(folder, "ca.pem"),
    "authority gone": lambda folder: (folder / "ca.pem").unlink(),
    "another authority": swap_authority,
    "expired": lambda folder: signed(folder, *NAMES, days=-1),
    "expires in an hour": lambda folder: signed(folder, *NAMES, days=0.04),
    "for another name": lambda folder: signed(folder, "localhost", "127.0.0.1"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_certificate_that_no_client_would_trust_is_renewed(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    keep(folder)
    BROKEN[how](folder)
    broken = contents(folder)
    renewed = keep(folder)
    assert all(trusts(renewed, name) for name in NAMES)
    assert contents(folder)["server.pem"] != broken.get("server.pem")
    assert not any(path.is_symlink() for path in folder.iterdir())


def test_a_certificate_that_is_still_good_stays(tmp_path: Path) -> None:
    signed(tmp_path, *NAMES, days=3)
    before = contents(tmp_path)
    assert trusts(keep(tmp_path))
    assert {name: octets for name, octets in contents(tmp_path).items() if name != "lock"} == before


@pytest.mark.parametrize("octets", [b"", b"\n", b"a\nb\n", b"\xff\n", b"\x1b[2J\n", b"x" * 2000, b" a\n"])
def test_a_password_that_cannot_be_one_is_made_anew(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "password").write_bytes(octets)
    password = keep_password(tmp_path).reveal()
    assert (tmp_path / "password").read_text() == f"{password}\n"
    assert password.encode() not in octets


@POSIX
def test_a_password_behind_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs\n")
    (tmp_path / "password").symlink_to(tmp_path / "theirs")
    assert keep_password(tmp_path).reveal() != "theirs"
    assert (tmp_path / "theirs").read_text() == "theirs\n"
    assert not (tmp_path / "password").is_symlink()


@POSIX
@pytest.mark.parametrize(("mode", "kept"), [(0o600, True), (0o644, True), (0o664, False), (0o666, False)])
def test_what_others_could_write_is_not_trusted(tmp_path: Path, mode: int, kept: bool) -> None:
    path = tmp_path / "password"
    path.write_text("mine\n")
    path.chmod(mode)
    assert (keep_password(tmp_path).reveal() == "mine") is kept
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def _start(folder: str) -> tuple[str, bytes]:
    certificate = keep(Path(folder))
    assert trusts(certificate)
    return keep_password(Path(folder)).reveal(), certificate.ca_file.read_bytes()


def test_starts_at_the_same_time_agree(tmp_path: Path) -> None:
    signed(tmp_path, *NAMES, days=-1)
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.map(_start, [str(tmp_path)] * 16, chunksize=1)
    assert len(set(found)) == 1
    assert sorted(contents(tmp_path)) == ["ca.pem", "lock", "password", "server.pem"]


def test_a_lock_that_another_keeps_ends_the_wait(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", 0), pytest.raises(TimeoutError), locked(tmp_path / "lock", 0.1):
        raise AssertionError("both hold the lock")
    with locked(tmp_path / "lock", 0):
        pass


def test_a_file_that_cannot_be_replaced_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises((IsADirectoryError, PermissionError)):
        replace_private(tmp_path / "a", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@POSIX
@pytest.mark.parametrize("kind", ["folder", "fifo", "missing"])
def test_what_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    assert read_private(path, 100) is None
