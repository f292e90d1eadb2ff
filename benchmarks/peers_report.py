"""The page of `peers.py`: one sentence for each row, made of what was seen, beside what is right."""

import math

import peer_worlds

PARTS = {  # part: package, child, case
    "level": ("pathmc", "child_peers_pathmc.py", "large_level"),
    "curves": ("pathmc", "child_peers_pathmc.py", "curves"),
    "one routed": ("mmm-framework", "child_peers_mmm_framework.py", "through, one channel"),
    "none routed": ("mmm-framework", "child_peers_mmm_framework.py", "past, one channel"),
    "two channels": ("mmm-framework", "child_peers_mmm_framework.py", "two channels"),
    "one mapped": ("mmm-framework", "child_peers_mmm_framework.py", "two channels, one mapped"),
    "roi": ("prophetverse", "child_peers_prophetverse.py", "stated_roi"),
    "plans": ("prophetverse", "child_peers_prophetverse.py", "plans"),
    "undefined": ("arviz-stats", "child_peers_arviz_stats.py", "undefined"),
    "digits": ("arviz-stats", "child_peers_arviz_stats.py", "digits"),
    "sign": ("arviz-stats", "child_peers_arviz_stats.py", "sign"),
    "experiment": ("causal-marketing", "child_peers_experiments.py", "causal"),
    "experiment too": ("murray-geo", "child_peers_experiments.py", "murray"),
    "gap": ("pymc-marketing", "child_peers_pymc_marketing.py", "gap"),
    "small region": ("pymc-marketing", "child_peers_pymc_marketing.py", "small region"),
    "rhat": ("google-meridian", "child_peers_meridian.py", "rhat"),
    "intervals": ("google-meridian", "child_peers_meridian.py", "intervals"),
    "held out": ("google-meridian", "child_peers_meridian.py", "held out"),
    **{
        f"ours: {case}": ("bayesmmm", "child_peers_bayesmmm.py", case)
        for case in ("level", "routes", "roi", "plans")
    },
}
#: Warnings that a row shows.
WARNINGS = 2
_HEAD = """# Worlds whose right answer is known, and what packages say of them

Written by `peers.py`; do not edit. Rows were run from {first} to {last}, each package in an environment of its own.

A package is asked one question on small, valid data, with default settings unless the row says otherwise. The right
value is known by construction or in closed form (`peer_worlds.py`). A row is about one question and one version: it does
not say which package is better, and another setting may give the right value. That bayesmmm is right on these worlds is
held by `tests/test_peer_worlds.py` and `tests/test_peer_worlds_answers.py`, with the mistake made on purpose.
Warnings are those that Python's `warnings` saw. Intervals are central.
"""


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _between(found: list[float]) -> str:
    low, middle, high = map(_number, found)
    return f"{middle} [{low}, {high}]"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _level(seen: dict) -> str:
    raw, scaled = seen["raw"], seen["scaled"]
    return (
        f"Default priors, columns as they are: direct {_between(raw['x -> sales'])}, per unit of m "
        f"{_between(raw['m -> sales'])} (94 % intervals), R-hat {raw['rhat']:.3f}, {raw['divergences']} divergences. "
        f"With `scaling=` by the maximum of each column: {_between(scaled['x -> sales'])} and "
        f"{_between(scaled['m -> sales'])}"
    )


def _curves(seen: dict) -> str:
    units = ", ".join(map(_number, seen["units"]))
    return (
        f"`effect('x -> m -> y')` is the product of the coefficients, {_between(seen['effect'])} (94 %), as its "
        f"documentation says for straight lines; nothing is said of the curve. `do` at 0, 1, 2 and 3 gives {units}"
    )


def _routes(seen: dict) -> str:
    parts = [
        f"{channel}: {'no share' if math.isnan(share) else _percent(share)} mediated, contribution "
        f"{_number(seen['contribution'][channel])}"
        for channel, share in seen["share"].items()
    ]
    return f"{'; '.join(parts)}. R-hat {seen['rhat']:.3f}, {seen['divergences']} divergences"


