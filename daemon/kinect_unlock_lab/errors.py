"""What the laboratory cannot do, in one sentence that says how to make it possible."""

from kinect_unlock.errors import KinectUnlockError


class MissingExtraError(KinectUnlockError):
    """A package of an optional extra is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed; install it with: pip install 'kinect-unlock[{extra}]'")


class ClusterError(KinectUnlockError):
    """No scheduler answers where one should."""

    def __init__(self, address: str, fault: Exception) -> None:
        super().__init__(f"no Dask scheduler answers at {address} ({fault}); expected an address like tcp://host:8786")


class MissingPackagesError(KinectUnlockError):
    """Packages that no extra has, since nothing but a comparison needs them, are not installed."""

    def __init__(self, what: str, packages: str) -> None:
        super().__init__(f"{what} is not installed; install it with: pip install {packages}")
