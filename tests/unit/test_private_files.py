"""Files and folders for their owner only, and what the system's refusals are called."""

import errno
import io
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NoReturn

import pytest

from smtp_shell import private_files
from smtp_shell.errors import ConfigError, UsageError
from smtp_shell.private_files import (
    append_private,
    create_private,
    make_folder,
    open_append,
    open_new,
    private_folder,
    read_private,
    reason_of,
    replace_private,
    replacing,
    whole_file,
)

POSIX = pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX's")


@pytest.fixture(autouse=True)
def no_umask() -> Iterator[None]:
    """Have the modes come from this program alone."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """A link `link` to the file `mine`, which holds `mine`."""
    (tmp_path / "mine").write_text("mine")
    try:
        (tmp_path / "link").symlink_to(tmp_path / "mine")
    except OSError:
        pytest.skip("this platform makes no links")
    return tmp_path / "link"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@POSIX
@pytest.mark.parametrize("create", [create_private, open_new, open_append])
def test_only_its_owner_can_read_and_write_a_new_file(tmp_path: Path, create: Callable[[Path], BinaryIO]) -> None:
    path = tmp_path / "a"
    with create(path) as file:
        file.write(b"x")
    assert mode_of(path) == 0o600
    assert path.read_bytes() == b"x"


def test_what_cannot_be_read_for_now_is_not_taken_for_a_file_that_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    for number in (errno.EMFILE, errno.EIO, errno.ENOMEM):
        with pytest.raises(OSError, match=re.escape(os.strerror(number))):
            read_private(tmp_path / "kept", 10)
    for number in (errno.ENOENT, errno.ELOOP, errno.EACCES):
        assert read_private(tmp_path / f"kept-{number}", 10) is None


def test_a_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("mine")
    with pytest.raises(UsageError) as caught:
        create_private(path)
    assert str(caught.value) == f"{path} is there already and is left as it is; choose another name, or use --force."
    with pytest.raises(FileExistsError):
        open_new(path)
    assert path.read_text() == "mine"


@POSIX
def test_a_file_is_replaced_by_a_new_one_when_told_to(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("mine")
    path.chmod(0o644)
    with create_private(path, overwrite=True) as file:
        assert mode_of(path) == 0o600
        file.write(b"new")
    assert path.read_text() == "new"


def test_no_link_is_followed(link: Path) -> None:
    with pytest.raises(UsageError, match="there already"):
        create_private(link)
    with pytest.raises(FileExistsError):
        open_new(link)
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        open_append(link)
    assert link.read_text() == "mine"


def test_a_link_that_leads_nowhere_is_not_followed(link: Path) -> None:
    (link.parent / "mine").unlink()
    with pytest.raises(FileExistsError):
        open_new(link)
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        open_append(link)
    assert not (link.parent / "mine").exists()


def test_a_link_is_replaced_and_what_it_leads_to_stays(link: Path) -> None:
    create_private(link, overwrite=True).close()
    assert (link.parent / "mine").read_text() == "mine"
    assert not link.is_symlink()


def test_no_link_is_followed_where_the_platform_has_no_flag_for_it(link: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_NOFOLLOW", raising=False)
    with pytest.raises(FileExistsError):
        open_new(link)
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)) as caught:
        open_append(link)
    assert caught.value.filename == str(link)


@pytest.mark.parametrize("name", ["nothing/a.smtp", "a\0b"])
def test_a_place_where_no_file_can_be_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"a.*(smtp|b)"):
        create_private(tmp_path / name)
    with pytest.raises(UsageError, match=r"a.*(smtp|b)"), whole_file(tmp_path / name):
        pytest.fail("there is no such place")


def test_a_directory_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        create_private(tmp_path, overwrite=True)
    assert tmp_path.is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_is_neither_file_nor_link_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(UsageError, match="there already"):
        create_private(path, overwrite=True)
    assert stat.S_ISFIFO(path.lstat().st_mode)


def refuse(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Full(io.BufferedWriter):
    """A file on a full disk."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_whose_start_does_not_fit_is_not_there_and_the_old_one_stays(
    tmp_path: Path, overwrite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    if overwrite:
        path.write_text("mine")
    monkeypatch.setattr(private_files, "open_new", lambda path: Full(io.FileIO(path, "x")))
    with pytest.raises(UsageError, match="a cannot be created: no space left on device"):
        create_private(path, overwrite=overwrite, start=b"its start")
    assert [each.name for each in tmp_path.iterdir()] == (["a"] if overwrite else [])
    assert not overwrite or path.read_text() == "mine"


