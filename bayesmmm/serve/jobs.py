"""Long work in the background: told how far it is, ended on request, kept for a while when it is done."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from bayesmmm.engine import stopped_by
from bayesmmm.errors import BayesMMMError, BusyError, CancelledError, RunTimeError, UnknownFitError
from bayesmmm.serve.failures import failure_of
from bayesmmm.serve.limits import Limits

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
#: Work of a job: it is given what to tell its progress to.
Work = Callable[[Callable[[str], None]], Any]


@dataclass
class Job:
    """One piece of long work."""

    id: str
    kind: str
    status: str = QUEUED
    progress: list[str] = field(default_factory=list)
    seconds: float = 0.0
    result: Any = None
    error: dict[str, Any] | None = None
    stop: Event = field(default_factory=Event)

    def said(self) -> dict[str, Any]:
        """How it stands."""
        return {
            "job": self.id,
            "kind": self.kind,
            "status": self.status,
            "progress": self.progress[-20:],
            "steps": len(self.progress),
            "seconds": round(self.seconds, 3),
            "error": self.error,
        }


class Jobs:
    """Jobs by id, one at a time.

    The id of a job follows from its question: who asks the same again is given the same job, after a restart as well.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits, self._jobs, self._lock = limits, dict[str, Job](), Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="job")

    def __getitem__(self, name: str) -> Job:
        """Return a job."""
        with self._lock:
            if name not in self._jobs:
                text = (
                    "there is no such job: jobs are lost when the service ends, and results are kept for a while only; "
                    "ask the question again, which has the same id"
                )
                raise UnknownFitError(text, argument="job")
            return self._jobs[name]

    def counted(self, *status: str) -> int:
        """How many jobs stand so."""
        with self._lock:
            return sum(job.status in status for job in self._jobs.values())

    def start(self, name: str, kind: str, work: Work) -> Job:
        """Begin a job, or return the one that answers the same question."""
        with self._lock:
            known = self._jobs.get(name)
            if known is not None and known.status in (QUEUED, RUNNING, DONE):
                return known
            waiting = sum(job.status in (QUEUED, RUNNING) for job in self._jobs.values())
            if waiting >= self._limits.jobs:
                raise BusyError(f"{waiting} jobs wait or run already; wait for one of them, or cancel it")
            self._jobs.pop(name, None)
            job = self._jobs[name] = Job(name, kind)
            ended = [each.id for each in self._jobs.values() if each.status not in (QUEUED, RUNNING)]
            for old in ended[: max(len(ended) - self._limits.kept, 0)]:
                del self._jobs[old]
        self._pool.submit(self._run, job, work)
        return job

    def cancel(self, name: str) -> Job:
        """End a job; what is done already stays."""
        job = self[name]
        job.stop.set()
        with self._lock:
            if job.status == QUEUED:
                job.status = CANCELLED
        return job

    def close(self) -> None:
        """End all jobs, and wait for the one that runs."""
        with self._lock:
            for job in self._jobs.values():
                job.stop.set()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, job: Job, work: Work) -> None:
        with self._lock:
            if job.status != QUEUED:
                return
            job.status = RUNNING
        began = time.monotonic()

        def check() -> None:
            job.seconds = time.monotonic() - began
            if job.stop.is_set():
                raise CancelledError("the job was cancelled; ask the question again to begin anew")
            if job.seconds > self._limits.job_seconds:
                raise RunTimeError(
                    f"the job took longer than the {self._limits.job_seconds:g} seconds that it may take; ask for fewer "
                    f"draws, starts or periods"
                )

        def tell(text: str) -> None:
            check()
            job.progress.append(text)

        try:
            with stopped_by(check):
                check()
                job.result = work(tell)
            job.status = DONE
        except CancelledError as error:
            job.status, job.error = CANCELLED, failure_of(error)
        except BayesMMMError as error:
            job.status, job.error = FAILED, failure_of(error)
        except Exception as error:  # a fault of the program, which whoever asks has to be told, too
            job.status, job.error = FAILED, failure_of(error)
        job.seconds = time.monotonic() - began
