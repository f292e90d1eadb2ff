"""Slow rewrite of the answers: plain loops, one draw at a time, nothing shared with the package but a fit's numbers.

Posterior values are read by name, scales from ``fit.scales``, design columns are rebuilt from dates. Everything below
works on lists over periods; a national series only.

Readings of the definitions, where they leave room:

* ``window="spend"`` stops the channel in the window and counts the outcome from the first period of the window to
  `tail` periods after its last. ``window="outcome"`` stops the channel in the window and in everything before it
  (carry-in counted) and counts the outcome of the window; its ratios divide by the spend of the window.
* Per mediator: all mediators held where they were, the channel stopped; then one mediator after another, in causal
  order, is moved to where the stop would have taken it. So the effect through a chain goes to its last mediator.
* The parts of a mediator by the channels they go back to are its media terms in units of the series; organic is the
  rest, residual included, and may be negative. Where the mediator is zero, or is cut at zero on its way into a Hill
  curve, there is nothing to share and all parts are zero. Under "lognormal", what media add to s exp(linear + residual)
  is shared in proportion to the terms on the log scale.
* The organic part of a mediator is all of it that does not go back to a channel: also what it has from the organic
  part of a mediator before it.
* The mean f(latent mean) of an equation: f(intercept), then linear exogenous terms share f(L) - f(intercept), L the
  sum of both, then everything else shares f(L + m) - f(L), each in proportion to the terms before the link. m holds
  media terms and linear mediators, their organic part included: a mediator is treated alike on both ways in.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from bayesmmm.priors import Prior
from tests.reference import adstock, hill

DAYS = {"daily": 1.0, "weekly": 7.0, "monthly": 365.25 / 12}
ORGANIC = "organic"


# ---------------------------------------------------------------------------------------------------- reading a draw
@dataclass(frozen=True)
class Draw:
    """One draw of a fit with all that is needed to run its equations: columns in units, T periods or more."""

    equations: tuple
    columns: dict
    days: list
    fitted: int
    period: float
    scales: object
    par: dict
    levels: dict  # what each linear term is counted from
    trend_until: float = math.inf  # day after which a trend stays where it is
    known: dict = field(init=False, default_factory=dict)  # amplitudes, media and linear terms worked out so far

    @property
    def outcome(self):
        return self.equations[-1].name

    @property
    def order(self):
        return [e.name for e in self.equations]

    @property
    def mediators(self):
        return self.order[:-1]

    def equation(self, name):
        return next(e for e in self.equations if e.name == name)

    def size(self, name):
        return float(self.scales.size[name][0])


def read_draw(fit, chain, draw) -> Draw:
    at = fit.posterior.isel(chain=chain, draw=draw)
    par = {}
    for equation in fit.system.equations:
        name, own = equation.name, {}
        for block, dim in [
            *((p, "media") for p in ("half_life", "half_saturation", "slope", "contribution")),
            ("coefficient", "term"),
        ]:
            labels = equation.media if dim == "media" else terms(equation)
            own[block] = {n: float(at[f"{name}.{block}"].sel({f"{name}.{dim}": n})) for n in labels}
        for scalar in ("sigma", "nu_minus_two"):
            if f"{name}.{scalar}" in at:
                own[scalar] = float(at[f"{name}.{scalar}"])
        par[name] = own
    return Draw(
        equations=tuple(fit.system.equation(n) for n in _causal_order(fit.system)),
        columns={n: [float(v) for v in values[0]] for n, values in fit.data.columns.items()},
        days=[(d - np.datetime64("1970-01-01")) / np.timedelta64(1, "D") for d in fit.data.dates.values],
        fitted=len(fit.data.dates),
        period=DAYS[fit.data.frequency],
        scales=fit.scales,
        par=par,
        levels=_levels(fit),
    )


def _levels(fit):
    """As an equation says; else zero for what is 0 or 1, or paid, and the mean for the rest."""
    out = {}
    for equation in fit.system.equations:
        for n in equation.linear:
            values, unit = set(fit.data.columns[n][0].tolist()), fit.data.mediators.get(n)
            given = equation.reference.get(n, 0.0 if values <= {0.0, 1.0} or unit == "money" else "mean")
            words = {"mean": fit.scales.center[n], "min": min(values), "max": max(values)}
            out[n] = words.get(given, given)
    return out


def _causal_order(system):
    """Repeatedly take the first equation whose causes are all known."""
    names, out = [e.name for e in system.equations], []
    while len(out) < len(names):
        for equation in system.equations:
            waits = [c for c in (*equation.media, *equation.linear) if c in names and c not in out]
            if equation.name not in out and not waits:
                out.append(equation.name)
                break
    return out


def extended(draw, columns, dates, known=None) -> Draw:
    """The same draw with later periods at `dates`; columns have one value for all of them, or one for each.

    A trend stays where it is after the first `known` of them; by default it goes on.
    """

    def later(name):
        value = columns.get(name, 0.0)
        return [float(value)] * len(dates) if np.ndim(value) == 0 else [float(v) for v in value]

    days = [*draw.days, *(_day(d) for d in np.asarray(dates, "datetime64[ns]"))]
    return replace(
        draw,
        columns={n: [*v, *later(n)] for n, v in draw.columns.items()},
        days=days,
        trend_until=math.inf if known is None else days[len(draw.days) + known - 1],
    )


# --------------------------------------------------------------------------------------------------------- equations
def terms(equation):
    """Labels of the linear part, written out."""
    out = ["intercept"]
    if equation.trend:
        out.append("trend")
        if equation.trend is not True:
            out += [f"trend@{knot}" for knot in equation.trend]
    for season in equation.seasonality:
        period = int(season.period) if season.period == int(season.period) else season.period
        for k in range(1, season.order + 1):
            out += [f"sin{k}@{period}", f"cos{k}@{period}"]
    return [*out, *equation.linear]


def design_column(draw, term, columns):
    """Values of a linear term over the periods."""
    if term == "intercept":
        return [1.0] * len(draw.days)
    if term.split("@")[0] == "trend":
        start, end = (_day(t) for t in (draw.scales.start, draw.scales.end))
        days = [min(d, draw.trend_until) for d in draw.days]
        if term == "trend":
            return [(d - start) / (end - start) for d in days]
        knot = _day(np.datetime64(term.split("@")[1]))
        return [max(0.0, (d - knot) / (end - start)) for d in days]
    wave, _, period = term.partition("@")
    if period and wave[:3] in ("sin", "cos"):
        turn = [2 * math.pi * int(wave[3:]) * d / float(period) for d in draw.days]
        return [math.sin(v) if wave[:3] == "sin" else math.cos(v) for v in turn]
    return [(v - draw.scales.center[term]) / draw.scales.spread[term] for v in columns[term]]


def _day(moment):
    return (np.datetime64(moment) - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")


def linear_terms(draw, name, columns):
    """Term -> its values times its coefficient, on the scale of the equation."""
    b, out = draw.par[name]["coefficient"], {}
    for term in terms(draw.equation(name)):
        this = (name, term, "linear", tuple(columns.get(term, ())))
        if this not in draw.known:
            draw.known[this] = [b[term] * v for v in design_column(draw, term, columns)]
        out[term] = draw.known[this]
    return out


def counted_terms(draw, name):
    """Linear terms counted from their levels; what lies between these and the means belongs to the intercept."""
    out = dict(linear_terms(draw, name, draw.columns))
    for n in draw.equation(name).linear:
        away = draw.par[name]["coefficient"][n] * (draw.levels[n] - draw.scales.center[n]) / draw.scales.spread[n]
        out["intercept"] = [v + away for v in out["intercept"]]
        out[n] = [v - away for v in out[n]]
    return out


def pressure(draw, name, channel, series):
    """Adstock of a column in multiples of its mean positive value."""
    spend = [v / float(draw.scales.spend[channel][0]) for v in series]
    return carried_over(draw, draw.equation(name), channel, spend)


def carried_over(draw, equation, channel, spend):
    """Adstock of a series: by the day, or by the period under a prior on retention."""
    half_life, by_period = draw.par[equation.name]["half_life"][channel], equation.priors.get("retention", ())
    if isinstance(by_period, Prior) or channel in by_period:
        return adstock(spend, 0.5 ** (draw.period / half_life), max_lag=equation.max_lag)
    days = lengths(draw, len(spend) + (equation.max_lag or 0))
    return adstock(spend, 0.5 ** (1.0 / half_life), max_lag=equation.max_lag, days=days)


def lengths(draw, count):
    """Days of so many periods, months by the calendar from the first of one on."""
    if draw.period in (1.0, 7.0):
        return [int(draw.period)] * count
    first = np.datetime64("1970-01-01") + np.timedelta64(int(draw.days[0]), "D")
    months = first.astype("datetime64[M]") + np.arange(count + 1)
    assert draw.days[0] == _day(months[0].astype("datetime64[D]"))
    return np.diff(months.astype("datetime64[D]")).astype(int).tolist()


def response(draw, name, channel, series):
    """Media term of one channel: amplitude from the observed fitted periods, whatever `series` is."""
    par = draw.par[name]
    shape = (par["half_saturation"][channel], par["slope"][channel])
    if (name, channel) not in draw.known:
        seen = hill(pressure(draw, name, channel, _cut(draw.columns[channel][: draw.fitted])), *shape)
        mean = sum(seen) / draw.fitted
        draw.known[name, channel] = par["contribution"][channel] / mean if mean else 0.0
    amplitude, this = draw.known[name, channel], (name, channel, tuple(series))
    if this not in draw.known:
        draw.known[this] = [amplitude * h for h in hill(pressure(draw, name, channel, _cut(series)), *shape)]
    return draw.known[this]


def _cut(series):
    return [max(0.0, v) for v in series]


def media_terms(draw, name, columns):
    return {c: response(draw, name, c, columns[c]) for c in draw.equation(name).media}


def latent_mean(draw, name, columns):
    parts = [*linear_terms(draw, name, columns).values(), *media_terms(draw, name, columns).values()]
    return [sum(p[t] for p in parts) for t in range(len(draw.days))]


def link(draw, name, value):
    """Latent value with its residual -> series in units."""
    size, kind = draw.size(name), draw.equation(name).likelihood
    if kind == "lognormal":
        return size * math.exp(value)
    return size * max(0.0, value) if kind == "censored_normal" else size * value


def mean_link(draw, name, mean):
    """Latent mean -> mean of the series in units."""
    size, kind, sigma = draw.size(name), draw.equation(name).likelihood, draw.par[name]["sigma"]
    if kind == "lognormal":
        return size * math.exp(mean + sigma**2 / 2)
    if kind == "censored_normal":
        z = mean / sigma
        return size * (mean * _below(z) + sigma * math.exp(-z * z / 2) / math.sqrt(2 * math.pi))
    return size * mean


def _below(z):
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _mean_slope(draw, name, mean):
    kind = draw.equation(name).likelihood
    if kind == "lognormal":
        return mean_link(draw, name, mean)
    return draw.size(name) * (_below(mean / draw.par[name]["sigma"]) if kind == "censored_normal" else 1.0)


def residuals(draw, drawn=None):
    """Equation -> what its latent mean leaves over; `drawn[name]` are the values in periods at zero if censored."""
    out = {}
    for name in draw.order:
        mean, kind = latent_mean(draw, name, draw.columns), draw.equation(name).likelihood
        out[name] = []
        for t, value in enumerate(draw.columns[name]):
            if kind == "censored_normal" and value <= 0.0:
                out[name].append(drawn[name][t])
            else:
                scaled = value / draw.size(name)
                out[name].append((math.log(scaled) if kind == "lognormal" else scaled) - mean[t])
    return out


def run(draw, residual, do=None):
    """All series with some columns set; a mediator that is set no longer listens to its equation.

    None in the place of a value leaves a mediator free in that period.
    """
    columns, do = dict(draw.columns), dict(do or {})
    columns |= {n: v for n, v in do.items() if n not in draw.order}
    for name in draw.order:
        given = do.get(name, [None] * len(draw.days))
        if None in given:
            mean = latent_mean(draw, name, columns)
            free = [link(draw, name, m + e) for m, e in zip(mean, residual[name], strict=True)]
            given = [f if v is None else v for f, v in zip(free, given, strict=True)]
        columns[name] = list(given)
    return columns


# ------------------------------------------------------------------------------------------------------------ effects
def scaled(draw, channels, factor, first, last, window):
    """Columns of the channels with the spend that the window rule is about multiplied by `factor`."""
    start = 0 if window == "outcome" else first
    return {c: [factor * v if start <= t <= last else v for t, v in enumerate(draw.columns[c])] for c in channels}


def effect_paths(draw, residual, channels, *, first, last, window="spend"):
    """What stopping `channels`, together, changes in every period, whether it counts or not."""
    stop = scaled(draw, channels, 0.0, first, last, window)
    y, mediators = draw.outcome, draw.mediators
    base = run(draw, residual)
    gone = run(draw, residual, stop)
    held = {m: base[m] for m in mediators}
    steps = [run(draw, residual, stop | held)[y]]
    for mediator in mediators:
        held[mediator] = gone[mediator]
        steps.append(run(draw, residual, stop | held)[y])

    def gap(one, other):
        return [a - b for a, b in zip(one, other, strict=True)]

    return {
        "total": gap(base[y], gone[y]),
        "direct": gap(base[y], steps[0]),
        "indirect": gap(steps[0], gone[y]),
        "via": {m: gap(steps[i], steps[i + 1]) for i, m in enumerate(mediators)},
        "induced": {m: gap(base[m], gone[m]) for m in mediators},
        "outcome": base[y],
    }


def effects(draw, residual, channels, *, first, last, window="spend", tail=0):
    """What the spend of `channels`, together, did: sums over the counted periods."""
    paths = effect_paths(draw, residual, channels, first=first, last=last, window=window)
    return summed_effects(draw, paths, channels, first=first, last=last, window=window, tail=tail)


def summed_effects(draw, paths, channels, *, first, last, window="spend", tail=0):
    """Sums of `effect_paths` over the counted periods, and the spend and outcome of the window."""
    counted = counted_periods(draw, first, last, window, tail)

    def total(values):
        return sum(values[t] for t in counted)

    return {
        "spend": sum(sum(draw.columns[c][first : last + 1]) for c in channels),
        **{key: total(paths[key]) for key in ("total", "direct", "indirect")},
        **{key: {m: total(v) for m, v in paths[key].items()} for key in ("via", "induced")},
        "outcome": sum(paths["outcome"][first : last + 1]),
    }


def counted_periods(draw, first, last, window, tail):
    end = last if window == "outcome" else min(last + tail, len(draw.days) - 1)
    return range(first, end + 1)


def ratios(effect, paid):
    """ROI and its relatives from the sums; `paid` are the mediators that cost money."""
    spend, total = effect["spend"], effect["total"]
    return {
        "roi": total / spend,
        "roi_direct": effect["direct"] / spend,
        "roi_indirect": effect["indirect"] / spend,
        "roi_net": total / (spend + sum(effect["induced"][m] for m in paid)),
        "cost": spend / total if total else math.nan,
        "share": total / effect["outcome"],
    }


def summed_outcome(draw, residual, channel, factor, *, first, last, window="spend", tail=0):
    """Outcome of the counted periods with the channel's spend multiplied."""
    out = run(draw, residual, scaled(draw, [channel], factor, first, last, window))[draw.outcome]
    return sum(out[t] for t in counted_periods(draw, first, last, window, tail))


