#!/usr/bin/env bash
# Of a mediator that is on or off, Pingouin's indirect effect is five times too large, and larger than the total effect.
#
# Guess: total, direct and indirect effect of one table are in the unit of the outcome, and the indirect one is about what
#   the total leaves beside the direct one.
# Seen: social spend makes it likelier that search is on, which brings 2. Total 1.82 and direct 1.49, both right; indirect
#   1.55 [1.40, 1.71] where 0.34 is right: it is the slope of a logistic regression, in log odds (0.78), times the sales
#   that search brings (1.98). Nothing is said. With a mediator that is a number the three add up.
# Versions: pingouin 0.7.0, statsmodels 0.15.0, scikit-learn 1.9.1, pandas 3.1.1, numpy 2.4.6, scipy 1.15.3.
# Why it matters: search that is switched off in half of all weeks is such a mediator. Credited like this, it gets more
#   than all that social spend brings.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'pingouin==0.7.0' 'statsmodels==0.15.0' 'scikit-learn==1.9.1' \
    'pandas==3.1.1' 'numpy==2.4.6' 'scipy==1.15.3'

"$work/env/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import pingouin

names = ("pingouin", "statsmodels", "scikit-learn", "pandas", "numpy", "scipy")
print({name: version(name) for name in names})
rng = np.random.default_rng(0)
social, noise = rng.normal(size=4000), rng.logistic(size=4000)
switched = (0.5 + 0.8 * social + noise > 0.0).astype(int)
number = 0.5 + 0.8 * social + noise
error = rng.normal(size=4000)


def table(mediator: np.ndarray) -> pd.Series:
    rows = pd.DataFrame({"social": social, "search": mediator, "sales": 10.0 + 1.5 * social + 2.0 * mediator + error})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = pingouin.mediation_analysis(data=rows, x="social", m="search", y="sales", n_boot=200, seed=1)
    print(found.round(2).to_string(), [str(warning.message) for warning in told])
    assert not told
    return found.set_index("path")["coef"]


# What a change of social spend by a small amount does to sales by switching search on, averaged over all rows.
chance = 1.0 / (1.0 + np.exp(-(0.5 + 0.8 * social)))
truth = float(np.mean(2.0 * 0.8 * chance * (1.0 - chance)))
print(f"true mean indirect effect of a unit, search on or off: {truth:.2f}; as a number: 1.60")
of_switch, of_number = table(switched), table(number)

assert abs(of_number["Indirect"] - 1.6) < 0.1
assert abs(of_number["Total"] - of_number["Direct"] - of_number["Indirect"]) < 0.02
assert abs(of_switch["Total"] - of_switch["Direct"] - truth) < 0.05
assert of_switch["Indirect"] > 4.0 * truth and of_switch["Direct"] + of_switch["Indirect"] > 1.5 * of_switch["Total"]
print("behaviour as described")
PY
