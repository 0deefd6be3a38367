"""What values that hold arrays are made of: the kinds of arrays, made read-only, and the refusal of wrong ones."""

from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

U8: TypeAlias = NDArray[np.uint8]
U16: TypeAlias = NDArray[np.uint16]
F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
_Scalar = TypeVar("_Scalar", bound=np.generic)


def read_only(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """Mark an array read-only in place and return it."""
    array.setflags(write=False)
    return array


def require(ok: bool, what: str) -> None:  # noqa: FBT001 - an assertion's subject
    """Refuse a value that is not what it must be.

    Raises:
        ValueError: ``what``.
    """
    if not ok:
        raise ValueError(what)


def require_array(name: str, array: NDArray[Any], dtype: type[np.generic], ndim: int) -> None:
    """Refuse an array of another kind, or of more or fewer axes.

    Raises:
        ValueError: it says what was expected and what came.
    """
    require(
        array.dtype == dtype and array.ndim == ndim,
        f"{name} must be {np.dtype(dtype).name} with {ndim} axes, got {array.dtype.name} {array.shape}",
    )
