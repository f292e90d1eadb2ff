"""Answers within their time."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from bayesmmm.engine import stopped_by
from bayesmmm.errors import AnswerError, RunTimeError


def in_time(seconds: float, ask: Callable[..., Any], *arguments: Any) -> Any:
    """Work an answer out; one that takes longer than so many seconds is an error."""
    end = monotonic() + seconds

    def check() -> None:
        if monotonic() > end:
            raise RunTimeError(
                f"the answer took longer than the {seconds:g} seconds that it may take; ask for fewer draws, periods or "
                f"channels"
            )

    try:
        with stopped_by(check):
            return ask(*arguments)
    except MemoryError as error:
        raise RunTimeError("there is no memory left for this answer; ask for fewer draws or periods") from error
    except (OverflowError, RecursionError) as error:
        raise AnswerError("the question holds numbers or lists that are too large to be computed with") from error
