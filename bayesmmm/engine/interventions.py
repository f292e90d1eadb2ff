"""What changes when inputs change: answers of the mediators, and changes of a series.

`respond` recomputes the mediators in causal order with their residuals kept, `shift` gives the change of a latent mean
by one input, and `change` that of a series. Arrays are those of `bayesmmm.engine.baseline`. Sums over a window, and
their derivatives, come from `bayesmmm.engine.window_system`.
"""

from collections.abc import Sequence

import numpy as np

from bayesmmm.engine.baseline import Baseline, Columns
from bayesmmm.engine.terms import Past, add, media_terms, rows_of, scaled
from bayesmmm.equations import expected, observe


def respond(
    base: Baseline, changed: Columns, past: Past | None = None, *, where: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return all columns that differ from the baseline when some are set, mediators answering in causal order.

    Parameters
    ----------
    changed : mapping of str to (P, G, T) array
        Columns set by intervention, in their units. Setting a mediator cuts everything that drives it.
    past : Past, optional
        What they inherit, where that differs from the baseline.
    where : (T,) bool array, optional
        Periods in which mediators are set; in the others they listen to what drives them. All by default.

    Returns
    -------
    dict of str to (P, G, T) array
        `changed` and every mediator that it moves; the outcome is left to the caller.
    """
    out, inputs = dict(changed), {}
    for name in base.rows.system.mediators:
        equation = base.rows.system.equation(name)
        moving = [n for n in equation.inputs if n in out]
        if not moving or (name in changed and (where is None or where.all())):
            continue
        latent = _raised(base, name, _steps(base, name, moving, out, inputs, past))
        answer = observe(equation, latent + base.residual[name], base.rows.scales)
        out[name] = np.where(where, changed[name], answer) if name in changed else answer
    return out


def _steps(
    base: Baseline,
    name: str,
    moving: Sequence[str],
    columns: Columns,
    inputs: dict[str, np.ndarray],
    past: Past | None,
) -> list[np.ndarray]:
    """Changes (1, S or R, G, T) of a latent mean by inputs that move; media inputs, scaled, are added to `inputs`."""
    rows, equation, new = base.rows, base.rows.system.equation(name), {}
    media = [n for n in moving if n in equation.media]
    for n in media:
        if n not in inputs:
            inputs[n] = scaled(rows, n, columns[n])
    past = {**base.past, **past} if past else base.past
    for terms in media_terms(rows, equation, {n: inputs[n] for n in media}, past, rows.amplitude[name]):
        new |= terms.each()
    return [
        _difference(base, new[n], base.term[name, n]) if n in new else _linear_step(base, name, n, columns[n])
        for n in moving
    ]


def _raised(base: Baseline, name: str, steps: Sequence[np.ndarray]) -> np.ndarray:
    """Latent mean (R, G, T) of the baseline with some steps added."""
    rows, latent = base.rows, base.latent[name]
    narrow = [step for step in steps if len(step) <= len(rows.draws)]
    for step in steps:
        if len(step) > len(rows.draws):
            latent = latent + step
    if not narrow:
        return latent
    paths = (-1, len(latent) // len(rows.draws), *latent.shape[1:])
    return (latent.reshape(paths) + sum(narrow[1:], narrow[0])[:, None]).reshape(latent.shape)


def shift(base: Baseline, name: str, source: str, column: np.ndarray, past: Past | None = None) -> np.ndarray:
    """Change (S or R, G, T) of the latent mean of equation `name` when its input `source` becomes `column`."""
    return _steps(base, name, [source], {source: column}, {}, past)[0]


def _linear_step(base: Baseline, name: str, source: str, column: np.ndarray) -> np.ndarray:
    step = column - base.columns[source]
    return rows_of(base.rows, base.slope(name, source), step) * step


def _difference(base: Baseline, new: np.ndarray, old: np.ndarray) -> np.ndarray:
    return new - old if len(new) == len(old) else add(base.rows, [new, -old])


def value(base: Baseline, name: str, latent: np.ndarray) -> np.ndarray:
    """Series (R, G, T) at a latent mean: with its residual where that is kept, its mean over residuals in the future."""
    equation = base.rows.system.equation(name)
    if base.future and name in base.noise:
        center, sigma = base.noise[name]
        return expected(equation, latent + center, sigma, base.rows.scales)
    if base.future:
        return expected(equation, latent, base.rows.sigma(name), base.rows.scales)
    return observe(equation, latent + base.residual[name], base.rows.scales)


def change(base: Baseline, name: str, latent: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Change (S or R, G, T) of `value` as the latent mean goes from `latent` to ``latent + step``."""
    if base.rows.system.equation(name).family.additive:
        return base.rows.scales.size[name][:, None] * step
    return value(base, name, latent + base.rows.wide(step)) - value(base, name, latent)
