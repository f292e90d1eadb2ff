"""How often intervals of mediated returns hold the truth, with few and short chains and with long ones.

    uv run python benchmarks/short_chains.py [--seeds 20]

Worlds of `simulate.social_search` (four channels, a paid mediator), each fitted twice: by 2 chains of 500 draws after
500, and by 4 chains of 1000 after 1000. Printed: how many 90 % intervals of total, direct and indirect ROI hold the
truth, and the verdicts on the sampler.
"""

import argparse
import warnings

import numpy as np

import bayesmmm as mm
from bayesmmm.results import Fit
from bayesmmm.simulate import social_search

SETTINGS = {"2 x 500": (2, 500, 500), "4 x 1000": (4, 1000, 1000)}
RETURNS = ("roi", "roi_direct", "roi_indirect")


def held(fit: Fit, truth: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Whether the 90 % interval of each return of each channel holds its truth."""
    answer = mm.effects(fit.accept_unconverged(), groups={}, window="outcome")
    ends = {name: answer[name].quantile([0.05, 0.95], ["chain", "draw"]).values for name in RETURNS}
    return {name: (ends[name][0] <= truth[name]) & (truth[name] <= ends[name][1]) for name in RETURNS}


def main() -> None:
    """Fit every world twice and count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="worlds (%(default)s)")
    seeds = parser.parse_args().seeds
    counts = {name: {part: 0 for part in RETURNS} for name in SETTINGS}
    verdicts: dict[str, list[str]] = {name: [] for name in SETTINGS}
    cases = 0
    for seed in range(1, seeds + 1):
        world = social_search(seed=seed)
        effects = world.truth.effects
        truth = {name: effects[name].sel(channel=list(world.system.channels)).values for name in RETURNS}
        cases += len(world.system.channels)
        for name, (chains, draws, tune) in SETTINGS.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fit = mm.fit(
                    world.system, world.data, chains=chains, draws=draws, tune=tune, seed=seed, progress=False
                )
            verdicts[name].append(fit.convergence.verdict)
            for part, inside in held(fit, truth).items():
                counts[name][part] += int(inside.sum())
        print(seed, {name: dict(c) for name, c in counts.items()}, flush=True)
    for name in SETTINGS:
        parts = ", ".join(f"{part} {counts[name][part]} of {cases}" for part in RETURNS)
        said = ", ".join(f"{verdicts[name].count(v)} {v}" for v in ("converged", "doubtful", "failed"))
        print(f"{name}: {parts}; {said}")


if __name__ == "__main__":
    main()