def marginal_roi(draw, residual, channel, *, step=1e-4, **where):
    """Central difference in a factor on the spend, over the spend of the window."""
    up, down = (summed_outcome(draw, residual, channel, 1 + s, **where) for s in (step, -step))
    return (up - down) / (2 * step) / sum(draw.columns[channel][where["first"] : where["last"] + 1])


def response_curve(draw, residual, channel, factors, **where):
    """Outcome gained over no spend, at each multiple of the spend."""
    nothing = summed_outcome(draw, residual, channel, 0.0, **where)
    return [summed_outcome(draw, residual, channel, f, **where) - nothing for f in factors]


def extrapolated(draw, channel, factor, *, first, last):
    """Share of the multiplied spend that lies in periods above the largest one observed."""
    spend = [factor * v for v in draw.columns[channel][first : last + 1]]
    top = max(draw.columns[channel][: draw.fitted])
    return sum(v for v in spend if v > top) / sum(spend) if sum(spend) else 0.0


def weight_left(draw, channel, periods):
    """Largest adstock weight that any path from the channel to the outcome has left so many periods after a spend."""
    return max((_tail_weight(lags, periods) for lags in _paths(draw, channel, draw.outcome)), default=0.0)


def _paths(draw, source, target):
    """Adstock weights by lag, convolved along each path; a linear edge has no lag."""
    size, out = len(draw.days), []
    for equation in draw.equations:
        if source not in (*equation.media, *equation.linear):
            continue
        if source in equation.media:
            pulse = np.array([1.0, *[0.0] * (size - 1)])
            own = carried_over(draw, equation, source, pulse)
        else:
            own = np.array([1.0, *[0.0] * (size - 1)])
        if equation.name == target:
            out.append(own)
        else:
            out += [np.convolve(own, rest)[:size] for rest in _paths(draw, equation.name, target)]
    return out


