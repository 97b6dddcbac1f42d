"""Several worker processes behind one listening socket, and their orderly end."""

import sys
import time
from contextlib import suppress
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from gateway.http.gathering import folder_for_workers

LOOK: Final = 0.1
"""Seconds between two looks at processes that end."""


class Workers(Multiprocess):
    """uvicorn's worker processes, whose parent hears a second signal and keeps no socket open."""

    def join_all(self) -> None:
        # Each worker has the socket too, for as long as it takes connections.
        for listening in self.sockets:
            listening.close()
        while any(each.process.is_alive() for each in self.processes):
            if self.signal_queue:
                self._kill_all()
            time.sleep(LOOK)
        super().join_all()

    def _kill_all(self) -> None:
        self.signal_queue.clear()
        for each in self.processes:
            each.process.kill()


def serve(config: uvicorn.Config) -> None:
    """Serve with as many processes as `config` says, this one where it is one, until a signal."""
    if config.workers > 1:
        with folder_for_workers():
            Workers(config, sockets=[config.bind_socket()]).run()
        return
    server = uvicorn.Server(config)
    # An interrupt has ended the server already when it is raised again.
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