def _roi(seen: dict) -> str:
    return (
        f"With `ROILikelihood(roi_mean=8, roi_scale=0.01)` the return comes out at {_number(seen['unit 1'])} and, with "
        f"the same money written in tens, at {_number(seen['unit 0.1'])}: it is read in units of the scaled outcome"
    )


def _money(plan: dict) -> str:
    return " and ".join(f"{c} {', '.join(map(_number, plan[c]))}" for c in peer_worlds.LIMITS)


def _plans(seen: dict) -> str:
    limited, total = seen["tv, radio"], seen["total of tv"]
    of_tv, of_all = sum(total["tv"]), sum(total["tv"] + total["radio"])
    return (
        f"`BudgetOptimizer(bounds=...)` by channel, SLSQP {_ended(limited)}: {_money(limited)}. With "
        f'`TotalBudgetConstraint(channels=["tv"], total=400)`, SLSQP {_ended(total)}: {_number(of_tv)} for tv, and '
        f"{_number(of_all)} for both"
    )


def _ended(plan: dict) -> str:
    return "ended with success" if plan["success"] else "ended without success"


def _our_plans(seen: dict) -> str:
    total = seen["total of tv"]
    return f"{_money(seen['tv, radio'])}; {_number(sum(total['tv']))} for tv where its total is given"


def _undefined(seen: dict) -> str:
    return (
        f"`psense_summary`: prior {seen['prior']}, likelihood {seen['likelihood']}, diagnosis {seen['diagnosis']}"
    )


def _digits(seen: dict) -> str:
    return f"`metrics`, by default: {' and '.join(_number(v) for v in seen.values())}"


def _sign(seen: dict) -> str:
    return f"`compare`: `elpd_diff` of the worse one {_number(seen['difference'])}"


def _not_truncated(seen: dict) -> str:
    return f"{_experiment(seen)}; its documentation says that the end date is accepted and not used"


def _experiment(seen: dict) -> str:
    text = f"{_percent(seen['longer']['lift'])} with both dates given, {_percent(seen['ending']['lift'])} where data end"
    return f"{text} with the experiment; p is {seen['longer']['p']:.2g} and {seen['ending']['p']:.2g}"


def _gap(seen: dict) -> str:
    near, far = seen.values()
    same = all(abs(a - b) < 1e-9 for a, b in zip(near, far, strict=True))
    return (
        f"`sample_posterior_predictive(include_last_observations=True)`: eight weeks without spend begin at "
        f"{_number(near[0])} (in its scaled units) one week after the data and at {_number(far[0])} 22 weeks later; the "
        f"two forecasts are {'equal in all digits' if same else 'different'}"
    )


def _small_region(seen: dict) -> str:
    parts = [f"{geo} {_between(seen[geo])}, right {_number(right)}" for geo, right in seen["truth"].items()]
    return f"{seen['scales']} scale(s) of the outcome for five regions; returns (90 %): {'; '.join(parts)}"


def _rhat(seen: dict) -> str:
    text = f"`backend.mcmc.potential_scale_reduction`, which `get_rhat` calls, gives {seen['meridian']:.3f}"
    return f"{text}, and `arviz.rhat` {seen['arviz']:.3f}"


def _intervals(seen: dict) -> str:
    text = f"`expected_vs_actual_data(confidence_level=0.9)` holds {_percent(seen['held'])} of the weeks"
    if "refused" in seen:
        return f"{text}; the optimiser over the last 13 weeks: {seen['refused']}"
    brought = ", ".join(f"{c} {_number(v)} for {_number(seen['spend'][c])}" for c, v in seen["brought"].items())
    return f"{text}; the optimiser over the last 13 weeks, in which radio was off, says: {brought}"