def _tail_weight(lags, periods):
    return 1.0 - float(sum(lags[: periods + 1]))


# ------------------------------------------------------------------------------------------------------ decomposition
def shared(total, by_origin):
    """Split `total` (T) in proportion to the parts; nothing where they add up to nothing."""
    whole = [sum(p[t] for p in by_origin.values()) for t in range(len(total))]
    return {
        k: [v * total[t] / whole[t] if whole[t] != 0.0 else 0.0 for t, v in enumerate(p)]
        for k, p in by_origin.items()
    }


def origin_terms(draw, name, residual):
    """Terms of an equation that media or mediators cause, on its scale: (cause, origin) -> values.

    The cause is the column in the equation, the origin the channel or control it goes back to, or ORGANIC.
    """
    equation, out = draw.equation(name), {}
    linear, media = counted_terms(draw, name), media_terms(draw, name, draw.columns)
    for cause in equation.media:
        if cause not in draw.order:
            out[cause, cause] = media[cause]
            continue
        pieces = series_parts(draw, cause, residual, cut=True)
        adstocked = {k: list(pressure(draw, name, cause, p)) for k, p in pieces.items()}
        for origin, part in shared(media[cause], adstocked).items():
            out[cause, origin] = part
    for cause in equation.linear:
        if cause not in draw.order:
            continue
        slope = draw.par[name]["coefficient"][cause] / draw.scales.spread[cause]
        pieces = series_parts(draw, cause, residual, cut=False)
        rest = list(linear[cause])
        for origin, piece in pieces.items():
            if origin != ORGANIC:
                out[cause, origin] = [slope * v for v in piece]
                rest = [r - slope * v for r, v in zip(rest, piece, strict=True)]
        out[cause, ORGANIC] = rest
    return out


