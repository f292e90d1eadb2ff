"""The page of `cases.py`: coverage, errors and plans of every case, from its rows of results."""

import re
import statistics

# What is asked of the model: share of intervals that hold the truth, plans that are at least as good.
COVERAGE, PLANS = (0.80, 0.97), 0.8
# What the verdict on a sampler says of R-hat and of the effective sample size of the middle of the posterior.
SAMPLER = re.compile(r"R-hat ([\d.]+),.* bulk (\d+), tail")


def scores(rows: list[dict], method: str) -> dict[str, float]:
    """Coverage and errors of returns over data sets and channels."""
    hits, errors = [], []
    for row in rows:
        for (low, middle, high), true in zip(row[method], row["truth"], strict=True):
            hits.append(low <= true <= high)
            errors.append(abs(middle / true - 1.0))
    return {"coverage": statistics.mean(hits), "error": statistics.median(errors), "count": len(hits)}


def plans(rows: list[dict]) -> dict[str, float]:
    """How often the model's plan brings at least as much as the baseline's, and what both bring over going on as now."""
    over = {
        label: [row["brings"][label] / row["brings"]["now"] - 1.0 for row in rows]
        for label in ("model", "baseline")
    }
    # Plans that are the same up to rounding bring the same.
    good = [m >= b - 1e-9 for m, b in zip(over["model"], over["baseline"], strict=True)]
    return {"good": sum(good), "of": len(good)} | {
        label: statistics.mean(values) for label, values in over.items()
    }


def written(result: dict) -> str:
    """The page."""
    by_case: dict[str, list[dict]] = {name: [] for name in result["methods"]}
    for row in result["rows"]:
        by_case[row["case"]].append(row)
    by_case = {name: rows for name, rows in by_case.items() if rows}
    settings = result["settings"]
    head = [
        "case",
        "data sets",
        "intervals",
        "coverage, model",
        "baseline",
        "error, model",
        "baseline",
        "worst channel",
    ]
    lines = [
        "# Cases: the model beside the method it replaces",
        "",
        "Written by `benchmarks/cases.py`. Every case is simulated anew for every seed, fitted with its own system by "
        f"{settings['chains']} chains of {settings['draws']} draws, and judged by the truth of that data set. Coverage "
        f"is the share of {result['probability']:.0%} intervals of ROI that hold the truth, error the median of "
        "|estimate / truth - 1|, both over channels and data sets; the worst channel has the largest median error of "
        "the model.",
        "",
        "The system is that of the world, with two choices that a user would make before a fit: in social_search the "
        "direct effects of social channels may have any sign, since whether there are any is the question, and in "
        "ecommerce, ten series of 5,000 days together, nothing draws effects of days to zero. The signs were chosen "
        "after the first seeds, and other priors on returns tried on seeds 1 to 20 (README.md has what they gave); on "
        "seeds 21 to 40 of social_search nothing was chosen.",
        "",
        f"| {' | '.join(head)} |",
        "|---" * len(head) + "|",
    ]
    for name, rows in by_case.items():
        ours, theirs = scores(rows, "model"), scores(rows, "baseline")
        lines.append(
            f"| {name} | {len(rows)} | {ours['count']} | {ours['coverage']:.0%} | {theirs['coverage']:.0%} | "
            f"{ours['error']:.0%} | {theirs['error']:.0%} | {_worst(rows)} |"
        )
    lines += [
        "",
        *_doubts(by_case),
        "![Estimated over true returns by case, channel and method](cases.png)",
        "",
        f"Plans: the same money for {result['days']} days, every channel within {result['change']:.0%} of what it has "
        "now. What they bring is worked out with the true parameters, in outcome less the cost of paid mediators, over "
        "going on as now; what they carry over into the days after them, in which it is spent as now, counts. In "
        "ecommerce the model decides about a channel in each series; a regression, which says the same of all of them, "
        "moves them together.",
        "",
        "| case | baseline | model at least as good | model over now | baseline over now |",
        "|---|---|---|---|---|",
    ]
    for name, rows in by_case.items():
        found = plans(rows)
        lines.append(
            f"| {name} | {result['methods'][name]} | {found['good']} of {found['of']} | {found['model']:+.2%} | "
            f"{found['baseline']:+.2%} |"
        )
    lines += ["", *_verdicts(by_case)]
    return "\n".join(lines) + "\n"


def _doubts(by_case: dict[str, list[dict]]) -> list[str]:
    """How many fits are in doubt, and by how much, where that was kept."""
    said = []
    for name, rows in by_case.items():
        doubtful = [row for row in rows if row["verdict"] == "doubtful"]
        found = [SAMPLER.search(row["sampler"]) for row in doubtful if "sampler" in row]
        rhat, size = [float(one[1]) for one in found if one], [int(one[2]) for one in found if one]
        most = (
            f" (R-hat up to {max(rhat):.3f}, effective sample size from {min(size)})"
            if rhat and len(rhat) == len(doubtful)
            else ""
        )
        said += [f"{name} {len(doubtful)} of {len(rows)}{most}"] if doubtful else []
    if not said:
        return []
    text = "With so few draws some fits are in doubt by R-hat or effective sample size, and count all the same: "
    return [text + "; ".join(said) + ".", ""]


def _worst(rows: list[dict]) -> str:
    """The channel with the largest median error of the model."""
    by_channel: dict[str, list[float]] = {}
    for row in rows:
        for channel, found, true in zip(row["channels"], row["model"], row["truth"], strict=True):
            by_channel.setdefault(channel, []).append(abs(found[1] / true - 1.0))
    name = max(by_channel, key=lambda channel: statistics.median(by_channel[channel]))
    return f"{name}, {statistics.median(by_channel[name]):.0%}"


def _verdicts(by_case: dict[str, list[dict]]) -> list[str]:
    """What is asked of every case, and where it is missed."""
    missed = []
    for name, rows in by_case.items():
        ours, theirs, found = scores(rows, "model"), scores(rows, "baseline"), plans(rows)
        if not COVERAGE[0] <= ours["coverage"] <= COVERAGE[1]:
            missed.append(f"{name}: {ours['coverage']:.0%} of the intervals of the model hold the truth")
        if ours["error"] >= theirs["error"]:
            missed.append(
                f"{name}: the error of the model is {ours['error']:.0%}, of the baseline {theirs['error']:.0%}"
            )
        if found["good"] < PLANS * found["of"]:
            missed.append(
                f"{name}: the plan of the model is as good in {found['good']} of {found['of']} data sets"
            )
        if failed := sum(row["verdict"] == "failed" for row in rows):
            missed.append(f"{name}: the sampler failed in {failed} of {len(rows)} data sets")
    asked = (
        f"Asked of every case: coverage from {COVERAGE[0]:.0%} to {COVERAGE[1]:.0%}, a smaller median error than the "
        f"baseline, a plan that is at least as good in {PLANS:.0%} of data sets, no sampler that fails."
    )
    return [asked, "", *(["Missed:", "", *(f"- {line}" for line in missed)] if missed else ["Nothing is missed."])]
