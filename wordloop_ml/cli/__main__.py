"""``python -m wordloop_ml.cli``, for where the console script is not on the path."""

import sys

from wordloop_ml.cli import main

sys.exit(main())
