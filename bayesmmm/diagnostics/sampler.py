"""Whether the sampler reached the posterior: R-hat, effective sample sizes, divergences, tree depth, energy."""

import numpy as np
import pandas as pd

from bayesmmm.diagnostics.advice import prior_on
from bayesmmm.diagnostics.check import Check, check_against
from bayesmmm.diagnostics.thresholds import (
    CONVERGENCE_SOURCE,
    DIVERGENCE_SOURCE,
    ENERGY,
    PARETO_K,
    TREE_DEPTH,
    Threshold,
)
from bayesmmm.equations.panel import POOLABLE
from bayesmmm.results import Fit
from bayesmmm.results.convergence import (
    DIVERGENT_BAD,
    ESS_BAD,
    ESS_GOOD,
    FIT_WITHOUT,
    MODES_MOVES,
    RHAT_BAD,
    RHAT_GOOD,
    absent_rows,
)
from bayesmmm.text import row_parts

#: Parameters whose prior decides what others of a panel are.
_BEHIND = {**{f"median_{name}": name for name in ("contribution", *POOLABLE)}, "period": "omega"}
_LONGER = "run longer, as mm.fit(system, data, draws=2000, tune=2000)"
_CAREFUL = "take smaller steps, as mm.fit(system, data, target_accept=0.97)"
#: What nutpie and PyMC call a trajectory that was cut off at the greatest depth.
_AT_MAXIMUM = ("maxdepth_reached", "reached_max_treedepth")


def sampler_checks(fit: Fit) -> tuple[list[Check], dict[str, pd.DataFrame]]:
    """Check the draws of a fit, by the thresholds of ``fit.convergence``.

    Tables: "convergence" (R-hat, bulk and tail ESS of every parameter) and "chains" (divergences, share of draws at the
    greatest tree depth and E-BFMI of every chain).
    """
    if fit.convergence.pareto_k is not None:
        return [_preview(fit)], {}
    parameters, chains = _parameters(fit), _chains(fit)
    checks = [_rhat(fit, parameters), *_modes(fit), *(_ess(fit, parameters, kind) for kind in ("bulk", "tail"))]
    checks += [_divergences(fit, chains), _tree_depth(chains), _energy(fit, chains)]
    return checks, {"convergence": parameters, "chains": chains}


def _parameters(fit: Fit) -> pd.DataFrame:
    return fit.mixing.drop(index=list(absent_rows(fit.posterior)))


def _chains(fit: Fit) -> pd.DataFrame:
    stats = fit.tree["sample_stats"].to_dataset()
    chain = pd.Index(stats["chain"].values, name="chain")
    table = pd.DataFrame({"divergences": stats["diverging"].sum("draw").values}, chain)
    name = next((n for n in _AT_MAXIMUM if n in stats), None)
    table["at_maximum_depth"] = np.nan if name is None else stats[name].mean("draw").values
    table["bfmi"] = np.nan
    if "energy" in stats:
        energy = stats["energy"].transpose("chain", "draw").values
        # Of a chain that stands still neither number is defined: as bad as can be.
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = (np.diff(energy, axis=1) ** 2).mean(axis=1) / energy.var(axis=1)
        table["bfmi"] = np.where(energy.std(axis=1) > 0.0, ratio, 0.0)
    return table


def _rhat(fit: Fit, table: pd.DataFrame) -> Check:
    threshold = Threshold(RHAT_GOOD, CONVERGENCE_SOURCE, fail=RHAT_BAD)
    meaning = "chains that disagree have not all reached the same posterior: intervals would change with the seed"
    if table["rhat"].isna().all() and not table["ess_bulk"].isna().all():
        finding = "there is one chain, and one chain cannot show that it converged."
        remedies = ("run several chains, as mm.fit(system, data, chains=4)",)
        return Check("rhat", "sampler", "warn", np.nan, RHAT_GOOD, finding, CONVERGENCE_SOURCE, meaning, remedies)
    value, worst, narrow = _worst(fit, table["rhat"].fillna(np.inf), largest=True)
    compare = f"compare the chains of {worst} with ArviZ, as arviz.plot_trace(fit.tree)"
    still = " (it does not move at all)" if np.isinf(value) else ""
    finding = f"largest R-hat {value:.3f}, of {worst}{still}; allowed {RHAT_GOOD}."
    return check_against("rhat", "sampler", threshold, value, finding, meaning, (*_longer(fit), compare, narrow))


