"""
Before anything is measured, every candidate answers every work, and all must say the same.

From then on the stub knows all there is to ask, and how many requests each answer takes upstream.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.comparing import world
from benchmarks.comparing.candidates import OURS, Candidate
from benchmarks.comparing.limit import Fetch, Task
from benchmarks.comparing.measuring import Target
from benchmarks.comparing.session import Server, Session
from benchmarks.comparing.works import WORKS, Work, meaning, order_ids

REPEATS = 10
"""Tries whose medians are a candidate's pace and its fetches; one may have to renew a token."""
BUYERS = {"L": world.LARGE, "S": world.LARGE, "W": world.WIDE}


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate at one work that it is known to answer right."""

    candidate: Candidate
    work: Work
    target: Target
    pace: float
    """Requests a second, one after the other."""
    upstream_bytes: float
    """Bytes fetched for one request."""
    answer: int
    """Bytes of an answer."""


@dataclass(frozen=True, slots=True)
class Try:
    """One request by itself: how long it took, and what was fetched for it."""

    seconds: float
    fetches: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Examiner:
    """Asks servers, and compares what they say with what the first of them said."""

    session: Session
    said: dict[str, list[Any]] = field(default_factory=dict)

    def examine(self, server: Server, works: Sequence[Work]) -> Iterator[Trial]:
        """The trials of one server; Failed where it says something else than those before it."""
        (large,) = self._ask(server, WORKS["L"], _bodies(server, WORKS["L"], []))
        ids = order_ids(_read(server, large))
        if server.candidate.role == "limit":
            # It does the same whatever it is asked.
            ids = ids[:1]
        for work in works:
            if work.name in server.candidate.works:
                yield self._trial(server, work, _bodies(server, work, ids))

    def fetched(self, server: Server, work: Work, body: bytes) -> Task:
        """The fetches of a server for a request, and its answer, as the limit takes them."""
        self.session.stub.log()
        (answer,) = self._ask(server, work, [body])
        first, *rest = [Fetch(each.target, each.prefer) for each in self.session.stub.log()]
        return Task([[first], rest], msgspec.json.decode(answer))

    def _trial(self, server: Server, work: Work, bodies: list[bytes]) -> Trial:
        answers = self._ask(server, work, bodies)
        self._compare(server, work, [meaning(_read(server, each)) for each in answers])
        target_file = self.session.folder / f"{server.candidate.name}-{work.name}.jsonl"
        target_file.write_bytes(b"\n".join(bodies))
        tries = [self._try(server, work, bodies[0]) for _ in range(REPEATS)]
        return Trial(
            server.candidate,
            work,
            self._target(server, work, target_file, median(each.fetches for each in tries)),
            pace=1 / median(each.seconds for each in tries),
            upstream_bytes=median(each.bytes for each in tries),
            answer=len(answers[0]),
        )

    def _try(self, server: Server, work: Work, body: bytes) -> Try:
        self.session.stub.expected()
        begun = time.monotonic()
        self._ask(server, work, [body])
        spent = time.monotonic() - begun
        asked = self.session.stub.expected()
        return Try(spent, asked.requests, asked.bytes)

    def _compare(self, server: Server, work: Work, said: list[Any]) -> None:
        expected = self.said.setdefault(work.name, said)[: len(said)]
        if said != expected:
            raise server.running.failed(
                f"answers {work.name} otherwise than the first:\n"
                f"{json.dumps(said)[:800]}\ninstead of\n{json.dumps(expected)[:800]}"
            )

    def _ask(self, server: Server, work: Work, bodies: Sequence[bytes]) -> list[bytes]:
        target = self._target(server, work, Path(), 0)
        answers = []
        for body in bodies:
            answer = self.session.client.post(target.url, content=body, headers=target.headers)
            if answer.is_error or b'"errors":' in answer.content:
                raise server.running.failed(f"answers {work.name} with {answer.text[:800]}")
            answers.append(answer.content)
        return answers

    def _target(self, server: Server, work: Work, bodies: Path, fetches: float) -> Target:
        token = self.session.tokens[BUYERS[work.name].email]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        url = server.url + server.candidate.path(work)
        return Target(server.running, url, headers, bodies, fetches)


def trials(session: Session, candidates: Sequence[Candidate], works: Sequence[Work]) -> list[Trial]:
    """Start our gateway and the candidates, and let them prove themselves; then freeze the stub."""
    examiner = Examiner(session)
    ours = session.start(OURS)
    found = list(examiner.examine(ours, works))
    if OURS not in candidates:
        found.clear()
    for candidate in candidates:
        if candidate.role == "limit":
            server = session.start(candidate, **_tasks(session, examiner, ours))
        elif candidate is not OURS:
            server = session.start(candidate)
        else:
            continue
        found += examiner.examine(server, works)
    session.stub.freeze()
    session.emulator.stop()
    return found


def _tasks(session: Session, examiner: Examiner, ours: Server) -> Mapping[str, str]:
    """Write the tasks of our gateway for the works of the limit to a file."""
    (large,) = _bodies(ours, WORKS["L"], [])
    tasks = {"L": examiner.fetched(ours, WORKS["L"], large)}
    ids = order_ids(tasks["L"].answer)
    (small,) = _bodies(ours, WORKS["S"], ids[:1])
    tasks["S"] = examiner.fetched(ours, WORKS["S"], small)
    file = session.folder / "fetches.json"
    file.write_bytes(msgspec.json.encode(tasks))
    return {"FETCHES": str(file)}


def _bodies(server: Server, work: Work, ids: Sequence[str]) -> list[bytes]:
    """The requests of a work: one, or one for each of `ids`."""
    query = server.candidate.queries.get(work.name, work.query)
    many = [{"id": each} for each in ids] if work.takes_ids else [{}]
    return [msgspec.json.encode({"query": query, "variables": each}) for each in many]


def _read(server: Server, answer: bytes) -> dict[str, Any]:
    """An answer in the words of the others."""
    return server.candidate.translate(msgspec.json.decode(answer))
