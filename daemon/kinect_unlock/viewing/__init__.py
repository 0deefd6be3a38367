"""What the camera sees, as a picture for a person: drawn by pure functions, shown in a window, a terminal or a file.

Nothing here decides anything and nothing here is part of the daemon. A picture shows faces: files are their owner's
alone, and scores are drawn only where the caller hands them in.
"""
