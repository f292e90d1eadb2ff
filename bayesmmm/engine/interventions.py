"""What changes when inputs change: answers of the mediators, changes of a series, and derivatives.

`respond` recomputes the mediators in causal order with their residuals kept, `moved` a whole stretch, `shift` gives
the change of a latent mean by one input, and `gradient` the derivative of a weighted sum of series to every media
input, backwards through the mediators. Arrays are those of `bayesmmm.engine.scenario`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from scipy import special

from bayesmmm import kernels
from bayesmmm.engine.evaluate import kernel_lag
from bayesmmm.engine.inputs import expected, observe
from bayesmmm.engine.scenario import (
    Baseline,
    Columns,
    Past,
    add,
    hill_slope,
    hill_term,
    rows_of,
    scaled,
    shape_of,
    unit,
)
from bayesmmm.equations import Equation


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
    out = dict(changed)
    for name in base.rows.system.mediators:
        equation = base.rows.system.equation(name)
        moving = [n for n in (*equation.media, *equation.linear) if n in out]
        if not moving or (name in changed and (where is None or where.all())):
            continue
        change = add(base.rows, [shift(base, name, n, out[n], past) for n in moving])
        latent = base.latent[name] + base.rows.wide(change)
        answer = observe(equation, latent + base.residual[name], base.rows.scales)
        out[name] = np.where(where, changed[name], answer) if name in changed else answer
    return out


def moved(
    base: Baseline,
    changed: Columns,
    past: Past | None = None,
    *,
    where: Mapping[str, np.ndarray] | None = None,
    outcome: bool = True,
    slopes: bool = False,
) -> Baseline:
    """Return the stretch as it would be if some columns were set, with all residuals kept.

    Parameters
    ----------
    changed : mapping of str to (P, G, T) array
    past : Past, optional
        What the stretch inherits, where that differs from the baseline. A column whose past differs is to be named in
        `changed`, too, even where its values are the same.
    where : mapping of str to (T,) bool array, optional
        Periods in which a mediator is set, to its values in `changed`, or kept as it is; in the others it listens to
        what drives it. By default mediators in `changed` are set in all periods.
    outcome : bool
        Whether the latent mean of the outcome is wanted. It may be left out where only `gained` and `gradient` follow,
        under an identity link.
    slopes : bool
        Whether derivatives will be asked for: it is cheap to keep what they need.
    """
    rows, past, where = base.rows, past or {}, where or {}
    columns, term, latent, inputs, bend = dict(changed), {}, dict(base.latent), dict(base.inputs), dict(base.bend)
    for name in columns:
        inputs.pop(name, None)
    wanted = outcome or not _adds(base, rows.system.outcome)
    for name in rows.system.order:
        equation = rows.system.equation(name)
        held = where.get(name, np.array(name in changed))
        moving = [n for n in (*equation.media, *equation.linear) if n in columns]
        if held.all() or not (moving or name in changed):
            continue
        steps = []
        for n in moving:
            if n in equation.linear:
                steps.append(_linear_step(base, name, n, columns[n]))
            else:
                if n not in inputs:
                    inputs[n] = scaled(rows, n, columns[n])
                if slopes:
                    term[name, n], bend[name, n] = _new_term(base, equation, n, inputs[n], past, hill_slope)
                else:
                    term[name, n] = _new_term(base, equation, n, inputs[n], past, hill_term)
                    bend.pop((name, n), None)
                if name != rows.system.outcome or wanted:
                    steps.append(_difference(base, term[name, n], base.term[name, n]))
        if name == rows.system.outcome and not wanted:
            latent.pop(name, None)
            continue
        latent[name] = base.latent[name] + (rows.wide(add(rows, steps)) if steps else 0.0)
        if name != rows.system.outcome:
            answer = observe(equation, latent[name] + base.residual[name], rows.scales)
            columns[name] = np.where(held, changed.get(name, base.columns[name]), answer) if held.any() else answer
            inputs.pop(name, None)
    return replace(
        base,
        columns={**base.columns, **columns},
        past={**base.past, **past},
        term={**base.term, **term},
        latent=latent,
        inputs=inputs,
        bend=bend,
    )


def gained(base: Baseline, new: Baseline) -> np.ndarray:
    """Change (S, G, T) of the outcome from one evaluation of a stretch to another, averaged over paths."""
    rows, name = base.rows, base.rows.system.outcome
    if not _adds(base, name):
        return rows.narrow(change(base, name, base.latent[name], new.latent[name] - base.latent[name]))
    steps = [np.zeros((len(rows.draws), *base.design[name].shape[:2]))]
    for n in rows.system.equation(name).linear:
        if new.columns.get(n) is not base.columns.get(n):
            steps.append(rows.narrow(_linear_step(base, name, n, new.columns[n])))
    for key, term in new.term.items():
        if key[0] == name and term is not base.term[key]:
            steps.append(rows.narrow(term) - rows.narrow(base.term[key]))
    return rows.scales.size[name][:, None] * sum(steps)


def _adds(base: Baseline, name: str) -> bool:
    """Whether a series is the sum of its terms, so that its changes do not depend on its level."""
    return base.rows.system.equation(name).likelihood in ("normal", "student_t")


def shift(base: Baseline, name: str, source: str, column: np.ndarray, past: Past | None = None) -> np.ndarray:
    """Change (S or R, G, T) of the latent mean of equation `name` when its input `source` becomes `column`."""
    equation = base.rows.system.equation(name)
    if source in equation.linear:
        return _linear_step(base, name, source, column)
    x = scaled(base.rows, source, column)
    return _difference(base, _new_term(base, equation, source, x, past or {}, hill_term), base.term[name, source])


def _linear_step(base: Baseline, name: str, source: str, column: np.ndarray) -> np.ndarray:
    step = column - base.columns[source]
    return rows_of(base.rows, base.slope(name, source), step) * step


def _new_term[T](
    base: Baseline, equation: Equation, source: str, x: np.ndarray, past: Past, kind: Callable[..., T]
) -> T:
    """Evaluate a media term at a scaled input, by `hill_term` or `hill_slope`."""
    rows, key = base.rows, (equation.name, source)
    before = past[key] if key in past else base.past.get(key)
    return kind(rows, equation, equation.media.index(source), x, before, rows.amplitude[equation.name])


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
    if _adds(base, name):
        return base.rows.scales.size[name][:, None] * step
    return value(base, name, latent + base.rows.wide(step)) - value(base, name, latent)


# --------------------------------------------------------------------------------------------------- gradient
def gradient(
    base: Baseline,
    weights: Columns,
    later: Past | None = None,
    *,
    cut: Mapping[str, np.ndarray] | None = None,
) -> tuple[dict, dict]:
    """Derivatives of ``sum over series and dates of weight * series`` to every media input, mediators responding.

    The outcome of a future stretch stands for its mean over residuals, a mediator for its series.

    Parameters
    ----------
    weights : mapping of str to (S or R, G, T) array
        By series: the outcome, mediators, or both.
    later : Past, optional
        Derivative of what follows this stretch to what it inherits, as this function returned it for the next one.
    cut : mapping of str to (T,) bool array, optional
        Mediators that are set in some periods, and do not listen to what drives them there.

    Returns
    -------
    column : dict of str to (S or R, G, T) array
        Derivative to each column that acts as media, in weighted units per unit of the column; that to a mediator is
        what setting it would do. A column that is the same on all paths has S rows: the average over its paths.
    early : dict of (equation, input) to array
        Derivative to what this stretch inherits; pass it as `later` for the stretch before.
    """
    rows, later, cut = base.rows, later or {}, cut or {}
    out: dict[str, np.ndarray] = {}
    early: dict[tuple[str, str], np.ndarray] = {}
    for name in reversed(rows.system.order):
        equation = rows.system.equation(name)
        if name in weights:
            _add_to(rows, out, name, weights[name])
        if name not in out:
            continue
        pull = out.pop(name) if name == rows.system.outcome else out[name]
        slope = _link_slope(base, name, mean=base.future and name == rows.system.outcome)
        pull = rows_of(rows, pull, slope) * slope
        if name in cut:
            pull = np.where(cut[name], 0.0, pull)
        for n in equation.linear:
            if n in rows.system.order:
                _add_to(rows, out, n, pull * rows_of(rows, base.slope(name, n), pull))
        for c, channel in enumerate(equation.media):
            spend, carry = _media_pull(base, equation, c, pull, later.get((name, channel)))
            # Below zero a column enters as zero. At zero spend the derivative is the one to the right, that a channel
            # can be funded; a mediator at zero counts as on its zero side.
            column = base.columns[channel]
            active = column > 0.0 if channel in rows.system.order else column >= 0.0
            _add_to(rows, out, channel, spend * active / unit(rows, channel))
            early[name, channel] = carry
    return out, early


def _add_to(rows, out: dict[str, np.ndarray], name: str, part: np.ndarray) -> None:
    """Add a derivative; where one differs between paths and the other does not, both as if they did."""
    if name not in out:
        out[name] = part
    elif len(out[name]) == len(part):
        out[name] = out[name] + part
    else:
        out[name] = rows.wide(out[name]) + rows.wide(part)


def _media_pull(base: Baseline, equation: Equation, c: int, pull: np.ndarray, later: np.ndarray | None):
    """Derivative to the scaled input of one media term, and to what that term inherits."""
    rows, channel, n_time = base.rows, equation.media[c], pull.shape[-1]
    key, lag = (equation.name, channel), kernel_lag(equation)
    bend = base.bend.get(key)
    if bend is None:
        x = scaled(rows, channel, base.columns[channel])
        bend = _new_term(base, equation, channel, x, {}, hill_slope)[1]
    # What is the same on all paths is answered for once, with the mean of what the paths pull.
    alike = all(v is None or len(v) <= len(rows.draws) for v in (bend, later))
    wide, pull = ((lambda v: v), rows.narrow(pull)) if alike else (rows.wide, rows.wide(pull))
    lead = bend.shape[-1] - n_time
    if lead:
        pull = np.concatenate([np.zeros((*pull.shape[:2], lead)), pull], axis=-1)
    reach = np.zeros((len(pull), pull.shape[1], 1)) if later is None or lag >= 0 else wide(later)
    keep = shape_of(rows, equation.name, c, rows.amplitude[equation.name])[0]
    spend, early = kernels.spend_pull(
        wide(bend), wide(keep), lag, np.ascontiguousarray(pull), np.ascontiguousarray(reach)
    )
    spend = spend[:, :, 0]
    if lag < 0:
        return spend, early
    early, spend = spend[..., :lead], spend[..., lead:]
    if later is not None and later.shape[-1]:
        tail = min(later.shape[-1], n_time)
        spend[..., -tail:] += wide(later)[..., -tail:]
    return spend, early


def _link_slope(base: Baseline, name: str, *, mean: bool) -> np.ndarray:
    """Derivative of a series, or of its mean over residuals, to its latent mean."""
    rows = base.rows
    equation, size = rows.system.equation(name), rows.scales.size[name][:, None]
    if _adds(base, name):
        return size[None]
    latent = base.latent[name]
    if equation.likelihood == "lognormal":
        return value(base, name, latent) if mean else observe(equation, latent + base.residual[name], rows.scales)
    if equation.likelihood == "censored_normal":
        sigma = rows.sigma(name)[:, None, None]
        return size * (special.ndtr(latent / sigma) if mean else (latent + base.residual[name] > 0.0))
    raise AssertionError(equation.likelihood)
