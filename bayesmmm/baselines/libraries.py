"""The libraries of the regressions, which are optional and imported when one is asked for."""

import importlib
from typing import Any

from bayesmmm.errors import MissingLibraryError


def library(module: str) -> Any:
    """Return a module of statsmodels or scikit-learn.

    Raises
    ------
    MissingLibraryError
        When it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = {"sklearn": "scikit-learn"}.get(module.split(".")[0], module.split(".")[0])
        raise MissingLibraryError(
            f"this regression is one of {name}, which is not installed; install it, as pip install "
            f"'bayesmmm[baselines]'"
        ) from error
