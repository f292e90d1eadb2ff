"""The page of `peers.py`: one sentence for each row, made of what was seen. Knows its JSON only."""

PARTS = {  # part: package, child, case
    "level": ("pathmc", "child_peers_pathmc.py", "large_level"),
    "curves": ("pathmc", "child_peers_pathmc.py", "curves"),
    "one routed": ("mmm-framework", "child_peers_mmm_framework.py", "through, one channel"),
    "none routed": ("mmm-framework", "child_peers_mmm_framework.py", "past, one channel"),
    "two channels": ("mmm-framework", "child_peers_mmm_framework.py", "two channels"),
    "one mapped": ("mmm-framework", "child_peers_mmm_framework.py", "two channels, one mapped"),
    "roi": ("prophetverse", "child_peers_prophetverse.py", "stated_roi"),
    "undefined": ("arviz-stats", "child_peers_arviz_stats.py", "undefined"),
    "digits": ("arviz-stats", "child_peers_arviz_stats.py", "digits"),
    "sign": ("arviz-stats", "child_peers_arviz_stats.py", "sign"),
    "experiment": ("causal-marketing", "child_peers_experiments.py", "causal"),
    "experiment too": ("murray-geo", "child_peers_experiments.py", "murray"),
    **{f"ours: {case}": ("bayesmmm", "child_peers_bayesmmm.py", case) for case in ("level", "routes", "roi")},
}
_HEAD = """# Worlds whose right answer is known, and what packages say of them

Written by `peers.py`; do not edit. Rows were run from {first} to {last}, each package in an environment of its own.

A package is asked one question on small, valid data, with default settings unless the row says otherwise. The right value
is known by construction or in closed form (`peer_worlds.py`). A row is about one question and one version: it does not
say which package is better, and another setting may give the right value. That bayesmmm is right on these worlds is held by
`tests/test_peer_worlds.py` and `tests/test_peer_worlds_answers.py`, each with the mistake made on purpose as a control.
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
        f"{_between(raw['m -> sales'])} (94 % intervals), R-hat {raw['rhat']:.3f}, {raw['divergences']} divergences. With "
        f"`scaling=` by the maximum of each column: {_between(scaled['x -> sales'])} and {_between(scaled['m -> sales'])}"
    )


def _curves(seen: dict) -> str:
    units = ", ".join(map(_number, seen["units"]))
    return (
        f"`effect('x -> m -> y')` is the product of the coefficients, {_between(seen['effect'])} (94 %), as its "
        f"documentation says for straight lines; nothing is said of the curve. `do` at 0, 1, 2 and 3 gives {units}"
    )


def _routes(seen: dict) -> str:
    parts = [
        f"{channel}: {_percent(share)} mediated, contribution {_number(seen['contribution'][channel])}"
        for channel, share in seen["share"].items()
    ]
    return f"{'; '.join(parts)}. R-hat {seen['rhat']:.3f}, {seen['divergences']} divergences"


def _roi(seen: dict) -> str:
    return (
        f"With `ROILikelihood(8, 0.01)` the return comes out at {_number(seen['unit 1'])} and, with the same money written "
        f"in tens, at {_number(seen['unit 0.1'])}: the ratio is that of the scaled outcome to the input as it is"
    )


def _undefined(seen: dict) -> str:
    return f"`psense_summary`: prior {seen['prior']}, likelihood {seen['likelihood']}, diagnosis {seen['diagnosis']}"


def _digits(seen: dict) -> str:
    return f"`metrics`, by default: {' and '.join(_number(v) for v in seen.values())}"


def _sign(seen: dict) -> str:
    return f"`compare`: `elpd_diff` of the worse one {_number(seen['difference'])}; ArviZ before 1.0 gave it above zero"


def _experiment(seen: dict) -> str:
    text = f"{_percent(seen['longer']['lift'])} with both dates given, {_percent(seen['ending']['lift'])} where data end"
    return f"{text} with the experiment; p is {seen['longer']['p']:.2g} and {seen['ending']['p']:.2g}"


def _ours(seen: dict) -> str:
    return "; ".join(f"{name} {_between(found)}" for name, found in seen.items())


#: World: what it is, its right value, rows by package.
WORLDS = (
    (
        "An outcome near 6,000 with noise of 150",
        "x brings 3 directly, a unit of m 2",
        {"level": _level, "ours: level": _ours},
    ),
    (
        "All through the mediator, one channel",
        "100 % mediated, contribution 70,754",
        {"one routed": _routes},
    ),
    ("Nothing through the mediator, one channel", "0 % mediated, contribution 70,754", {"none routed": _routes}),
    (
        "tv through the mediator, social past it",
        "tv 100 % and social 0 % mediated",
        {"two channels": _routes, "one mapped": _routes, "ours: routes": _ours},
    ),
    ("Units of spend through a curve", "first 0.956, second 0.371, third 0.0895", {"curves": _curves}),
    (
        "A stated return of 8 ± 0.01 in money, where data say 3",
        "8.0, in any unit of money",
        {"roi": _roi, "ours: roi": _ours},
    ),
    ("A geo experiment of 21 days in data that run 39 days longer", "a lift of 20 %", dict.fromkeys(
        ("experiment", "experiment too"), _experiment)),
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
            text += f"| {package} | {seen}. |\n"
    return text
