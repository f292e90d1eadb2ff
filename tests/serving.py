"""A service over small fits that need no sampling, for the tests of what it says."""

from contextlib import contextmanager
from functools import cache

import pytest

from tests import made, worlds

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from bayesmmm.serve.app import make_app
from bayesmmm.serve.library import Library
from bayesmmm.serve.limits import Limits


@cache
def small_fit():
    """Search answers to social; sales to tv, social and search."""
    return made.made_fit(worlds.system("normal", "censored_normal"), worlds.data())


@contextmanager
def client(fits=None, **settings):
    """A client of a service in this process."""
    limits = Limits(**settings.pop("limits", {}))
    app = make_app(Library(fits or {"small": small_fit()}), limits=limits, **settings)
    with TestClient(app) as made:
        yield made


def rows(answer, name):
    """Rows of a variable of an answer, by the values of its labels."""
    variable = answer["variables"][name]
    return {tuple(row[dim] for dim in variable["dims"]): row for row in variable["rows"]}
