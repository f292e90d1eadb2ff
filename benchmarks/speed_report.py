"""The page of `speed.py`: ratios within pairs, medians, the sweep with its slopes. Knows the standard library only."""

import math
import statistics

OURS = "bayesmmm"
STATES = {"cold": "nothing compiled", "warm": "compiled code in the caches"}
RATIOS = {  # what is compared: figure, and whether less of it is better
    "start of the process to posterior": ("start_to_posterior_s", True),
    "imports and fit call": ("import_fit_s", True),
    "fit call": ("fit_s", True),
    "sampling alone": ("sampling_s", True),
    "processor time of the process": ("cpu_s", True),
    "ESS per second of the process": ("ess_per_process_s", False),
    "ESS per second of imports and fit call": ("ess_per_import_fit_s", False),
    "ESS per second of the fit call": ("ess_per_fit_s", False),
    "ESS per second of sampling": ("ess_per_sampling_s", False),
    "peak memory": ("peak_mb", True),
}
# bayesmmm compiles while it is imported: with nothing compiled its fit call alone would flatter it. What it draws after
# the sampler is done waits for a kernel then.
WARM_ONLY = ("fit_s", "ess_per_fit_s", "sampling_s", "ess_per_sampling_s")
FIGURES = {  # heading: figure, format
    "imports, s": ("import_s", ".2f"),
    "building, s": ("build_s", ".2f"),
    "compiling, s": ("compile_s", ".1f"),
    "sampling, s": ("sampling_s", ".2f"),
    "rest of the fit, s": ("rest_s", ".2f"),
    "fit, s": ("fit_s", ".1f"),
    "start to posterior, s": ("start_to_posterior_s", ".1f"),
    "processor, s": ("cpu_s", ".1f"),
    "memory, MB": ("peak_mb", ".0f"),
}
QUALITY = {
    "min bulk ESS": ("min_ess", ".0f"),
    "max R-hat": ("max_rhat", ".3f"),
    "divergences": ("divergences", ".0f"),
    "numbers judged": ("parameters", ".0f"),
    "leapfrog steps per draw": ("steps_per_draw", ".0f"),
    "ESS/s of sampling": ("ess_per_sampling_s", ".1f"),
    "ESS/s of the fit": ("ess_per_fit_s", ".1f"),
    "ESS/s of the process": ("ess_per_process_s", ".1f"),
}
TITLES = {
    "mmm_example": "`mmm_example`: 179 weeks, 2 channels",
    "social_search": "`social_search`: 104 weeks, 4 channels and a mediator",
    "national_media": "`national_media`: 156 weeks, 4 channels",
    "panel": "`panel`: 20 geos, 156 weeks",
}
NOTES = {
    "mmm_example": (
        "The same equation: geometric adstock, Hill saturation, yearly season of order two, three linear terms."
    ),
    "social_search": (
        "Here bayesmmm fits two equations, Google spend (censored Normal) and revenue; PyMC-Marketing one, with Google "
        "spend as a fifth channel."
    ),
    "national_media": (
        "The Hill slope is free in bayesmmm and one in Meridian. Building Meridian's model, tracing and compiling its "
        "sampler are apart from sampling."
    ),
}
ASKED = "The second plan is for 1.25 times the money of the first."
SLOPE_FROM = 1000  # periods from which on the slope in periods is fitted


def summary(values: list[float]) -> str:
    """Median and range over the pairs."""
    return f"{short(statistics.median(values))} [{short(min(values))}, {short(max(values))}]"


