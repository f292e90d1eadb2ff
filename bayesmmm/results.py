"""A fit: data, system, scales and draws in one record, saved to and loaded from one file.

Reading a fit needs neither PyMC nor a compiler. What the draws mean (effects, forecasts, budgets) is computed
elsewhere; here is only what they are, how far they can be trusted, and how they are summarised.
"""

import functools
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MMMData, Scales
from bayesmmm.engine import Parameters, stack
from bayesmmm.equations import MMM, read_toml
from bayesmmm.errors import FitFileError

__all__ = ["Convergence", "Fit", "library_versions", "load", "summarise"]

FORMAT = 1
_OWN_GROUP = "bayesmmm"

# Thresholds of the sampler verdict: Vehtari et al. (2021), doi:10.1214/20-BA1221, ask for R-hat <= 1.01 and an effective
# sample size of 400; the outer bounds are where means and intervals themselves become unreliable.
RHAT_GOOD, RHAT_BAD = 1.01, 1.05
ESS_GOOD, ESS_BAD = 400.0, 100.0
DIVERGENT_BAD = 0.01

_LIBRARIES = ("bayesmmm", "pymc", "pytensor", "nutpie", "numba", "numpy", "scipy", "xarray", "arviz-stats")


def library_versions() -> dict[str, str]:
    """Versions of the libraries that shape a fit, by name."""
    return {name: metadata.version(name) for name in _LIBRARIES}


# ------------------------------------------------------------------------------------------------ convergence
@dataclass(frozen=True)
class Convergence:
    """Whether the draws can be trusted to represent the posterior.

    Attributes
    ----------
    verdict : {"converged", "doubtful", "failed"}
    rhat : float
        Largest rank-normalised split R-hat of any parameter.
    ess_bulk, ess_tail : float
        Smallest effective sample sizes of any parameter.
    divergences, draws : int
        Divergent transitions, and draws in all chains.
    worst : str
        The parameter with the smallest effective sample size or, where R-hat is too large, the largest R-hat.
    """

    verdict: str
    rhat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    draws: int
    worst: str

    def __str__(self) -> str:
        head = (
            f"sampler verdict: {self.verdict} (R-hat {self.rhat:.3f}, allowed {RHAT_GOOD}; effective sample size bulk "
            f"{self.ess_bulk:.0f}, tail {self.ess_tail:.0f}, asked {ESS_GOOD:.0f}; {self.divergences} divergences in "
            f"{self.draws} draws; worst: {self.worst})"
        )
        moves = self.next_moves()
        return head if not moves else head + "".join(f"\n  {i}. {m}" for i, m in enumerate(moves, 1))

    def next_moves(self) -> list[str]:
        """What to try, in order; empty when the verdict is good."""
        if self.verdict == "converged":
            return []
        moves = []
        if self.divergences:
            moves.append("raise target_accept, as fit(..., target_accept=0.97)")
        if self.rhat > RHAT_GOOD or min(self.ess_bulk, self.ess_tail) < ESS_GOOD:
            moves.append("run longer, as fit(..., draws=2000, tune=2000)")
        moves.append(f"look at {self.worst}: narrow its prior if the data cannot inform it")
        moves.append("simplify: fewer channels, a lower Fourier order, or more periods")
        return moves


def _convergence(tree: xr.DataTree) -> Convergence:
    import arviz_stats

    posterior = tree["posterior"].to_dataset()
    divergences = int(tree["sample_stats"]["diverging"].sum())
    draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    rhat = _flat(arviz_stats.rhat(posterior)) if posterior.sizes["chain"] > 1 else {"(one chain)": np.nan}
    bulk = _flat(arviz_stats.ess(posterior, method="bulk"))
    tail = _flat(arviz_stats.ess(posterior, method="tail"))
    # An unknown R-hat (one chain, or a parameter that never moves) is not a good one.
    worst_rhat = max(rhat, key=lambda k: np.inf if np.isnan(rhat[k]) else rhat[k])
    worst_ess = min(bulk, key=lambda k: -np.inf if np.isnan(bulk[k]) else bulk[k])
    numbers = (rhat[worst_rhat], bulk[worst_ess], min(tail.values()))
    good = numbers[0] <= RHAT_GOOD and min(numbers[1:]) >= ESS_GOOD and divergences == 0
    usable = numbers[0] <= RHAT_BAD and min(numbers[1:]) >= ESS_BAD and divergences <= DIVERGENT_BAD * draws
    return Convergence(
        verdict="converged" if good else "doubtful" if usable else "failed",
        rhat=float(numbers[0]),
        ess_bulk=float(numbers[1]),
        ess_tail=float(numbers[2]),
        divergences=divergences,
        draws=draws,
        worst=worst_ess if numbers[0] <= RHAT_GOOD else worst_rhat,
    )


