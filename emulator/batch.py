"""Runs the parts of a `$batch` one after the other; a change set stands or falls as a whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

from emulator.errors import BadQuery, Refusal, TooLong
from emulator.exchange import Answer, Ask
from emulator.log import Entry, entry
from emulator.multipart import (
    Part,
    PartRequest,
    boundary,
    change_set,
    joined,
    part_of,
    parts,
    request,
)
from emulator.store import Store

Answering = Callable[[Ask, Mapping[str, str]], Answer]
MAX_URL = 65_536


@dataclass(frozen=True)
class Batches:
    """The batches of one service: where its root is and how many parts it accepts."""

    store: Store
    service: str
    root: str
    answer: Answering
    error: Callable[[Refusal], Answer]
    most: int

    def run(self, ask: Ask) -> tuple[Answer, list[Entry]]:
        try:
            return Run(self, ask).whole()
        except Refusal as refusal:
            return self.error(refusal), []


class SetFailed(Exception):
    """A part of a change set was refused, so that the whole set must be undone."""

    def __init__(self, answer: Answer, content_id: str) -> None:
        super().__init__()
        self.answer = answer
        self.content_id = content_id


@dataclass
class Run:
    """One batch request under way."""

    batches: Batches
    ask: Ask
    log: list[Entry] = field(default_factory=list)
    status: int = 200

    def whole(self) -> tuple[Answer, list[Entry]]:
        mark = boundary(self.ask.headers.get("content-type", ""))
        given = list(parts(self.ask.body, mark))
        sets = [_set_parts(part) for part in given]
        if sum(len(each) if each is not None else 1 for each in sets) > self.batches.most:
            raise BadQuery(f"The batch holds more than {self.batches.most} requests.")
        contents = self._contents(given, sets)
        name = f"batchresponse_{uuid4()}"
        headers = {"Content-Type": f"multipart/mixed; boundary={name}"}
        return Answer(self.status, joined(name, contents), headers), self.log

    def _contents(self, given: list[Part], sets: list[list[Part] | None]) -> list[bytes]:
        """Without continue-on-error the first refusal ends the batch and names its status."""
        goes_on = "odata.continue-on-error" in self.ask.preferences()
        contents: list[bytes] = []
        for part, inner in zip(given, sets, strict=True):
            content, status = self._single(part) if inner is None else self._set(inner)
            contents.append(content)
            if status >= 400 and not goes_on:
                self.status = status
                break
        return contents

    def _single(self, part: Part) -> tuple[bytes, int]:
        wanted = request(part)
        answer = self._answer(wanted, {})
        return part_of(answer, wanted.content_id), answer.status

    def _set(self, inner: list[Part]) -> tuple[bytes, int]:
        try:
            with self.batches.store.transaction():
                contents = self._all(inner)
        except SetFailed as failed:
            return part_of(failed.answer, failed.content_id), failed.answer.status
        return change_set(f"changesetresponse_{uuid4()}", contents), 200

    def _all(self, inner: list[Part]) -> list[bytes]:
        made: dict[str, str] = {}
        contents = []
        for part in inner:
            wanted = request(part)
            if wanted.method == "GET":
                raise BadQuery("A change set cannot hold a GET request.")
            answer = self._answer(wanted, made)
            if answer.status >= 400:
                raise SetFailed(answer, wanted.content_id)
            contents.append(part_of(answer, wanted.content_id))
            self._remember(made, wanted, answer)
        return contents

    def _remember(self, made: dict[str, str], wanted: PartRequest, answer: Answer) -> None:
        url = answer.headers.get("OData-EntityId") or answer.headers.get("Location")
        if wanted.content_id and url:
            made[f"${wanted.content_id}"] = self._below_root(url)

    def _answer(self, wanted: PartRequest, made: Mapping[str, str]) -> Answer:
        path, _, query = self._below_root(wanted.url).partition("?")
        headers = self._inherited() | dict(wanted.headers)
        ask = Ask(wanted.method, path, query, headers, wanted.body, self.ask.base)
        answer = self._checked(ask, wanted, made)
        self.log.append(entry(self.batches.service, ask, answer.status))
        return answer

    def _checked(self, ask: Ask, wanted: PartRequest, made: Mapping[str, str]) -> Answer:
        if len(wanted.url) > MAX_URL:
            return self.batches.error(TooLong("The request URI is too long."))
        if ask.path.startswith("$batch"):
            return self.batches.error(BadQuery("A batch cannot hold another batch."))
        return self.batches.answer(ask, made)

    def _inherited(self) -> dict[str, str]:
        """The headers that name the caller, which are sent once, on the batch itself."""
        names = ("callerobjectid", "mscrmcallerid", "authorization")
        return {name: self.ask.headers[name] for name in names if name in self.ask.headers}

    def _below_root(self, url: str) -> str:
        """Parts are addressed absolutely, from the host's root or from the service's."""
        if "://" in url.partition("?")[0]:
            split = urlsplit(url)
            url = f"{split.path}?{split.query}" if split.query else split.path
        return url.partition(self.batches.root)[2] if self.batches.root in url else url.lstrip("/")


def _set_parts(part: Part) -> list[Part] | None:
    """The parts of a change set, or nothing where the part is a request itself."""
    kind = part.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/mixed"):
        return None
    return list(parts(part.content, boundary(kind)))
