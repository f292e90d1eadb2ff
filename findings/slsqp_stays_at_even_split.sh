#!/usr/bin/env bash
# Sales counted in millions and spend in units of money: SciPy's SLSQP returns the even split, as an optimum.
#
# Guess: the best split of a budget does not depend on whether sales are written in units or in millions; a search that
#   makes no progress does not report success.
# Seen: 100,000 for three channels with saturating sales, from an even split. With sales in units or in thousands SLSQP
#   finds the best split, 790,000. In millions it ends after one iteration with "Optimization terminated successfully" at
#   the even split, 713,000, a tenth less. Its first step is as long as the gradient, which is now 0.00001 per unit of
#   money, and what such a step gains is less than ftol. trust-constr finds the optimum in millions and stays, too, in
#   thousands of millions. Spend in shares of the budget mends both.
# Versions: scipy 1.16.3, numpy 2.3.5.
# Why it matters: plans are optimised from the current or an even split. An answer that says that no money needs to be
#   moved is welcome, plausible, and here only a matter of units.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
uv venv --quiet --python 3.12 "$work/env"
uv pip install --quiet --python "$work/env/bin/python" 'scipy==1.16.3' 'numpy==2.3.5'

"$work/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, minimize

print({name: version(name) for name in ("scipy", "numpy")})
TOTAL = 100_000.0
size, half = np.array([900_000.0, 400_000.0, 150_000.0]), np.array([40_000.0, 30_000.0, 20_000.0])


def sales(spend: np.ndarray) -> float:
    return float(np.sum(size * spend / (spend + half)))


def planned(method: str, unit: float, money: float = 1.0):
    """Spend in `money`, sales in `unit`."""
    total = TOTAL / money
    limit = {
        "SLSQP": {"type": "eq", "fun": lambda x: x.sum() - total},
        "trust-constr": LinearConstraint(np.ones((1, 3)), total, total),
    }[method]
    found = minimize(
        lambda x: -sales(money * x) / unit,
        np.full(3, total / 3.0),
        method=method,
        bounds=Bounds(np.zeros(3), np.full(3, total)),
        constraints=limit,
    )
    plan = money * found.x
    print(
        f"{method}, sales in {unit:,.0f}, spend in {money:,.0f}: {found.message.rstrip('.')}; {found.nit} iterations;"
        f" {plan.round().tolist()}; sales {sales(plan):,.0f}"
    )
    assert found.success
    return plan


even, best = np.full(3, TOTAL / 3.0), sales(planned("trust-constr", 1.0))
print(f"even split: sales {sales(even):,.0f}; best {best:,.0f}")
for unit in (1.0, 1e3):
    assert sales(planned("SLSQP", unit)) > 0.999 * best
assert np.allclose(planned("SLSQP", 1e6), even, atol=1.0)
assert sales(planned("trust-constr", 1e6)) > 0.999 * best
assert np.allclose(planned("trust-constr", 1e9), even, atol=1.0)
assert sales(planned("SLSQP", 1e6, money=TOTAL)) > 0.999 * best
assert sales(planned("trust-constr", 1e9, money=TOTAL)) > 0.999 * best
assert sales(even) < 0.91 * best
print("behaviour as described")
PY
