"""Run ``mpesa-cbp``; name the missing extra before anything else can fail for it."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from mpesa_cbp.errors import MissingExtra

_NEEDED = ("click", "rich", "sqlalchemy", "alembic", "granian", "uvicorn", "prometheus_client")


def main() -> int:
    """Run the command; returns its exit code."""
    if any(find_spec(name) is None for name in _NEEDED):
        sys.stderr.write(f"mpesa-cbp: {MissingExtra('The command mpesa-cbp', extra='service')}\n")
        return 2
    from mpesa_cbp_service.cli import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