def series_parts(draw, name, residual, *, cut):
    """Parts of an observed mediator, in its units, by origin; `cut` at zero, as a Hill curve takes it."""
    by_origin, linear = {}, counted_terms(draw, name)
    controls = [(n, linear[n]) for n in draw.equation(name).linear if n not in draw.order]
    caused = [(origin, values) for (_, origin), values in origin_terms(draw, name, residual).items()]
    for origin, values in [*caused, *controls]:
        if origin != ORGANIC:
            known = by_origin.get(origin, [0.0] * len(values))
            by_origin[origin] = [a + b for a, b in zip(known, values, strict=True)]

    if draw.equation(name).likelihood == "lognormal":  # channels lift the series, controls what it is without them
        whole = [m + residual[name][t] for t, m in enumerate(latent_mean(draw, name, draw.columns))]
        out, media = {}, {c for e in draw.equations for c in e.media}
        for group in (media, set(by_origin) - media):
            own = {k: p for k, p in by_origin.items() if k in group}
            without = [v - sum(p[t] for p in own.values()) for t, v in enumerate(whole)]
            lift = [link(draw, name, a) - link(draw, name, b) for a, b in zip(whole, without, strict=True)]
            out, whole = out | shared(lift, own), without
        return {ORGANIC: [link(draw, name, v) for v in whole]} | out
    # Nothing to share where the series is cut, or censored, at zero.
    cut = cut or draw.equation(name).likelihood == "censored_normal"
    series, size = draw.columns[name], draw.size(name)
    parts = {
        k: [0.0 if cut and series[t] <= 0.0 else size * v for t, v in enumerate(p)] for k, p in by_origin.items()
    }
    seen = _cut(series) if cut else series
    others = [k for k in parts if not any(k in e.media for e in draw.equations)]
    for t in range(len(seen)) if cut else ():  # controls have at most what channels leave
        left = max(series[t] - sum(p[t] for k, p in parts.items() if k not in others), 0.0)
        amount = sum(parts[k][t] for k in others)
        for k in others:
            parts[k][t] *= left / amount if amount > left else 1.0
    return {ORGANIC: [v - sum(p[t] for p in parts.values()) for t, v in enumerate(seen)]} | parts


