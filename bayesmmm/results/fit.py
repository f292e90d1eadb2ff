"""`Fit`: data, system, scales and draws in one record."""

import functools
import os
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
from bayesmmm.equations import MMM
from bayesmmm.results.convergence import Convergence, fingerprint, judge
from bayesmmm.results.files import JUDGED, read, write
from bayesmmm.results.summaries import flat, summarise
from bayesmmm.text import notebook_html

_LIBRARIES = ("bayesmmm", "pymc", "pytensor", "nutpie", "numba", "numpy", "scipy", "xarray", "arviz-stats")


def library_versions() -> dict[str, str]:
    """Versions of the libraries that shape a fit, by name."""
    return {name: metadata.version(name) for name in _LIBRARIES}


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
        prior_predictive, observed_data, constant_data. A prior on ``roi`` or ``retention`` appears under that name in
        log_prior; the posterior always holds contribution and half_life.
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
        self.__dict__[JUDGED] = fingerprint(self.tree)
        return judge(self.tree)

    @property
    def posterior(self) -> xr.Dataset:
        """The posterior draws, ``equation.parameter`` by chain, draw and label."""
        return self.tree["posterior"].to_dataset()

    def parameters(self) -> Parameters:
        """Posterior draws as the engine's arrays, chain after chain."""
        return stack(self.system, self.posterior)

    def summary(self, ci_prob: float | None = None) -> pd.DataFrame:
        """Table of every parameter: `summarise` with R-hat and effective sample sizes beside it.

        Parameters
        ----------
        ci_prob : float in (0, 1), optional
            As in `summarise`.

        Returns
        -------
        pandas.DataFrame
            ``attrs["units"]`` holds the unit of each variable.
        """
        import arviz_stats

        posterior = self.posterior
        table = summarise(posterior, ci_prob)
        if posterior.sizes["chain"] > 1:
            table["rhat"] = pd.Series(flat(arviz_stats.rhat(posterior)))
        table["ess_bulk"] = pd.Series(flat(arviz_stats.ess(posterior, method="bulk")))
        table["ess_tail"] = pd.Series(flat(arviz_stats.ess(posterior, method="tail")))
        table.attrs["units"] = {str(v): _unit(self.system, str(v)) for v in posterior.data_vars}
        return table

    def coefficients(self, equation: str) -> xr.DataArray:
        """Linear coefficients of an equation in raw units.

        A control: units of the series per unit of the control (of its logarithm under "lognormal"). Trend: change over
        the fitted periods at the slope before the first knot; a knot: what it adds to that. The intercept absorbs the
        centring of the linear columns.

        Parameters
        ----------
        equation : str

        Returns
        -------
        xarray.DataArray
            Dims chain, draw, ``equation.term``.
        """
        spec = self.system.equation(equation)
        size = 1.0 if spec.family.log_scale else float(self.scales.size[equation].item())
        dim = f"{equation}.term"
        b = self.posterior[f"{equation}.coefficient"] * size
        terms = b[dim].values.tolist()
        spread = xr.DataArray([self.scales.spread[t] if t in spec.linear else 1.0 for t in terms], dims=dim)
        center = xr.DataArray([self.scales.center[t] if t in spec.linear else 0.0 for t in terms], dims=dim)
        raw = b / spread
        shift = (raw * center).sum(dim)
        if spec.family.log_scale:  # the logarithm of the series, not of its share of mean size
            shift = shift - np.log(self.scales.size[equation].item())
        return raw.where(raw[dim] != "intercept", raw - shift).rename(f"{equation}.coefficient_raw")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to one netCDF file.

        The file is written under a temporary name in the same folder and then renamed, so that a failure leaves an
        existing file as it was. The verdict on the sampler is written with a fingerprint of the draws it is on: whoever
        reads the file has it at once, and draws that were changed since are judged anew.

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
        return write(self, path)

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

    def _repr_html_(self) -> str:
        """Return size, sampler and verdict, for notebooks."""
        s, found = self.settings, self.convergence
        rows = {
            "equations": " -> ".join(self.system.order),
            "periods": f"{len(self.data.dates)} {self.data.frequency}",
            "draws": f"{s['chains']} chains x {s['draws']} draws by {s['sampler']}, seed {s['seed']}",
            "sampler verdict": found.verdict,
            "R-hat": f"{found.rhat:.3f}",
            "effective sample size": f"bulk {found.ess_bulk:.0f}, tail {found.ess_tail:.0f}",
            "divergences": found.divergences,
        }
        return notebook_html(repr(self), {"fit": list(rows), "": list(rows.values())})


def _unit(system: MMM, variable: str) -> str:
    name, _, parameter = variable.rpartition(".")
    family = system.equation(name).family if name in system.order else None
    share = "log units" if family and family.log_scale else f"share of mean |{name}|"
    if parameter == "sigma" and family and family.heavy_tailed:
        share += ", scale of the t"
    fixed = {
        "half_life": "days",
        "half_saturation": "multiples of mean spend",
        "slope": "",
        "nu_minus_two": "",
        "rho": "correlation",
    }
    return fixed.get(parameter, share)


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
    fields, known = read(path)
    found = Fit(**fields)
    found.__dict__.update(known)
    return found
