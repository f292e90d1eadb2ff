"""Which free variables the posterior of a system has, and which arrays it reads."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesmmm.data import MMMData, Scales
from bayesmmm.engine import Inputs, inputs, period_days, spend_per_size
from bayesmmm.equations import MMM, Equation, Parameter
from bayesmmm.equations.panel import Spread
from bayesmmm.inference.panel import PanelPlan, normal_prior, panel_plan
from bayesmmm.inference.panel_ragged import RaggedPlan, ragged_plan
from bayesmmm.inference.panel_weighted import WeightedPlan, weighted_plan
from bayesmmm.priors import Prior


# ----------------------------------------------------------------------------------- which variables there are
@dataclass(frozen=True)
class Block:
    """One free variable of the graph.

    Attributes
    ----------
    variable, dim : str
        Names in the model; `dim` is None for a scalar.
    parameter : str
        Parameter of the equation that it holds values of.
    labels : tuple of str
        Channels or terms, empty for a scalar.
    priors : tuple of Prior
        One for each label, or the one of a scalar; all of one family with the same arguments.
    """

    variable: str
    dim: str | None
    parameter: str
    labels: tuple[str, ...]
    priors: tuple[Prior, ...]

    @property
    def family(self) -> str:
        """Family of every prior."""
        return self.priors[0].family

    @property
    def args(self) -> dict[str, float | np.ndarray]:
        """Arguments of the family: numbers for a scalar, else arrays with one value for each label."""
        if self.dim is None:
            return dict(self.priors[0].args)
        return {key: np.array([p.args[key] for p in self.priors]) for key in self.priors[0].args}


def is_collapsed(equation: Equation, collapse: bool) -> bool:
    """Whether the Normal coefficients of an equation are integrated out of its density."""
    return collapse and equation.family.gaussian


def collapses(system: MMM, name: str, collapse: bool) -> bool:
    """Whether the Normal coefficients of an equation of a system are integrated out.

    Not those of a mediator whose residuals others are correlated with: the next equation has to know these residuals.
    What is left of the other equation is Normal given them, so that its own coefficients still are.
    """
    tied = any(equation.tied_to == name for equation in system.equations)
    return is_collapsed(system.equation(name), collapse) and not tied


def normal_terms(equation: Equation) -> tuple[str, ...]:
    """Linear terms with a Normal prior: the others stay explicit parameters."""
    block = next(b for b in equation.parameters() if b.name == "coefficient")
    return tuple(t for t, p in zip(block.labels, block.priors, strict=True) if p.family == "Normal")


def blocks(equation: Equation, data: MMMData, *, collapse: bool) -> list[Block]:
    """List the free variables of an equation; `collapse` as `collapses` has it."""
    normal = normal_terms(equation)
    out = []
    if normal and not is_collapsed(equation, collapse):
        count = sum(len(data.geos) if term in equation.per_geo else 1 for term in normal)
        out.append(_standard_normal(equation, "rotated", "direction", tuple(str(i) for i in range(count))))
    if equation.has_period_effects and not is_collapsed(equation, collapse):
        dates = tuple(data.dates.strftime("%Y-%m-%d"))
        out.append(_standard_normal(equation, "standard_period", "date", dates))
    for parameter in equation.parameters():
        if parameter.name in ("contribution", "roi") and equation.panel and equation.panel.pooling == "none":
            parameter = _repeated(parameter, geo_pairs(equation, data))
        if parameter.name == "sigma" and equation.has_sigma_per_geo:
            parameter = Parameter("sigma", data.geos, parameter.priors * len(data.geos))
        name = f"{equation.name}.{parameter.name}"
        if not parameter.labels:
            out.append(Block(name, None, parameter.name, (), parameter.priors))
            continue
        kept = [
            (t, p)
            for t, p in zip(parameter.labels, parameter.priors, strict=True)
            if parameter.name != "coefficient" or t not in normal
        ]
        groups: dict[tuple, list] = {}
        for label, prior in kept:
            groups.setdefault((prior.family, tuple(prior.args)), []).append((label, prior))
        kind = {"coefficient": "term", "rho": "mediator", "sigma": "geo"}.get(parameter.name, "media")
        everything = {
            "term": equation.terms(),
            "media": equation.media,
            "mediator": tuple(equation.rho),
            "geo": data.geos,
        }[kind]
        for i, ((family, _), members) in enumerate(groups.items()):
            labels, priors = zip(*members, strict=True)
            alike = sum(f == family for f, _ in groups)
            suffix = "" if len(groups) == 1 else f".{family}" if alike == 1 else f".{family}{i}"
            dim = f"{equation.name}.{kind}" if labels == tuple(everything) else f"{name}{suffix}.{kind}"
            out.append(Block(name + suffix, dim, parameter.name, labels, priors))
    for spread in equation.spreads:  # after the sds that scale them
        kind = spread.z.replace("z", "pair", 1)
        out.append(_standard_normal(equation, spread.z, kind, tuple(spread_pairs(equation, data, spread))))
    return out


def _standard_normal(equation: Equation, parameter: str, kind: str, labels: tuple[str, ...]) -> Block:
    priors = (Prior("Normal", mu=0, sigma=1),) * len(labels)
    return Block(f"{equation.name}.{parameter}", f"{equation.name}.{kind}", parameter, labels, priors)


def geo_pairs(equation: Equation, data: MMMData) -> dict[str, tuple[str, int]]:
    """Channels and numbers of the geos that ever bought them, by a label of both."""
    buys = data.bought(equation.media)
    return {
        f"{channel} @ {geo}": (channel, g)
        for c, channel in enumerate(equation.media)
        for g, geo in enumerate(data.geos)
        if buys[g, c]
    }


def spread_pairs(equation: Equation, data: MMMData, spread: Spread) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Channels and numbers of the geos that one deviation is about, by a label of channel and geo, or group."""
    pairs = geo_pairs(equation, data)
    if not spread.by_group:
        return {label: (channel, (g,)) for label, (channel, g) in pairs.items()}
    assert equation.panel is not None
    group = data.levels[str(equation.panel.group)]
    out: dict[str, tuple[str, tuple[int, ...]]] = {}
    for channel, g in pairs.values():
        label = f"{channel} @ {group[g]}"
        out[label] = channel, (*out.get(label, (channel, ()))[1], g)
    return out


