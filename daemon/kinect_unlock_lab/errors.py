"""What the laboratory cannot do, in one sentence that says how to make it possible."""

from typing import Final

from kinect_unlock.errors import KinectUnlockError

_LAB, _TRAIN, _CLUSTER = "lab", "lab,train", "lab,cluster"
#: What to install for a module that is not there.
EXTRA_OF: Final = {
    **dict.fromkeys(("jinja2", "joblib", "matplotlib", "numba", "scipy", "seaborn", "sklearn"), _LAB),
    **dict.fromkeys(("pytorch_metric_learning", "tensorboard", "torch"), _TRAIN),
    **dict.fromkeys(("dask", "distributed"), _CLUSTER),
}


class MissingExtraError(KinectUnlockError):
    """A module of an optional extra is not installed; `kinect_unlock_lab.cli` makes it of a failed import."""

    def __init__(self, module: str) -> None:
        super().__init__(f"{module} is not installed; install it with: pip install 'kinect-unlock[{EXTRA_OF[module]}]'")


class ClusterError(KinectUnlockError):
    """No scheduler answers where one should."""

    def __init__(self, address: str, fault: Exception) -> None:
        super().__init__(f"no Dask scheduler answers at {address} ({fault}); expected an address like tcp://host:8786")


class MissingPackagesError(KinectUnlockError):
    """Packages that no extra has, since nothing but a comparison needs them, are not installed."""

    def __init__(self, what: str, packages: str) -> None:
        super().__init__(f"{what} is not installed; install it with: pip install {packages}")
