"""Settings from arguments, the environment and a TOML file (docs/settings.md)."""

from __future__ import annotations

from mpesa_cbp_service.config.configuration import FOR_CLIENT, FOR_JOURNAL, Configuration, settings
from mpesa_cbp_service.config.loading import load

__all__ = ["FOR_CLIENT", "FOR_JOURNAL", "Configuration", "load", "settings"]
