"""The long form of the kill loop, on the command line: ``nox -s kill`` runs it on both databases."""

from __future__ import annotations

import argparse
import contextlib
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from tests.service.journal.postgres import server_url, url_with_schema
from tests.service.payroll.kill_loop import kill_loop


def main() -> int:
    """Kill, compare, print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=210)
    parser.add_argument("--payments", type=int, default=700)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    arguments = parser.parse_args()
    logging.getLogger("mpesa_cbp").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="mpesa-cbp-kill-"))
    try:
        with contextlib.ExitStack() as stack:
            if arguments.database == "postgresql":
                url = url_with_schema(stack.enter_context(server_url()), f"kill{arguments.seed}")
            else:
                url = f"sqlite:///{folder}/journal.db"
            figures = kill_loop(url, folder, payments=arguments.payments, kills=arguments.kills, seed=arguments.seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(f"database                                 {arguments.database}\n{figures}\n")
    sys.stdout.writelines(f"  {problem}\n" for problem in figures.problems)
    missed = sum(figures.kills.values()) < arguments.kills
    return 1 if figures.problems or figures.executed_twice or figures.arrived_twice or missed else 0


if __name__ == "__main__":
    sys.exit(main())
