"""`Fit`: data, system, scales and draws in one record, and its file.

The verdict on the sampler, and the R-hat and effective sample sizes that it rests on, are kept in the file with a
fingerprint of the draws they are of, since working them out takes longer than reading the file; for other draws they are
worked out anew.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.data import MMMData, Scales
from bayesmmm.data.checks import NATIONAL
from bayesmmm.engine import Parameters, to_arrays
from bayesmmm.equations import MMM
from bayesmmm.equations.event_terms import event_columns
from bayesmmm.equations.text import unit_of
from bayesmmm.errors import FitFileError, MissingLibraryError, PanelError
from bayesmmm.files import digest
from bayesmmm.results.convergence import MIXING, Convergence, fingerprint, group_of, judge, judged, mixing
from bayesmmm.results.fit_file import GIVEN_SCALES, read_fit_file, write_fit_file
from bayesmmm.results.summaries import flat, summarise
from bayesmmm.text import notebook_html
from bayesmmm.validate import about, check_count, check_path

#: Parameters that are compared by factors, and so drawn on a logarithmic axis.
FACTORS = ("half_life", "half_saturation", "slope")
_PARTS = ("data", "system", "scales", "tree", "settings", "versions")
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
    answering : int, optional
        Answers use at most so many draws, as `thin` says; all by default.
    accepted : bool
        Whether answers may rest on a sampler that failed, as `accept_unconverged` says.
    """

    data: MMMData
    system: MMM
    scales: Scales
    tree: xr.DataTree
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    answering: int | None = None
    accepted: bool = False
    #: What was worked out about these draws; a changed record begins without it.
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def convergence(self) -> Convergence:
        """Verdict on the sampler: R-hat, effective sample sizes, divergences."""
        if "convergence" not in self.memo:
            self.memo["judged"] = fingerprint(self.tree)
            self.memo["convergence"] = judge(self.tree, self.mixing)
        return self.memo["convergence"]

    @property
    def mixing(self) -> pd.DataFrame:
        """R-hat (none of a single chain), bulk and tail effective sample size of every parameter."""
        mark = fingerprint(self.tree)  # a tree can be changed in place
        if self.memo.get("mixing", ("",))[0] != mark:
            self.memo["mixing"] = (mark, mixing(self.posterior))
        return self.memo["mixing"][1].copy()

    def with_convergence(self, known: Convergence) -> "Fit":
        """Return the fit with a verdict that is known already, as from one with the same draws; files do not keep it."""
        fit = replace(self)
        fit.memo["convergence"] = known
        return fit

    def thin(self, draws: int) -> "Fit":
        """Return a fit that answers with at most so many draws: evenly spaced, the same number from every chain.

        Answers of it are smaller, quicker, and less exact. They are those of the whole fit in the draws that are left:
        nothing else changes. The verdict on the sampler, tables of parameters and checks go on to use all draws.

        Parameters
        ----------
        draws : int
            In all chains together; one per chain at least.

        Returns
        -------
        Fit

        Raises
        ------
        SettingError
            For an impossible number of draws.

        Examples
        --------
        >>> parts = mm.decompose(fit.thin(1000))  # doctest: +SKIP
        """
        sizes = self.posterior.sizes
        check_count(draws, "draws", least=sizes["chain"], advice="one draw per chain")
        return self._answering(answering=min(draws, self.answering or sizes["chain"] * sizes["draw"]))

    def sel(self, geo: str | Sequence[str]) -> "Fit":
        """Return the fit of one geo of a panel, or of some: answers are theirs alone, in total over them.

        Parameters
        ----------
        geo : str or sequence of str

        Returns
        -------
        Fit
            With the draws, scales and data of these geos, and the verdict on the whole fit.

        Raises
        ------
        PanelError
            For a geo that is not in the data, and for a fit of national data.

        Examples
        --------
        >>> mm.roi(fit.sel(geo=["north", "east"]))  # doctest: +SKIP
        """
        if self.data.geos == (NATIONAL,):
            raise PanelError("the fit is of national data, without geos to choose from; ask the fit itself")
        data = self.data.sel(geo)
        at, one = [self.data.geos.index(name) for name in data.geos], len(data.geos) == 1
        groups = {name: node.to_dataset() for name, node in self.tree.children.items()}
        for name, group in groups.items():
            if "date" in group.dims and len(data.dates) < len(self.data.dates):  # periods of these geos
                groups[name] = group = group.sel(date=data.dates)
            if "geo" in group.dims:
                groups[name] = group.isel(geo=at[0], drop=True) if one else group.isel(geo=at)
        fit = replace(
            self,
            data=data,
            scales=self.scales.sel(at),
            tree=xr.DataTree.from_dict(groups),
            settings={"selected_from": len(self.data.geos), **self.settings, "scales": GIVEN_SCALES},
        )
        return fit.with_convergence(self.convergence)

    def accept_unconverged(self) -> "Fit":
        """Return a fit that answers even if its sampler failed; answers go on to carry ``attrs["verdict"]``.

        Returns
        -------
        Fit

        Examples
        --------
        >>> found = mm.roi(fit.accept_unconverged())  # doctest: +SKIP
        >>> found.attrs["verdict"]  # doctest: +SKIP
        """
        return self._answering(accepted=True)

    def _answering(self, **changes: Any) -> "Fit":
        fit = replace(self, **changes)
        object.__setattr__(fit, "memo", self.memo)  # the draws are the same
        return fit

    def explore(self, *, height: int = 900, port: int = 0, address: str | None = None) -> Any:
        """Show the planner's page of this fit in a notebook: sliders, what they bring, the best plan, scenarios.

        A service begins in a thread of this process and listens on this machine only. Needs ``bayesmmm[serve]``.

        Parameters
        ----------
        height : int
            Of the frame, in pixels.
        port : int
            To listen on; 0 for any that is free.
        address : str, optional
            Where a browser finds the page if this process runs elsewhere, as "/proxy/{port}/" behind a notebook server
            that passes ports on.

        Returns
        -------
        Explorer
            Shown by the notebook; ``stop()`` ends the service.

        Raises
        ------
        MissingLibraryError
            Without the extra.
        ServiceError, SettingError
            For a port that is taken, and impossible numbers.

        Examples
        --------
        >>> fit.explore()  # doctest: +SKIP
        """
        # By name: a fit knows nothing of what is built on it.
        try:
            room = import_module("bayesmmm.serve.notebook")
        except ModuleNotFoundError as error:
            raise MissingLibraryError(
                f"the page needs the package {error.name}, which is not installed; install the extra, as "
                f"pip install 'bayesmmm[serve]'"
            ) from error
        return room.explore(self, height=height, port=port, address=address)

    @property
    def stamp(self) -> str:
        """Twelve letters that change with draws, data, system or scales; every file made of a fit carries them."""
        data = self.data
        columns = [np.ascontiguousarray(values).data.cast("B") for values in data.columns.values()]
        roles: tuple = (list(data.columns), data.geos, data.media, dict(data.mediators), data.outcome_unit)
        roles += (dict(data.levels),) if data.levels else ()
        roles += (dict(data.missing), data.has_row.tolist()) if data.missing else ()
        roles += (dict(data.units), dict(data.spend)) if data.units or data.spend else ()
        dates = data.dates.asi8.tolist()
        scales = self.scales.to_dict()
        return digest(fingerprint(self.tree), self.system.to_toml(), scales, roles, dates, *columns)

    @property
    def posterior(self) -> xr.Dataset:
        """The posterior draws, ``equation.parameter`` by chain, draw and label."""
        return group_of(self.tree, "posterior")

    def parameters(self) -> Parameters:
        """Posterior draws as the engine's arrays, chain after chain."""
        return to_arrays(self.system, self.posterior)

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
        posterior = self.posterior
        table = summarise(posterior, ci_prob)
        for name, values in self.mixing.items():
            if name != "rhat" or posterior.sizes["chain"] > 1:
                table[name] = values
        table.attrs["units"] = {str(v): _unit(self.system, str(v)) for v in posterior.data_vars}
        return table

    def coefficients(self, equation: str) -> xr.DataArray:
        """Linear coefficients of an equation in raw units.

        A control: units of the series per unit of the control (of its logarithm under "lognormal"). An event: per day of
        it, one of a pool as a whole, beside the mean of its pool. Trend: change over the fitted periods at the slope
        before the first knot; a knot: what it adds to that. The intercept absorbs the centring of the linear columns.

        Parameters
        ----------
        equation : str

        Returns
        -------
        xarray.DataArray
            Dims chain, draw, on a panel geo, and ``equation.term``.
        """
        spec = self.system.equation(equation)
        many = len(self.data.geos) > 1
        scale = xr.DataArray(self.scales.size[equation], dims="geo") if many else self.scales.size[equation].item()
        size = 1.0 if spec.family.log_scale else scale
        dim = f"{equation}.term"
        b = self.posterior[f"{equation}.coefficient"] * size
        for pool, names in spec.pooled_events.items():
            b = b + b[dim].isin(names) * b.sel({dim: pool}, drop=True)
        terms, column = b[dim].values.tolist(), {t: names[0] for t, names in event_columns(spec).items()}
        column |= {t: t for t in spec.linear}
        spread = xr.DataArray([self.scales.spread[column[t]] if t in column else 1.0 for t in terms], dims=dim)
        center = xr.DataArray([self.scales.center[t] if t in spec.linear else 0.0 for t in terms], dims=dim)
        raw = b / spread
        shift = (raw * center).sum(dim)
        if spec.family.log_scale:  # the logarithm of the series, not of its share of mean size
            shift = shift - np.log(scale)
        return raw.where(raw[dim] != "intercept", raw - shift).rename(f"{equation}.coefficient_raw")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to one netCDF file.

        The file is made beside and then moved in, so that a failure leaves an existing file as it was. It ends in a
        checksum: one that was changed or damaged is refused by `load`. The verdict on the sampler is written with it,
        and what it rests on.
        All draws are written, of a fit that answers with some of them too; a fit that is loaded answers with as many.
        Whoever loads a fit whose sampler failed has to accept it anew.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        pathlib.Path

        Raises
        ------
        FitFileError
            When the file cannot be written, or a symbolic link, a device or a folder stands in its place.
        """
        path = check_path(path, "path", FitFileError, "fit.nc")
        draws = fingerprint(self.tree)
        extra: dict[str, Any] = {} if self.answering is None else {"answering": self.answering}
        if self.memo.get("judged") == draws:  # no verdict made by hand, or on draws that were changed since
            numbers = {k: v for k, v in asdict(self.convergence).items() if k != "verdict"}
            extra |= {"convergence": json.dumps(numbers), "fingerprint": draws}
            if self.memo.get("mixing", ("",))[0] == draws:
                extra["mixing"] = json.dumps(self.mixing.to_dict("split"))
        parts = {name: getattr(self, name) for name in _PARTS}
        write_fit_file(path, self.stamp, **parts, extra=extra)
        return path

    def __repr__(self) -> str:
        data, s = self.data, self.settings
        took = ", ".join(f"{k} {v:.1f} s" for k, v in s["seconds"].items())
        used = f"\nanswers use at most {self.answering} draws" if self.answering else ""
        used += "\nanswers are given although the sampler failed" if self.accepted else ""
        return (
            f"Fit of {self.system.outcome!r} ({' -> '.join(self.system.order)}) on {len(data.dates)} {data.frequency} "
            f"periods, {data.dates[0]:%Y-%m-%d} to {data.dates[-1]:%Y-%m-%d}\n"
            f"{s['chains']} chains x {s['draws']} draws by {s['sampler']}, seed {s['seed']}; {took}\n"
            f"{self.convergence}{used}\n"
            f"Next: fit.summary(), fit.tree (ArviZ groups), fit.save('fit.nc')"
        )

    def _repr_html_(self) -> str:
        """Return size, sampler and verdict, for notebooks."""
        s, sampled = self.settings, self.convergence
        rows = {
            "equations": " -> ".join(self.system.order),
            "periods": f"{len(self.data.dates)} {self.data.frequency}",
            "draws": f"{s['chains']} chains x {s['draws']} draws by {s['sampler']}, seed {s['seed']}",
            "sampler verdict": sampled.verdict,
            "R-hat": f"{sampled.rhat:.3f}",
            "effective sample size": f"bulk {sampled.ess_bulk:.0f}, tail {sampled.ess_tail:.0f}",
            "divergences": sampled.divergences,
        }
        return notebook_html(repr(self), {"fit": list(rows), "": list(rows.values())})


def check_fit(fit: object) -> None:
    """Refuse what is no fit."""
    if not isinstance(fit, Fit):
        kind = type(fit).__name__
        raise about("fit", fit, f"fit is a {kind}, and must be a Fit, as mm.fit(system, data) returns it")


def _unit(system: MMM, variable: str) -> str:
    name, _, parameter = variable.rpartition(".")
    # Coefficients are those of all linear terms: what they share is the unit of the series.
    alike = {"coefficient": "intercept", "period": "intercept"}
    return unit_of(system.equation(name), alike.get(parameter, parameter.removeprefix("median_")))


def check_one_geo(fit: Fit, what: str) -> None:
    """Refuse a fit of several geos, which `what` is not said of."""
    check_fit(fit)
    geos = fit.data.geos
    if len(geos) > 1:
        raise PanelError(
            f"{what} is for one series, and the fit holds {len(geos)} geos ({', '.join(geos[:3])}"
            f"{', ...' * (len(geos) > 3)}); ask one after another, as with fit.sel({geos[0]!r})"
        )


def prior_and_posterior(
    fit: Fit, variable: str, ci_prob: float | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summaries of a variable before and after the data; ``attrs["unit"]`` of the second is its unit."""
    prior, posterior = (
        summarise(group_of(fit.tree, group)[variable], ci_prob) for group in ("prior", "posterior")
    )
    posterior.attrs["unit"] = _unit(fit.system, variable)
    return prior, posterior


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
        When the file is missing, cut short, damaged, changed since it was saved, not a saved fit, or of another
        version's format; when data, system, scales and draws in it do not belong together.
    """
    path = check_path(path, "path", FitFileError, "fit.nc")
    parts, attrs = read_fit_file(path)
    try:
        answering = int(attrs["answering"]) if "answering" in attrs else None
        fit = Fit(**parts, answering=answering)
        if "fingerprint" in attrs:
            known = judged(**json.loads(attrs["convergence"]))
            sizes = fit.posterior.sizes
            if (known.chains, known.draws) != (sizes["chain"], sizes["chain"] * sizes["draw"]):
                raise ValueError(f"a verdict on {known.draws} draws")
            fit.memo.update(judged=attrs["fingerprint"], convergence=known)
        if "mixing" in attrs:
            table = pd.DataFrame(**json.loads(attrs["mixing"]), dtype=float)
            rows = list(flat(fit.posterior.isel(chain=0, draw=0)))
            if list(table.columns) != list(MIXING) or list(table.index) != rows:
                raise ValueError("a table of other parameters")
            fit.memo["mixing"] = attrs["fingerprint"], table
    except (ValueError, KeyError, TypeError) as error:
        raise FitFileError(
            f"{path} does not hold a fit that can be used: its verdict is not one on its draws ({error}). Save the fit "
            f"again from where it was made, or fit again."
        ) from error
    return fit
