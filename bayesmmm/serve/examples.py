"""Examples of questions, with the names and dates of a fit that is served."""

from typing import Any

from bayesmmm.serve.library import Served, current_plan

#: Periods of the plan of an example.
_PERIODS = 2


def examples(served: Served) -> dict[str, Any]:
    """Examples by question, in the form of OpenAPI."""
    fit = served.fit
    periods = min(_PERIODS, len(fit.data.dates))
    rows = current_plan(served, periods)["rows"]
    channels = list(fit.system.channels)
    first = channels[:1]
    plan = {"fit": served.id, "plan": rows}
    budget = {"fit": served.id, "objective": "profit", "margin": 1.0, "change": 0.3}
    found: dict[str, Any] = {
        "predict": {"plan": ("The last periods once more", plan)},
        "what_if": {"plan": ("A third more of one channel", {**plan, "scale": dict.fromkeys(first, 1.3)})},
        "effects": {"past": ("Over the fitted periods", {"fit": served.id, "draws": 400})},
        "roi": {"plan": ("Of a plan", {**plan, "draws": 400})},
        "curves": {"plan": ("Of a plan", {**plan, "draws": 400, "factors": [0.5, 1.0, 1.5]})},
        "decompose": {"quarters": ("By quarter", {"fit": served.id, "freq": "quarter", "draws": 400})},
        "optimize": {"periods": ("The next periods", {**budget, "periods": periods})},
        "report": {"fit": ("The fitted periods", {"fit": served.id})},
    }
    return {
        name: {key: {"summary": text, "value": value} for key, (text, value) in each.items()}
        for name, each in found.items()
    }
