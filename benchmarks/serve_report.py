"""SERVE.md, from what `serve.py` found."""

FLASK = "linear model, Flask"
_ABOUT = """\
# The service

Written by `benchmarks/serve.py`, on two cores of a shared server, with the fit of `social_search`: 156 weeks, four
social channels, paid search as their mediator, 4,000 draws. Every answer rests on all of them.
"""


def report(found: dict) -> str:
    """The page."""
    parts = {"latency": _latency, "slider": _slider, "mixed": _mixed}
    return "\n".join([_ABOUT, *(write(found[name]) for name, write in parts.items() if name in found)])


def _latency(found: dict) -> str:
    lines = [
        f"Plans of 13 weeks, other amounts every time, {found['rate']:g} requests a second that do not wait for "
        f"answers, {found['rounds']} rounds of {found['seconds']:g} s for each side in turns (load "
        f"{found['load']:.1f}); from when a request was due to its last byte. Asked: a median of 25 ms, 95% within 60, "
        "10 times the median of Flask.\n",
        "| side | median, ms | 95% within, ms | times the median of Flask |",
        "|---|---|---|---|",
    ]
    for side in ("/predict", "/whatif", FLASK):
        own = found[side]
        lines.append(f"| {side} | {own['median']:.1f} | {own['late']:.1f} | {own['ratio']:.1f} |")
    return "\n".join([*lines, ""])


def _slider(found: dict) -> str:
    return (
        f"A slider of the page, {found['moves']} moves in Chromium, from the move until cards and charts are painted: "
        f"median {found['median']:.0f} ms, 95% within {found['late']:.0f} ms (load {found['load']:.1f}). Asked: 150.\n"
    )


def _mixed(found: dict) -> str:
    statuses = ", ".join(f"{count} of {status}" for status, count in found["statuses"].items())
    wrong = (
        f"{len(found['wrong'])} were wrong: {'; '.join(found['wrong'])}" if found["wrong"] else "none was wrong"
    )
    one, (early, late) = found["different_answers_to_one_question"], found["memory"]
    return (
        f"Mixed load for {found['minutes']:g} minutes, four clients, two services of one folder, one of them killed in "
        f"the middle and begun anew: {found['answers']} answers by status ({statuses}); {wrong}. {found['asked_again']} "
        f"requests met no service and were asked again. One question that was asked throughout had {one} answer. Memory "
        f"of the service that went on, median of the second and of the last fifth of the time: {early:.0f} and "
        f"{late:.0f} MB ({100 * (late / early - 1):+.1f}%). Asked: no error, memory flat within 5%.\n"
    )
