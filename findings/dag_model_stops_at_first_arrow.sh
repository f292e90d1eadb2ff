#!/usr/bin/env bash
# In a model that PyMC-Marketing builds from a causal graph, more social spend stirs up search, and no sale comes of it.
#
# Guess: the model of social -> search, search -> sales, social -> sales carries a change of social spend along all arrows:
#   one unit more brings 0.8 of search and 1.5 + 0.8 x 2.0 = 3.1 of sales.
# Seen: the slopes are estimated well (0.76, 1.90, 1.53), and interventions do not follow them. Every equation takes the
#   recorded series of its causes, not what the model says of them. pm.do on "social" changes nothing downstream; new data
#   for "social" raise search by 0.76 and sales by 1.53, the direct part. Nothing is said.
# Versions: pymc-marketing 1.3.0 (extra dag), dowhy 0.14, pymc 6.3.2, pytensor 3.3.8, nutpie 0.16.11, numpy 2.3.5,
#   pandas 3.1.1.
# Why it matters: the mediated effect is why such a graph is drawn. A budget that is judged by these predictions credits
#   search with what social spend did; the total has to be put together by hand, arrow by arrow.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'pymc-marketing[dag]==1.3.0' 'dowhy==0.14' 'pymc==6.3.2' \
    'pytensor==3.3.8' 'nutpie==0.16.11' 'numpy==2.3.5' 'pandas==3.1.1'

"$work/env/bin/python" -W ignore - <<'PY'
import logging
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import pymc as pm
from pymc_marketing.mmm.causal import BuildModelFromDAG

logging.disable(logging.INFO)
print({name: version(name) for name in ("pymc-marketing", "dowhy", "pymc", "pytensor", "nutpie")})
rng = np.random.default_rng(0)
dates = pd.date_range("2022-01-03", periods=200, freq="W-MON")
social = rng.gamma(4.0, 0.5, len(dates))
search = 1.0 + 0.8 * social + rng.normal(0.0, 0.3, len(dates))
sales = 2.0 + 1.5 * social + 2.0 * search + rng.normal(0.0, 0.5, len(dates))
rows = pd.DataFrame({"date": dates, "social": social, "search": search, "sales": sales})
model = BuildModelFromDAG(
    dag="social->search, search->sales, social->sales",
    df=rows,
    target="sales",
    dims=("date",),
    coords={"date": dates},
).build()
with model:
    drawn = pm.sample(
        300,
        tune=400,
        chains=1,
        random_seed=1,
        progressbar=False,
        nuts_sampler="nutpie",
        compute_convergence_checks=False,
    )
slopes = {name: float(drawn.posterior[name].mean()) for name in ("social:search", "search:sales", "social:sales")}
print("slopes:", {name: round(value, 2) for name, value in slopes.items()})


def means(of: pm.Model) -> np.ndarray:
    with of:
        found = pm.sample_posterior_predictive(
            drawn, var_names=["search", "sales"], random_seed=1, progressbar=False
        ).posterior_predictive
    return np.array([float(found[name].mean()) for name in ("search", "sales")])


with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always", UserWarning)
    now = means(model)
    by_do = means(pm.do(model, {"social": social + 1.0})) - now
    with model:
        pm.set_data({"_social": social + 1.0})
    by_data = means(model) - now
print("told:", [str(each.message) for each in told if issubclass(each.category, UserWarning)])
print("one unit more of social spend, search and sales; truth 0.80 and 3.10")
print("  pm.do:", by_do.round(2), " new data:", by_data.round(2))

direct, mediated = slopes["social:sales"], slopes["social:search"] * slopes["search:sales"]
assert abs(direct - 1.5) < 0.2 and abs(direct + mediated - 3.1) < 0.3
assert np.allclose(by_do, 0.0, atol=0.01)
assert abs(by_data[0] - slopes["social:search"]) < 0.02 and abs(by_data[1] - direct) < 0.02
print("behaviour as described")
PY