def write_whole(path: Path) -> None:
    with whole_file(path) as file:
        file.write(b"whole")


@pytest.mark.parametrize("write", [create_private, write_whole])
def test_what_there_is_no_memory_for_is_a_sentence_and_leaves_nothing(
    write: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(os, "fdopen", refuse)
    with pytest.raises(UsageError, match=r"a cannot be (created|written): there is no memory left"):
        write(tmp_path / "a")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_grows_is_there_with_its_start(tmp_path: Path, overwrite: bool) -> None:
    path = tmp_path / "a"
    if overwrite:
        path.write_text("mine")
    with create_private(path, overwrite=overwrite, start=b"start\n") as file:
        assert path.read_text() == "start\n"
        file.write(b"more\n")
    assert path.read_text() == "start\nmore\n"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt(), ValueError("no")])
def test_a_whole_file_is_there_at_the_end_or_not_at_all(tmp_path: Path, overwrite: bool, error: BaseException) -> None:
    path = tmp_path / "a"
    if overwrite:
        path.write_text("mine")

    def write() -> None:
        with whole_file(path, overwrite=overwrite) as file:
            file.write(b"half")
            file.flush()
            assert path.exists() == overwrite
            raise error

    with pytest.raises(UsageError if isinstance(error, OSError) else type(error)):
        write()
    assert [each.name for each in tmp_path.iterdir()] == (["a"] if overwrite else [])
    assert not overwrite or path.read_text() == "mine"
    with whole_file(path, overwrite=overwrite) as file:
        file.write(b"new")
    assert path.read_text() == "new"
    assert os.name == "nt" or mode_of(path) == 0o600


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_what_cannot_be_replaced_is_as_it_was(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("mine")
    monkeypatch.setattr(os, name, refuse)
    with (
        pytest.raises(UsageError, match="a cannot be written: no space left"),
        whole_file(path, overwrite=True) as file,
    ):
        file.write(b"new")
    with pytest.raises(OSError, match="No space left"):
        replace_private(path, b"new")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a", "mine")]


def test_a_whole_file_replaces_nothing_that_came_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with pytest.raises(UsageError, match="there already"), whole_file(path):
        path.write_text("mine")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a", "mine")]


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(source: object, target: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links, raising=False)
    with whole_file(tmp_path / "a") as file:
        file.write(b"x")
    with create_private(tmp_path / "b", start=b"y"):
        pass
    assert sorted((each.name, each.read_text()) for each in tmp_path.iterdir()) == [("a", "x"), ("b", "y")]


@POSIX
def test_octets_that_do_not_fit_are_not_added_in_part(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "a"
    append_private(path, b"one\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6, before[1]))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            append_private(path, b"two\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"one\n"
    append_private(path, b"three\n")
    assert path.read_bytes() == b"one\nthree\n"


@POSIX
def test_drafts_of_processes_that_were_killed_are_removed_and_no_others(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from smtp_shell.private_files import replacing\n"
        "with replacing(Path(sys.argv[1])) as file: file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a")], check=False)
        assert killed.returncode == -signal.SIGKILL
        (left,) = tmp_path.iterdir()  # the second one has removed that of the first
        assert mode_of(left) == 0o600
    for name in (".smtp-shell-x", "mine.draft", "a"):
        (tmp_path / name).write_text("mine")
    with replacing(tmp_path / "b") as alive:
        names = {each.name for each in tmp_path.iterdir()}
        assert left.name not in names
        assert names >= {".smtp-shell-x", "mine.draft", "a"}
        script = "import sys; from pathlib import Path; from smtp_shell.private_files import replace_private\n"
        command = "replace_private(Path(sys.argv[1]), b'other')"
        subprocess.run([sys.executable, "-c", script + command, str(tmp_path / "c")], check=True)
        alive.write(b"alive")
    assert (tmp_path / "b").read_text() == "alive"
    assert {each.name for each in tmp_path.iterdir()} == {".smtp-shell-x", "mine.draft", "a", "b", "c"}


@POSIX
def test_appending_keeps_what_is_there_and_takes_others_permissions_away(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one\n")
    path.chmod(0o666)
    with open_append(path) as file:
        assert mode_of(path) == 0o600
        file.write(b"two\n")
    assert path.read_text() == "one\ntwo\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_is_no_regular_file_keeps_its_permissions_and_is_nobodys_own(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path, 0o644)
    open_append(path).close()
    assert mode_of(path) == 0o644
    with pytest.raises(OSError, match="it is no regular file"):
        open_append(path, own=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_not_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.touch()
    os.chown(path, 65534, 65534)
    with pytest.raises(OSError, match="it belongs to another user"):
        open_append(path, own=True)


def test_no_file_is_passed_on_to_a_child(tmp_path: Path) -> None:
    creators: tuple[Callable[[Path], BinaryIO], ...] = (create_private, open_new, open_append)
    for number, create in enumerate(creators):
        with create(tmp_path / str(number)) as file:
            assert not os.get_inheritable(file.fileno())


def test_a_private_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "b" / "c")
    assert folder.is_dir()
    if os.name != "nt":
        assert [mode_of(each) for each in (folder, *folder.parents[:2])] == [0o700] * 3
    assert private_folder(folder) == folder


@POSIX
def test_a_folder_that_exists_keeps_its_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_folder(tmp_path)
    assert mode_of(tmp_path) == 0o755


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be made: .*; set SMTP_SHELL_STATE_DIR"):
        private_folder(tmp_path / "file" / "below")


def test_a_folders_name_cannot_drive_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as caught:
        private_folder(tmp_path / "file" / "\x1b[2J\u202e\x9b")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file or directory", "a"), "there is no such file"),
        (
            FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"),
            "no folder for temporary files can be written to",
        ),
        (PermissionError(13, "Permission denied", "a"), "its permissions do not allow it"),
        (PermissionError(1, "Operation not permitted"), "operation not permitted"),
        (TimeoutError(), "it did not answer in time"),
        (ConnectionRefusedError(111, "Connection refused"), "the connection was refused"),
        (OSError(28, "No space left on device"), "no space left on device"),
        (OSError(5, "a\x1b[2J"), r"a\x1b[2J"),
        (OSError("Odd"), "odd"),
        (OSError(), "OSError"),
    ],
)
def test_a_refusal_of_the_system_in_words(error: OSError, reason: str) -> None:
    assert reason_of(error) == reason


