"""The way from one gateway to Dynamics: traced, and upset where the request at hand is to be."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from starlette.applications import Starlette

from emulator.app import DATAVERSE, FINOPS
from emulator.dataverse.service import Dataverse
from emulator.exchange import DECODER, ENCODER, Answer, Ask
from emulator.faults.connections import InProcess
from emulator.finops.service import FinOps
from emulator.multipart import JSON, boundary, joined, part_of, parts, request
from tests.gateway.differential.upsets import (
    ANSWERS,
    BODIES,
    BROKEN,
    CUT,
    PASSING,
    SHORT,
    SILENT,
    STATUSES,
    Upsets,
)
from tests.stack import EMULATOR

SILENCE = 3_600.0
"""Seconds for which nothing comes: longer than anybody waits."""
REMEMBERED = 2_000
"""Answers kept, so that the second gateway costs the emulator nothing."""
BATCH = "$batch"
MARK = "batchresponse_differential"


class Cut(Exception):
    """The connection broke before an answer was there."""


@dataclass(frozen=True)
class Read:
    """One read: `target` is what stands behind the service's root."""

    root: str
    target: str
    prefer: str

    @property
    def collection(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass
class Dynamics:
    """The emulator's two services, called directly; nobody writes, so answers are remembered."""

    app: Starlette
    upsets: Upsets = field(default_factory=Upsets)
    _kept: dict[Read, Answer] = field(default_factory=dict)
    _upset: dict[Read, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        store = self.app.state.store
        self._services: Mapping[str, Any] = {
            DATAVERSE: Dataverse(store),
            FINOPS: FinOps(store, "usmf"),
        }

    def begin(self, upsets: Upsets) -> None:
        """From here on things go wrong like this."""
        self.upsets = upsets
        self._upset.clear()

    def answer(self, read: Read, fault: str) -> Answer:
        """The answer to a read under a fault; the same for everybody who asks."""
        if self.upsets.none:
            return self._genuine(read)
        if read not in self._upset:
            self._upset[read] = self._made(read, fault)
        return self._upset[read]

    def _made(self, read: Read, fault: str) -> Answer:
        if fault in STATUSES:
            status, headers = STATUSES[fault]
            return Answer(status, _error(fault), dict(headers))
        if fault == SHORT and "$top" not in read.target and read.root == DATAVERSE:
            read = Read(read.root, read.target, f"{read.prefer},odata.maxpagesize=2")
        genuine = self._genuine(read)
        if genuine.status != 200:
            return genuine
        answer = self.upsets.changed(read.collection, DECODER.decode(genuine.encoded()))
        if fault in ANSWERS:
            answer = ANSWERS[fault](answer)
        body = ENCODER.encode(answer)
        return Answer(200, BODIES[fault](body) if fault in BODIES else body, genuine.headers)

    def _genuine(self, read: Read) -> Answer:
        if read not in self._kept:
            headers = {"prefer": read.prefer, "accept": "application/json"}
            base = EMULATOR + read.root.rstrip("/")
            ask = Ask("GET", read.collection, read.query, headers, b"", base)
            answer = self._services[read.root].answer(ask)
            self._kept[read] = Answer(answer.status, answer.encoded(), answer.headers)
            if len(self._kept) > REMEMBERED:
                self._kept.pop(next(iter(self._kept)))
        return self._kept[read]


class Wire(httpx2.AsyncBaseTransport):
    """
    Carries one gateway's requests and remembers its reads; a batch counts as its parts.

    What is not for Dynamics' rows, as tokens and keys, goes to the emulator untouched.
    """

    def __init__(self, dynamics: Dynamics) -> None:
        self.dynamics = dynamics
        self.reads: list[Read] = []
        self._tries: Counter[tuple[Read, ...]] = Counter()
        self._else = InProcess(app=dynamics.app)

    def begin(self) -> None:
        self.reads.clear()
        self._tries.clear()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        target = request.url.raw_path.decode()
        root = next((root for root in (DATAVERSE, FINOPS) if target.startswith(root)), None)
        if root is None:
            return await self._else.handle_async_request(request)
        batched = target.removeprefix(root) == BATCH
        prefer = request.headers.get("prefer", "")
        reads = _reads(root, request) if batched else (Read(root, target[len(root) :], prefer),)
        self.reads += reads
        try:
            answers = await self._answers(reads)
        except Cut:
            raise httpx2.ReadError("cut", request=request) from None
        return _response(_joined(answers) if batched else answers[0], request)

    async def _answers(self, reads: tuple[Read, ...]) -> list[Answer]:
        """As many answers as there are until the first refusal, as a service answers a batch."""
        self._tries[reads] += 1
        await asyncio.sleep(max(self.dynamics.upsets.delay(read.target) for read in reads))
        answers = []
        for read in reads:
            answers.append(await self.answer(read, self._tries[reads]))
            if answers[-1].status >= 400:
                break
        return answers

    async def answer(self, read: Read, attempt: int) -> Answer:
        """The answer to one read at this attempt; Cut where there is none."""
        upsets = self.dynamics.upsets
        fault = upsets.fault(read.target)
        if fault in PASSING:
            passed = attempt > upsets.seconds(read.target)
            kind = fault.partition(" ")[0]
            fault = "" if passed else CUT if kind == "cut" else kind
            if fault in STATUSES:
                status, headers = STATUSES[fault]
                return Answer(status, _error(fault), dict(headers))
        if fault in BROKEN:
            await asyncio.sleep(SILENCE if fault == SILENT else 0)
            raise Cut
        return self.dynamics.answer(read, fault)


def _reads(root: str, sent: httpx2.Request) -> tuple[Read, ...]:
    """The parts of a batch."""
    inner = map(request, parts(sent.content, boundary(sent.headers["content-type"])))
    return tuple(
        Read(root, part.url.partition(root)[2], part.headers.get("prefer", "")) for part in inner
    )


def _joined(answers: list[Answer]) -> Answer:
    status = 200 if answers[-1].status < 400 else answers[-1].status
    kind = {"Content-Type": f"multipart/mixed; boundary={MARK}"}
    return Answer(status, joined(MARK, [part_of(each) for each in answers]), kind)


def _response(answer: Answer, asked: httpx2.Request) -> httpx2.Response:
    headers = {"Content-Type": JSON} | answer.headers
    return httpx2.Response(answer.status, headers=headers, content=answer.encoded(), request=asked)


def _error(fault: str) -> dict[str, Any]:
    return {"error": {"code": "0x80000000", "message": f"Upset: {fault}."}}
