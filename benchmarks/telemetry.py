"""
The cost of metrics and traces: the CPU time of a request with them beside one without.

Run `python -m benchmarks.telemetry`. It starts gateways without telemetry, with metrics, with
traces of which one in a hundred is sampled, and with both, asks all of them at once for the works S
and L of the comparison, and prints what a request takes beside one without. Exit code 1 where both
together take a tenth more. Build the stub by `scripts/install --benchmarks`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Process
from os import sched_setaffinity

import click

from benchmarks.comparing.candidates import OURS, Candidate
from benchmarks.comparing.processes import HOST, LOADING, Failed, free_port
from benchmarks.comparing.session import session
from benchmarks.comparing.together import together
from benchmarks.comparing.trials import trials
from benchmarks.comparing.works import WORKS

MOST = 1.10
"""The CPU time of a request with metrics and sampled traces, beside that of one without."""
METRICS = {"GATEWAY_METRICS": "on"}


def _traces(collector: int) -> dict[str, str]:
    return {
        "GATEWAY_TRACES": "on",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.01",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{collector}",
    }


class Collector(BaseHTTPRequestHandler):
    """Takes spans and forgets them."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is told of a request."""


def _collect(port: int) -> None:
    sched_setaffinity(0, {LOADING})
    ThreadingHTTPServer((HOST, port), Collector).serve_forever()


@contextmanager
def collecting() -> Iterator[int]:
    """A collector in a process of its own; its port."""
    port = free_port()
    process = Process(target=_collect, args=(port,), daemon=True)
    process.start()
    try:
        yield port
    finally:
        process.terminate()
        process.join()


def _kinds(collector: int) -> dict[str, dict[str, str]]:
    """The settings of each kind of gateway, by its name."""
    traces = _traces(collector)
    return {"none": {}, "metrics": METRICS, "traces": traces, "both": {**METRICS, **traces}}


def _candidate(name: str, more: dict[str, str]) -> Candidate:
    return replace(OURS, name=name, environment=lambda a: {**OURS.environment(a), **more})


@click.command(help=__doc__)
@click.option("--rounds", default=10, show_default=True)
@click.option("--seconds", default=4.0, show_default=True, help="Seconds of a round.")
@click.option("--each", default=3, show_default=True, help="Gateways of each kind.")
def main(rounds: int, seconds: float, each: int) -> None:
    held = True
    try:
        with collecting() as collector, session() as running:
            kinds, works = _kinds(collector), [WORKS["S"], WORKS["L"]]
            named = [(f"{kind} {n}", more) for kind, more in kinds.items() for n in range(each)]
            known = trials(running, [_candidate(*one) for one in named], works)
            click.echo("| work | telemetry | CPU ms | beside none | middle half |")
            click.echo("|---|---|---|---|---|")
            for work in works:
                click.echo(f"{work.name}: {', '.join(kinds)}", err=True)
                targets = [trial.target for trial in known if trial.work is work]
                found = together(
                    [targets[n : n + each] for n in range(0, len(targets), each)],
                    rounds=rounds,
                    seconds=seconds,
                    say=partial(click.echo, err=True),
                )
                for kind, its in zip(kinds, found, strict=True):
                    low, high = its.quartiles
                    click.echo(
                        f"| {work.name} | {kind} | {its.cpu:.3f} | {its.ratio - 1:+.1%} | "
                        f"{low - 1:+.1%} to {high - 1:+.1%} |"
                    )
                held &= found[-1].ratio <= MOST
    except Failed as failure:
        click.echo(str(failure), err=True)
        sys.exit(1)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
