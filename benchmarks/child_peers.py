"""What the children of `peers.py` share: the case that is asked for, and the one line of JSON that they print."""

import argparse
import importlib.metadata
import json
import logging
import sys
import warnings
from collections.abc import Callable

SAMPLER = {"draws": 500, "tune": 500, "chains": 2}
SEED = 1


def run(package: str, cases: dict[str, Callable[[], dict]]) -> None:
    """Run the case that is asked for and print what was seen, with versions and the warnings that were raised."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", required=True, choices=list(cases))
    case = parser.parse_args().case
    logging.disable(logging.INFO)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        seen = cases[case]()
    kinds = (
        DeprecationWarning,
        FutureWarning,
        PendingDeprecationWarning,
        ImportWarning,
        ResourceWarning,
        SyntaxWarning,
    )
    said = sorted({str(w.message)[:200] for w in caught if not issubclass(w.category, kinds)})
    found = {"seen": seen, "warned": said, "version": importlib.metadata.version(package)}
    sys.stdout.write("\n" + json.dumps(found, default=float) + "\n")
    sys.stdout.flush()


def interval(draws, probability: float = 0.94) -> list[float]:
    """Equal-tailed interval of draws, with the median in the middle."""
    import numpy as np

    at = [0.5 - probability / 2, 0.5, 0.5 + probability / 2]
    return np.quantile(np.asarray(draws, float).ravel(), at).tolist()
