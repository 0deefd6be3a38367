"""Hooks as real processes: what they get, what they may do, and when they are killed."""

import asyncio
import logging
import os
import select
import shlex
import stat
from pathlib import Path

import pytest

from kinect_unlock.errors import HookError
from kinect_unlock.hooks import LOGGED_BYTES, OUTPUT_BYTES, SEARCH_PATH, ProgramHooks
from kinect_unlock.settings import Hooks

LONG_S = 60.0


def hooks(*unlock: str, timeout_s: float = LONG_S, environ: dict[str, str] | None = None) -> ProgramHooks:
    return ProgramHooks(Hooks(unlock=unlock, timeout_s=timeout_s), environ or {})


def shell(script: str, *, timeout_s: float = LONG_S, environ: dict[str, str] | None = None) -> ProgramHooks:
    return hooks("sh", "-c", script, timeout_s=timeout_s, environ=environ)


def alive(pid: int) -> bool:
    """Say whether a process runs; one that is dead but not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_a_hook_that_exits_with_zero_succeeds(tmp_path: Path) -> None:
    asyncio.run(hooks("touch", str(tmp_path / "unlocked")).run("unlock", "alice"))
    assert (tmp_path / "unlocked").exists()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 3", "the unlock hook .*/sh exited with 3"),
        ("echo no session >&2; exit 1", "exited with 1: no session"),
        ("kill -TERM $$", "was killed by signal 15"),
    ],
)
def test_a_hook_that_fails_says_how(script: str, message: str) -> None:
    with pytest.raises(HookError, match=message):
        asyncio.run(shell(script).run("unlock", "alice"))


def test_a_hook_that_is_not_configured_is_an_error() -> None:
    with pytest.raises(HookError, match=r"no lock hook is configured: set hooks\.lock"):
        asyncio.run(hooks("true").run("lock", "alice"))


def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    word = f"$(touch {tmp_path}/x); `touch {tmp_path}/x` *"
    asyncio.run(hooks("sh", "-c", f'test "$1" = {shlex.quote(word)}', "sh", word).run("unlock", "alice"))
    assert not (tmp_path / "x").exists()


def test_the_environment_is_small_and_says_what_is_asked(tmp_path: Path) -> None:
    environ = {"LD_PRELOAD": "/evil.so", "PATH": "/evil", "SECRET": "x", "XDG_RUNTIME_DIR": "/run/user/7"}
    asyncio.run(shell(f"env > {tmp_path}/env", environ=environ).run("unlock", "alice"))
    lines = set((tmp_path / "env").read_text().splitlines())
    assert {line for line in lines if not line.startswith(("PWD=", "SHLVL=", "OLDPWD=", "_="))} == {
        f"PATH={SEARCH_PATH}",
        "XDG_RUNTIME_DIR=/run/user/7",
        "KINECT_UNLOCK_ACTION=unlock",
        "KINECT_UNLOCK_USER=alice",
    }


def test_a_hook_has_a_session_of_its_own_and_nothing_to_read_or_inherit(tmp_path: Path) -> None:
    script = f'cat > {tmp_path}/in; ls /proc/self/fd > {tmp_path}/fds; cut -d" " -f1,6 /proc/self/stat > {tmp_path}/sid'
    asyncio.run(shell(f"echo $$ > {tmp_path}/pid; pwd > {tmp_path}/pwd; {script}").run("unlock", "alice"))
    assert (tmp_path / "in").read_text() == ""
    assert (tmp_path / "pwd").read_text() == "/\n"
    assert (tmp_path / "fds").read_text().split() == ["0", "1", "2", "3"]  # 3 is ls looking
    assert (tmp_path / "sid").read_text().split()[1] == (tmp_path / "pid").read_text().strip()


def test_a_hook_out_of_time_is_killed_with_all_it_started(fifo: Path) -> None:
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    stubborn = f"(trap '' TERM HUP; echo started; exec tail -f /dev/null) > {fifo} & wait"
    with pytest.raises(HookError, match=r"did not end within 1 s and was killed"):
        asyncio.run(shell(stubborn, timeout_s=1.0).run("unlock", "alice"))
    hung_up = select.poll()
    hung_up.register(reader, select.POLLHUP)  # comes when the last writer is gone
    assert hung_up.poll(LONG_S * 1000)
    assert os.read(reader, 100) == b"started\n"
    os.close(reader)


def test_a_hook_nobody_waits_for_any_more_is_killed(fifo: Path) -> None:
    async def run() -> int:
        task = asyncio.create_task(shell(f"echo $$ > {fifo}; exec cat {fifo}").run("unlock", "alice"))
        pid = int(await asyncio.to_thread(fifo.read_text))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pid

    assert not alive(asyncio.run(run()))


def test_what_a_hook_leaves_running_lives_on_and_may_write(fifo: Path) -> None:
    """A screen locker in the background must outlive its hook, and its complaints must not kill it."""

    settings = Hooks(lock=("sh", "-c", f"(read go < {fifo}; echo x; echo x >&2; echo alive > {fifo}) & exit 0"))

    async def locked() -> str:
        await ProgramHooks(settings, {}).run("lock", "alice")
        await asyncio.to_thread(fifo.write_text, "go\n")
        return await asyncio.to_thread(fifo.read_text)

    assert asyncio.run(locked()) == "alive\n"


def test_output_is_bounded_in_memory_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asyncio.run(shell(f"head -c {OUTPUT_BYTES * 2} /dev/zero | tr '\\0' x || true").run("unlock", "alice"))
    (record,) = (record for record in caplog.records if record.name == "kinect_unlock.hooks")
    assert LOGGED_BYTES <= len(record.getMessage()) <= LOGGED_BYTES + 100


def test_output_cannot_forge_lines_or_move_the_cursor_of_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asyncio.run(shell("printf 'a\\nhook=unlock status=0\\033[2J\\377'").run("unlock", "alice"))
    (record,) = (record for record in caplog.records if record.name == "kinect_unlock.hooks")
    assert record.getMessage() == "hook=unlock status=0 output='a hook=unlock status=0?[2J\ufffd'"


def test_two_hooks_at_once_do_not_disturb_each_other(fifo: Path) -> None:
    async def run() -> None:
        settings = Hooks(
            lock=("sh", "-c", f"read x < {fifo}"), unlock=("sh", "-c", f"echo x > {fifo}"), timeout_s=LONG_S
        )
        both = ProgramHooks(settings, {})
        await asyncio.gather(both.run("lock", "alice"), both.run("unlock", "alice"))

    asyncio.run(run())


@pytest.mark.parametrize("program", ["no-such-program-anywhere", "/no/such/program", "/etc/passwd"])
def test_a_program_that_cannot_run_is_named_at_start(program: str) -> None:
    with pytest.raises(HookError, match=f"there is no program {program} to run as a hook"):
        hooks(program)


def test_a_program_that_others_may_write_is_refused_at_start(tmp_path: Path) -> None:
    program = tmp_path / "hook"
    program.write_text("#!/bin/sh\n")
    program.chmod(stat.S_IRWXU | stat.S_IWOTH)
    with pytest.raises(HookError, match=r"the hook .*/hook is refused: .*may be written by others"):
        hooks(str(program))


def test_a_program_that_went_away_since_the_start_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "hook"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    started = hooks(str(program))
    program.unlink()
    with pytest.raises(HookError, match="cannot be started: No such file or directory"):
        asyncio.run(started.run("unlock", "alice"))
