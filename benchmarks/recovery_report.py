"""Tables of `recovery.py` from its results: errors, coverage, alarms, and where nobody warns.

What counts as material and as a warning is fixed here, and was before methods were compared.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

OURS, ALARMS, CLEAN = "bayesmmm", "alarms", "clean"
#: An error is material above this median of |estimate / truth - 1|, or below this coverage of the intervals.
ERROR, COVERAGE = 0.25, 0.7
#: A check warns of a world when it is raised in at least this share of its seeds, and in fewer of the clean world.
WARNED = 0.5
#: Groups of checks that speak of the sampler, not of the world.
APART = ("sampler",)
NAMES = {"roi": "total ROI", "roi_indirect": "indirect ROI"}


@dataclass(frozen=True)
class Score:
    """Errors of one method in one world, over seeds and channels.

    Attributes
    ----------
    error : float
        Median of |estimate / truth - 1|.
    bias : float
        Median of estimate / truth - 1.
    coverage : float
        Share of intervals that hold the truth.
    count : int
        Numbers that were judged.
    """

    error: float
    bias: float
    coverage: float
    count: int

    @property
    def material(self) -> bool:
        """Whether the error matters, by the definition of this benchmark."""
        return self.error > ERROR or self.coverage < COVERAGE

    def __str__(self) -> str:
        text = f"{self.error:.2f} · {self.bias:+.2f} · {self.coverage:.0%}".replace("%", " %")
        return f"**{text}**" if self.material else text


def scores(result: Mapping, quantity: str) -> dict[tuple[str, str], Score]:
    """Score of every (world, method) that estimates a quantity."""
    truth = {(case["world"], case["seed"]): case["truth"][quantity] for case in result["cases"]}
    errors: dict[tuple[str, str], list[tuple[float, bool]]] = {}
    for row in result["rows"]:
        if quantity in row:
            true = truth[row["world"], row["seed"]]
            for channel, (low, middle, high) in row[quantity].items():
                one = (middle / true[channel] - 1.0, low <= true[channel] <= high)
                errors.setdefault((row["world"], row["method"]), []).append(one)
    return {
        key: Score(
            error=median(abs(error) for error, _ in pairs),
            bias=median(error for error, _ in pairs),
            coverage=sum(hit for _, hit in pairs) / len(pairs),
            count=len(pairs),
        )
        for key, pairs in errors.items()
    }


def raised(result: Mapping, world: str) -> dict[str, float]:
    """Share of the seeds of a world in which each check warns or fails; "audit" or "diagnose" before its name."""
    rows = [row for row in result["rows"] if (row["method"], row["world"]) == (ALARMS, world)]
    count: dict[str, int] = {}
    for row in rows:
        for source in ("audit", "diagnose"):
            for name in {name for group, name, _ in row[source] if group not in APART}:
                count[f"{source} {name}"] = count.get(f"{source} {name}", 0) + 1
    return {name: n / len(rows) for name, n in sorted(count.items(), key=lambda item: (-item[1], item[0]))}


def sampler_failures(result: Mapping, world: str) -> str:
    """In how many seeds of a world a check of the sampler fails; draws are then refused unless one insists."""
    rows = [row for row in result["rows"] if (row["method"], row["world"]) == (ALARMS, world)]
    failed = [row for row in rows if any(g in APART and v == "fail" for g, _, v in row["diagnose"])]
    return f"{len(failed)} of {len(rows)}"


def warnings_of(result: Mapping, world: str) -> dict[str, float]:
    """Checks that warn of a world, by the definition above, with their share."""
    usual = raised(result, CLEAN)
    found = raised(result, world).items()
    return {name: share for name, share in found if share >= WARNED > usual.get(name, 0.0)}


# ---------------------------------------------------------------------------------------------------------- tables
def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def worlds_of(result: Mapping) -> dict[str, str]:
    """Name of every world -> what is broken, the clean one first."""
    found = {case["world"]: case["broken"] for case in result["cases"]}
    return dict(sorted(found.items(), key=lambda item: item[0] != CLEAN))


def methods_of(result: Mapping, quantity: str) -> list[str]:
    """Methods that estimate a quantity, as they come."""
    return list(dict.fromkeys(row["method"] for row in result["rows"] if quantity in row))


def errors_table(result: Mapping, quantity: str) -> str:
    """Scores of all methods in all worlds; a method that ran on fewer data sets has their number in its head."""
    found, methods = scores(result, quantity), methods_of(result, quantity)
    heads = []
    for method in methods:
        rows = [row["world"] for row in result["rows"] if row["method"] == method]
        fewest = min(rows.count(world) for world in worlds_of(result))
        heads.append(method if fewest == result["seeds"] else f"{method} ({fewest} seeds)")
    rows = [
        [f"`{world}`", *(str(found.get((world, method), "-")) for method in methods)]
        for world in worlds_of(result)
    ]
    count = [sum(s.material for (_, name), s in found.items() if name == method) for method in methods]
    rows.append(["worlds with a material error", *(str(n) for n in count)])
    return table(["world", *heads], rows)


def shared(result: Mapping, quantity: str) -> dict | None:
    """Return the results on the data sets that every method has; None where those are all."""
    methods = methods_of(result, quantity)
    seeds = {m: {(r["world"], r["seed"]) for r in result["rows"] if r["method"] == m} for m in methods}
    common = set.intersection(*seeds.values())
    if all(keys == common for keys in seeds.values()):
        return None
    rows = [row for row in result["rows"] if (row["world"], row["seed"]) in common]
    return {**result, "rows": rows, "seeds": len({seed for _, seed in common})}


def shared_table(result: Mapping, quantity: str) -> list[str]:
    """Section of the page on the data sets that every method has, where those are not all."""
    part = shared(result, quantity)
    if part is None:
        return []
    title = f"### The same on the {part['seeds']} seeds that every method has"
    return [f"{title}\n{errors_table(part, quantity)}"]


def verdict(result: Mapping, world: str) -> tuple[list[str], dict[str, float], str]:
    """What is material for bayesmmm in a world, which checks warn, and the sentence on both."""
    material = [name for q, name in NAMES.items() if (s := scores(result, q).get((world, OURS))) and s.material]
    warned = warnings_of(result, world)
    if world == CLEAN:
        said = "nothing is broken"
    elif material and not warned:
        said = "**no check warns**"
    elif material:
        said = "warned"
    else:
        said = "warned; ROI is hardly harmed" if warned else "no check warns; ROI is hardly harmed"
    return material, warned, said


def alarms_table(result: Mapping) -> str:
    """What is material, what warns, and the verdict, by world."""
    rows = []
    for world in worlds_of(result):
        material, warned, said = verdict(result, world)
        checks = ", ".join(f"{name} ({share:.0%})".replace("%", " %") for name, share in warned.items())
        cells = [f"`{world}`", ", ".join(material) or "-", checks or "-", sampler_failures(result, world), said]
        rows.append(cells)
    head = ["world", "material error of bayesmmm", "checks that warn (share of seeds)", "sampler fails", "verdict"]
    return table(head, rows)


def samplers_table(result: Mapping) -> str:
    """Seconds, R-hat and divergences by method."""
    rows = []
    for method in methods_of(result, "roi"):
        lines = [row for row in result["rows"] if row["method"] == method]
        cells = [method, str(len(lines)), f"{median(row['seconds'] for row in lines):.1f}", "-", "-"]
        if "max_rhat" in lines[0]:
            rhat = sorted(row["max_rhat"] for row in lines)
            cells[3] = f"{median(rhat):.3f} (worst {rhat[-1]:.2f})"
            cells[4] = f"{sum(row['divergences'] > 0 for row in lines)} of {len(lines)}"
        rows.append(cells)
    head = ["method", "fits", "seconds each, median", "largest R-hat, median", "fits with divergences"]
    return table(head, rows)


# ---------------------------------------------------------------------------------------------------------- the page
HEAD = """# Recovery where one assumption is broken

