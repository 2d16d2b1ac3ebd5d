"""The commands ``demo`` and ``simulate``; an entry point of the group ``mpesa_cbp.commands`` adds them."""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["COMMANDS"]

COMMANDS = MappingProxyType(
    {
        "demo": (
            "mpesa_cbp_simulator.cli.demo",
            "Pay 100 KES to a simulated customer and follow the payment to its end.",
        ),
        "simulate": (
            "mpesa_cbp_simulator.cli.simulate",
            "Run the simulated broker and core until Ctrl-C, with a page to watch them.",
        ),
    }
)
"""Each command's module and the first sentence of its help, so that a list of commands loads neither."""
