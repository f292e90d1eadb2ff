"""How often a fit that learns the correlation of residuals sees a hidden cause of mediator and outcome, and its cost.

    uv run python benchmarks/hidden_cause.py [--seeds 14]

Worlds "confounded_mediator" and "clean" of `simulate.broken_world`, each fitted as it is and with the correlation as a
parameter. A world counts as seen where the 90 % interval of the correlation leaves zero out. Printed: how many of each
are seen, the sizes of rho* and of the correlation in the worlds, and processor time with the parameter over without.
"""

import argparse
import time
import warnings
from dataclasses import replace

import numpy as np

import bayesmmm as mm
from bayesmmm.results import Fit
from bayesmmm.simulate import broken_world

LEARNED = mm.Prior("Uniform", lower=-0.9, upper=0.9)


def timed(system: mm.MMM, data: mm.MMMData, seed: int) -> tuple[Fit, float]:
    """Fit quietly; return the fit and the processor time of sampling and what belongs to it."""
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = mm.fit(system, data, seed=seed, progress=False)
    return fit, time.process_time() - began


def with_learned(system: mm.MMM) -> mm.MMM:
    """Return the system with the correlation of mediator and outcome as a parameter."""
    (mediator,) = system.mediators
    own = [replace(e, rho={mediator: LEARNED}) if e.name == system.outcome else e for e in system.equations]
    return mm.MMM(own)


def main() -> None:
    """Fit every world twice and count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=14, help="worlds of each kind (%(default)s)")
    seeds = parser.parse_args().seeds
    ratios = []
    for name in ("confounded_mediator", "clean"):
        seen, stars = 0, []
        for seed in range(1, seeds + 1):
            world = broken_world(name, seed=seed)
            plain, before = timed(world.system, world.data, seed)
            learned, after = timed(with_learned(world.system), world.data, seed)
            ratios.append(after / before)
            low, high = learned.posterior[f"{world.system.outcome}.rho"].quantile([0.05, 0.95]).values
            seen += int(low > 0.0 or high < 0.0)
            table = mm.diagnose(plain.accept_unconverged()).tables["hidden_cause"]
            stars.append(table.loc[(world.system.mediators[0], "rho_star"), "median"])
            print(f"{name} {seed}: rho {low:+.2f} to {high:+.2f}, rho* {stars[-1]:+.2f}", flush=True)
        print(f"{name}: {seen} of {seeds} seen; rho* from {min(stars):+.2f} to {max(stars):+.2f}")
    print(f"processor time with the correlation as a parameter, over without: median {np.median(ratios):.2f}")


if __name__ == "__main__":
    main()
