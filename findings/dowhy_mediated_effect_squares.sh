#!/usr/bin/env bash
# DoWhy's mediated effect of two units more spend is four times that of one unit, and the direct one changes its sign.
#
# Guess: in a linear world the mediated effect of going from 0 to 2 is twice that of going from 0 to 1, and so is the
#   direct effect.
# Seen: with "mediation.two_stage_regression" the effect of spend on search and that of search on sales are each taken
#   for the asked step and multiplied, so that the step counts twice: 1.62 for one unit, 6.49 for two (truth 1.6 and
#   3.2). The direct effect is what is left of the total: 1.49 for one unit, -0.27 for two (truth 1.5 and 3.0). Both add
#   up to the right total each time. With a step of half a unit the mediated effect is half of what it should be.
# Versions: dowhy 0.14, statsmodels 0.15.0, scikit-learn 1.9.1, networkx 3.7, pandas 3.1.1, numpy 2.4.6, scipy 1.15.3.
# Why it matters: "what do 100 more in social bring, directly and by search" is the question of mediation in marketing,
#   and its step is hardly ever one. The share that search is given grows with the step asked for; a channel that sells by
#   itself comes out as one that harms. Only the default step, 0 to 1, is right.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'dowhy==0.14' 'statsmodels==0.15.0' 'scikit-learn==1.9.1' \
    'networkx==3.7' 'pandas==3.1.1' 'numpy==2.4.6' 'scipy==1.15.3'

"$work/env/bin/python" -W ignore - <<'PY'
import logging
from importlib.metadata import version

import numpy as np
import pandas as pd
from dowhy import CausalModel
from dowhy.causal_estimators.linear_regression_estimator import LinearRegressionEstimator

logging.disable(logging.WARNING)
names = ("dowhy", "statsmodels", "scikit-learn", "networkx", "pandas", "numpy", "scipy")
print({name: version(name) for name in names})
rng = np.random.default_rng(0)
season = rng.normal(size=4000)
social = 2.0 + season + rng.normal(size=4000)
search = 1.0 + 0.8 * social + 0.5 * season + rng.normal(size=4000)
sales = 10.0 + 1.5 * social + 2.0 * search + 3.0 * season + rng.normal(size=4000)
rows = pd.DataFrame({"season": season, "social": social, "search": search, "sales": sales})
arrows = "season->social; season->search; season->sales; social->search; social->sales; search->sales;"
model = CausalModel(rows, treatment="social", outcome="sales", graph="digraph{" + arrows + "}")
stages = {"first_stage_model": LinearRegressionEstimator, "second_stage_model": LinearRegressionEstimator}


def effect(kind: str, step: float) -> float:
    asked = model.identify_effect(estimand_type=kind, proceed_when_unidentifiable=True)
    answer = model.estimate_effect(
        asked,
        method_name="mediation.two_stage_regression",
        control_value=0.0,
        treatment_value=step,
        method_params=stages,
    )
    return float(answer.value)


seen = {}
for step in (0.5, 1.0, 2.0):
    mediated, direct = effect("nonparametric-nie", step), effect("nonparametric-nde", step)
    seen[step] = mediated, direct
    print(
        f"from 0 to {step}: mediated {mediated:.2f} (truth {1.6 * step:.2f}), direct {direct:.2f} (truth"
        f" {1.5 * step:.2f}), together {mediated + direct:.2f} (truth {3.1 * step:.2f})"
    )

assert abs(seen[1.0][0] - 1.6) < 0.05 and abs(seen[1.0][1] - 1.5) < 0.05
for step, (mediated, direct) in seen.items():
    assert abs(mediated / seen[1.0][0] - step**2) < 1e-6
    assert abs(mediated + direct - 3.1 * step) < 0.05 * step
assert seen[2.0][1] < 0.0
print("behaviour as described")
PY
