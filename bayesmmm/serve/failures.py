"""Errors as JSON: the package's own sentence, a code for each class, and the field that has to change."""

import re
from typing import Any

from bayesmmm import errors
from bayesmmm.serve import questions

#: Status of classes and those derived from them, the first that fits; all others are 422.
STATUS: tuple[tuple[type[errors.BayesMMMError], int], ...] = (
    (errors.UnknownFitError, 404),
    (errors.ConvergenceError, 409),
    (errors.BusyError, 503),
    (errors.RunTimeError, 503),
    (errors.BayesMMMError, 422),
)
#: Fields of all questions, by which sentences about them begin.
_FIELDS = {
    name
    for kind in (questions.Predict, questions.WhatIf, questions.Effects, questions.Curves, questions.Optimize)
    for name in kind.model_fields
}


def status_of(error: Exception) -> int:
    """Status of an error."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def failure_of(error: Exception) -> dict[str, Any]:
    """Return an error as JSON; of a fault of the program only that it is one."""
    if not isinstance(error, errors.BayesMMMError):
        return said(
            "InternalError", "a fault of the service, which its log tells; the question may be asked again"
        )
    text = " ".join(str(error).split())
    return said(type(error).__name__, text, error.argument or _field_in(text))


def _field_in(sentence: str) -> str | None:
    """The field that a sentence is about: the one that it begins with, or the plan where it speaks of one."""
    begin = re.match(r"[a-z_]+", sentence)
    if begin and begin[0] in _FIELDS:
        return begin[0]
    return "plan" if re.search(r"\bplan\b", sentence) else None


def said(code: str, sentence: str, field: str | None = None) -> dict[str, Any]:
    """The form of every error."""
    return {"code": code, "message": sentence, "field": field}


def sentence_of(fault: Any) -> tuple[str, str | None]:
    """Sentence and field of what Pydantic found wrong with the form of a question."""
    where = [str(part) for part in fault["loc"] if part not in ("body", "query", "path")]
    field = ".".join(where) or None
    if fault["type"] == "extra_forbidden":
        return f"there is no field {field!r}; leave it out, or see /openapi.json for those there are", field
    if fault["type"] == "json_invalid":
        return "the body is no JSON that can be read; send an object of fields", None
    what = f"field {field!r}" if field else "the question"
    return (
        f"{what} cannot be read: {fault['msg'][:1].lower()}{fault['msg'][1:]}; see /openapi.json for what it may be",
        field,
    )
