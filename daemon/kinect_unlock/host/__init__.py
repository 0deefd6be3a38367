"""Facts about this computer that the kernel, udev, systemd and PAM keep in files, or that a program tells.

Each module reads one thing below a root folder, which is another one in tests, and judges nothing. Whatever is
missing, damaged or hostile is read as not there: a reader never raises, never waits without a limit, and lets no
control character through, since a USB device chooses its own serial number.
"""