Written by `recovery.py`; do not edit. {seeds} simulated data sets of each of {worlds} worlds (156 weeks, three
channels, a mediator; `bayesmmm.simulate.broken_world`), all of one seed alike but for what is broken. Every method gets
what an analyst would get. The truth is the outcome of the true process less its outcome with the channel's spend at
zero, residuals kept, over spend.

Fixed before methods were compared: an error is **material** where the median of |estimate / truth − 1| over seeds and
channels exceeds {error:.2f}, or fewer than {coverage:.0%} of the {probability:.0%} intervals hold the truth. A check
**warns** of a world where it is raised in at least {warned:.0%} of its seeds and in fewer of the clean world. Checks of
the sampler are not counted: they speak of the draws. Noise and breaks were sized in a pilot of bayesmmm on the first
four seeds, so that direct and indirect effects can be told apart in the clean world; `fleeting_demand` was added after
a first look at the alarms, as the case in which residuals should show nothing.
"""
CELLS = """Each cell: median of |error| · median error · share of the {probability:.0%} intervals that hold the truth.
Over {seeds} seeds and three channels, {count} numbers: where all were independent and the coverage right, the standard
error of that share would be {se:.0f} points; channels of one data set are not independent. Bold is material."""
ALARM_NOTE = """A warning says that something is wrong with the equations, not what it is, nor how wrong a return is:
autocorrelated residuals, say, are raised by demand that is hidden, by a wrong carry-over and by a missing season alike.
And no check sees what leaves no trace: hidden demand shows in the residuals only as far as it persists from week to
week, and a common cause of mediator and outcome need not show at all. What cannot be seen can be asked:
`mediation_sensitivity` and `confounder_sensitivity` tell how strong it would have to be to change an answer."""
METHODS = """## Methods
- **bayesmmm**: the two equations, default priors and settings (4 chains of 1000 draws).
- **least squares**: the outcome on spend that is carried over with a half-life of a week, not saturated; indirect
  effects as the product of two coefficients.
