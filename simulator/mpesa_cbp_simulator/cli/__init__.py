"""The commands ``simulate`` and ``demo`` of ``mpesa-cbp``."""
