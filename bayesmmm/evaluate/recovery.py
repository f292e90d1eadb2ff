"""Recovery: simulate a world whose truth is known, fit it as if it were real data, compare.

Unlike `calibrate`, this is what an analyst lives through: the truth may be fixed, and the fit uses the scales of the
data at hand. Intervals need not cover a fixed truth exactly as often as they promise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM
from bayesmmm.errors import EvaluationError
from bayesmmm.evaluate.prior_worlds import check_quantities, draw_world, row, shortfall, simulate_many, worlds_from
from bayesmmm.evaluate.quantities import compared, of_world
from bayesmmm.inference.many_fits import cores_each, fit_quietly
from bayesmmm.simulate import World
from bayesmmm.text import counted
from bayesmmm.validate import check_ci_prob, check_count


@dataclass(frozen=True, eq=False, repr=False)
class Recovery:
    """Estimates beside the truth.

    Attributes
    ----------
    values : xarray.Dataset
        By simulation and quantity: ``truth``, and of the posterior ``median``, ``lower``, ``upper``, ``mean``, ``sd``.
        By simulation: ``rhat``, ``ess_bulk``, ``divergences``, ``refused``, and ``convergence``, the verdict on the
        sampler.
    ci_prob : float
        Probability of the intervals.
    requested : int
        Simulations asked for.
    failed : mapping of int to str
    complete : bool
    settings : mapping
        Seed, settings of the sampler, and ``seconds``.
    """

    values: xr.Dataset
    ci_prob: float
    requested: int
    failed: Mapping[int, str]
    complete: bool
    settings: Mapping[str, Any]

    def table(self) -> pd.DataFrame:
        """One row per simulation and quantity.

        Returns
        -------
        pandas.DataFrame
            Index (simulation, quantity); ``truth``, ``median``, ``lower``, ``upper``, ``covered``, and ``z``, posterior
            mean less truth in posterior standard deviations. Parameters in the units of ``fit.summary()``, returns in
            units of the outcome per unit of spend. ``attrs["ci_prob"]`` is the probability of the intervals.
        """
        names = ["truth", "median", "lower", "upper", "mean", "sd"]
        table = self.values[names].to_dataframe(dim_order=["simulation", "quantity"])[names]
        table["covered"] = (table["lower"] <= table["truth"]) & (table["truth"] <= table["upper"])
        with np.errstate(divide="ignore", invalid="ignore"):
            table["z"] = (table["mean"] - table["truth"]) / table["sd"]
        table = table.drop(columns=["mean", "sd"])
        table.attrs["ci_prob"] = self.ci_prob
        return table

    def summary(self) -> pd.DataFrame:
        """One row per quantity, over all simulations.

        Returns
        -------
        pandas.DataFrame
            ``bias`` (mean of median less truth), ``rmse``, ``relative_error`` (median of
            ``|median - truth| / |truth|``),
            ``coverage`` (share of intervals with the truth), ``z`` (mean), ``z_spread`` (root mean square; 1 where the
            posterior is as wide as its errors).
        """
        table = self.table()
        error = table["median"] - table["truth"]
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = (error / table["truth"]).abs()

        def over_simulations(column: pd.Series, how: str = "mean") -> pd.Series:
            return column.groupby("quantity", sort=False).agg(how)

        return pd.DataFrame(
            {
                "bias": over_simulations(error),
                "rmse": over_simulations(error**2) ** 0.5,
                "relative_error": over_simulations(relative, "median"),
                "coverage": over_simulations(table["covered"]),
                "z": over_simulations(table["z"]),
                "z_spread": over_simulations(table["z"] ** 2) ** 0.5,
            }
        )

    def __repr__(self) -> str:
        table, n = self.table(), self.values.sizes["simulation"]
        worst = table["z"].abs().idxmax()
        verdicts = pd.Series(self.values["convergence"].values).value_counts()
        lines = [
            f"Recovery: {table['covered'].mean():.3f} of {len(table)} {100 * self.ci_prob:g} % intervals hold the truth "
            f"({counted(n, 'simulated data set')}, {self.values.sizes['quantity']} quantities)",
            f"  furthest off: {worst[1]} in simulation {worst[0]}, {table.loc[worst, 'z']:+.1f} posterior sds",
            "  sampler: " + ", ".join(f"{count} {name}" for name, count in verdicts.items()),
            *shortfall(self.failed, n, self.requested),
        ]
        shown = table.droplevel("simulation") if n == 1 else self.summary()
        return "\n".join(
            [*lines, shown.round(3).to_string(), "Next: .table(), .summary(), plots.recovery(...table())"]
        )


def recover(
    system: MMM,
    source: MMMData | Callable[..., World],
    *,
    simulations: int = 1,
    quantities: Sequence[str] | None = None,
    ci_prob: float | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    seed: int = 0,
    executor: Any = None,
    progress: bool = True,
) -> Recovery:
    """Simulate worlds, fit each as real data would be, and lay estimates beside the truth.

    Compared are all parameters, restated on the scales that the simulated series imply, and the total, direct and
    indirect ROI of every channel on the outcome of the data's own periods. Panels are fitted on the scales of the world:
    what geos share on one set of scales they do not share on another; returns are in total over geos.

    Parameters
    ----------
    system : MMM
        The system to fit.
    source : MMMData or callable
        Dates, spend and controls for worlds whose parameters are drawn from the priors; or a maker of worlds, called
        with ``seed=``: ``simulate.social_search``, or
        ``functools.partial(simulate_world, system, data, parameters=...)`` for a fixed truth. A maker may break what the
        system assumes.
    simulations : int
        Worlds.
    ci_prob : float in (0, 1), optional
        Probability of the equal-tailed intervals; by default 0.9, or ArviZ's ``stats.ci_prob`` where it was set.
    quantities, draws, tune, chains, target_accept, seed, executor, progress
        As in :func:`calibrate`, which raises and warns of the same things.

    Returns
    -------
    Recovery

    Examples
    --------
    >>> from bayesmmm.simulate import social_search
    >>> found = recover(social_search().system, social_search, simulations=4)  # doctest: +SKIP
    >>> found.summary().loc["roi[facebook]"]  # doctest: +SKIP
    """
    system, worlds = worlds_from(system, source)
    check_count(simulations, "simulations", advice="as simulations=20", error=EvaluationError)
    ci_prob = check_ci_prob(ci_prob)
    names = check_quantities(worlds, system, quantities, seed=seed, restated=True)
    settings = {"draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept}
    cores = min(chains, cores_each(simulations, executor))
    task = Recovering(system, worlds, names, ci_prob, settings | {"cores": cores})
    rows, about = simulate_many(task, simulations, settings, seed=seed, executor=executor, progress=progress)
    return Recovery(values=rows, ci_prob=ci_prob, **about)


@dataclass(frozen=True)
class Recovering:
    """Simulate a world, fit it, compare: the work of one simulation, called with its seed."""

    system: MMM
    worlds: Callable[..., World]
    quantities: tuple[str, ...] | None
    ci_prob: float
    settings: Mapping[str, Any]

    def __call__(self, seed: int) -> xr.Dataset:
        """Return the row of this simulation in ``Recovery.values``."""
        rng = np.random.default_rng(seed)
        world, refused = draw_world(self.worlds, rng)
        truth = of_world(world, self.system, restated=True)
        # What the geos of a panel share is told on the scales of the world only.
        scales = world.scales if len(world.data.geos) > 1 else None
        settings = {**self.settings, "seed": int(rng.integers(2**31)), "scales": scales}
        fit = fit_quietly(self.system, world.data, **settings).fit
        names, true, draws = compared(fit, truth, self.quantities)
        values = draws.reshape(-1, len(names))
        tail = (1.0 - self.ci_prob) / 2.0
        lower, median, upper = np.quantile(values, [tail, 0.5, 1.0 - tail], axis=0)
        by_quantity = {
            "truth": true,
            "median": median,
            "lower": lower,
            "upper": upper,
            "mean": values.mean(axis=0),
            "sd": values.std(axis=0),
        }
        convergence = fit.convergence
        about = {
            "convergence": convergence.verdict,
            "rhat": convergence.rhat,
            "ess_bulk": convergence.ess_bulk,
            "divergences": convergence.divergences,
            "refused": refused,
        }
        return row(names, by_quantity, about, seed=seed)
