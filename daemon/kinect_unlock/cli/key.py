"""``kinect-unlock key``: the key that templates are sealed with, and how it is exchanged."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kinect_unlock import config
from kinect_unlock.cli.asking import AsJson, ConfigFile, print_json, settings_of
from kinect_unlock.errors import RequestError, StoreError

app = typer.Typer(no_args_is_help=True, help="Exchange the key that templates are sealed with.")

_SEALED = "/etc/credstore.encrypted/kinect-unlock.template-key"
_BY_HAND = f"""\
a credential is exchanged by root, with the service stopped, in a private folder in memory:
  cd "$(mktemp -d -p /run)" && umask 077
  systemd-creds decrypt --name=template-key {_SEALED} old
  head -c 32 /dev/urandom > new
  systemd-creds encrypt --tpm2-pcrs= --name=template-key new {_SEALED}.new
  kinect-unlock key rotate --from old --to new
  mv {_SEALED}.new {_SEALED} && rm old new
Both keys are kept until the last line, so that it can be done again from `key rotate` on whatever happens"""


@app.callback()
def _group() -> None:
    """Keep the name of the verb: a group of one would lose it."""


@app.command()
def rotate(
    *,
    file: ConfigFile = None,
    old: Annotated[
        Path | None, typer.Option("--from", help="The old key, 32 bytes, where it is no file of ours.")
    ] = None,
    new: Annotated[Path | None, typer.Option("--to", help="The new key, 32 bytes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Seal every template with a new key, while the daemon is stopped.

    Without options the key file in the state folder is exchanged for a new one. Where the key is a systemd credential,
    --from and --to name the old and the new one, decrypted; what to do before and after is told without them.
    Interrupted at any moment, every template can still be opened: the next start of the daemon, or with --from and
    --to the same command again, finishes what was begun. As root it works as the user whom the state folder belongs to.
    Exit codes: 64 only one of --from and --to, 74 a daemon is running, or a key or template cannot be used.
    """
    from kinect_unlock import app as parts  # noqa: PLC0415 - what seals loads only where used

    if (old is None) is not (new is None):
        raise RequestError("--from and --to belong together: the old key and the new one")
    settings = settings_of(file)
    state_dir = config.Paths.of(settings, os.environ, os.geteuid()).state_dir
    keys = None if old is None or new is None else (parts.key_of(old), parts.key_of(new))  # as root may read them
    _become_owner_of(state_dir)
    if keys is None and settings.daemon.template_key == "credential":
        raise StoreError(f"$.daemon.template_key: {_BY_HAND}")
    done = parts.exchange_key(state_dir, keys=keys)
    if as_json:
        print_json(asdict(done))
    else:
        again = f", {done.before} had been before" if done.before else ""
        typer.echo(f"{done.sealed} template{'s' * (done.sealed != 1)} sealed with the new key{again}.")


def _become_owner_of(state_dir: Path) -> None:
    """Work as the user whom the folder belongs to, if we are root and may: what root writes there is not the daemon's.

    Raises:
        StoreError: there is no such folder.
    """
    try:
        status = state_dir.stat()
    except OSError as error:
        raise StoreError(f"{state_dir} cannot be looked at ({error.strerror}): there is no key to exchange") from error
    if os.geteuid() == 0 and status.st_uid != 0:
        os.setgroups([])
        os.setgid(status.st_gid)
        os.setuid(status.st_uid)
