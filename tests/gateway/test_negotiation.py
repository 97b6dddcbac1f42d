"""The media type, of two, that an `Accept` header gets."""

import pytest

from gateway.http.negotiation import JSON, RESPONSE, negotiate


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