def short(value: float) -> str:
    """A number with two or three significant digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def picked(rows: list[dict], **wanted) -> list[dict]:
    """Rows with these values."""
    return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]


def sides(rows: list[dict]) -> list[str]:
    """Sides in the rows, bayesmmm first."""
    names = dict.fromkeys(row["side"] for row in rows)
    return sorted(names, key=lambda name: (name != OURS, name))


def middle(rows: list[dict], key: str, form: str) -> str:
    """Median of a figure over rows, or a dash."""
    values = [row[key] for row in rows if row.get(key) is not None]
    return format(statistics.median(values), form) if values else "–"


def in_pairs(rows: list[dict], case: str, side: str, state: str, key: str, less: bool) -> list[float]:
    """How many times better bayesmmm is, in every pair: runs of the same repeat and state."""
    found = []
    for ours in picked(rows, case=case, side=OURS, state=state):
        for theirs in picked(rows, case=case, side=side, state=state, repeat=ours["repeat"]):
            if ours.get(key) and theirs.get(key):
                found.append(theirs[key] / ours[key] if less else ours[key] / theirs[key])
    return found


def worst(rows: list[dict], case: str, side: str, state: str) -> str:
    """Largest R-hat of both sides over the repeats."""
    pair = [[row["max_rhat"] for row in picked(rows, case=case, side=name, state=state)] for name in (OURS, side)]
    return " / ".join(f"{max(found):.3f}" if found else "–" for found in pair)


def headline(rows: list[dict]) -> str:
    """All ratios, cold and warm apart."""
    parts = []
    cases = list(dict.fromkeys(row["case"] for row in rows))
    against = [(case, side) for case in cases for side in sides(picked(rows, case=case)) if side != OURS]
    for state, meaning in STATES.items():
        cells = []
        for name, (key, less) in RATIOS.items():
            if state == "cold" and key in WARM_ONLY:
                continue
            values = [in_pairs(rows, case, side, state, key, less) for case, side in against]
            cells.append([name, *(summary(found) if found else "–" for found in values)])
        cells.append(["largest R-hat: bayesmmm / the other", *(worst(rows, *one, state) for one in against)])
        head = [f"{state}: {meaning}", *(f"`{case}`: {side}" for case, side in against)]
        parts.append(table(head, cells))
    return "\n\n".join(parts)


def medians(rows: list[dict], case: str) -> str:
    """Figures of every side of a case: what it takes, and what the draws are worth."""
    own, parts = picked(rows, case=case), [NOTES.get(case, "")]
    for figures in (FIGURES, QUALITY):
        cells = []
        for state in STATES:
            for side in sides(own):
                found = picked(own, side=side, state=state)
                cells.append([side, state, *(middle(found, key, form) for key, form in figures.values())])
        parts.append(table(["side", "caches", *figures], cells))
    return "\n\n".join(parts)


def gradients(rows: list[dict], along: str) -> tuple[dict[int, float], tuple[float, float] | None]:
    """Seconds per gradient of bayesmmm by periods or channels, and the line between logarithms: level and slope."""
    fixed = {"periods": {"channels": 5}, "channels": {"periods": 1000}}[along]
    kept = [row for row in picked(rows, side=OURS, **fixed) if row.get("gradient_s")]
    points = {row[along]: row["gradient_s"] for row in sorted(kept, key=lambda row: row[along])}
    fitted = {size: v for size, v in points.items() if along == "channels" or size >= SLOPE_FROM}
    if len(fitted) < 2:
        return points, None
    line = statistics.linear_regression([math.log(v) for v in fitted], [math.log(v) for v in fitted.values()])
    return points, (line.intercept, line.slope)


def sweep(rows: list[dict]) -> str:
    """Every size of the sweep, and the slopes."""
    head = ["periods", "channels", "draws", "side", "gradient, ms", "fit, s", "sampling, s", "min bulk ESS"]
    head += ["ESS/s of the fit", "max R-hat", "divergences", "memory, MB"]
    keys = [("fit_s", ".1f"), ("sampling_s", ".1f"), ("min_ess", ".0f"), ("ess_per_fit_s", ".1f")]
    keys += [("max_rhat", ".3f"), ("divergences", ".0f"), ("peak_mb", ".0f")]
    cells = []
    for row in rows:
        gradient = f"{1000 * row['gradient_s']:.3g}" if row.get("gradient_s") else "–"
        size = [f"{row[name]:,}" for name in ("periods", "channels", "draws")]
        found = [format(row[key], form) if key in row else "–" for key, form in keys]
        if "missing" in row:
            found[0] = row["missing"]
        cells.append([*size, row["side"], gradient, *found])
    told = []
    for along, where in (
        ("periods", f"from {SLOPE_FROM:,} periods on, 5 channels"),
        ("channels", "1,000 periods"),
    ):
        _, line = gradients(rows, along)
        if line:
            told.append(f"{line[1]:.2f} in {along} ({where})")
    text = "Simulated weeks of on-and-off spend, yearly season of order two; caches warm, one run each, seed 1."
    if told:
        text += f" Slope of the seconds per gradient between logarithms: {' and '.join(told)}; one is linear."
    picture = "![Seconds per gradient against periods and channels](speed.png)"
    return "\n\n".join([text, picture, table(head, cells)])


def second(rows: list[dict]) -> str:
    """First and second fit in one process."""
    cells = []
    for row_case, key, what in (
        ("mmm_example", "second_fit_s", "fit of the first 150 weeks"),
        ("national_media", "second_posterior_s", "posterior of the same model"),
    ):
        for state in STATES:
            own = [row for row in picked(rows, case=row_case, state=state) if key in row]
            for side in sides(own):
                found = picked(own, side=side)
                first = "fit_s" if key == "second_fit_s" else "posterior_s"
                cells.append(
                    [
                        f"`{row_case}`, then the {what}",
                        side,
                        state,
                        *(middle(found, name, ".2f") for name in (first, key, "sampling_s", "second_sampling_s")),
                    ]
                )
    head = ["task", "side", "caches at the start", "first, s", "second, s", "sampling in the first, s"]
    return table([*head, "in the second, s"], cells)


def answers(rows: list[dict]) -> str:
    """First and second answers after the fit."""
    cells = []
    for name, key in (("`roi(fit)`", "roi_s"), ("`optimize_budget`, 13 weeks, two channels", "plan_s")):
        for state in STATES:
            found = [row[key] for row in picked(rows, case="mmm_example", side=OURS, state=state) if key in row]
            if found:
                times = (format(statistics.median(seconds), ".2f") for seconds in zip(*found, strict=True))
                cells.append([name, state, *times])
    return table(["answer", "caches at the start", "first call, s", "second call, s"], cells)


def versions(rows: list[dict]) -> str:
    """Versions per package that was measured."""
    found: dict[str, dict[str, set[str]]] = {}
    for row in rows:
        for name, value in row.get("versions", {}).items():
            found.setdefault(row["side"], {}).setdefault(name, set()).add(value)
    cells = [
        [side, ", ".join(f"{name} {' and '.join(sorted(v))}" for name, v in found[side].items())]
        for side in sorted(found, key=lambda name: (name != OURS, name))
    ]
    return table(["side", "versions"], cells)


def written(result: dict) -> str:
    """The page."""
    rows, everything = result["runs"], [*result["runs"], *result["sweep"]]
    settings, machine = result["settings"], result["machine"]
    loads = [row["load_average"] for row in everything if row.get("load_average") is not None]
    busy = (
        f" Load average before a run, the run before it included: {min(loads):.1f} to {max(loads):.1f}."
        if loads
        else ""
    )
    tuned = f"{settings['chains']} chains of {settings['draws']} draws after {settings['tune']} steps of warm-up"
    parts = [
        "# How fast",
        "Made by `speed.py`; [README.md](README.md) says what is compared and how. Do not edit.",
    ]
    if settings["quick"]:
        parts.append("**A trial run with few draws: the figures mean nothing.**")
    parts.append(f"{tuned}; every run a new process on two cores.{busy}")
    if rows:
        parts += ["## How many times better bayesmmm is"]
        parts += [
            "Their seconds and memory over bayesmmm's, bayesmmm's ESS per second over theirs: above one is better. "
            f"Median [lowest, highest] over the pairs, {result['repeats']} of each. ESS is the smallest bulk effective "
            "sample size of all sampled numbers; where R-hat is above 1.01 the draws are not to be trusted, and their "
            "ESS says little. bayesmmm compiles most of its kernels while it is imported for the first time, the "
            "others in the fit call: where nothing is compiled, imports and fit call belong together."
        ]
        parts.append(headline(rows))
    for case, title in TITLES.items():
        if picked(rows, case=case):
            parts += [f"## {title}", f"Medians over the repeats. {medians(rows, case)}"]
        elif case in result["skipped"]:
            parts += [f"## {title}", f"{result['skipped'][case].capitalize()}."]
    if result["sweep"]:
        parts += ["## Size", sweep(result["sweep"])]
    if rows:
        parts += ["## A second fit in the same process", second(rows)]
        if any("roi_s" in row for row in rows):
            parts += ["## Answers after the fit", f"bayesmmm, `mmm_example`, in the process of the fit. {ASKED}"]
            parts.append(answers(rows))
    parts += ["## Machine and versions"]
    parts.append(
        f"{machine['system']}, {machine['processor']}, {machine['cores']} cores; bayesmmm at {result['source']}; "
        f"`{result['command']}`."
    )
    parts.append(versions(everything))
    return "\n\n".join(part for part in parts if part) + "\n"
