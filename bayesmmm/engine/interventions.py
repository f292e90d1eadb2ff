"""What changes when inputs change: answers of the mediators, and changes of a series.

`propagate` recomputes the mediators in causal order with their residuals kept, `latent_changes` gives the change of a
latent mean by each input, and `change` that of a series. Arrays are those of `bayesmmm.engine.baseline`. Sums over a
window, and their derivatives, come from `bayesmmm.engine.window_system`.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from bayesmmm.engine.baseline import Baseline, Columns
from bayesmmm.engine.terms import CarryOver, add, by_input, media_terms, scaled
from bayesmmm.equations import expected, observe


def propagate(
    base: Baseline, changed: Columns, past: CarryOver | None = None, *, where: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return all columns (P, G, T) that differ from the baseline when some are set, mediators answering in causal order.

    These are the `changed` ones and every mediator that they move; the outcome is left to the caller.

    Parameters
    ----------
    changed : mapping of str to (P, G, T) array
        Columns set by intervention, in their units. Setting a mediator cuts everything that drives it.
    past : CarryOver, optional
        What they inherit, where that differs from the baseline.
    where : (T,) bool array, optional
        Periods in which mediators are set; in the others they listen to what drives them. All by default.
    """
    out, inputs = dict(changed), dict[str, np.ndarray]()
    for name in base.rows.system.mediators:
        equation = base.rows.system.equation(name)
        moving = [n for n in equation.acting if n in out]
        if not moving or (name in changed and (where is None or where.all())):
            continue
        latent = add(base.rows, [base.latent[name], *_steps(base, name, moving, out, inputs, past)])
        answer = observe(equation, latent + base.residual[name], base.rows.scales)
        if name in changed and where is not None:
            answer = np.where(where, changed[name], answer)
        out[name] = answer
    return out


def _steps(
    base: Baseline,
    name: str,
    moving: Sequence[str],
    columns: Columns,
    inputs: dict[str, np.ndarray],
    past: CarryOver | None,
) -> list[np.ndarray]:
    """Changes (1, S or R, G, T) of a latent mean by inputs that move; media inputs, scaled, are added to `inputs`."""
    rows, equation, terms = base.rows, base.rows.system.equation(name), dict[str, np.ndarray]()
    media = [n for n in moving if n in equation.media]
    for n in media:
        if n not in inputs:
            inputs[n] = scaled(rows, n, columns[n])
    past = {**base.past, **past} if past else base.past
    for group in media_terms(
        rows, equation, {n: inputs[n] for n in media}, past, rows.amplitude[name], base.start
    ):
        terms |= by_input(*group)
    steps = []
    for n in moving:
        if n in terms:
            new, old = terms[n], base.term[name, n]
            steps.append(new - old if len(new) == len(old) else add(rows, [new, -old]))
        else:
            step = columns[n] - base.columns[n]
            steps.append(rows.matching(rows.slope(name, n), step) * step)
    return steps


def latent_changes(
    base: Baseline, name: str, moving: Iterable[str], columns: Columns, past: CarryOver | None = None
) -> list[np.ndarray]:
    """Changes (S or R, G, T) of the latent mean of equation `name`, one for each input that moves to its column."""
    return _steps(base, name, list(moving), columns, {}, past)


def mean_series(base: Baseline, name: str, steps: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Series (S, G, T) as `value` has it, averaged over paths, with changes (S or R, G, T) of its latent mean."""
    rows, (center, sigma) = base.rows, base.noise_of(name)
    alike = name in base.steady and not isinstance(center, np.ndarray)
    if base.future and rows.paths > 1 and alike and all(len(step) <= len(rows.draws) for step in steps):
        one, equation = slice(None, None, rows.paths), rows.system.equation(name)  # paths do not differ
        latent = sum(steps, base.latent[name][one] + center)
        return expected(equation, latent, sigma[one], rows.scales)
    return rows.per_draw(value(base, name, add(rows, [base.latent[name], *steps])))


def value(base: Baseline, name: str, latent: np.ndarray) -> np.ndarray:
    """Series (R, G, T) at a latent mean: with its residual where that is kept, its mean over residuals in the future."""
    equation = base.rows.system.equation(name)
    if base.future:
        center, sigma = base.noise_of(name)
        return expected(equation, latent + center, sigma, base.rows.scales)
    return observe(equation, latent + base.residual[name], base.rows.scales)


def change(base: Baseline, name: str, latent: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Change (S or R, G, T) of `value` as the latent mean goes from `latent` to ``latent + step``."""
    if base.rows.system.equation(name).family.additive:
        return base.rows.scales.size[name][:, None] * step
    return value(base, name, latent + base.rows.per_path(step)) - value(base, name, latent)
