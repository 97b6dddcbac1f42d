"""Style sheets, scripts and fonts: read once, served from our own origin, cached for good."""

import mimetypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BUILT: Final = Path(__file__).parent / "web" / "dist"
FOREVER: Final = "public, max-age=31536000, immutable"
A_DAY: Final = "public, max-age=86400"
"""For addresses without a version, as style sheets have them for fonts."""


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    version: str
    """Of this content alone: it stands in the address under which it is cached for good."""


class Assets:
    """Everything below `/assets`, by name; nothing of a request ever becomes a path."""

    def __init__(self, folders: Iterable[Path], made: Mapping[str, str]) -> None:
        """RuntimeError where `scripts/install` has not built what the pages need."""
        if not (BUILT / "htmx.js").exists():
            raise RuntimeError("the portal's assets are not built: run scripts/install")
        self._found = {
            path.name: _asset(path.name, path.read_bytes())
            for folder in [BUILT, *folders]
            for path in folder.iterdir()
            if path.is_file()
        }
        self._found |= {name: _asset(name, text.encode()) for name, text in made.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def address(self, name: str) -> str:
        return f"/assets/{name}?v={self._found[name].version}"

    def routes(self) -> list[Route]:
        return [Route("/assets/{name}", self.serve)]

    async def serve(self, request: Request) -> Response:
        found = self._found.get(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        caching = FOREVER if request.query_params.get("v") == found.version else A_DAY
        headers = {"Cache-Control": caching}
        return Response(found.content, media_type=found.media_type, headers=headers)


def _asset(name: str, content: bytes) -> Asset:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(content, media_type, sha256(content).hexdigest()[:12])
