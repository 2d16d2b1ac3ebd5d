"""What the codecs raise.

CodecError (a ValueError)
+-- InvalidMessage   a document cannot be read
+-- InvalidValue     an object cannot be written as the contract wants it
"""

from __future__ import annotations


class CodecError(ValueError):
    """Base of what the codecs raise."""


class InvalidMessage(CodecError):
    """A document cannot be read. ``path`` leads to the element; no value of the document is in the text."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}" if path else problem)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path, self.problem)


class InvalidValue(CodecError):
    """An object cannot be written as the contract wants it; ``problems`` tells each as path and rule."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems,)
