"""``python -m zerosum`` is ``zerosum``."""

import sys

from zerosum.cli import main

sys.exit(main())
