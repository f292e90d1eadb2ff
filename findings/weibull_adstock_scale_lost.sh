#!/usr/bin/env bash
# With shape 1, PyMC-Marketing's Weibull (PDF) adstock never decays more slowly than a fixed triangle, whatever its scale.
#
# Guess: the normalised weights at lags 0 to l_max - 1 are the Weibull density there, divided by their sum. With shape 1
#   the Weibull is the exponential, so scale 10 gives the same weights as geometric adstock with alpha = exp(-1/10), and
#   a larger scale gives slower decay, up to equal weights.
# Seen: before it is normalised the density is stretched so that its smallest weight is 0 and its largest is 1. The last
#   lag (or with a late peak, the first) always weighs nothing. With shape 1, scales of 10, 50 and 500 give nearly the
#   same weights, and those tend to a straight line from 2/l_max down to 0: an average lag of 2 weeks of 8, where
#   geometric adstock with the same decay has one of 3.0 to 3.5.
# Versions: pymc-marketing 1.3.0, pymc 6.3.2, pytensor 3.3.8.
# Why it matters: brand and television campaigns with slow decay are the reason to choose a Weibull. The data can hardly
#   tell one large scale from another, and the longest carry-over that can be reported is that triangle. A scale or a
#   half-life taken from another package's Weibull or geometric adstock means something else here.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'pymc-marketing==1.3.0' 'pymc==6.3.2' 'pytensor==3.3.8'

"$work/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
import pytensor.tensor as pt
from pymc_marketing.mmm.transformers import WeibullType, geometric_adstock, weibull_adstock
from pytensor.xtensor import as_xtensor

print({name: version(name) for name in ("pymc-marketing", "pymc", "pytensor")})

LAGS = 8
pulse = np.zeros(LAGS)
pulse[0] = 1.0
spend = as_xtensor(pt.as_tensor_variable(pulse), dims=("week",))


def weibull(scale: float, shape: float) -> np.ndarray:
    carried = weibull_adstock(
        spend, lam=scale, k=shape, l_max=LAGS, dim="week", type=WeibullType.PDF, normalize=True
    )
    return np.asarray(carried.eval())


def geometric(alpha: float) -> np.ndarray:
    return np.asarray(geometric_adstock(spend, alpha=alpha, l_max=LAGS, dim="week", normalize=True).eval())


def average_lag(weights: np.ndarray) -> float:
    return float(weights @ np.arange(LAGS))


np.set_printoptions(precision=3, suppress=True)
scales = (3.0, 10.0, 50.0, 500.0)
made = {scale: weibull(scale, 1.0) for scale in scales}
same_decay = {scale: geometric(np.exp(-1.0 / scale)) for scale in scales}
for scale in scales:
    print(f"scale {scale:g}: Weibull  {made[scale]}, average lag {average_lag(made[scale]):.2f}")
    print(f"{'':>{len(f'scale {scale:g}')}}  geometric {same_decay[scale]}, average lag {average_lag(same_decay[scale]):.2f}")
late = weibull(50.0, 2.0)
print("scale 50, shape 2:", late)

# The rule at work: the density is stretched to [0, 1], then normalised.
for scale in scales:
    density = np.exp(-np.arange(1, LAGS + 1) / scale)
    stretched = (density - density.min()) / np.ptp(density)
    assert np.allclose(made[scale], stretched / stretched.sum(), atol=1e-9)
    assert made[scale][-1] == 0.0 and np.isclose(made[scale].sum(), 1.0)
    # Geometric adstock is the density without the stretch.
    assert np.allclose(same_decay[scale], density / density.sum(), atol=1e-9)

triangle = np.arange(LAGS - 1, -1, -1) / np.arange(LAGS).sum()
assert np.abs(made[500.0] - triangle).max() < 0.001
assert np.abs(made[500.0] - made[50.0]).max() < 0.01
assert 1.8 < average_lag(made[10.0]) < average_lag(made[500.0]) < 2.0
assert 2.9 < average_lag(same_decay[10.0]) < average_lag(same_decay[500.0]) < 3.5
assert late[0] == 0.0
print("behaviour as described")
PY