@POSIX
@pytest.mark.parametrize("error", [OSError(errno.ENOMEM, "Cannot allocate memory"), MemoryError()])
@pytest.mark.parametrize(
    "use",
    [
        open_new,
        open_append,
        lambda path: read_private(path, 10),
        lambda path: replace_private(path, b"x"),
        create_private,
    ],
    ids=["new", "append", "read", "replace", "create"],
)
def test_a_descriptor_that_becomes_no_file_is_closed(
    use: Callable[[Path], object], error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    is_kept = use not in (open_new, create_private)
    if is_kept:
        path.write_bytes(b"before")
        path.chmod(0o600)
    opened: list[int] = []

    def refuse(descriptor: int, *args: object) -> None:
        opened.append(descriptor)
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdopen", refuse)
        with suppress(OSError, MemoryError, UsageError):
            use(path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == ({"file": b"before"} if is_kept else {})


@POSIX
@pytest.mark.parametrize(
    "use",
    [open_append, lambda path: replace_private(path, b"x"), lambda path: create_private(path, start=b"x")],
    ids=["append", "replace", "create"],
)
def test_a_file_that_the_system_does_not_describe_is_closed_and_no_draft_stays(
    use: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    def refuse(descriptor: int) -> None:
        opened.append(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", refuse)
        with pytest.raises((OSError, UsageError), match=r"(?i)input/output error"):
            use(tmp_path / "file")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])
    assert [each.name for each in tmp_path.iterdir()] == (["file"] if use is open_append else [])
