"""Small helpers that put names and dates into the sentences of errors. Knows nothing else."""

import difflib
from collections.abc import Iterable

import pandas as pd

SHOWN = 5  # longer lists are cut, with the number left out


def listed(items: Iterable[object], *, shown: int = SHOWN) -> str:
    """Write items as ``'a', 'b' and 3 more``; dates are written without quotes as YYYY-MM-DD."""
    words = [f"{item:%Y-%m-%d}" if isinstance(item, pd.Timestamp) else repr(item) for item in items]
    text = ", ".join(words[:shown])
    return text if len(words) <= shown else f"{text} and {len(words) - shown} more"


def did_you_mean(name: str, known: Iterable[object]) -> str:
    """Return ``" Did you mean 'facebook'?"`` for the closest known name, or an empty text."""
    lowered = {str(candidate).strip().lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.strip().lower(), lowered, n=1, cutoff=0.6)
    return f" Did you mean {lowered[close[0]]!r}?" if close else ""