def _repeated(parameter: Parameter, pairs: Mapping[str, tuple[str, int]]) -> Parameter:
    """Return a parameter of channels with a value for each geo."""
    prior = dict(zip(parameter.labels, parameter.priors, strict=True))
    labels = tuple(label for label, (channel, _) in pairs.items() if channel in prior)
    return Parameter(parameter.name, labels, tuple(prior[pairs[label][0]] for label in labels))


def softplus_scale(prior: Prior, parameter: str) -> float | None:
    """Value from which on a contribution of one sign is sampled on a linear scale; None for others.

    An always-on channel trades with the intercept along a straight ridge. On the usual log scale the upper end of that
    ridge is narrow and its lower end endless, and the sampler's one step size fits neither: contributions are
    logarithmic near zero and linear from their prior median on. Those below zero are mirrored.
    """
    if parameter in ("contribution", "roi") and prior.support in ((0.0, np.inf), (-np.inf, 0.0)):
        return prior.median
    return None


def linear_scale(prior: Prior, parameter: str) -> tuple[float, float] | None:
    """Middle and half the middle half of the prior of a contribution of any sign, its unit; None for others.

    Chains start within a unit or two of the middle, which for a contribution of a hundredth must not be one.
    """
    if parameter in ("contribution", "roi") and prior.support == (-np.inf, np.inf):
        low, high = prior.scipy().ppf([0.25, 0.75])
        return prior.median, float(high - low) / 2.0
    return None


# ------------------------------------------------------------------------------------------------ linear part
@dataclass(frozen=True)
class LinearPlan:
    """The Normal part of one equation's linear terms in the coordinates of its singular directions.

    With W the N x K design of these terms and ``b ~ Normal(mean, sd)``, ``W diag(sd) = U S P'`` and the coordinates
    ``z = P' (b - mean) / sd`` are standard Normal: ``W b = W mean + U S z``.

    Attributes
    ----------
    terms : tuple of str
    mean, sd : (K,) arrays
    basis : (K, N) array
        ``U'``.
    variance : (K,) array
        ``S**2``.
    rotation : (K, K) array
        ``P``.
    offset : (G, T) array
        ``W mean``.
    counts : tuple of int
        Columns of each term: G where every geo has a coefficient of its own, else 1.
    """

    terms: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    basis: np.ndarray
    variance: np.ndarray
    rotation: np.ndarray
    offset: np.ndarray
    counts: tuple[int, ...]

    def coefficients(self, z: np.ndarray) -> np.ndarray:
        """Coefficients (S, K) at coordinates (S, K)."""
        return self.mean + self.sd * (z @ self.rotation.T)

    def by_term(self, z: np.ndarray) -> dict[str, np.ndarray]:
        """Coefficients of each term at coordinates (S, K): (S,), or (S, G) where every geo has its own."""
        values, first, out = self.coefficients(z), 0, {}
        for term, count in zip(self.terms, self.counts, strict=True):
            out[term] = values[:, first : first + count] if count > 1 else values[:, first]
            first += count
        return out


