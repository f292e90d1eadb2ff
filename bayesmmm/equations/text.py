"""A system in words: equations, units, every prior, the causal graph. Computes nothing that a model uses."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bayesmmm.priors import Prior
from bayesmmm.text import counted, wrapped

if TYPE_CHECKING:
    from bayesmmm.equations.equation import Equation, Fourier
    from bayesmmm.equations.system import MMM

_WIDTH = 100
_GLUE = "\0"
_WAVES = {"sin": "sine", "cos": "cosine"}
_SEASONS = {**dict.fromkeys(("365", "365.25", "365.2425"), "yearly season"), "7": "weekly season"}


# ---------------------------------------------------------------- the whole system


def system_text(system: "MMM") -> str:
    """Return the text that printing a system shows."""
    count = len(system.equations)
    head = f"MMM with {counted(count, 'equation')} for the outcome {system.outcome}"
    if system.mediators:
        head += f", mediated by {', '.join(system.mediators)}"
    graph, ways = _indent(graph_text(system)), _indent(routes_text(system))
    blocks = [_equation_block(system.equation(name), place) for place, name in enumerate(system.order, start=1)]
    legend = f"How to read it\n{_indent(_legend(system.equations))}"
    parts = [head, f"Causal graph\n{graph}", f"Ways to the outcome\n{ways}", *blocks, legend]
    return "\n\n".join([*parts, "Next: fit = mm.fit(system, data, seed=1)"])


def equation_text(equation: "Equation") -> str:
    """Return the text that printing one equation shows."""
    return _equation_block(equation, None) + "\n\nHow to read it\n" + _indent(_legend((equation,)))


def _indent(text: str) -> str:
    return textwrap.indent(text, "  ")


# ---------------------------------------------------------------- the graph


def graph_text(system: "MMM") -> str:
    """Draw the causal graph: one row per cause, one column per equation, in causal order.

    ``=>`` is media (adstock, then Hill), ``->`` is linear, ``o`` is where the series of an equation sets out.
    """
    order = system.order
    kinds = {(source, target): kind for source, target, kind in system.edges()}
    rows = [*system.exogenous, *system.mediators]
    if not rows:
        return f"nothing acts on {system.outcome} but its own linear terms"
    left = max(len(row) for row in rows) + 2
    stops, at = [], left
    for name in order:
        at += len(name) + 3
        stops.append(at - 1)
    lines = [" " * left + "".join(f"{name:>{len(name) + 3}}" for name in order)]
    for row in rows:
        line = list(row.ljust(stops[-1] + 1))
        start = len(row) + 1
        if row in order:
            start = stops[order.index(row)]
            line[start] = "o"
            start += 1
        for stop, target in zip(stops, order, strict=True):
            kind = kinds.get((row, target))
            if kind is None:
                continue
            line[start:stop] = ("=" if kind == "media" else "-") * (stop - start)
            line[stop] = ">"
            start = stop + 1
        lines.append("".join(line).rstrip())
    used = set(kinds.values())
    legend = [text for kind, text in (("media", "=> media"), ("linear", "-> linear")) if kind in used]
    legend += ["o own equation"] if system.mediators else []
    return "\n".join([*lines, "", "   ".join(legend)])


def routes_text(system: "MMM") -> str:
    """Say for every cause how it reaches the outcome: directly, through which mediators, or both."""
    children: dict[str, list[str]] = {}
    for source, target, _ in system.edges():
        children.setdefault(source, []).append(target)
    groups: dict[str, list[str]] = {}
    for source in (*system.exogenous, *system.mediators):
        beyond = reached(children[source], children)
        through = [name for name in system.mediators if name in beyond]
        ways = ["directly"] if system.outcome in children[source] else []
        ways += [f"through {', '.join(through)}"] if through else []
        groups.setdefault(" and ".join(ways), []).append(source)
    if not groups:
        return "none"
    return "\n".join(_wrap(f"{', '.join(sources)}: {ways}", 2) for ways, sources in groups.items())


def reached(start: Iterable[str], ways: Mapping[str, Sequence[str]]) -> set[str]:
    """Return where one comes from some places, themselves included, by the ways that lead on from each."""
    out, todo = set[str](), list(start)
    while todo:
        name = todo.pop()
        if name not in out:
            out.add(name)
            todo += ways.get(name, [])
    return out


# ---------------------------------------------------------------- one equation


def _equation_block(equation: "Equation", place: int | None) -> str:
    number = f"{place}. " if place else ""
    head = f"{number}{equation.name}: {equation.likelihood} ({equation.family.comment})"
    statement = equation.family.statement.format(v=equation.name)
    if equation.has_sigma_per_geo:
        statement = statement.replace("sigma", "sigma[g]")
    for mediator, value in equation.rho.items():
        given = "rho" if isinstance(value, Prior) else f"{value:g}, assumed"
        statement += f"\ncorrelation of e[t] with the e[t] of {mediator}: {given}"
    # A term stays on one line: its inner spaces are hidden from the wrapping.
    terms = " + ".join(term.replace(" ", _GLUE) for term in _mean_terms(equation))
    mean = _wrap(f"mu[t] = {terms}", 8).replace(_GLUE, " ")
    mean += _counted_from(equation)
    rows = prior_rows(equation)
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    table = [f"{name:<{widths[0]}}  {prior:<{widths[1]}}  {unit}" for name, prior, unit in rows]
    return "\n".join([head, _indent(statement), _indent(mean), "  priors", *("    " + line for line in table)])


def _mean_terms(equation: "Equation") -> list[str]:
    own = {equation.term_kind(term) for term in equation.per_geo}
    terms = ["intercept[g]" if own else "intercept"]
    terms += ["u[t]"] if equation.has_period_effects else []
    if equation.trend:
        knots = f" bending at {', '.join(equation.knots)}" if equation.knots else ""
        terms.append(f"trend{knots}")
    terms += [f"season({format_days(s.period)} days, order {s.order})" for s in equation.seasonality]
    terms += [f"b z({name})" for name in equation.linear]
    terms += [f"b days({name})" for name in equation.events]
    terms += [f"(m + d) days(each of {len(own)} {pool})" for pool, own in equation.pooled_events.items()]
    return terms + [f"A hill({name})" for name in equation.media]


def _counted_from(equation: "Equation") -> str:
    """Say which level each linear term is counted from, on a line of its own; nothing where a fit is to decide."""
    levels: dict[str, list[str]] = {}
    for name, level in equation.reference.items():
        levels.setdefault(level if isinstance(level, str) else f"{level:.4g}", []).append(name)
    if not levels:
        return ""
    parts = "; ".join(f"{level} ({', '.join(names)})" for level, names in levels.items())
    return "\n" + _wrap(f"linear terms count from {parts}", 8)


def prior_rows(equation: "Equation") -> list[tuple[str, str, str]]:
    """Return (parameter or label, prior, unit and 90 % interval) lines; labels only where they differ."""
    blocks: dict[str, dict[str, Prior]] = {}
    for parameter in equation.parameters():
        for label, prior in zip(parameter.labels or ("",), parameter.priors, strict=True):
            name = equation.term_kind(label) if parameter.name == "coefficient" else parameter.name
            blocks.setdefault(name, {})[label] = prior
    rows = []
    for name, block in blocks.items():
        priors = list(block.values())
        usual = max(priors, key=priors.count)
        everyone = name not in ("retention", "roi") or len(block) == len(equation.media)
        title = name if everyone else f"{name} of {', '.join(block)}"
        exact = [(f"  {label}", prior) for label, prior in block.items() if prior != usual]
        for row, prior in [(title, usual), *exact]:
            args = ", ".join(f"{arg}={value:.4g}" for arg, value in prior.args.items())
            rows.append(
                (row, f"{prior.family}({args})", f"{unit_of(equation, name) or 'no unit'}; {interval_text(prior)}")
            )
    return rows


def unit_of(equation: "Equation", parameter: str) -> str:
    """Return the unit of a parameter of an equation; empty for a pure number."""
    v = equation.name
    share = "log units" if equation.family.log_scale else f"share of mean |{v}|"
    by_day = "log units of a mean day" if equation.family.log_scale else f"mean days of |{v}|"
    group = (equation.panel and equation.panel.group) or "none"
    return {
        "half_life": "days",
        "retention": "share kept into the next period",
        "half_saturation": "multiples of mean positive input",
        "slope": "",
        "contribution": f"{share}, per period",
        "roi": f"{v} per unit of spend",
        "intercept": share,
        "trend": f"{share}, over the fitted periods",
        "seasonality": f"{share}, each harmonic",
        "coefficient": f"{share}, per sd of the column",
        "event": f"{by_day}, per day",
        "event_deviation": f"{by_day}, per day, from the mean of its pool",
        # A standard deviation elsewhere; that of a t is larger than its scale, and depends on nu.
        "sigma": f"{share}, scale of the t, not its sd" if equation.family.heavy_tailed else share,
        "nu_minus_two": "",
        "tau": f"sd of log contribution between geos{f' of one {group}' * (group != 'none')}",
        "tau_group": f"sd of log contribution between groups, by {group}",
        **{f"tau_{name}": f"sd of log {name} between geos" for name in ("half_life", "half_saturation", "slope")},
        "omega": f"{share}, sd of what geos share in a period",
        "rho": "correlation",
    }[parameter]


def interval_text(prior: Prior) -> str:
    """Return the central 90 % of a prior, as "90 % from 1.9 to 26"."""
    low, high = prior.scipy().ppf([0.05, 0.95])
    return f"90 % from {low:.2g} to {high:.2g}"


# ---------------------------------------------------------------- the legend


def _legend(equations: Iterable["Equation"]) -> str:
    names = {parameter.name for equation in equations for parameter in equation.parameters()}
    lines = [("s", "mean |v| of the equation's own series over the fitted periods, in each geo")]
    if any(equation.trend for equation in equations):
        lines.append(("trend", "0 in the first fitted period, 1 in the last"))
    if any(equation.linear for equation in equations):
        lines.append(("z(x)", "(x - mean) / sd over the fitted periods"))
        lines.append(_reference_legend(equations))
    if any(equation.events or equation.pooled_events for equation in equations):
        lines.append(("days(x)", "days of the event in a period / days of a period on average"))
    if any(equation.rho for equation in equations):
        lines.append(("correlation", "what an unobserved cause of both series leaves in the same period"))
    if any(equation.media for equation in equations):
        lines += _media_legend(equations, names)
    width = max(len(word) for word, _ in lines)
    return "\n".join(f"{word:<{width}}  {meaning}" for word, meaning in lines)


def _reference_legend(equations: Iterable["Equation"]) -> tuple[str, str]:
    known = all(name in equation.reference for equation in equations for name in equation.linear)
    meaning = "from the level at which they have brought nothing"
    if not known:
        meaning += ": a fit takes 0 for 0/1, counts and spend, else the mean"
    return "count from", meaning


def _media_legend(equations: Iterable["Equation"], names: set[str]) -> list[tuple[str, str]]:
    by_day = [
        (
            "a",
            "adstock of x: a[t] = (1 - S / D) x[t] / m + S P[t-1],   m = mean positive x,   D = days of period t",
        ),
        ("P", "pressure on the last day of a period: P[t] = d^D P[t-1] + (1 - d^D) / D x[t] / m"),
        ("d", "0.5 ^ (1 / half_life),   S = d + d^2 + ... + d^D"),
    ]
    by_period = "adstock of x: a[t] = (1 - retention) x[t] / m + retention a[t-1],   m = mean positive x"
    adstock = by_day if "half_life" in names else []
    adstock += [("or a" if adstock else "a", by_period)] if "retention" in names else []
    total = ["contribution"] if "contribution" in names else []
    total += ["roi * mean spend / s"] if "roi" in names else []
    lines = [
        ("A hill(x)", "A a^slope / (half_saturation^slope + a^slope)"),
        *adstock,
        ("A", f"({' or '.join(total)}) / mean of hill(x) over the fitted periods"),
    ]
    if any(_waits_for_spend(equation) for equation in equations):
        lines.append(
            ("contribution", "defaults are for equal spend here; a fit takes them in proportion to spend")
        )
    lags = sorted({equation.max_lag for equation in equations if equation.max_lag is not None})
    if lags:
        cut = ", ".join(f"{e.max_lag} periods in {e.name}" for e in equations if e.max_lag is not None)
        lines.append(("max_lag", f"the adstock is cut after {cut}, and its weights add up to one again"))
    own = {equation.name for equation in equations}
    if any(name in own for equation in equations for name in equation.media):
        lines.append(("mediators", "enter other equations as observed (below 0 as 0), not as their fitted mean"))
    return lines


def _waits_for_spend(equation: "Equation") -> bool:
    """Whether defaults of contributions depend on shares of spend that are not known yet."""
    given = equation.priors.get("contribution", {})
    apart = {c for b in equation.parameters() if b.name == "contribution" for c in b.labels}
    return (
        len(equation.media) > 1
        and not equation.spend_share
        and not isinstance(given, Prior)
        and bool(apart - {*given})
    )


def _wrap(text: str, indent: int) -> str:
    return "\n".join(wrapped(text, _WIDTH, indent=indent))


def format_days(days: float) -> str:
    """Return a number of days without a needless ".0"."""
    return repr(int(days)) if days == int(days) else repr(days)


def season_words(season: "Fourier") -> str:
    """Return a season by its period in words."""
    return f"season of {format_days(season.period)} days"


def term_words(term: str) -> str:
    """Name a linear term for a reader: waves of seasons and bends of a trend by what they are, others as they are.

    Examples
    --------
    >>> term_words("sin2@365.25"), term_words("cos1@7"), term_words("trend@2023-01-01"), term_words("price")
    ('yearly season, sine 2', 'weekly season, cosine 1', 'bend of the trend on 2023-01-01', 'price')
    """
    head, at, tail = term.partition("@")
    if at and head == "trend":
        return f"bend of the trend on {tail}"
    wave = _WAVES.get(head[:3]) if head[3:].isdigit() else None
    if not at or wave is None:
        return term
    return f"{_SEASONS.get(tail, f'season of {tail} days')}, {wave} {head[3:]}"
