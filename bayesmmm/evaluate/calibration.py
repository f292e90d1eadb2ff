"""Simulation-based calibration: whether the whole chain, from prior to ROI, returns what was put in.

Parameters are drawn from the priors, data from the parameters, and the data are fitted. If simulator, likelihood,
sampler and answers agree, the truth is one more draw from the posterior: its rank among independent draws is uniform,
for every quantity. The ranks say nothing about whether a model suits real data.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MMMData
from bayesmmm.equations import MMM
from bayesmmm.errors import EvaluationError
from bayesmmm.evaluate.ecdf_bands import simultaneous_band, uniformity
from bayesmmm.evaluate.prior_worlds import check_quantities, draw_world, row, shortfall, simulate_many, worlds_from
from bayesmmm.evaluate.quantities import compared, of_world
from bayesmmm.inference.many_fits import fit_quietly
from bayesmmm.simulate import World
from bayesmmm.validate import check_count, check_fraction

#: How often a fit whose draws are too few to be independent is made again with twice as many.
DOUBLINGS = 2
#: Coverage of central intervals that the table shows.
COVERAGE = (0.5, 0.9)
#: Probability that a bar of the histogram of uniform ranks lies in its range.
SINGLE_BAR = 0.95


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """Ranks of truths among posterior draws, and what they say.

    Attributes
    ----------
    simulations : xarray.Dataset
        By simulation and quantity: ``rank`` (0 to `kept`), ``truth``, ``mean`` and ``sd`` of the posterior, ``ess``.
        By simulation: ``rhat`` and ``divergences`` of the fit, ``draws`` of all its chains, ``refused``, how many
        data sets were drawn before it that were no valid data.
    kept : int
        Draws that a truth is ranked among, spread evenly over all draws of a fit.
    error : float
        Probability that a system without any fault is called out, all quantities together.
    requested : int
        Simulations asked for.
    failed : mapping of int to str
        Simulations that gave an error, and which.
    complete : bool
    settings : mapping
        Seed, settings of the sampler, and ``seconds``.
    """

    simulations: xr.Dataset
    kept: int
    error: float
    requested: int
    failed: Mapping[int, str]
    complete: bool
    settings: Mapping[str, Any]

    @cached_property
    def bands(self) -> xr.Dataset:
        """Empirical distribution of the ranks less the uniform one, with its simultaneous band.

        ``difference`` (quantity, point), ``lower`` and ``upper`` (point), ``p_value`` (quantity), the exact one of
        `uniformity`. The band has level ``1 - error / number of quantities``; a p-value of at most
        ``error / number of quantities`` is the same as leaving it.
        """
        ranks = self.simulations["rank"].transpose("quantity", "simulation").values
        n = ranks.shape[1]
        thresholds = np.arange(1, self.kept + 1)
        points = thresholds / (self.kept + 1)
        counts = (ranks[:, :, None] < thresholds).sum(axis=1)
        lower, upper = simultaneous_band(points, n=n, level=1.0 - self.error / len(ranks))
        return xr.Dataset(
            {
                "difference": (("quantity", "point"), counts / n - points),
                "lower": ("point", lower / n - points),
                "upper": ("point", upper / n - points),
                "p_value": ("quantity", [uniformity(c, points, n=n) for c in counts]),
            },
            {"quantity": self.simulations["quantity"].values, "point": points},
            {"level": 1.0 - self.error / len(ranks), "simulations": n},
        )

    def histogram(self, bins: int | None = None) -> xr.Dataset:
        """Ranks counted in bins, with the range that holds a single bar of a faultless system with 95 %.

        Parameters
        ----------
        bins : int, optional
            At most so many, all of the same width: the largest divisor of ``kept + 1`` up to it. By default as many as
            leave ten simulations for each, 20 at most.

        Returns
        -------
        xarray.Dataset
            ``count`` (quantity, bin); ``lower``, ``expected``, ``upper``; ``bin`` is the first rank of each bin.
        """
        from scipy.stats import binom

        n = self.simulations.sizes["simulation"]
        most = int(np.clip(n // 10, 2, 20)) if bins is None else bins
        bins = max(b for b in range(1, most + 1) if (self.kept + 1) % b == 0)
        width = (self.kept + 1) // bins
        rank = self.simulations["rank"].transpose("quantity", "simulation").values
        counts = (rank[:, :, None] // width == np.arange(bins)).sum(axis=1)
        tail = (1.0 - SINGLE_BAR) / 2.0
        ends = binom.ppf([tail, 1.0 - tail], n, 1.0 / bins)
        return xr.Dataset(
            {"count": (("quantity", "bin"), counts), "lower": ends[0], "expected": n / bins, "upper": ends[1]},
            {"quantity": self.simulations["quantity"].values, "bin": np.arange(bins) * width},
            {"width": width, "probability": SINGLE_BAR},
        )

    @property
    def verdict(self) -> str:
        """Return "ok" when no quantity leaves its band, else "fail"."""
        return "fail" if (self.table()["verdict"] == "fail").any() else "ok"

    def table(self) -> pd.DataFrame:
        """One row per quantity.

        Returns
        -------
        pandas.DataFrame
            ``mean_rank`` (share of draws below the truth, 0.5 on average), ``coverage50`` and ``coverage90`` of central
            intervals, ``learnt`` (rank correlation of truth and posterior mean: near 0 the data say nothing, and the
            ranks test little), ``p_value``, ``verdict`` ("ok" or "fail"), ``shape`` (what is
            wrong with the draws, where the verdict is "fail").
        """
        ranks, truth, mean = (
            self.simulations[name].transpose("quantity", "simulation").values for name in ("rank", "truth", "mean")
        )
        position = (ranks + 0.5) / (self.kept + 1)
        p_value = self.bands["p_value"].values
        failed = p_value <= self.error / len(p_value)
        columns: dict[str, Any] = {"mean_rank": position.mean(axis=1)}
        for probability in COVERAGE:
            tail = round((self.kept + 1) * (1.0 - probability) / 2.0)
            hit = (ranks >= tail) & (ranks <= self.kept - tail)
            columns[f"coverage{100 * probability:.0f}"] = hit.mean(axis=1)
        columns["learnt"] = [_rank_correlation(*pair) for pair in zip(truth, mean, strict=True)]
        columns |= {
            "p_value": p_value,
            "verdict": np.where(failed, "fail", "ok"),
            "shape": [shape_of(u) if bad else "" for u, bad in zip(position, failed, strict=True)],
        }
        return pd.DataFrame(columns, index=pd.Index(self.simulations["quantity"].values, name="quantity"))

    def __repr__(self) -> str:
        return "\n".join([*self._head(), *self._cautions(), self._next()])

    def _head(self) -> list[str]:
        table, n = self.table(), self.simulations.sizes["simulation"]
        bad = table[table["verdict"] == "fail"]
        lines = [
            f"Calibration: {self.verdict}. {len(bad)} of {len(table)} quantities leave their simultaneous band "
            f"({n} simulated data sets, ranks among {self.kept} draws; a faultless system is called out with "
            f"probability {self.error:g})"
        ]
        lines += [f"  fail {name}: {p_text(row.p_value)}, {row['shape']}" for name, row in bad.iterrows()]
        least = table["p_value"].idxmin()
        return [
            *lines,
            f"  smallest of all: {p_text(table['p_value'].min())} ({least}), held against "
            f"{self.error / len(table):.2g}; coverage of 90 % intervals {table['coverage90'].min():.2f} to "
            f"{table['coverage90'].max():.2f}, mean {table['coverage90'].mean():.3f}",
        ]

    def _cautions(self) -> list[str]:
        rows, lines = self.simulations, []
        refused = int(rows["refused"].sum())
        if refused:
            lines.append(
                f"  {refused} more data sets were no valid data and were drawn again; that rule reads the data alone, "
                f"so that ranks stay uniform"
            )
        short = int((rows["ess"].min("quantity") < self.kept).sum())
        if short:
            lines.append(
                f"  {short} fits have an effective sample size below {self.kept} in some quantity (least "
                f"{float(rows['ess'].min()):.0f}); their ranks spread a little too far"
            )
        divergent = int((rows["divergences"] > 0).sum())
        if divergent:
            lines.append(f"  {divergent} fits have divergences, {int(rows['divergences'].sum())} in all")
        return lines + shortfall(self.failed, rows.sizes["simulation"], self.requested)

    def _next(self) -> str:
        if self.verdict == "ok":
            return "  no fault was found; that is no proof. Next: .table(), plots.ecdf(...), plots.ranks(...)"
        return (
            "  what to do: see plots.ecdf(...); raise draws and target_accept to rule out the sampler; then compare the "
            "maker of the worlds with the fitted system, term by term"
        )


def calibrate(
    system: MMM,
    source: MMMData | Callable[..., World],
    *,
    simulations: int = 200,
    quantities: Sequence[str] | None = None,
    kept: int = 99,
    error: float = 0.05,
    draws: int = 1000,
    tune: int = 500,
    chains: int = 2,
    target_accept: float = 0.9,
    seed: int = 0,
    executor: Any = None,
    progress: bool = True,
) -> Calibration:
    """Test simulator, likelihood, sampler and answers together by simulation-based calibration.

    For each simulation: draw parameters from the priors, simulate a world with them, fit it on the generating scales,
    and find the rank of the truth among posterior draws of ::

        every parameter, roi, roi_direct and roi_indirect of every channel, the joint log likelihood

    Without a fault every rank is uniform on 0, ..., kept. A band for the empirical distribution of the ranks, valid for
    all ranks of a quantity at once, is set to the level ``1 - error / number of quantities``. The log likelihood is
    there because parameters alone cannot tell a posterior from a prior: draws that ignore the data pass them all.

    Parameters
    ----------
    system : MMM
        The system to fit. Give priors under which worlds look like data: with wide ones many data sets are extreme, and
        the sampler rather than the code is tested.
    source : MMMData or callable
        Dates, spend and controls for worlds drawn from the priors of `system`, on ``source.scales()``; or a maker of
        worlds, which is called with ``seed=`` and returns a World, to see whether a deliberate fault is caught.
    simulations : int
        Data sets; 200 find a bias of a quarter posterior standard deviation.
    quantities : sequence of str, optional
        As "roi", "sales.half_life", "sales.half_life[tv]", "parameters", "log_likelihood"; everything by default. Fewer
        quantities have narrower bands.
    kept : int
        Draws of each fit that a truth is ranked among. A fit whose effective sample size is smaller, in any quantity, is
        made again with twice the draws and warm-up, at most twice.
    error : float in (0, 1)
        Probability of calling out a faultless system.
    draws, tune, chains, target_accept
        As in ``fit``.
    seed : int
        The same seed gives the same worlds and ranks.
    executor : concurrent.futures.Executor or alike, optional
        Where to fit; by default threads of this process.
    progress : bool
        Show a bar.

    Returns
    -------
    Calibration
        Print it; `plots.ecdf` and `plots.ranks` draw it.

    Raises
    ------
    EvaluationError
        For impossible settings, unknown quantities, and priors under which no valid data arise.
    DataError, EquationError, PriorError
        When system and data do not fit together, or a prior on ``roi`` sits on a mediator.

    Warns
    -----
    InterruptedWarning
        After Ctrl-C: what is done is returned.

    References
    ----------
    Talts, Betancourt, Simpson, Vehtari, Gelman (2018), Validating Bayesian inference algorithms with simulation-based
    calibration, arXiv:1804.06788.
    Modrák, Moon, Kim, Bürkner, Huurre, Faltejsková, Gelman, Vehtari (2023), Simulation-based calibration checking for
    Bayesian computation: the choice of test quantities shapes sensitivity, Bayesian Analysis, doi:10.1214/23-BA1404.

    Examples
    --------
    >>> found = calibrate(system, data, simulations=200, seed=1)  # doctest: +SKIP
    >>> print(found)  # doctest: +SKIP
    >>> found.table().query("verdict == 'fail'")  # doctest: +SKIP
    """
    system, worlds = worlds_from(system, source)
    check_count(simulations, "simulations", advice="as simulations=200", error=EvaluationError)
    advice = "the draws of a fit, as kept=99"
    check_count(kept, "kept", most=draws * chains, advice=advice, error=EvaluationError)
    check_fraction(error, "error", "as error=0.05", error=EvaluationError)
    settings = {"draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept}
    names = check_quantities(worlds, system, quantities, seed=seed, restated=False)
    task = Ranking(system, worlds, kept, names, settings)
    rows, about = simulate_many(task, simulations, settings, seed=seed, executor=executor, progress=progress)
    return Calibration(simulations=rows, kept=kept, error=error, **about)


# ------------------------------------------------------------------------------------------------ one simulation
@dataclass(frozen=True)
class Ranking:
    """Simulate a world, fit it, rank its truth: the work of one simulation, called with its seed."""

    system: MMM
    worlds: Callable[..., World]
    kept: int
    quantities: tuple[str, ...] | None
    settings: Mapping[str, Any]

    def __call__(self, seed: int) -> xr.Dataset:
        """Return the row of this simulation in ``Calibration.simulations``."""
        rng = np.random.default_rng(seed)
        world, refused = draw_world(self.worlds, rng)
        truth = of_world(world, self.system, restated=False)
        for doubling in range(DOUBLINGS + 1):
            longer = {name: self.settings[name] * 2**doubling for name in ("draws", "tune")}
            settings = {**self.settings, **longer, "scales": world.scales, "seed": int(rng.integers(2**31))}
            fit = fit_quietly(self.system, world.data, **settings).fit
            names, true, values = compared(fit, truth, self.quantities)
            ess = effective(values)
            # Whether to sample on is decided by the draws alone, never by the truth: ranks stay uniform.
            if ess.min() >= self.kept:
                break
        if not (np.isfinite(values).all() and np.isfinite(true).all()):
            raise EvaluationError(f"a quantity of this world is not finite: {dict(zip(names, true, strict=True))}")
        by_quantity = {
            "rank": rank_of(true, thinned(values, self.kept), rng),
            "truth": true,
            "mean": values.mean(axis=(0, 1)),
            "sd": values.std(axis=(0, 1)),
            "ess": ess,
        }
        convergence = fit.convergence
        about = {
            "rhat": convergence.rhat,
            "divergences": convergence.divergences,
            "draws": convergence.draws,
            "refused": refused,
        }
        return row(names, by_quantity, about, seed=seed)


def effective(values: np.ndarray) -> np.ndarray:
    """Effective sample size, bulk or tail whichever is smaller, of draws (chain, draw, quantity)."""
    import arviz_stats

    draws = xr.DataArray(values, dims=("chain", "draw", "quantity"))
    sizes = [arviz_stats.ess(draws, method=method).values for method in ("bulk", "tail")]
    # Of draws that never move nothing is known.
    return np.nan_to_num(np.minimum(*sizes), nan=0.0)


def thinned(values: np.ndarray, kept: int) -> np.ndarray:
    """Evenly spread draws (kept, quantity) of all chains (chain, draw, quantity)."""
    flat = values.reshape(-1, values.shape[-1])
    return flat[((np.arange(kept) + 0.5) * len(flat) / kept).astype(int)]


def rank_of(truth: np.ndarray, draws: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How many draws (draw, quantity) lie below each truth; ties are broken at random."""
    below, tied = (draws < truth).sum(axis=0), (draws == truth).sum(axis=0)
    return below + rng.integers(0, tied + 1)


def p_text(p_value: float) -> str:
    """Return a p-value as text; differences from 1 have no digits left below 1e-10."""
    return f"p = {p_value:.2g}" if p_value >= 1e-10 else "p < 1e-10"


def shape_of(position: np.ndarray) -> str:
    """Say in words how relative ranks, which should be uniform on 0 to 1, are not."""
    # Both measures are 0 for uniform ranks and 1 where all of them lie at the ends; -1 where all lie in the middle.
    off_center = 2.0 * (position.mean() - 0.5)
    off_spread = ((position - 0.5) ** 2).mean() - 1.0 / 12.0
    off_spread *= 6.0 if off_spread > 0.0 else 12.0
    if abs(off_center) >= abs(off_spread):
        too_low = off_center > 0
        return f"draws too {'low' if too_low else 'high'}: the truth is {'above' if too_low else 'below'} them"
    narrow = off_spread > 0
    return f"draws too {'narrow: the truth is outside' if narrow else 'wide: the truth is in the middle'}"


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    from scipy.stats import rankdata

    one, other = rankdata(one), rankdata(other)
    spread = one.std() * other.std()
    return float(((one - one.mean()) * (other - other.mean())).mean() / spread) if spread > 0.0 else np.nan
