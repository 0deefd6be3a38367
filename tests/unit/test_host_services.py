from pathlib import Path

from fakes.computer import Computer, program
from kinect_unlock.host import services, sessions

SHOW = "ActiveState=active\nSubState=running\nUnitFileState=enabled\nResult=success\nNRestarts=2"


def environ(folder: Path, **more: str) -> dict[str, str]:
    return {"PATH": f"{folder}:/usr/bin:/bin", **more}


def test_without_a_unit_file_there_is_no_unit_and_nobody_is_asked(tmp_path: Path) -> None:
    program(tmp_path, "systemctl", "echo ActiveState=active")

    assert services.units(tmp_path, environ(tmp_path)) == ()


def test_a_unit_is_told_by_systemds_own_words(tmp_path: Path) -> None:
    program(tmp_path, "systemctl", f'echo "$1 $2 $3" > {tmp_path}/asked; echo "{SHOW}"')
    computer = Computer(tmp_path)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    file = computer.write("etc/systemd/system/kinect-unlock.service", "")
    (unit,) = services.units(tmp_path, environ(tmp_path))

    assert (unit.scope, unit.file, unit.fault) == (services.Scope.SYSTEM, file, "")
    assert unit.properties["NRestarts"] == "2"
    assert (tmp_path / "asked").read_text().strip() == "--system show kinect-unlock.service"


def test_a_users_own_unit_is_found_in_the_users_folder(tmp_path: Path) -> None:
    file = Computer(tmp_path).write("home/.config/systemd/user/kinect-unlock.service", "")
    (unit,) = services.units(tmp_path, environ(tmp_path, HOME=str(tmp_path / "home")))

    assert (unit.scope, unit.file, unit.fault) == (services.Scope.USER, file, "systemd is not running")


def test_a_manager_that_does_not_answer_is_a_fault_in_words(tmp_path: Path) -> None:
    program(tmp_path, "systemctl", "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    Computer(tmp_path).write("usr/lib/systemd/system/kinect-unlock.service", "")
    (unit,) = services.units(tmp_path, environ(tmp_path))

    assert unit.properties == {}
    assert unit.fault == "systemctl ended with exit code 1: Failed to connect to bus: No medium found"


def test_without_a_system_bus_logind_is_not_asked(tmp_path: Path) -> None:
    assert sessions.read(tmp_path, environ(tmp_path), 1000) == sessions.Session({}, "there is no system bus")


def test_the_session_that_the_environment_names_is_asked_for(tmp_path: Path) -> None:
    Computer(tmp_path).write("run/dbus/system_bus_socket", "")
    program(tmp_path, "loginctl", 'echo "Id=$2"; echo Type=wayland')
    found = sessions.read(tmp_path, environ(tmp_path, XDG_SESSION_ID="c7"), 1000)

    assert found == sessions.Session({"Id": "c7", "Type": "wayland"})


def test_without_one_it_is_the_session_that_the_user_sees(tmp_path: Path) -> None:
    Computer(tmp_path).write("run/dbus/system_bus_socket", "")
    program(tmp_path, "loginctl", 'if [ "$1" = show-user ]; then echo Display=4; else echo "Id=$2"; fi')

    assert sessions.read(tmp_path, environ(tmp_path), 1000).facts == {"Id": "4"}


def test_a_user_who_is_not_logged_in_has_no_session_and_that_is_no_fault(tmp_path: Path) -> None:
    Computer(tmp_path).write("run/dbus/system_bus_socket", "")
    program(tmp_path, "loginctl", "echo 'Failed to get user: User ID 0 is not logged in or lingering' >&2; exit 1")

    assert sessions.read(tmp_path, environ(tmp_path), 0) == sessions.Session({})


def test_a_logind_that_does_not_answer_is_a_fault_in_words(tmp_path: Path) -> None:
    Computer(tmp_path).write("run/dbus/system_bus_socket", "")
    program(tmp_path, "loginctl", "echo 'Failed to connect to bus: Host is down' >&2; exit 1")
    fault = sessions.read(tmp_path, environ(tmp_path), 0).fault

    assert fault == "loginctl ended with exit code 1: Failed to connect to bus: Host is down"


def test_only_what_was_refused_to_us_is_told_of_the_kernels_log(tmp_path: Path) -> None:
    ours = 'apparmor="DENIED" operation="open" name="/usr/lib/kinect-unlock/x"'
    program(tmp_path, "journalctl", f"printf '%s\\n' '{ours}' 'avc:  denied {{ read }} for else' 'kinect plugged in'")

    assert services.denials(environ(tmp_path)) == (ours,)
    assert services.denials({"PATH": str(tmp_path / "nothing")}) == ()
