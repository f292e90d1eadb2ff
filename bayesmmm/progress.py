"""What long work tells while it runs: a bar on standard error, with the step that it is at."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

#: Takes the name of the step that begins; the one before is done.
Tell = Callable[[str], None]


def silent(step: str) -> None:
    """Tell nothing."""


@contextmanager
def telling(total: int, title: str, progress: bool, first: str = "") -> Iterator[Tell]:
    """Give a function that moves a bar on by one step and names the one that begins; nothing without `progress`.

    Parameters
    ----------
    total : int
        Steps.
    title : str
        Stands before the bar.
    progress : bool
        Whether a bar is shown.
    first : str
        Name of the first step.

    Examples
    --------
    >>> with telling(2, "report", progress=False) as tell:
    ...     tell("answers")
    """
    if not progress:
        yield silent
        return
    from rich import progress as bars
    from rich.console import Console

    # In a notebook rich needs ipywidgets, and warns without them.
    console = Console(file=sys.stderr, force_jupyter=None if find_spec("ipywidgets") else False)
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TimeRemainingColumn(),
        bars.TextColumn("{task.fields[step]}"),
    )
    with bars.Progress(*columns, console=console) as bar:
        shown = bar.add_task(title, total=total, step=first)
        yield lambda step: bar.update(shown, advance=1, step=step)
        bar.update(shown, completed=total, step="")
