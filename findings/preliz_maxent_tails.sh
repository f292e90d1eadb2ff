#!/usr/bin/env bash
# "90% sure that the return is between 0.2 and 5" leaves almost nothing below 0.2 and all of the 10% above 5.
#
# Guess: preliz.maxent with bounds and a mass gives a prior whose remaining mass lies about evenly on both sides, 5% and
#   5%, as an interval that an expert states is usually meant.
# Seen: only the mass between the bounds is fixed. For distributions on positive numbers the largest entropy is found by
#   moving to the right: a LogNormal has 0.1% below and 9.9% above, a Gamma 0.6% and 9.4%, an InverseGamma 0% and 10%.
#   The LogNormal's median is 1.95, where the one with equal tails has sqrt(0.2 * 5) = 1. A Normal does have 5% and 5%.
# Versions: preliz 0.28.0, arviz-base 1.3.1, scipy 1.18.1.
# Why it matters: this is how a stated belief on a return, a half-life or a saturation point becomes a prior. Here "as
#   likely to lose as to win" becomes a prior that puts the return at nearly two, and calls a return below 0.2 all but
#   impossible. A tool that reads the same statement as two quantiles gives another prior, so that the choice of tool
#   moves the answer for each channel that the data say little about.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'preliz==0.28.0' 'arviz-base==1.3.1' 'scipy==1.18.1'

"$work/env/bin/python" -W ignore - <<'PY'
import math
from statistics import NormalDist

import preliz as pz
from scipy.stats import lognorm

print(f"preliz {pz.__version__}")

LOWER, UPPER, MASS = 0.2, 5.0, 0.9
tails = {}
medians = {}
for family in (pz.Normal, pz.LogNormal, pz.Gamma, pz.InverseGamma):
    prior = family()
    pz.maxent(prior, LOWER, UPPER, MASS, plot=False)
    name = family.__name__
    tails[name] = (float(prior.cdf(LOWER)), 1.0 - float(prior.cdf(UPPER)))
    medians[name] = float(prior.median())
    print(f"{prior}: below {tails[name][0]:.4f}, above {tails[name][1]:.4f}, median {medians[name]:.2f}")
    assert abs(sum(tails[name]) - (1.0 - MASS)) < 0.002

# The LogNormal that has 5% on each side of the same bounds.
spread = math.log(UPPER / LOWER) / (2.0 * NormalDist().inv_cdf(0.95))
even = lognorm(s=spread, scale=math.sqrt(LOWER * UPPER))
print(f"equal tails: below {even.cdf(LOWER):.4f}, above {even.sf(UPPER):.4f}, median {even.median():.2f}")
assert abs(even.cdf(LOWER) - 0.05) < 1e-9 and abs(even.sf(UPPER) - 0.05) < 1e-9

assert all(abs(tail - 0.05) < 0.002 for tail in tails["Normal"])
assert tails["LogNormal"][0] < 0.002 and tails["LogNormal"][1] > 0.098
assert tails["Gamma"][0] < 0.008 and tails["Gamma"][1] > 0.092
assert tails["InverseGamma"][0] < 0.001 and tails["InverseGamma"][1] > 0.098
assert 1.9 < medians["LogNormal"] < 2.0
print("behaviour as described")
PY