def _flat(values: xr.Dataset) -> dict[str, float]:
    out = {}
    for name, array in values.data_vars.items():
        flat = array.stack(at=array.dims) if array.dims else array.expand_dims("at")
        for label, value in zip(
            np.atleast_1d(flat["at"].values) if array.dims else [()], flat.values, strict=True
        ):
            where = ", ".join(map(str, label))
            out[f"{name}[{where}]" if where else str(name)] = float(value)
    return out


# -------------------------------------------------------------------------------------------------- summaries
def summarise(draws: xr.DataArray | xr.Dataset, ci_prob: float | None = None) -> pd.DataFrame:
    """Summarise draws as a table: median, interval, mean, standard deviation.

    Parameters
    ----------
    draws : DataArray or Dataset
        With dims chain and draw.
    ci_prob : float in (0, 1), optional
        Probability of the equal-tailed interval; by default ArviZ's ``stats.ci_prob``.

    Returns
    -------
    pandas.DataFrame
        One row per value, named ``variable[label, ...]``; columns median, lower, upper, mean, sd. ``attrs["ci_prob"]``
        holds the probability of the interval.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> x = xr.DataArray(np.arange(101.0)[None], dims=("chain", "draw"), name="x")
    >>> summarise(x, ci_prob=0.8)[["median", "lower", "upper"]]
       median  lower  upper
    x    50.0   10.0   90.0
    """
    ci_prob = _ci_prob(ci_prob)
    data = draws.to_dataset(name=draws.name or "value") if isinstance(draws, xr.DataArray) else draws
    over = ["chain", "draw"]
    tail = (1.0 - ci_prob) / 2.0
    columns = {
        "median": data.median(over),
        "lower": data.quantile(tail, over),
        "upper": data.quantile(1.0 - tail, over),
        "mean": data.mean(over),
        "sd": data.std(over),
    }
    table = pd.DataFrame({name: _flat(values) for name, values in columns.items()})
    table.attrs["ci_prob"] = ci_prob
    return table


def _ci_prob(ci_prob: float | None) -> float:
    from arviz_base import rcParams

    value = rcParams["stats.ci_prob"] if ci_prob is None else ci_prob
    if not 0.0 < value < 1.0:
        raise ValueError(f"ci_prob={value!r} must lie between 0 and 1, as 0.9")
    return float(value)


