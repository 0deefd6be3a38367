"""Letting only so many frames a second through."""

from kinect_unlock.clock import NS_PER_S


class Throttle:
    """Says of each frame whether it is wanted; all are until a rate is set.

    The rate holds on average: a frame that comes a little late does not put off those after it.
    """

    def __init__(self) -> None:
        self._interval_ns = 0
        self._due_ns: int | None = None  # of the next wanted frame; None: the next one is

    def set(self, rate_hz: float | None) -> None:
        """Let at most so many frames a second through from now on, the next one at once; None: all.

        Raises:
            ValueError: the rate is not above 0.
        """
        if rate_hz is not None and not rate_hz > 0:
            raise ValueError(f"a rate must be above 0 Hz, got {rate_hz}")
        self._interval_ns = 0 if rate_hz is None else int(NS_PER_S / rate_hz)
        self._due_ns = None

    def wants(self, captured_ns: int) -> bool:
        """Tell whether the frame captured then is wanted, and count it if so."""
        if self._due_ns is None:
            self._due_ns = captured_ns + self._interval_ns
            return True
        if captured_ns < self._due_ns:
            return False
        late_ns = captured_ns - self._due_ns
        self._due_ns = captured_ns + self._interval_ns - min(late_ns, self._interval_ns // 2)
        return True
