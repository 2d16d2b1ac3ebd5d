"""Where in a user's own code something was raised: module, function and line; nothing of what it was doing."""

from __future__ import annotations

import traceback

__all__ = ["place_of"]


def place_of(error: Exception, *, home: str) -> str | None:
    """The innermost place in the top-level package of the module ``home``: no library in which it failed is named.

    Without one there, the innermost of all below whoever caught the error; None where there is nothing below.
    """
    frames = list(traceback.walk_tb(error.__traceback__))[1:]
    names = [(str(frame.f_globals.get("__name__")), frame.f_code.co_name, line) for frame, line in frames]
    own = [each for each in names if each[0].partition(".")[0] == home.partition(".")[0]] or names
    return "{}:{}:{}".format(*own[-1]) if own else None