def decompose(draw, name, residual):
    """(kind, channel, mediator, label) -> values in units of the series; and the mean that they add up to."""
    equation, n = draw.equation(name), len(draw.days)
    linear = counted_terms(draw, name)
    base, first = linear.pop("intercept"), {}
    for term, values in linear.items():
        if term in draw.order:
            continue
        label = term if term in equation.linear else "trend" if term.startswith("trend") else "seasonality"
        known = first.get(label, [0.0] * n)
        first[label] = [a + b for a, b in zip(known, values, strict=True)]
    second = origin_terms(draw, name, residual)
    out = {("base", "", "", "intercept"): [mean_link(draw, name, v) for v in base]}
    level = base
    for label, values in _through_link(draw, name, level, first).items():
        out["control" if label in equation.linear else "base", "", "", label] = values
    level = [v + sum(p[t] for p in first.values()) for t, v in enumerate(level)]
    for (cause, origin), values in _through_link(draw, name, level, second).items():
        out[_component(draw, cause, origin)] = values
    level = [v + sum(p[t] for p in second.values()) for t, v in enumerate(level)]
    return out, [mean_link(draw, name, v) for v in level]


def _component(draw, cause, origin):
    if cause not in draw.order:
        return ("direct", cause, "", cause)
    if origin == ORGANIC:
        return ("organic", "", cause, f"{cause} organic")
    if not any(origin in e.media for e in draw.equations):
        return ("control", "", cause, f"{origin} via {cause}")
    return ("via", origin, cause, f"{origin} via {cause}")


def _through_link(draw, name, level, parts):
    """Share what all parts add to f(level) in proportion to them."""
    out = {label: [] for label in parts}
    for t, low in enumerate(level):
        step = sum(p[t] for p in parts.values())
        if abs(step) < 1e-4:  # a difference quotient would cancel; the slope in the middle is as good
            slope = _mean_slope(draw, name, low + step / 2)
        else:
            slope = (mean_link(draw, name, low + step) - mean_link(draw, name, low)) / step
        for label, p in parts.items():
            out[label].append(slope * p[t])
    return out
