"""The one door to numba: loops over pixels and triangles, compiled once and kept beside the sources."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function of arrays and numbers at its first call; later processes load what the first one compiled.

    Division by zero gives infinity, as in numpy. Sums keep their order, so the same input gives the same bytes.
    """
    return cast("_Function", numba.njit(cache=True, nogil=True, error_model="numpy")(function))
