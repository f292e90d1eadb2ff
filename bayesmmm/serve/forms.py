"""Answers as JSON: their fields, for the description of the interface. What is told is held to these forms by tests."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Form(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="allow")


class Failure(Form):
    """An error."""

    code: str = Field(description="Class of the error, as Python raises it.", examples=["UnknownTermError"])
    message: str = Field(description="What is wrong, what is allowed, and a way out.")
    field: str | None = Field(description="The field that has to change, where there is one.", examples=["scale"])


class Number(Form):
    """A number of an answer, with its labels as further fields; null where it has no meaning."""

    mean: float | None = None
    median: float | None = None
    lower: float | None = Field(None, description="Lower end of the equal-tailed interval.")
    upper: float | None = None
    sd: float | None = None
    value: float | None = Field(None, description="In place of these, a number that is the same in all draws.")
    p_above: float | None = Field(None, description="Probability of more than `above` of the variable.")


class Variable(Form):
    """What an answer says of one quantity."""

    unit: str
    dims: list[str] = Field(description="Labels of a row.")
    rows: list[Number]
    above: float | None = None


class Envelope(Form):
    """What every answer says besides its numbers."""

    fit: str
    stamp: str = Field(description="Changes with draws, data, system or scales of the fit.")
    verdict: str = Field(description="Whether the sampler can be trusted.", examples=["converged"])
    interval_probability: float
    seed: int
    draws: int = Field(description="Posterior draws that the answer rests on.")
    outcome: str
    unit: str = Field(description="Unit of the outcome.")
    money: str = Field(description="Unit of money.")
    window: dict[str, Any]
    warnings: list[str]


class Answer(Envelope):
    """An answer: variables by name."""

    variables: dict[str, Variable]


class Series(Answer):
    """An answer about series: also their sums over all periods."""

    totals: dict[str, Variable]
    extrapolated: Variable | None = Field(None, description="Share of inputs beyond what was observed.")


class Comparison(Series):
    """An answer about a scenario: also its money, and what it gains over its cost."""

    scale: dict[str, float] = Field(description="Factors of the scenario, those of moved money included.")
    spend: dict[str, Any]
    gain: dict[str, Any] | None = None


class Task(Form):
    """How a job stands."""

    job: str
    kind: str
    status: str = Field(description="queued, running, done, failed or cancelled")
    progress: list[str]
    steps: int
    seconds: float
    error: Failure | None
