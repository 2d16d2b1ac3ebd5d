"""XML as the package reads it: strict parsing within limits, and names and places of elements."""

from __future__ import annotations

from ._parsing import MAX_BYTES, USUAL_LENGTH, USUAL_STARTS, parse
from ._reading import children, local, path_of

__all__ = ["MAX_BYTES", "USUAL_LENGTH", "USUAL_STARTS", "children", "local", "parse", "path_of"]
