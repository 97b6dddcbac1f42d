"""The media type, of two, that an `Accept` header gets."""

import pytest

from gateway.http.negotiation import EVENTS, JSON, LINES, RESPONSE, negotiate, stream_of


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, RESPONSE),
        ("", RESPONSE),
        (RESPONSE, RESPONSE),
        (JSON, JSON),
        ("APPLICATION/JSON", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (f"{RESPONSE}, {JSON}", RESPONSE),
        (f"{JSON}, {RESPONSE}", RESPONSE),
        (f"{RESPONSE}; charset=utf-8, {JSON}; charset=utf-8", RESPONSE),
        (f'{RESPONSE};charset="UTF-8"', RESPONSE),
        (f"{RESPONSE};q=0.5, {JSON}", JSON),
        (f"{RESPONSE};q=0.5, {JSON};q=0.9", JSON),
        (f"{RESPONSE};q=0.1, */*;q=0.9", JSON),
        (f"{RESPONSE}, */*;q=0.1", RESPONSE),
        (f"{JSON}, */*", JSON),
        (f"{JSON};q=0, */*", RESPONSE),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        (f"{JSON};q=0", None),
        ("*/*;q=0", None),
        (f"{JSON};charset=iso-8859-1", None),
        (f"{JSON};q=nonsense", None),
        ("text/html", None),
        ("application/graphql+json", None),
        (",", None),
    ],
)
def test_the_best_offer_wins(accept: str | None, expected: str | None) -> None:
    assert negotiate(accept) == expected


@pytest.mark.parametrize(
    ("accept", "plain", "stream"),
    [
        (EVENTS, None, EVENTS),
        (LINES, None, LINES),
        (f"{JSON}, {EVENTS}, {LINES}", JSON, LINES),
        (f"{EVENTS}, */*", JSON, EVENTS),
        (f"{LINES}, {JSON};q=0.9", None, LINES),
        (f"{EVENTS}, {RESPONSE};q=0.9, {JSON};q=0.5", None, EVENTS),
        (f"{LINES}, */*;q=0.1", None, LINES),
        (f"{LINES};q=0.5, {EVENTS}", None, EVENTS),
        (f"{LINES};q=0.5, {JSON};q=0.4, {EVENTS};q=0.1", None, LINES),
        (f"{EVENTS};q=0.5, {JSON}", JSON, EVENTS),
        (f"{EVENTS};q=0, {JSON};q=0", None, None),
        (f"{EVENTS};charset=utf-16", None, None),
        (f"{EVENTS};q=nonsense, {JSON};q=0.1", JSON, None),
        ("text/*", None, None),
    ],
)
def test_a_stream_is_for_those_who_name_it_and_like_it_better(
    accept: str, plain: str | None, stream: str | None
) -> None:
    assert (negotiate(accept), stream_of(accept)) == (plain, stream)
