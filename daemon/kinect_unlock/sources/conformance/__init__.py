"""The contract of a frame source as checks that anybody's source can be put through.

A check is a function that takes a `Subject` (how to make the source) and raises a `Violation` that says in words which
promise was broken, or `Inapplicable` where the source has nothing to look at. No test framework is needed::

    for check in CHECKS:
        check(Subject("mine", lambda: MySource(...)))

pytest puts an installed source through all of them by its name::

    python -m kinect_unlock.sources.conformance --source mine --source-device 42

The contract itself, with an example, is in docs/sources.md.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from kinect_unlock.sources.conformance.frame_checks import (
    a_frame_stays_as_it_was,
    calibration_fits_the_planes,
    depth_falls_on_the_colour_image,
    depth_is_millimetres_or_none,
    frames_are_numbered_upwards,
    live_frames_carry_the_hosts_clock,
    planes_have_one_form,
)
from kinect_unlock.sources.conformance.leftovers import closing_leaves_nothing_behind
from kinect_unlock.sources.conformance.life_cycle import (
    a_read_comes_back_in_time,
    a_wait_can_be_ended_from_another_thread,
    closing_is_harmless_when_closed,
    closing_is_harmless_when_never_opened,
    it_says_which_camera_it_is,
    its_origin_never_changes,
    reading_after_closing_is_a_source_error,
    reading_before_opening_is_a_source_error,
    the_end_of_its_stream_is_final,
    throttling_gives_fewer_frames,
    what_is_missing_is_said_in_words,
)
from kinect_unlock.sources.conformance.subject import Inapplicable, Patience, Subject, Violation

__all__ = ["CHECKS", "Check", "Inapplicable", "Patience", "Subject", "Violation"]

Check: TypeAlias = Callable[[Subject], None]

CHECKS: Final[tuple[Check, ...]] = (
    closing_is_harmless_when_never_opened,
    closing_is_harmless_when_closed,
    reading_before_opening_is_a_source_error,
    reading_after_closing_is_a_source_error,
    what_is_missing_is_said_in_words,
    its_origin_never_changes,
    it_says_which_camera_it_is,
    frames_are_numbered_upwards,
    live_frames_carry_the_hosts_clock,
    planes_have_one_form,
    a_frame_stays_as_it_was,
    depth_is_millimetres_or_none,
    calibration_fits_the_planes,
    depth_falls_on_the_colour_image,
    a_read_comes_back_in_time,
    the_end_of_its_stream_is_final,
    a_wait_can_be_ended_from_another_thread,
    throttling_gives_fewer_frames,
    closing_leaves_nothing_behind,
)
