"""``python -m kinect_unlock.sources.conformance --source NAME``: an installed source against the contract."""

import sys
from typing import Final

_PACKAGE: Final = "kinect_unlock.sources.conformance"


def main() -> int:
    """Run pytest on the checks with its options and ours; return its exit code."""
    try:
        import pytest  # noqa: PLC0415 - not among what the program needs
    except ModuleNotFoundError:
        sys.stderr.write("the checks are run by pytest, which is not installed: pip install pytest\n")
        return 1
    return int(pytest.main(["-p", f"{_PACKAGE}.plugin", "--pyargs", _PACKAGE, *sys.argv[1:]]))


if __name__ == "__main__":
    sys.exit(main())
