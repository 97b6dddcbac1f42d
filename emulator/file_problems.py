"""Problems of loaded files, told once per file and cause, with its first line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class FileProblem:
    """One cause in one file; `line` 0 means the file itself."""

    path: Path
    line: int
    text: str
    times: int = 1

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else str(self.path)
        more = f" (and {self.times - 1:,} more like it)" if self.times > 1 else ""
        return f"{place}: {self.text}{more}"


class Problems:
    """Collects problems; those of the same file and subject count as one."""

    def __init__(self) -> None:
        self._found: dict[tuple[Path, str], FileProblem] = {}

    def add(self, path: Path, line: int, subject: str, text: str) -> None:
        known = self._found.get((path, subject))
        if known:
            known.times += 1
        else:
            self._found[path, subject] = FileProblem(path, line, text)

    def __iter__(self) -> Iterator[FileProblem]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return sum(problem.times for problem in self)


class LoadError(Exception):
    """A load that was refused as a whole; nothing of it stays."""

    def __init__(self, problems: Problems) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
