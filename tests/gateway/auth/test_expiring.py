"""Expired entries are also let go."""

from gateway.auth.expiring import Expiring


def test_what_has_expired_is_let_go_when_something_else_comes() -> None:
    moment = 0.0
    memory: Expiring[str, str] = Expiring(lambda: moment, most=3)
    memory.put("first", "a", until=60.0)
    memory.put("second", "b", until=61.0)

    moment = 60.0
    memory.put("third", "c", until=120.0)

    assert len(memory) == 2
    assert [memory.get(name) for name in ("first", "second", "third")] == [None, "b", "c"]


def test_the_oldest_gives_way() -> None:
    memory: Expiring[str, str] = Expiring(lambda: 0.0, most=2)
    for name in ("first", "second", "third"):
        memory.put(name, name, until=60.0)

    assert [memory.get(name) for name in ("first", "second", "third")] == [None, "second", "third"]
