"""Homes that only the password opens: whoever logs in there without it finds a home that cannot be read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from kinect_unlock.host.pam import Rule
from kinect_unlock.host.text import entries

# Modules that open something with the password itself, and what that is.
_MODULES: Final = {
    "pam_ecryptfs.so": "eCryptfs",
    "pam_fscrypt.so": "fscrypt",
    "pam_mount.so": "pam_mount",
    "pam_zfs_key.so": "an encrypted ZFS",
    "pam_encfs.so": "EncFS",
}


def encrypted_homes(root: Path, services: Mapping[str, Iterable[Rule]]) -> tuple[str, ...]:
    """Return what says that homes here are opened with the password; nothing if nothing does."""
    found = {
        f"{_MODULES[rule.module]} ({rule.module} in {rule.file})"
        for rules in services.values()
        for rule in rules
        if rule.module in _MODULES
    }
    homes = entries(root / "home")
    found |= {f"eCryptfs ({path})" for path in homes if path.name == ".ecryptfs" and path.is_dir()}
    found |= {f"eCryptfs ({path / '.ecryptfs'})" for path in homes if (path / ".ecryptfs").is_dir()}
    found |= {f"fscrypt ({path})" for path in (root / ".fscrypt", root / "home/.fscrypt") if path.is_dir()}
    found |= {f"systemd-homed ({path})" for path in homes if path.suffix in {".home", ".homedir"}}
    identities = entries(root / "var/lib/systemd/home")
    found |= {f"systemd-homed ({path})" for path in identities if path.suffix == ".identity"}
    return tuple(sorted(found))
