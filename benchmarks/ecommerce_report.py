"""The page of `ecommerce.py`: seconds and memory of every step, the sampler, and answers beside the truth."""

from cases_report import scores

# What is asked of the full case: minutes on two cores, and gigabytes.
MINUTES, GIGABYTES = 30, 6


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
    model, line = (scores([found], method) for method in ("returns", "line"))
    held, of_line = (round(each["coverage"] * each["count"]) for each in (model, line))
    lines += [
        "",
        f"The model: {held} of {model['count']} intervals hold the truth, median error {model['error']:.0%}. The "
        f"regression: {of_line} of {line['count']}, {line['error']:.0%}.",
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
