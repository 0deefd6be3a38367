import os
import socket
import stat
from pathlib import Path

import pytest

from kinect_unlock.errors import ConfigError
from kinect_unlock.listening import ListeningPlace


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def _connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            return False
        return True


def test_a_users_socket_is_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "daemon.sock"
    with ListeningPlace(path, uid=1000):
        assert (_mode(path.parent), _mode(path)) == (0o700, 0o600)


def test_roots_socket_is_for_everybody_in_a_directory_of_roots(tmp_path: Path) -> None:
    path = tmp_path / "run" / "daemon.sock"
    before = os.umask(0o077)
    try:
        with ListeningPlace(path, uid=0):
            assert (_mode(path.parent), _mode(path)) == (0o755, 0o666)
    finally:
        os.umask(before)


def test_nobody_connects_before_somebody_listens(tmp_path: Path) -> None:
    path = tmp_path / "daemon.sock"
    tmp_path.chmod(0o700)
    with ListeningPlace(path) as place:
        before = _connects(path)
        place.socket.listen()

        assert (before, _connects(path)) == (False, True)


def test_the_socket_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "run" / "daemon.sock"
    ListeningPlace(path).close()

    assert not path.exists()


def test_the_socket_of_a_successor_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "daemon.sock"
    place = ListeningPlace(path)
    path.unlink()
    path.write_text("the successor's")
    place.close()

    assert path.exists()


def test_a_socket_that_a_dead_daemon_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run" / "daemon.sock"
    path.parent.mkdir(0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with ListeningPlace(path) as place:
        place.socket.listen()

        assert _connects(path)


def test_a_second_daemon_is_refused_and_the_first_keeps_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "run" / "daemon.sock"
    with ListeningPlace(path) as first:
        first.socket.listen()
        with pytest.raises(ConfigError, match="another daemon holds"):
            ListeningPlace(path)

        assert _connects(path)


def test_a_socket_that_answers_without_a_lock_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "daemon.sock"
    path.parent.mkdir(0o700)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(ConfigError, match="another daemon answers"):
            ListeningPlace(path)

        assert _connects(path)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "daemon.sock"
    path.parent.mkdir(0o700)
    path.write_text("precious")
    with pytest.raises(ConfigError, match="is no socket"):
        ListeningPlace(path)

    assert path.read_text() == "precious"


def test_a_directory_that_others_may_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(ConfigError, match="others could replace the socket"):
        ListeningPlace(folder / "daemon.sock")


def test_a_link_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(0o700)
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="not a directory"):
        ListeningPlace(tmp_path / "run" / "daemon.sock")


def test_a_path_too_long_for_a_socket_is_refused_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    with pytest.raises(ConfigError, match=rf"{len(str(path))} bytes, a socket's path may have 107"):
        ListeningPlace(path)
