"""How much one who asks may ask for."""

from dataclasses import dataclass

from bayesmmm.processes import processors


@dataclass(frozen=True)
class Limits:
    """Limits of a service.

    Parameters
    ----------
    body : int
        Largest question, in bytes.
    rows : int
        Longest plan, in rows: periods, of a panel times geos.
    draws : int
        Most posterior draws of one answer; also how many are used where a question does not say.
    seconds, job_seconds : float
        Longest time that an answer, and a job, may take.
    at_once : int
        Answers that are worked out at the same time; each may use all processors.
    waiting : int
        Answers that may wait for their turn; further ones are refused.
    jobs : int
        Jobs that may wait or run.
    kept : int
        Finished jobs whose results are kept.
    """

    body: int = 1_000_000
    rows: int = 5_000
    draws: int = 10_000
    seconds: float = 60.0
    job_seconds: float = 600.0
    at_once: int = max(processors(), 1)
    waiting: int = 64
    jobs: int = 8
    kept: int = 50