def _preview(fit: Fit) -> Check:
    """Fail what was not sampled."""
    known = fit.convergence
    assert known.pareto_k is not None
    meaning = "a Normal takes the place of the posterior, so that intervals are too narrow, too wide or beside it"
    told, source = f"{known.preview}.", PARETO_K.source
    return Check(
        "preview", "sampler", "fail", known.pareto_k, PARETO_K.warn, told, source, meaning, (FIT_WITHOUT,)
    )


def _modes(fit: Fit) -> list[Check]:
    """Say where chains stayed in different modes; nothing where they did not."""
    text = fit.convergence.modes
    if not text:
        return []
    meaning = "answers mix modes by the number of chains that happened to fall into each, which is no probability"
    source = "convention of this package: no chain connects them, 99 % of pairs of draws in one order"
    return [Check("modes", "sampler", "fail", np.nan, np.nan, f"{text}.", source, meaning, MODES_MOVES)]


def _ess(fit: Fit, table: pd.DataFrame, kind: str) -> Check:
    threshold = Threshold(ESS_GOOD, CONVERGENCE_SOURCE, fail=ESS_BAD, above=False)
    value, worst, narrow = _worst(fit, table[f"ess_{kind}"].fillna(0.0), largest=False)
    finding = f"smallest {kind} effective sample size {value:.0f} draws, of {worst}; asked {ESS_GOOD:.0f}."
    what = "medians and means" if kind == "bulk" else "ends of intervals"
    meaning = f"{what} carry Monte Carlo error: they would move if the fit were run again"
    return check_against(f"ess_{kind}", "sampler", threshold, value, finding, meaning, (*_longer(fit), narrow))


def _longer(fit: Fit) -> tuple[str, ...]:
    """Running longer, as a remedy: none where chains stayed in different modes."""
    return () if fit.convergence.modes else (_LONGER,)


def _worst(fit: Fit, column: pd.Series, *, largest: bool) -> tuple[float, str, str]:
    """Worst value, its parameter and the remedy for that; of one that never moves the caller has filled in the worst."""
    worst = str(column.idxmax() if largest else column.idxmin())
    variable, label = row_parts(worst, map(str, fit.posterior))
    name, _, parameter = variable.rpartition(".")
    code = prior_on(fit.system.equation(name), _BEHIND.get(parameter, parameter), label.rpartition(", ")[2])
    narrow = f"look at {worst}: if the data cannot inform it, give it a narrower prior, as {code}"
    return float(column[worst]), worst, narrow


def _divergences(fit: Fit, chains: pd.DataFrame) -> Check:
    draws = fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"]
    count = int(chains["divergences"].sum())
    threshold = Threshold(0.0, DIVERGENCE_SOURCE, fail=DIVERGENT_BAD * draws)
    finding = f"{count} divergences in {draws} draws; by chain {', '.join(map(str, chains['divergences']))}."
    meaning = (
        "the sampler could not follow the posterior everywhere: what it left out is missing from every answer"
    )
    last = fit.system.equations[-1]
    narrow = (f"narrow priors of shapes that the data cannot inform, as {prior_on(last, 'slope')}",) * bool(
        last.media
    )
    return check_against("divergences", "sampler", threshold, float(count), finding, meaning, (_CAREFUL, *narrow))


def _tree_depth(chains: pd.DataFrame) -> Check:
    value = float(chains["at_maximum_depth"].mean())
    finding = "the sampler did not record whether trajectories were cut off."
    if not np.isnan(value):
        allowed = f"allowed {100 * TREE_DEPTH.warn:.0f} %"
        finding = f"{100 * value:.1f} % of draws ended at the greatest tree depth; {allowed}."
    meaning = "trajectories were cut off: sampling is slow and draws depend on each other, but they are not wrong"
    narrower = (
        "give controls and channels that hardly vary a narrower prior, or leave them out: scales that differ widely "
        "need long trajectories"
    )
    return check_against("tree_depth", "sampler", TREE_DEPTH, value, finding, meaning, (narrower, _LONGER))


def _energy(fit: Fit, chains: pd.DataFrame) -> Check:
    bfmi = chains["bfmi"]
    value = float(bfmi.min()) if bfmi.notna().all() else np.nan
    finding = "the sampler recorded no energies."
    if not np.isnan(value):
        finding = f"smallest E-BFMI {value:.2f}, of chain {bfmi.idxmin()}; asked {ENERGY.warn}."
    meaning = "tails of the posterior are explored slowly: ends of intervals may be too close to the middle"
    lighter = f"give scales lighter tails, as {prior_on(fit.system.equation(fit.system.outcome), 'sigma')}"
    return check_against("energy", "sampler", ENERGY, value, finding, meaning, (_LONGER, lighter))
