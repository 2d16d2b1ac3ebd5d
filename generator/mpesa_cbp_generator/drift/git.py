"""Read the files of a contract from a commit, without touching the working tree."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from mpesa_cbp_generator.contract.files import MAX_FILE_BYTES, check_size, is_contract_file
from mpesa_cbp_generator.errors import GeneratorError


class GitFailure(GeneratorError):
    """Git is missing, or does not know the commit or path; the text says which."""


class Commit:
    """A commit of the repository that a folder belongs to; paths are relative to the repository's root."""

    def __init__(self, reference: str, folder: Path) -> None:
        executable = shutil.which("git")
        if executable is None:
            raise GitFailure("git is not installed; install it, or name a folder, zip, WSDL or lock instead")
        self._git = executable
        self._folder = folder
        self.reference = reference
        top = self._run("rev-parse", "--show-toplevel", why="this is no git repository")
        self.top: Path = Path(top.decode().strip())
        why = f"git does not know {reference!r}; in CI, fetch it first (a shallow checkout has no history)"
        found = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}", why=why)
        self.id: bytes = found.strip()

    def files(self, path: str) -> dict[str, bytes]:
        """Contents by path of a file, or of the WSDL and XSD files of a folder; empty where there is none."""
        listed = self._run(
            "ls-tree",
            "-r",
            "-z",
            "--long",
            "--full-tree",
            self.id.decode(),
            "--",
            *([path] if path else []),
            why=f"git cannot list {path}",
        )
        found: dict[str, bytes] = {}
        total = 0
        for entry in listed.split(b"\0"):
            facts, _, raw = entry.partition(b"\t")
            name = raw.decode("utf-8", "surrogateescape")
            if not raw or (name != path and not is_contract_file(name)):
                continue
            mode, kind, blob, size = facts.split()
            if kind != b"blob" or mode == b"120000":
                raise GitFailure(f"{name} at {self.reference} is a link or a submodule, not a file of the contract")
            if int(size) > MAX_FILE_BYTES:
                raise GitFailure(f"{name} at {self.reference} is larger than {MAX_FILE_BYTES} bytes")
            total += int(size)
            check_size(len(found) + 1, total)
            found[name] = self._run("cat-file", "blob", blob.decode(), why=f"git cannot read {name}")
        return found

    def _run(self, *arguments: str, why: str) -> bytes:
        done = subprocess.run([self._git, "-C", str(self._folder), *arguments], capture_output=True, check=False)
        if done.returncode < 0:
            raise GitFailure(f"git {arguments[0]} was ended by signal {-done.returncode}; try again")
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise GitFailure(f"{why}{f': {said}' if said else ''}")
        return done.stdout
