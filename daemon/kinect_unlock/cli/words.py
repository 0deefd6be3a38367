"""What the daemon's words mean to a person, and to a script that reads exit codes."""

from typing import Final

from kinect_unlock.wire import Hint, Reply, Word

EXIT_CODES: Final[dict[Word, int]] = {
    Word.MATCH: 0,
    Word.UNLOCKED: 0,
    Word.ENROLLED: 0,
    Word.IDENTIFIED: 0,
    Word.OK: 0,
    Word.NO_MATCH: 1,
    Word.NOTHING_KEPT: 1,
    Word.TIMED_OUT: 3,
    Word.NO_NOD: 3,
    Word.CANCELLED: 4,
    Word.LOCKED_OUT: 5,
    Word.PASSWORD_NEEDED: 5,
    Word.NOT_ENROLLED: 6,
    Word.ENROL_FAILED: 7,
    Word.BAD_REQUEST: 64,
    Word.SOURCE_ERROR: 69,
    Word.SOURCE_LOST: 69,
    Word.RECORDING_ERROR: 69,
    Word.SHUTTING_DOWN: 69,
    Word.MODEL_ERROR: 70,
    Word.INTERNAL_ERROR: 70,
    Word.STORE_ERROR: 74,
    Word.HOOK_FAILED: 75,
    Word.COOLING_DOWN: 75,
    Word.BUSY: 75,
    Word.NOT_AUTHORISED: 77,
    Word.CONFIG_ERROR: 78,
}
NOBODY: Final = 1  # identify: the question was answered, and the answer is nobody

SENTENCES: Final[dict[Word, str]] = {
    Word.STARTED: "The camera is being opened.",
    Word.MATCH: "It is {user}.",
    Word.UNLOCKED: "It is {user}; unlocked.",
    Word.NO_MATCH: "Not recognised.",
    Word.TIMED_OUT: "Nobody could be judged in time; nothing was held against anybody.",
    Word.NO_NOD: "It is {user}, but the nod did not come in time; nothing was held against anybody.",
    Word.CANCELLED: "Cancelled.",
    Word.COOLING_DOWN: "Too soon after the last attempt; try again in {wait_s:.0f} s.",
    Word.LOCKED_OUT: "Too many failed attempts: only the password helps now.",
    Word.PASSWORD_NEEDED: "The password is needed first, after a boot or a long time (policy in the configuration).",
    Word.ENROLLED: "{user} is enrolled.",
    Word.OK: "Done.",
    Word.BUSY: "Somebody else is using the camera; try again in a moment.",
    Word.SHUTTING_DOWN: "The daemon is stopping.",
}

HINTS: Final[dict[Hint, str]] = {
    Hint.LOOK_AT_CAMERA: "look at the camera",
    Hint.MOVE_CLOSER: "move closer",
    Hint.MOVE_BACK: "move back a little",
    Hint.ONE_PERSON_ONLY: "one person only, please",
    Hint.HOLD_STILL: "hold still",
    Hint.TURN_LEFT: "turn your head to the left",
    Hint.TURN_RIGHT: "turn your head to the right",
    Hint.LOOK_UP: "look up a little",
    Hint.LOOK_DOWN: "look down a little",
    Hint.LOOK_STRAIGHT: "look straight at the camera",
    Hint.KEEP_FACE_CLEAR: "keep your face clear of hands, hair and scarf",
    Hint.MORE_LIGHT: "it is too dark: turn on a light",
    Hint.NOD: "nod, to show that you mean it",
}


def sentence(reply: Reply) -> str:
    """Say a reply in one sentence: ours where the word says it all, else the daemon's own message."""
    if reply.word is Word.IDENTIFIED:
        return f"It is {reply.user}." if reply.user else "Nobody that is enrolled."
    if reply.word is Word.NOT_ENROLLED:
        user = reply.user or "this user"  # the message tells apart: not at all, by photographs, from another source
        return f"{reply.message or f'{user} is not enrolled'}; run `kinect-unlock enrol {user}`."
    if reply.word in {Word.OK, Word.NOTHING_KEPT} and reply.message:
        return f"{reply.message}."
    if reply.word is Word.NOT_AUTHORISED:
        return f"Not allowed: {reply.message or 'ask as root, or as the user that the daemon runs as'}."
    if reply.word in SENTENCES:
        return SENTENCES[reply.word].format(user=reply.user or "this user", wait_s=reply.wait_s or 0.0)
    return reply.message or str(reply.word).replace("-", " ").capitalize() + "."


def exit_code(reply: Reply) -> int:
    """Return the exit code of a last reply."""
    if reply.word is Word.IDENTIFIED and reply.user is None:
        return NOBODY
    return EXIT_CODES[reply.word]
