import getpass
import os
import pwd

import pytest

from kinect_unlock.cli.meant import caller_of, user_meant
from kinect_unlock.errors import RequestError

NOBODY = next(account for account in pwd.getpwall() if account.pw_uid != 0)


def test_who_is_named_is_meant_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", NOBODY.pw_name)
    assert user_meant("anna") == "anna"


@pytest.mark.parametrize(
    ("environment", "caller"),
    [
        ({}, None),
        ({"SUDO_USER": NOBODY.pw_name}, NOBODY.pw_name),
        ({"PKEXEC_UID": str(NOBODY.pw_uid)}, NOBODY.pw_name),
        ({"SUDO_USER": "root"}, None),
        ({"PKEXEC_UID": "0"}, None),
        ({"SUDO_USER": "no such account"}, None),
        ({"SUDO_USER": ""}, None),
        ({"PKEXEC_UID": "none"}, None),
        ({"PKEXEC_UID": "9" * 30}, None),
    ],
)
def test_who_became_root_to_ask_is_meant(environment: dict[str, str], caller: str | None) -> None:
    assert caller_of(environment, 0) == caller


def test_who_is_not_root_did_not_become_it() -> None:
    assert caller_of({"SUDO_USER": NOBODY.pw_name}, NOBODY.pw_uid) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is called by somebody else")
def test_it_is_said_that_somebody_else_than_root_is_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUDO_USER", NOBODY.pw_name)
    assert user_meant(None) == NOBODY.pw_name
    assert capsys.readouterr().err.startswith(f"Nobody is named: {NOBODY.pw_name} is meant")


def test_else_who_runs_the_command_is_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SUDO_USER", "PKEXEC_UID"):
        monkeypatch.delenv(name, raising=False)
    assert user_meant(None) == getpass.getuser()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "fault", [KeyError("getpwuid(): uid not found"), OSError("No username set")], ids=["3.11", "3.13"]
)
def test_who_has_no_account_is_told_to_name_somebody(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def nobody() -> str:
        raise fault

    for variable in ("SUDO_USER", "PKEXEC_UID"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(RequestError, match="has no name on this computer: name the user"):
        user_meant(None)
