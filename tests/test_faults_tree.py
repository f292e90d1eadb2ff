"""Groups of a fit are those of ArviZ, attributes included, and a saved tree equals the one in memory."""

import datetime

import numpy as np
import pytest
import xarray as xr

from bayesmmm import results
from bayesmmm.inference import fit
from bayesmmm.inference.groups import _with_texts
from tests import worlds
from tests.fits import quiet


@pytest.fixture(scope="module")
def rough(mediated):
    """A short fit with steps so long that some diverge, and one with none."""
    short = {"draws": 40, "tune": 20, "chains": 2, "seed": 1, "progress": False}
    return [quiet(fit, mediated, worlds.data(), target_accept=accept, **short) for accept in (0.4, 0.99)]


def test_groups_carry_the_attributes_of_arviz(rough):
    for group, node in rough[0].tree.children.items():
        attrs = node.attrs
        assert attrs["inference_library"] == "nutpie", group
        assert attrs["inference_library_version"] == rough[0].versions["nutpie"]
        assert attrs["creation_library"] == "bayesmmm"
        assert attrs["tuning_steps"] == 20
        assert datetime.datetime.fromisoformat(attrs["created_at"]).tzinfo is not None
        assert attrs.get("sample_dims") == (["chain", "draw"] if "draw" in node.dims else None)


def test_a_saved_tree_is_the_one_in_memory_also_with_divergences(rough, tmp_path):
    assert int(rough[0].tree["sample_stats"]["diverging"].sum()) > 0
    messages = rough[0].tree["sample_stats"]["divergence_message"]
    assert ((messages != "") == rough[0].tree["sample_stats"]["diverging"]).all()
    for made in rough:
        loaded = results.load(made.save(tmp_path / "fit.nc"))
        for group, node in made.tree.children.items():
            before, after = node.to_dataset(), loaded.tree[group].to_dataset()
            xr.testing.assert_identical(before, after)
            assert type(after.attrs.get("sample_dims")) is type(before.attrs.get("sample_dims"))
        again = results.load(loaded.save(tmp_path / "again.nc"))
        assert again.tree.identical(loaded.tree)


def test_texts_among_numbers_become_texts():
    mixed = np.array([["stop", np.nan], [None, "far"]], dtype=object)
    stats = xr.Dataset({"message": (("chain", "draw"), mixed), "depth": (("chain", "draw"), np.ones((2, 2)))})
    texts = _with_texts(stats)
    assert texts["message"].values.tolist() == [["stop", ""], ["", "far"]]
    assert texts["depth"].equals(stats["depth"])
