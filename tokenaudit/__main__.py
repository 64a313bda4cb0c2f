"""`python -m tokenaudit`."""

import sys

from tokenaudit.cli import main

sys.exit(main())
