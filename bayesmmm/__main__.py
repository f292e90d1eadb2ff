"""``python -m bayesmmm`` is the command line."""

import sys

from bayesmmm.cli import main

if __name__ == "__main__":
    sys.exit(main())
