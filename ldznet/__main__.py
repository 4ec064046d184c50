"""`python -m ldznet`."""

import sys

from ldznet.cli import main

sys.exit(main())
