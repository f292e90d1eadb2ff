"""Simulation-based calibration of the whole chain, and of four faults that it must catch.

    uv run python benchmarks/calibration.py --simulations 200 --out calibration
    uv run python benchmarks/calibration.py --case late --simulations 100

Small worlds with priors narrow enough that they look like data: a year of weeks, two channels, one or two mediators.
Each fault is in the maker of the worlds alone; the system that is fitted is "mediated", or "correlated" without its
correlation.

mediated    tv and social sell directly; social also moves paid search (censored at zero), which sells in its turn
chain       a Student-t mediator that acts linearly, a censored one behind it with an adstock cut after four weeks, a
            lognormal outcome, a prior on retention: the other half of what equations can be
correlated  a mediator that is not paid, whose residuals correlate with those of sales; the correlation is learnt
late        fault: in the worlds, spend acts a week later than the data say
prior       fault: in the worlds, half-lives are three times as long as their priors say
memory      fault: in the worlds, adstock is cut after one week
confound    fault: in the worlds, residuals of mediator and sales correlate by 0.7, as a common cause nobody sees makes
            them
"""

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM, Equation, Fourier
from bayesmmm.evaluate import PriorWorlds, calibrate
from bayesmmm.priors import Prior
from bayesmmm.processes import processors
from bayesmmm.simulate import World, simulate_world

WEEKS = 52
SEASON = Fourier(period=365.25, order=1)


def _log(median: float, spread: float) -> Prior:
    return Prior("LogNormal", mu=math.log(median), sigma=spread)


SHAPE = {"half_life": _log(9.0, 0.5), "half_saturation": _log(1.0, 0.4), "slope": _log(1.2, 0.3)}
LINEAR = {"trend": Prior("Normal", mu=0.0, sigma=0.1), "seasonality": Prior("Normal", mu=0.0, sigma=0.1)}


