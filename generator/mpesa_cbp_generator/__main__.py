"""``python -m mpesa_cbp_generator`` is ``mpesa-cbp-gen``."""

import sys

from mpesa_cbp_generator.cli import main

if __name__ == "__main__":
    sys.exit(main())
