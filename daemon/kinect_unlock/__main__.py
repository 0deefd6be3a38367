"""``python -m kinect_unlock``: the command, where no script was installed."""

from kinect_unlock.cli import main

main()