def example() -> MMMData:
    """A year of weeks with two channels in flights and a price; what the equations explain is only a placeholder."""
    rng = np.random.default_rng(20)
    flights = {"tv": (90.0, 6, 0.55), "social": (40.0, 4, 0.65)}
    columns = {}
    for name, (mean, length, share) in flights.items():
        on = np.repeat(rng.random(-(-WEEKS // length)) < share, length)[:WEEKS]
        columns[name] = np.where(on, rng.gamma(6.0, mean / 6.0, WEEKS), 0.0)
    columns["price"] = 10.0 + rng.normal(0.0, 1.0, WEEKS)
    columns["visits"] = 500.0 + rng.normal(0.0, 40.0, WEEKS)
    columns["search"] = rng.gamma(4.0, 10.0, WEEKS)
    columns["sales"] = 1000.0 + rng.normal(0.0, 80.0, WEEKS)
    return MMMData.from_frame(
        pd.DataFrame({"week": pd.date_range("2023-01-01", periods=WEEKS, freq="7D"), **columns}),
        date="week",
        outcome="sales",
        media=["tv", "social"],
        mediators={"visits": "visits", "search": "money"},
        controls=["price"],
    )


def mediated(*, half_life: Prior = SHAPE["half_life"], max_lag: int | None = None) -> MMM:
    """Two channels, of which one moves paid search."""
    shape = SHAPE | {"half_life": half_life}
    search = Equation(
        "search",
        media=["social"],
        linear=["price"],
        likelihood="censored_normal",
        max_lag=max_lag,
        priors=shape
        | {
            "contribution": _log(0.5, 0.4),
            "intercept": Prior("Normal", mu=0.2, sigma=0.2),
            "coefficient": Prior("Normal", mu=0.0, sigma=0.2),
            "sigma": _log(0.4, 0.3),
        },
    )
    return MMM([search, _sales("search", shape, max_lag=max_lag)])


def correlated(rho: Prior | float | None) -> MMM:
    """One mediator that is not paid, Normal, with residuals that may go together with those of sales."""
    visits = Equation(
        "visits",
        media=["social"],
        linear=["price"],
        priors=SHAPE
        | {
            "contribution": _log(0.3, 0.4),
            "intercept": Prior("Normal", mu=0.7, sigma=0.1),
            "coefficient": Prior("Normal", mu=0.0, sigma=0.1),
            "sigma": _log(0.12, 0.3),
        },
    )
    return MMM([visits, _sales("visits", SHAPE, rho={} if rho is None else {"visits": rho})])


def _sales(
    mediator: str, shape: dict, *, max_lag: int | None = None, rho: Mapping = MappingProxyType({})
) -> Equation:
    return Equation(
        "sales",
        media=["tv", "social", mediator],
        linear=["price"],
        seasonality=SEASON,
        trend=True,
        max_lag=max_lag,
        rho=dict(rho),
        priors=shape
        | LINEAR
        | {
            "contribution": {"tv": _log(0.2, 0.5), "social": _log(0.12, 0.5), mediator: _log(0.15, 0.5)},
            "intercept": Prior("Normal", mu=0.5, sigma=0.2),
            "coefficient": Prior("Normal", mu=0.0, sigma=0.05),
            "sigma": _log(0.05, 0.4),
        },
    )


def chain() -> MMM:
    """Likelihoods, edges and parametrisations that `mediated` leaves out."""
    visits = Equation(
        "visits",
        media=["tv"],
        linear=["price"],
        likelihood="student_t",
        priors={
            "retention": Prior("Beta", alpha=6.0, beta=6.0),
            "half_saturation": SHAPE["half_saturation"],
            "slope": SHAPE["slope"],
            "contribution": _log(0.2, 0.4),
            "intercept": Prior("Normal", mu=0.8, sigma=0.1),
            "coefficient": Prior("Normal", mu=0.0, sigma=0.1),
            "sigma": _log(0.05, 0.3),
            "nu_minus_two": Prior("Gamma", alpha=4.0, beta=0.5),
        },
    )
    search = Equation(
        "search",
        media=["social"],
        linear=["visits"],
        likelihood="censored_normal",
        max_lag=4,
        priors=SHAPE
        | {
            "contribution": _log(0.5, 0.4),
            "intercept": Prior("Normal", mu=0.5, sigma=0.2),
            "coefficient": Prior("Normal", mu=0.1, sigma=0.1),
            "sigma": _log(0.4, 0.3),
        },
    )
    sales = Equation(
        "sales",
        media=["tv", "social", "search"],
        linear=["price", "visits"],
        trend=True,
        likelihood="lognormal",
        priors=SHAPE
        | {
            "trend": LINEAR["trend"],
            "contribution": _log(0.15, 0.5),
            "intercept": Prior("Normal", mu=-0.5, sigma=0.2),
            "coefficient": Prior("Normal", mu=0.0, sigma=0.05),
            "sigma": _log(0.06, 0.4),
        },
    )
    return MMM([visits, search, sales])


@dataclass(frozen=True)
class LateSpend:
    """Fault: spend acts one week later than the data say."""

    system: MMM
    data: MMMData

    def __call__(self, *, seed: int) -> World:
        """Simulate with spend shifted by a week, and hand out the spend as it was."""
        late = {name: np.roll(self.data.columns[name], 1, axis=-1) for name in self.data.media}
        shifted = self.data.replace_columns(late)
        world = simulate_world(self.system, shifted, scales=shifted.scales(), seed=seed)
        spend = {name: self.data.columns[name] for name in self.data.media}
        return replace(world, data=world.data.replace_columns(spend))


def cases() -> Mapping[str, tuple]:
    """Case -> system to fit, data or maker of worlds."""
    data, system = example(), mediated()
    scales = data.scales()
    longer, short, confounded = mediated(half_life=_log(27.0, 0.5)), mediated(max_lag=1), correlated(0.7)
    return {
        "mediated": (system, data),
        "chain": (chain(), data),
        "correlated": (correlated(Prior("Uniform", lower=-0.9, upper=0.9)), data),
        "late": (system, LateSpend(system, data)),
        "prior": (system, PriorWorlds(longer, data, scales)),
        "memory": (system, PriorWorlds(short, data, scales)),
        "confound": (correlated(None), PriorWorlds(confounded, data, scales)),
    }


def main() -> None:
    """Run one case, print what was found, and write table and figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=list(cases()), default="mediated")
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="folder for the table (JSON) and figures")
    given = parser.parse_args()
    system, source = cases()[given.case]
    found = calibrate(system, source, simulations=given.simulations, seed=given.seed)
    print(found)
    print(found.table().round(3).to_string())
    print(f"{found.settings['seconds']:.0f} s, compilation included; {processors()} processors")
    if given.out:
        from bayesmmm import plots

        folder = Path(given.out)
        folder.mkdir(parents=True, exist_ok=True)
        summary = {
            "case": given.case,
            "verdict": found.verdict,
            "simulations": found.simulations.sizes["simulation"],
            "refused": int(found.simulations["refused"].sum()),
            "settings": dict(found.settings),
            "table": found.table().reset_index().to_dict(orient="records"),
        }
        (folder / f"{given.case}.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
        plots.save(plots.ecdf(found), folder / f"{given.case}_ecdf.png")
        plots.save(plots.ranks(found), folder / f"{given.case}_ranks.png")


if __name__ == "__main__":
    main()
