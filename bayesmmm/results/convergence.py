"""Verdict on the sampler: R-hat, effective sample sizes, divergences."""

import hashlib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesmmm.errors import AnswerError
from bayesmmm.results.modes import modes
from bayesmmm.results.summaries import flat
from bayesmmm.text import notebook_html

# Thresholds of the sampler verdict: Vehtari et al. (2021), doi:10.1214/20-BA1221, ask for R-hat <= 1.01 and an effective
# sample size of 400; the outer bounds are where means and intervals themselves become unreliable.
RHAT_GOOD, RHAT_BAD = 1.01, 1.05
ESS_GOOD, ESS_BAD = 400.0, 100.0
DIVERGENT_BAD = 0.01
#: Shape of the largest importance weights up to which they can be relied on: Vehtari et al. (2024), Journal of Machine
#: Learning Research 25, 1-58.
PARETO_K_GOOD = 0.7
#: Columns of `mixing`.
MIXING = ("rhat", "ess_bulk", "ess_tail")
#: Verdict on draws that no sampler made; answers carry it.
PREVIEW = "preview, not sampled"
FIT_WITHOUT = "fit without preview, as mm.fit(system, data): a Normal has no skewness, and sees one mode only"
#: What to do where chains stayed in different modes: more draws would mix them by the number of chains in each.
MODES_MOVES = (
    "give the model what makes the series move slowly, as trend=True, where it is missing: a long carry-over stands in "
    "for it",
    "say which of these values is believed, by a prior on that parameter",
    "do not run longer: a higher log density is a narrower or a better mode, and chains do not weigh them",
)


@dataclass(frozen=True)
class Convergence:
    """Whether the draws can be trusted to represent the posterior.

    Attributes
    ----------
    verdict : {"converged", "doubtful", "failed", "preview, not sampled"}
    rhat : float
        Largest rank-normalised split R-hat of any parameter; NaN for one chain, which is at best doubtful.
    ess_bulk, ess_tail : float
        Smallest effective sample sizes of any parameter.
    divergences, draws, chains : int
        Divergent transitions, draws in all chains, and chains.
    worst : str
        The parameter with the smallest effective sample size or, where R-hat is too large, the largest R-hat.
    modes : str
        Where groups of chains stayed that no chain connects, in words; empty where there are none.
    pareto_k : float, optional
        Of the importance weights of a preview; None where draws were sampled.
    """

    verdict: str
    rhat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    draws: int
    chains: int
    worst: str
    modes: str = ""
    pareto_k: float | None = None

    def __str__(self) -> str:
        if self.pareto_k is not None:
            return f"sampler verdict: {self.verdict} ({self.preview})\n  1. {self.next_moves()[0]}"
        head = (
            f"sampler verdict: {self.verdict} (R-hat {self.rhat:.3f}, allowed {RHAT_GOOD}; effective sample size bulk "
            f"{self.ess_bulk:.0f}, tail {self.ess_tail:.0f}, asked {ESS_GOOD:.0f}; {self.divergences} divergences in "
            f"{self.draws} draws; worst: {self.worst})"
        )
        apart = [f"  chains stayed in different modes: {self.modes}"] if self.modes else []
        return "\n".join([head, *apart, *(f"  {i}. {move}" for i, move in enumerate(self.next_moves(), 1))])

    def _repr_html_(self) -> str:
        """Return what was judged, beside what is allowed, for notebooks."""
        columns: dict[str, list] = {
            "judged": ["R-hat", "effective sample size, bulk", "effective sample size, tail", "divergences"],
            "measured": [f"{self.rhat:.3f}", f"{self.ess_bulk:.0f}", f"{self.ess_tail:.0f}", self.divergences],
            "asked": [f"at most {RHAT_GOOD}", *[f"at least {ESS_GOOD:.0f}"] * 2, "0"],
        }
        return notebook_html(str(self), columns)

    @property
    def preview(self) -> str:
        """How good the Normal of a preview is, as importance weights tell it."""
        if self.pareto_k is None:
            return ""
        taken = "were" if self.pareto_k <= PARETO_K_GOOD else "could not be"
        return (
            f"draws of a Normal near the mode, which {taken} brought to the posterior by weights: Pareto k "
            f"{self.pareto_k:.2f}, allowed {PARETO_K_GOOD}"
        )

    def next_moves(self) -> list[str]:
        """What to try, in order; empty when the verdict is good."""
        if self.verdict == "converged":
            return []
        if self.pareto_k is not None:
            return [FIT_WITHOUT]
        if self.modes:
            return list(MODES_MOVES)
        moves = []
        if self.chains == 1:
            moves.append("run at least two chains, as fit(..., chains=4): one chain cannot show that it converged")
        if self.divergences:
            moves.append("raise target_accept, as fit(..., target_accept=0.97)")
        if self.rhat > RHAT_GOOD or min(self.ess_bulk, self.ess_tail) < ESS_GOOD:
            moves.append("run longer, as fit(..., draws=2000, tune=2000)")
        moves.append(f"look at {self.worst}: narrow its prior if the data cannot inform it")
        moves.append("simplify: fewer channels, a lower Fourier order, or more periods")
        return moves