# -------------------------------------------------------------------------------------------------------- fit
@dataclass(frozen=True)
class Fit:
    """The result of `fit`: draws together with everything needed to read them.

    Attributes
    ----------
    data : MMMData
    system : MMM
    scales : Scales
        Frozen scales; no answer recomputes them.
    tree : xarray.DataTree
        ArviZ groups: posterior, sample_stats, log_likelihood, log_prior, posterior_predictive, prior,
        prior_predictive, observed_data, constant_data.
    settings : dict
        Sampler settings, seed and seconds.
    versions : dict
        Libraries that made the draws.
    """

    data: MMMData
    system: MMM
    scales: Scales
    tree: xr.DataTree
    settings: Mapping[str, Any]
    versions: Mapping[str, str]

    @functools.cached_property
    def convergence(self) -> Convergence:
        """Verdict on the sampler: R-hat, effective sample sizes, divergences."""
        return _convergence(self.tree)

    @property
    def posterior(self) -> xr.Dataset:
        """The posterior draws, ``equation.parameter`` by chain, draw and label."""
        return self.tree["posterior"].to_dataset()

    def parameters(self) -> Parameters:
        """Posterior draws as the engine's arrays, chain after chain."""
        return stack(self.system, self.posterior)

    def summary(self, ci_prob: float | None = None) -> pd.DataFrame:
        """Table of every parameter: `summarise` with R-hat and effective sample sizes beside it."""
        import arviz_stats

        posterior = self.posterior
        table = summarise(posterior, ci_prob)
        if posterior.sizes["chain"] > 1:
            table["rhat"] = pd.Series(_flat(arviz_stats.rhat(posterior)))
        table["ess_bulk"] = pd.Series(_flat(arviz_stats.ess(posterior, method="bulk")))
        table["ess_tail"] = pd.Series(_flat(arviz_stats.ess(posterior, method="tail")))
        return table

    def coefficients(self, equation: str) -> xr.DataArray:
        """Linear coefficients of an equation in raw units.

        A control: units of the series per unit of the control (on the log scale under "lognormal"). Trend: change from
        the first to the last fitted period. The intercept absorbs the centring of the controls.

        Parameters
        ----------
        equation : str

        Returns
        -------
        xarray.DataArray
            Dims chain, draw, ``equation.term``.
        """
        spec = self.system.equation(equation)
        size = 1.0 if spec.likelihood == "lognormal" else float(self.scales.size[equation].item())
        dim = f"{equation}.term"
        b = self.posterior[f"{equation}.coefficient"] * size
        terms = b[dim].values.tolist()
        spread = xr.DataArray([self.scales.spread[t] if t in spec.linear else 1.0 for t in terms], dims=dim)
        center = xr.DataArray([self.scales.center[t] if t in spec.linear else 0.0 for t in terms], dims=dim)
        raw = b / spread
        shift = (raw * center).sum(dim)
        return raw.where(raw[dim] != "intercept", raw - shift).rename(f"{equation}.coefficient_raw")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to one netCDF file.

        The file is written under a temporary name in the same folder and then renamed, so that a failure leaves an
        existing file as it was.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        pathlib.Path

        Raises
        ------
        FitFileError
            When the file cannot be written.
        """
        path = Path(path)
        tree = self.tree.copy()
        tree[_OWN_GROUP] = xr.DataTree(_own_group(self))
        handle = None
        try:
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
            os.close(handle)
            try:
                tree.to_netcdf(temporary, engine="h5netcdf")
                _flush(temporary)
                os.replace(temporary, path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise FitFileError(
                f"{path} could not be written: {error}. An existing file is unchanged. Give a path in a folder that "
                f"exists, with space and write permission."
            ) from error
        return path

    def __repr__(self) -> str:
        data, s = self.data, self.settings
        seconds = s["seconds"]
        took = ", ".join(f"{k} {v:.1f} s" for k, v in seconds.items())
        return (
            f"Fit of {self.system.outcome!r} ({' -> '.join(self.system.order)}) on {len(data.dates)} {data.frequency} "
            f"periods, {data.dates[0]:%Y-%m-%d} to {data.dates[-1]:%Y-%m-%d}\n"
            f"{s['chains']} chains x {s['draws']} draws by {s['sampler']}, seed {s['seed']}; {took}\n"
            f"{self.convergence}\n"
            f"Next: fit.summary(), fit.tree (ArviZ groups), fit.save('fit.nc')"
        )


# ------------------------------------------------------------------------------------------------------- files
def _own_group(fit: Fit) -> xr.Dataset:
    data = fit.data
    roles = {
        "outcome": data.outcome,
        "media": list(data.media),
        "mediators": dict(data.mediators),
        "controls": list(data.controls),
        "outcome_unit": data.outcome_unit,
        "unused": list(data.unused),
    }
    variables = {f"column_{i}": (("geo", "date"), v) for i, v in enumerate(data.columns.values())}
    attrs = {
        "format": FORMAT,
        "columns": json.dumps(list(data.columns)),
        "roles": json.dumps(roles),
        "system": fit.system.to_toml(),
        "scales": json.dumps(fit.scales.to_dict()),
        "settings": json.dumps(fit.settings),
        "versions": json.dumps(dict(fit.versions)),
    }
    return xr.Dataset(variables, {"geo": list(data.geos), "date": data.dates}, attrs)


def _flush(path: str) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def load(path: str | os.PathLike[str]) -> Fit:
    """Read a fit that `Fit.save` wrote; every number comes back bit for bit.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Fit

    Raises
    ------
    FitFileError
        When the file is missing, cut short, not a saved fit, or written by a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise FitFileError(f"{path} does not exist. Give the path that fit.save(...) returned.")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise FitFileError(
            f"{path} cannot be read as netCDF ({error}): it is cut short or not a saved fit. Save the fit again."
        ) from error
    own = tree[_OWN_GROUP].to_dataset() if _OWN_GROUP in tree.children else xr.Dataset()
    if "format" not in own.attrs:
        raise FitFileError(
            f"{path} is a netCDF file but not a fit of bayesmmm: its group {_OWN_GROUP!r} is missing. Give a file that "
            f"fit.save(...) wrote."
        )
    if int(own.attrs["format"]) > FORMAT:
        version = json.loads(own.attrs["versions"]).get("bayesmmm", "unknown")
        raise FitFileError(
            f"{path} has file format {int(own.attrs['format'])}, written by bayesmmm {version}; this version reads up "
            f"to format {FORMAT}. Upgrade bayesmmm."
        )
    return _from_tree(tree, own)


def _from_tree(tree: xr.DataTree, own: xr.Dataset) -> Fit:
    roles = json.loads(own.attrs["roles"])
    names = json.loads(own.attrs["columns"])
    data = MMMData(
        dates=pd.DatetimeIndex(own["date"].values),
        geos=tuple(str(g) for g in own["geo"].values),
        columns={name: own[f"column_{i}"].values for i, name in enumerate(names)},
        **roles,
    )
    groups = {name: node.to_dataset() for name, node in tree.children.items() if name != _OWN_GROUP}
    return Fit(
        data=data,
        system=read_toml(own.attrs["system"])[0],
        scales=Scales.from_dict(json.loads(own.attrs["scales"])),
        tree=xr.DataTree.from_dict(groups),
        settings=json.loads(own.attrs["settings"]),
        versions=json.loads(own.attrs["versions"]),
    )
