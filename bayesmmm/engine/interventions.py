"""What changes when inputs change: answers of the mediators, changes of a series, and derivatives.

`respond` recomputes the mediators in causal order with their residuals kept, `moved` a whole stretch, `shift` gives
the change of a latent mean by one input, and `gradient` the derivative of a weighted sum of series to every media
input, backwards through the mediators. Arrays are those of `bayesmmm.engine.baseline`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bayesmmm import kernels
from bayesmmm.engine.baseline import Baseline, Columns
from bayesmmm.engine.evaluate import kernel_lag
from bayesmmm.engine.terms import Past, Terms, add, media_terms, rows_of, scaled, shape_of, side_by_side, unit
from bayesmmm.equations import Equation, expected, observe


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
        new = _each(_new_terms(base, equation, moving, out, inputs, past or {}))
        answer = _answer(base, name, _raised(base, name, _steps(base, name, moving, out, new)))
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
    columns, term, latent, bent = dict(changed), dict(base.term), dict(base.latent), dict(base.bent)
    inputs = {n: x for n, x in base.inputs.items() if n not in changed}
    wanted = outcome or not _adds(base, rows.system.outcome)
    for name in rows.system.order:
        equation = rows.system.equation(name)
        held = where.get(name, np.array(name in changed))
        moving = [n for n in equation.inputs if n in columns]
        if held.all() or not (moving or name in changed):
            continue
        found = _new_terms(base, equation, moving, columns, inputs, past, slopes=slopes)
        # What was bent at other values is so no longer.
        kept = tuple(terms for terms in bent.get(name, ()) if not set(terms.names).intersection(moving))
        bent[name] = (*kept, *found) if slopes else kept
        new = _each(found)
        term |= {(name, n): values for n, values in new.items()}
        if name == rows.system.outcome and not wanted:
            latent.pop(name, None)
            continue
        latent[name] = _raised(base, name, _steps(base, name, moving, columns, new))
        if name != rows.system.outcome:
            answer = _answer(base, name, latent[name])
            columns[name] = np.where(held, changed.get(name, base.columns[name]), answer) if held.any() else answer
            inputs.pop(name, None)
    return replace(
        base,
        columns={**base.columns, **columns},
        past={**base.past, **past},
        term=term,
        latent=latent,
        inputs=inputs,
        bent=bent,
    )


def _new_terms(
    base: Baseline,
    equation: Equation,
    moving: Sequence[str],
    columns: Columns,
    inputs: dict[str, np.ndarray],
    past: Past,
    *,
    slopes: bool = False,
) -> list[Terms]:
    """Evaluate the media terms among moving inputs; what they are scaled to is added to `inputs`."""
    rows, media = base.rows, [n for n in moving if n in equation.media]
    for n in media:
        if n not in inputs:
            inputs[n] = scaled(rows, n, columns[n])
    mine, past = {n: inputs[n] for n in media}, {**base.past, **past} if past else base.past
    return media_terms(rows, equation, mine, past, rows.amplitude[equation.name], slopes=slopes)


def _each(found: Sequence[Terms]) -> dict[str, np.ndarray]:
    return {n: values for terms in found for n, values in terms.each().items()}


def _steps(
    base: Baseline, name: str, moving: Sequence[str], columns: Columns, new: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """Changes (1, S or R, G, T) of a latent mean by inputs that move, given their new media terms."""
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


def _answer(base: Baseline, name: str, latent: np.ndarray) -> np.ndarray:
    """Series of a mediator at a latent mean, its residual kept."""
    return observe(base.rows.system.equation(name), latent + base.residual[name], base.rows.scales)


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
    return base.rows.system.equation(name).family.additive


def shift(base: Baseline, name: str, source: str, column: np.ndarray, past: Past | None = None) -> np.ndarray:
    """Change (S or R, G, T) of the latent mean of equation `name` when its input `source` becomes `column`."""
    columns = {source: column}
    found = _new_terms(base, base.rows.system.equation(name), [source], columns, {}, past or {})
    return _steps(base, name, [source], columns, _each(found))[0]


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
        for terms in _bent(base, equation):
            spend, carry = _media_pull(base, equation, terms, pull, later)
            for c, channel in enumerate(terms.names):
                _add_to(rows, out, channel, spend[:, :, c])
                early[name, channel] = carry[:, :, c]
    return out, early


def _add_to(rows, out: dict[str, np.ndarray], name: str, part: np.ndarray) -> None:
    """Add a derivative; where one differs between paths and the other does not, both as if they did."""
    if name not in out:
        out[name] = part
    elif len(out[name]) == len(part):
        out[name] = out[name] + part
    else:
        out[name] = rows.wide(out[name]) + rows.wide(part)


def _bent(base: Baseline, equation: Equation) -> list[Terms]:
    """All media terms of an equation, with their derivatives."""
    out = list(base.bent.get(equation.name, ()))
    done = {n for terms in out for n in terms.names}
    rest = [n for n in equation.media if n not in done]
    return out + _new_terms(base, equation, rest, base.columns, dict(base.inputs), {}, slopes=True)


def _media_pull(
    base: Baseline, equation: Equation, terms: Terms, pull: np.ndarray, later: Past
) -> tuple[np.ndarray, np.ndarray]:
    """Derivative (S or R, G, C, T) to the columns of some media terms, and (S or R, G, C, ...) to what they inherit."""
    rows, bend, n_time, lag = base.rows, terms.bend, pull.shape[-1], kernel_lag(equation)
    after = [later[equation.name, n] for n in terms.names] if (equation.name, terms.names[0]) in later else []
    # What is the same on all paths is answered for once, with the mean of what the paths pull.
    alike = all(len(v) <= len(rows.draws) for v in (bend, *after))
    wide, pull = ((lambda v: v), rows.narrow(pull)) if alike else (rows.wide, rows.wide(pull))
    lead = bend.shape[-1] - n_time
    if lead:
        pull = np.concatenate([np.zeros((*pull.shape[:2], lead)), pull], axis=-1)
    after = side_by_side([wide(v) for v in after]) if after else None
    reach = np.zeros((len(pull), *bend.shape[1:3])) if after is None or lag >= 0 else after[..., 0]
    keep = shape_of(rows, equation, terms.names, rows.amplitude[equation.name])[0]
    spend, early = kernels.spend_pull(
        wide(bend), wide(keep), lag, np.ascontiguousarray(pull), np.ascontiguousarray(reach)
    )
    if lag < 0:
        early = early[..., None]
    else:
        early, spend = spend[..., :lead], spend[..., lead:]
        if after is not None and after.shape[-1]:
            tail = min(after.shape[-1], n_time)
            spend[..., -tail:] += after[..., -tail:]
    # Below zero a column enters as zero. At zero spend the derivative is the one to the right, that a channel can be
    # funded; a mediator at zero counts as on its zero side.
    factors = []
    for n in terms.names:
        column = base.columns[n]
        factors.append((column > 0.0 if n in rows.system.order else column >= 0.0) / unit(rows, n))
    spend *= side_by_side(factors)
    return spend, early


def _link_slope(base: Baseline, name: str, *, mean: bool) -> np.ndarray:
    """Derivative of a series, or of its mean over residuals, to its latent mean."""
    rows = base.rows
    family, size, latent = rows.system.equation(name).family, rows.scales.size[name][:, None], base.latent[name]
    if family.additive:
        return size[None]
    if not mean:
        return size * family.inverse_slope(latent + base.residual[name])
    center, sigma = base.noise.get(name, (0.0, rows.sigma(name)))
    return size * family.mean_slope(latent + center, sigma[:, None, None])
