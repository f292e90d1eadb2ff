"""The page of `ecommerce.py`: seconds and memory of every step, the sampler, and answers beside the truth."""

import statistics

# What is asked of the full case: minutes on two cores, and gigabytes.
MINUTES, GIGABYTES = 30, 6


def held(rows: list[list[float]], truth: list[float]) -> int:
    """How many intervals hold the truth."""
    return sum(low <= true <= high for (low, _, high), true in zip(rows, truth, strict=True))


def error(rows: list[list[float]], truth: list[float]) -> float:
    """Median of |estimate / truth - 1|."""
    return statistics.median(abs(middle / true - 1.0) for (_, middle, _), true in zip(rows, truth, strict=True))


def written(found: dict) -> str:
    """The page."""
    settings, whole, probability = found["settings"], found["whole"], found["probability"]
    minutes, memory = whole["wall"] / 60, whole["peak_mb"] / 1024
    lines = [
        "# The e-commerce case in full",
        "",
        f"Written by `benchmarks/ecommerce.py`: one run over {found['rows']:,} rows of {found['series']} series, from "
        f"the raw table to what-ifs, by {settings['chains']} chains of {settings['draws']} draws after "
        f"{settings['tune']} of warm-up, {found['unknowns']:,} unknowns; answers are taken from {settings['kept']} "
        f"draws. {found['cores']} cores, {found['system']}; load of the machine "
        f"{found['load'][0]:.1f} before and {found['load'][1]:.1f} at the end, so that the run had to share it where "
        "that is above two.",
        "",
        "| step | seconds | processor, s | largest memory so far, MB |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {step['wall']:,.1f} | {step['processor']:,.1f} | {step['peak_mb']:,.0f} |"
        for name, step in found["steps"].items()
    ]
    kept = minutes <= MINUTES and memory <= GIGABYTES
    lines += [
        f"| all | {whole['wall']:,.1f} | {whole['processor']:,.1f} | {whole['peak_mb']:,.0f} |",
        "",
        f"Asked: at most {MINUTES} minutes and {GIGABYTES} GB. Measured: {minutes:.1f} minutes and {memory:.1f} GB"
        f"{'' if kept else ', which misses it'}. Processor time over {found['cores']} cores: "
        f"{whole['processor'] / 60 / found['cores']:.1f} minutes, which is the least that these cores would take.",
        "",
        f"Sampler: {found['convergence']}.",
        "",
        f"## Returns: {probability:.0%} intervals beside the truth",
        "",
        "| channel | truth | model | linear regression |",
        "|---|---|---|---|",
    ]
    for name, true, ours, theirs in zip(
        found["channels"], found["truth"], found["returns"], found["line"], strict=True
    ):
        lines.append(f"| {name} | {true:.2f} | {_interval(ours, '.2f')} | {_interval(theirs, '.2f')} |")
    count = len(found["truth"])
    lines += [
        "",
        f"The model: {held(found['returns'], found['truth'])} of {count} intervals hold the truth, median error "
        f"{error(found['returns'], found['truth']):.0%}. The regression: {held(found['line'], found['truth'])} of "
        f"{count}, {error(found['line'], found['truth']):.0%}.",
        "",
        "## Proposals: sales that they add, in US dollars",
        "",
        "| proposal | truth | model |",
        "|---|---|---|",
    ]
    lines += [
        f"| {name} | {found['true_what_ifs'][name]:+,.0f} | {_interval(ours, '+,.0f')} |"
        for name, ours in found["what_ifs"].items()
    ]
    return "\n".join(lines) + "\n"


def _interval(row: list[float], form: str) -> str:
    low, middle, high = row
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]"