- **two-stage ridge**: carried-over, saturated channels, the mediator predicted by a first regression and put into the
  second; transforms and penalty by rolling forecasts; intervals by block bootstrap.
- **PyMC-Marketing 1.3**: default priors, Hill, geometric carry-over of 8 weeks, trend as a control, 2 chains of 500
  draws after 500 of warm-up, on fewer data sets since it is slow. The mediator is an ordinary channel, or left out. As a
  channel it takes away what goes through it: the return of another channel is then what that sells directly, less
  than the total in every world. That is a property of the question it answers, and no error of its sampler. With the
  mediator left out the question is the one asked here.

All get price, trend and, but for `missing_season`, one yearly wave. Seconds were taken while others worked on the
machine and hold effects and compilation, where there was any: they are no comparison of speed (`speed.py` is)."""


def silent(result: Mapping) -> str:
    """Sentences on the worlds in which bayesmmm errs and nothing warns, and on those that are warned of."""
    found = {world: verdict(result, world) for world in worlds_of(result) if world != CLEAN}
    lines = []
    for world, (material, warned, _) in found.items():
        if material and not warned:
            parts = [f"{NAMES[q]}: {scores(result, q)[world, OURS]}" for q in NAMES if NAMES[q] in material]
            lines.append(f"- `{world}`: {'; '.join(parts)}")
    if not any(row["method"] == ALARMS for row in result["rows"]):
        return "The checks were not run."
    if not lines:
        return "In no world is an error material without a check that warns."
    count = sum(bool(material) for material, *_ in found.values())
    return f"In {len(lines)} of the {count} worlds with a material error no check warns:\n\n" + "\n".join(lines)


def false_alarms(result: Mapping) -> str:
    """Sentence on the checks that are raised in the clean world."""
    usual = raised(result, CLEAN)
    if not usual:
        return "In the clean world no check is raised in any seed."
    checks = ", ".join(f"{name} ({share:.0%})".replace("%", " %") for name, share in usual.items())
    return f"In the clean world these are raised (share of seeds): {checks}."


def written(result: Mapping) -> str:
    """Return the whole page in Markdown."""
    worlds, seeds, p = worlds_of(result), result["seeds"], result["probability"]
    count = scores(result, "roi")[CLEAN, OURS].count
    numbers = {"seeds": seeds, "worlds": len(worlds), "error": ERROR, "coverage": COVERAGE, "warned": WARNED}
    cells = {"probability": p, "count": count, "seeds": seeds, "se": 100 * (p * (1 - p) / count) ** 0.5}
    parts = [
        HEAD.format(probability=p, **numbers).replace("%", " %"),
        "## Where nobody warns\n" + silent(result),
        "## Total ROI\n" + CELLS.format(**cells).replace("0%", "0 %") + "\n\n" + errors_table(result, "roi"),
        *shared_table(result, "roi"),
        "## Indirect ROI, through the mediator\n" + errors_table(result, "roi_indirect"),
        "## Alarms\n" + alarms_table(result) + "\n\n" + false_alarms(result) + "\n\n" + ALARM_NOTE,
        METHODS,
        samplers_table(result),
        "## The worlds\n" + "\n".join(f"- `{name}`: {broken}" for name, broken in worlds.items()),
    ]
    machine = result["machine"]
    parts.append(f"Run on {machine['cores']} cores of a shared server ({machine['system']}).")
    return "\n\n".join(part.strip() for part in parts) + "\n"