def _held_out(seen: dict) -> str:
    parts = [f"{name}: " + ", ".join(f"{c} {_between(v)}" for c, v in roi.items()) for name, roi in seen.items()]
    return f"ROI (90 %) with held-out sales {'; '.join(parts)}"


def _warned(sentences: list[str]) -> str:
    more = f" And {len(sentences) - WARNINGS} more." if len(sentences) > WARNINGS else ""
    return "".join(f" It warned: “{each.strip()[:120]}”." for each in sentences[:WARNINGS]) + more


def _ours(seen: dict) -> str:
    return "; ".join(f"{name} {_between(found)}" for name, found in seen.items())


_SOLD = f"{peer_worlds.mediation('through').truth['tv']:,.0f}"
_UNITS = ", ".join(f"{name} {_number(v)}" for name, v in peer_worlds.curved_path().truth.items())
#: World: what it is, its right value, rows by package.
WORLDS = (
    (
        "An outcome near 6,000 with noise of 150",
        "x brings 3 directly, a unit of m 2",
        {"level": _level, "ours: level": _ours},
    ),
    (
        "All through the mediator, one channel",
        f"100 % mediated, contribution {_SOLD}",
        {"one routed": _routes},
    ),
    ("Nothing through the mediator, one channel", f"0 % mediated, contribution {_SOLD}", {"none routed": _routes}),
    (
        "tv through the mediator, social past it",
        "tv 100 % and social 0 % mediated",
        {"two channels": _routes, "one mapped": _routes, "ours: routes": _ours},
    ),
    ("Units of spend through a curve", _UNITS, {"curves": _curves}),
    (
        "A stated return of 8 ± 0.01 in money, where data say 3",
        "8.0, in any unit of money",
        {"roi": _roi, "ours: roi": _ours},
    ),
    (
        "Bounds on two channels over four periods, and a total of one channel",
        "tv from 50 to 150 and radio from 0 to 40 in every period, 400 in all; then 400 for tv alone",
        {"plans": _plans, "ours: plans": _our_plans},
    ),
    (
        "A geo experiment of 21 days in data that run 39 days longer",
        "a lift of 20 %",
        {"experiment": _not_truncated, "experiment too": _experiment},
    ),
    (
        "A forecast that begins 22 weeks after the end of the data",
        "it is no continuation: bayesmmm refuses it and names the missing weeks",
        {"gap": _gap},
    ),
    (
        "A region a hundredth of the size of the others",
        "its return, as that of others",
        {"small region": _small_region},
    ),
    (
        "Draws of four chains, one of which is 0.92 standard deviations off",
        "rank-normalised split R-hat, as ArviZ and `fit.convergence` have it",
        {"rhat": _rhat},
    ),
    (
        "Predictive intervals, and a channel that was off in the window of a plan",
        "about 90 % of weeks; radio would bring more than nothing",
        {"intervals": _intervals},
    ),
    ("Held-out sales multiplied by three", "nothing moves", {"held out": _held_out}),
    ("Prior sensitivity of a quantity with one undefined draw", "cannot be computed", {"undefined": _undefined}),
    ("RMSE of two forecasts", "11,607 and 12,394", {"digits": _digits}),
    ("Two models that differ by 40 in elpd", "the sign is stated", {"sign": _sign}),
)


def written(result: dict) -> str:
    """Return the page."""
    days = sorted(row["date"] for row in result.values()) or ["never"]
    text = _HEAD.format(first=days[0], last=days[-1])
    for place, (world, right, rows) in enumerate(WORLDS, start=1):
        text += f"\n## {place}. {world}\nRight: {right}.\n\n| package | what was seen |\n|---|---|\n"
        for part, sentence in rows.items():
            row = result.get(part, {"missing": "not run yet"})
            package = f"{PARTS[part][0]} {row.get('version', '')}".strip()
            seen = row["missing"] if "missing" in row else sentence(row["seen"]).replace("|", "\\|")
            said = _warned(row.get("warned", []))
            text += f"| {package} | {seen}.{said.replace('|', ' ')} |\n"
    return text