def worst_verdict(verdicts: Iterable[str]) -> str:
    """Return the worst of some verdicts on samplers."""
    return max(verdicts, key=("converged", "doubtful", PREVIEW, "failed").index)


def group_of(tree: xr.DataTree, group: str) -> xr.Dataset:
    """Return a group of the tree of a fit, whose user may have cut it down."""
    if group not in tree.children:
        raise AnswerError(
            f"the fit has no group {group!r} in its tree, and it is needed; use a Fit as mm.fit(...) and mm.load(...) "
            f"return it"
        )
    return tree[group].to_dataset()


def judge(tree: xr.DataTree, known: pd.DataFrame | None = None) -> Convergence:
    """Judge the draws of a tree by its groups posterior and sample_stats, with `mixing` where that is known already."""
    posterior, stats = group_of(tree, "posterior"), group_of(tree, "sample_stats")
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    known = mixing(posterior) if known is None else known
    known = known.drop(index=list(absent_rows(posterior)))
    rhat = known["rhat"].to_dict() if chains > 1 else {}
    bulk, tail = known["ess_bulk"].to_dict(), known["ess_tail"].to_dict()
    # An unknown number, of a parameter that never moves, is the worst of all.
    worst_ess = min(bulk, key=lambda k: -np.inf if np.isnan(bulk[k]) else bulk[k])
    worst_rhat = max(rhat, key=lambda k: np.inf if np.isnan(rhat[k]) else rhat[k]) if rhat else worst_ess
    largest = float(rhat.get(worst_rhat, np.nan))
    return judged(
        rhat=largest,
        ess_bulk=float(bulk[worst_ess]),
        ess_tail=float(np.min(list(tail.values()))),
        divergences=int(stats["diverging"].sum()),
        draws=chains * draws,
        chains=chains,
        worst=worst_ess if largest <= RHAT_GOOD else worst_rhat,
        modes=modes(posterior, stats, {name: value for name, value in rhat.items() if value > RHAT_BAD}),
        pareto_k=float(stats["pareto_k"]) if "pareto_k" in stats else None,
    )


def mixing(posterior: xr.Dataset) -> pd.DataFrame:
    """R-hat (none of a single chain), bulk and tail effective sample size of every parameter."""
    import arviz_stats

    columns = {}
    if posterior.sizes["chain"] > 1:
        with np.errstate(divide="ignore", invalid="ignore"):  # of chains that stay: R-hat is infinite, or unknown
            columns["rhat"] = flat(arviz_stats.rhat(posterior))
    columns |= {f"ess_{method}": flat(arviz_stats.ess(posterior, method=method)) for method in ("bulk", "tail")}
    return pd.DataFrame(columns).reindex(columns=list(MIXING))


def absent(draws: xr.DataArray) -> xr.DataArray:
    """Whether there are no draws at all: the contribution of a channel in a geo that never bought it is no parameter."""
    return draws.isnull().all(("chain", "draw"))


def absent_rows(posterior: xr.Dataset) -> set[str]:
    """Names, as in a summary, of what has no draws at all."""
    absences = flat(xr.Dataset({name: absent(values) for name, values in posterior.items()}))
    return {row for row, missing in absences.items() if missing}


def judged(
    *,
    rhat: float,
    ess_bulk: float,
    ess_tail: float,
    divergences: int,
    draws: int,
    chains: int,
    worst: str,
    modes: str = "",
    pareto_k: float | None = None,
) -> Convergence:
    """Verdict on numbers that have been worked out: the attributes of `Convergence`."""
    least = np.min([ess_bulk, ess_tail])
    good = rhat <= RHAT_GOOD and least >= ESS_GOOD and divergences == 0
    # One chain cannot be compared with another: at best doubtful.
    mixed = chains == 1 or rhat <= RHAT_BAD
    usable = mixed and least >= ESS_BAD and divergences <= DIVERGENT_BAD * draws
    verdict = "converged" if good else "doubtful" if usable else "failed"
    verdict = verdict if pareto_k is None else PREVIEW
    return Convergence(verdict, rhat, ess_bulk, ess_tail, divergences, draws, chains, worst, modes, pareto_k)


def fingerprint(tree: xr.DataTree) -> str:
    """Number that changes with the draws and their labels; draws that were weighted anew have no sample_stats."""
    posterior = group_of(tree, "posterior")
    parts: list[tuple[Hashable, xr.DataArray]] = sorted(posterior.data_vars.items())
    if "sample_stats" in tree.children:
        parts.append(("", group_of(tree, "sample_stats")["diverging"]))
    digest = hashlib.blake2b(digest_size=16)
    for name, labels in sorted(posterior.coords.items()):
        digest.update(f"{name}{labels.values.tolist()}".encode())
    for name, values in parts:
        digest.update(f"{name}{values.dims}{values.shape}".encode())
        digest.update(np.ascontiguousarray(values.values))
    return digest.hexdigest()