def linear_plan(equation: Equation, design: np.ndarray, seen: np.ndarray | None = None) -> LinearPlan:
    """Decompose the design (G, T, K) of the terms with a Normal prior in the cells `seen` (G, T), or all; K <= G * T.

    A term with a coefficient for each geo stands for as many columns, each of which is 0 in the other geos. In cells
    that are not observed the basis is 0.
    """
    terms = normal_terms(equation)
    mean, sd = normal_prior(equation, terms)
    counts = tuple(design.shape[0] if term in equation.per_geo else 1 for term in terms)
    columns = [equation.terms().index(t) for t in terms]
    w = design[..., columns]
    if max(counts, default=1) > 1:
        mean, sd, w = np.repeat(mean, counts), np.repeat(sd, counts), _by_geo(w, counts)
    w = w.reshape(design.shape[0] * design.shape[1], len(mean))
    observed = w * sd if seen is None or seen.all() else w * sd * seen.reshape(-1, 1)
    u, s, vt = np.linalg.svd(observed, full_matrices=False)
    offset = (w @ mean).reshape(design.shape[:2])
    basis, rotation = np.ascontiguousarray(u.T), np.ascontiguousarray(vt.T)
    return LinearPlan(terms, mean, sd, basis, s**2, rotation, offset, counts)


def _by_geo(w: np.ndarray, counts: tuple[int, ...]) -> np.ndarray:
    """Columns (G, T, K) with a column for each geo in place of those of which every geo has its own."""
    place = np.eye(len(w))[:, None, :]
    parts = [w[..., k : k + 1] * (place if n > 1 else 1.0) for k, n in enumerate(counts)]
    return np.concatenate(parts, axis=-1)


def collapsed_plan(
    equation: Equation, seen: Inputs, *, ragged: bool = True
) -> PanelPlan | WeightedPlan | RaggedPlan:
    """Return the linear part of a panel that is integrated out, for the density that fits its cells.

    Without `ragged` for one of those that PyMC has, too.
    """
    terms = normal_terms(equation)
    if ragged and not equation.has_sigma_per_geo and not seen.seen.all():
        plan = ragged_plan(equation, seen.design, terms, seen.seen, seen.present)
        if plan is not None:
            return plan
    if equation.has_sigma_per_geo or not seen.seen.all():
        return weighted_plan(equation, seen.design, terms, seen.seen)
    return panel_plan(equation, seen.design, terms)


def model_data(
    system: MMM, data: MMMData, scales: Scales, *, collapse: bool, ragged: bool = False
) -> dict[str, np.ndarray]:
    """Every array that the graph reads, by the name of its data container.

    New data of the same shapes (or another number of periods) can be put into a compiled model under these names.
    """
    out = {}
    for name in system.order:
        equation = system.equation(name)
        seen = inputs(equation, data, scales)
        # What is not observed is not read; a number there keeps gradients finite.
        out[f"{name}.observed"] = np.where(seen.seen, seen.target, 0.0)
        if equation.media:
            out[f"{name}.media_input"] = seen.media
            out[f"{name}.media_days"] = period_days(equation, equation.media, data.calendar, 0, len(data.dates))
        money = [b.labels for b in equation.parameters() if b.name == "roi"]
        if money:
            factor = [spend_per_size(equation, c, data, scales) for c in money[0]]
            out[f"{name}.contribution_per_roi"] = np.array(factor)
        plan: LinearPlan | PanelPlan | WeightedPlan | RaggedPlan
        if equation.panel and collapses(system, name, collapse):
            plan = collapsed_plan(equation, seen, ragged=ragged)
            out |= {f"{name}.{key}": value for key, value in plan.arrays.items()}
        else:
            plan = linear_plan(equation, seen.design, seen.seen)
            basis = plan.basis
            if equation.has_sigma_per_geo or not seen.seen.all():
                kept = np.flatnonzero(seen.seen)
                counts = seen.seen.sum(axis=1) if equation.has_sigma_per_geo else [len(kept)]
                basis, out[f"{name}.kept"], out[f"{name}.edges"] = basis[:, kept], kept, np.cumsum([0, *counts])
            if collapses(system, name, collapse):
                out[f"{name}.basis"], out[f"{name}.basis_variance"] = basis, plan.variance
            else:
                out[f"{name}.directions"] = np.sqrt(plan.variance)[:, None] * basis
        if equation.panel and equation.panel.omega is not None:
            out[f"{name}.omega"] = np.array([equation.panel.omega])
        for value in equation.rho.values():
            if not isinstance(value, Prior):
                out[f"{name}.rho"] = np.array([value])
        if plan.offset.any():
            out[f"{name}.offset"] = plan.offset
        normal = normal_terms(equation)
        rest = [k for k, t in enumerate(equation.terms()) if t not in normal]
        if rest:
            design = np.moveaxis(seen.design[..., rest], -1, 0)
            out[f"{name}.design"] = np.ascontiguousarray(design)
    return out
