"""Files of changes on several machines are one and the same, whatever happens to one of them."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from gateway.admission.redis_store import waited_for
from gateway.deliveries.deliveries_file import DeliveriesFile, Delivery
from gateway.errors import Overloaded
from gateway.telling import shared_file, shared_log
from gateway.telling.journal_file import JournalFile, SeenRow
from gateway.telling.shared_log import KEY, LogTurn, SharedLog
from tests.redis_server import Server, needs_redis
from tests.redis_server import server as server

pytestmark = needs_redis
SECRET = bytes(range(32))


class Machine:
    """The file of one machine, as the journal and the deliveries of a replica have it open."""

    def __init__(self, server: Server, path: Path, key: bytes = SECRET) -> None:
        self.path = path
        log = SharedLog(waited_for(server.url, 5.0), key)
        self.journal, self.deliveries = JournalFile(str(path), log), DeliveriesFile(str(path), log)

    def content(self) -> list[str]:
        """All that the file has, but for its place in the log."""
        with closing(sqlite3.connect(self.path)) as db:
            return [each for each in db.iterdump() if "place_in_log" not in each]

    def catch_up(self) -> list[str]:
        self.deliveries.hold("nobody", "me", 0.0, 0.0)
        self.deliveries.release("nobody", "me")
        return self.content()

    def tell(self, *ids: str) -> None:
        """Let a webhook be told of some messages."""
        waiting = [
            Delivery(0, "shop", each, "SalesOrder", each, "changed", "", each, 1.0, 1.0)
            for each in ids
        ]
        self.deliveries.add("shop", waiting, len(ids))

    def change(self, row: int) -> None:
        """Let a row change."""
        self.journal.begin("salesorders", "columns")
        seen = [SeenRow(row.to_bytes(16), each, {"a": each}) for each in (1, 2)]
        for each in seen:
            self.journal.take("salesorders", [each], 1.0, None)

    def close(self) -> None:
        self.journal.close()
        self.deliveries.close()


def copy_in(server: Server) -> str:
    """The key of the copy in the log."""
    return str(server.client.hget(KEY, "copy"))


@pytest.fixture
def two(server: Server, tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    found = Machine(server, tmp_path / "one"), Machine(server, tmp_path / "other")
    yield found
    for each in found:
        each.close()


def test_two_files_have_the_same_in_the_same_order(two: tuple[Machine, Machine]) -> None:
    one, other = two
    assert one.journal.name == other.journal.name
    one.journal.begin("salesorders", "columns")
    rows = [SeenRow(bytes([n]) * 16, n + 1, {"a": n}) for n in range(3)]
    one.journal.take("salesorders", rows, 1.0, 1)
    other.journal.go_on("salesorders", "link", 2.0, 1)
    other.journal.take("salesorders", [SeenRow(bytes(16), 9, None)], 3.0, None)
    one.tell("a", "b")
    other.tell("b", "c")
    other.catch_up()
    first, second, _ = other.deliveries.due("shop", 9.0, 9)
    other.deliveries.done(first)
    one.deliveries.failed(second, "status 503", 5.0)

    assert one.catch_up() == other.catch_up() == one.catch_up()
    assert [(each.id, each.state, each.tries) for each in one.deliveries.listed(None, None, 9)] == [
        ("c", "waiting", 0), ("b", "waiting", 1), ("a", "done", 0),
    ]  # fmt: skip
    assert other.journal.end() == 1


def test_a_large_step_is_one_like_others(two: tuple[Machine, Machine]) -> None:
    one, other = two
    one.journal.begin("salesorders", "columns")
    proof = {"customerid": "x" * 36}
    rows = [SeenRow(n.to_bytes(16), n + 1, proof) for n in range(5_000)]
    one.journal.take("salesorders", rows, 1.0, 1)

    assert other.catch_up() == one.catch_up()


def test_both_write_at_once_and_nothing_is_lost(two: tuple[Machine, Machine]) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: two[n % 2].tell(f"message {n}"), range(80)))

    assert two[0].catch_up() == two[1].catch_up() == two[0].content()
    assert len(two[0].deliveries.listed(None, None, 99)) == 80


def test_one_that_comes_late_gets_the_file_from_where_the_log_was_cut(
    two: tuple[Machine, Machine],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_log, "CUT", 2_000)
    one, _ = two
    for number in range(100):
        one.tell(f"message {number}")
    late = Machine(server, tmp_path / "late")

    assert server.client.hlen(KEY) < 90
    assert late.content() == one.catch_up()
    assert late.journal.name == one.journal.name
    late.close()


def test_a_step_that_its_writer_did_not_end_is_done_by_all(
    two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    add = LogTurn.add

    def dying(self: LogTurn, *written: object) -> None:
        add(self, *written)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as death:
        death.setattr(LogTurn, "add", dying)
        with pytest.raises(KeyboardInterrupt):
            one.tell("written down")

    assert other.catch_up() == one.catch_up()
    assert [each.id for each in one.deliveries.listed(None, None, 9)] == ["written down"]


def test_nothing_is_written_while_redis_is_away_and_all_goes_on_when_it_has_lost_everything(
    two: tuple[Machine, Machine], server: Server
) -> None:
    one, other = two
    one.tell("before")
    other.catch_up()
    server.kill()
    before = one.content()
    with pytest.raises(Overloaded):
        one.tell("meanwhile")
    assert one.content() == before
    server.start()
    other.tell("after")

    assert one.catch_up() == other.catch_up()
    assert [each.id for each in one.deliveries.listed(None, None, 9)] == ["after", "before"]


def test_what_redis_has_lost_of_the_end_it_gets_back_from_a_file_that_has_it(
    two: tuple[Machine, Machine], server: Server
) -> None:
    one, other = two
    one.tell("before")
    other.catch_up()
    kept = server.client.dump(KEY) or b""
    one.tell("lost by Redis")
    server.client.restore(KEY, 0, kept, replace=True)
    one.tell("after")

    assert one.catch_up() == other.catch_up()
    assert [each.id for each in one.deliveries.listed(None, None, 9)] == [
        "after", "lost by Redis", "before",
    ]  # fmt: skip


def test_a_place_that_was_told_never_means_another_change(
    two: tuple[Machine, Machine], server: Server
) -> None:
    one, other = two
    one.change(1)
    told = one.journal.end()
    server.client.flushall()
    other.change(2)

    assert one.catch_up() == other.catch_up()
    assert len(one.journal.entries(["salesorders"], told, 2**60, 9)) == 2


@pytest.mark.parametrize("more", [0, 1, 5], ids=["fewer", "as many", "more"])
def test_a_file_whose_last_steps_are_others_becomes_what_the_log_says_and_cursors_expire(
    two: tuple[Machine, Machine], server: Server, more: int
) -> None:
    one, other = two
    one.tell("before")
    other.catch_up()
    journal, kept = one.journal.name, server.client.dump(KEY) or b""
    one.tell("lost by Redis")
    one.tell("this too")
    server.client.restore(KEY, 0, kept, replace=True)
    for number in range(2 + more):
        other.tell(f"meanwhile {number}")

    assert one.catch_up() == other.catch_up()
    ids = {each.id for each in one.deliveries.listed(None, None, 9)}
    assert ids == {"before", *(f"meanwhile {number}" for number in range(2 + more))}
    assert one.journal.name == other.journal.name != journal


def test_an_empty_file_that_comes_first_after_all_was_lost_makes_room_for_one_that_is_not(
    two: tuple[Machine, Machine], server: Server, tmp_path: Path
) -> None:
    one, other = two
    one.tell("before")
    other.catch_up()
    journal = one.journal.name
    server.client.flushall()
    with closing(Machine(server, tmp_path / "late")) as late:
        late.tell("into an empty file")
        one.tell("after")

        assert late.catch_up() == one.catch_up() == other.catch_up()
        assert late.journal.name == journal
    assert [each.id for each in other.deliveries.listed(None, None, 9)] == ["after", "before"]


def test_what_was_written_is_written_though_the_turn_is_not_given_back(
    two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    monkeypatch.setattr(shared_log, "TURN", 0.5)
    with monkeypatch.context() as slow:
        slow.setattr(shared_log, "LEAVE", "return redis.error_reply('slow')")
        one.tell("first")
    other.tell("second")

    assert one.catch_up() == other.catch_up()


def test_who_lost_the_turn_while_it_copied_takes_no_copy_away(
    two: tuple[Machine, Machine],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = two
    other.catch_up()
    copied = shared_log._pieces

    def slow(db: sqlite3.Connection) -> Iterator[bytes]:
        yield from copied(db)
        monkeypatch.setattr(shared_log, "_pieces", copied)
        monkeypatch.setattr(shared_log, "CUT", 2**20)
        time.sleep(0.2)
        other.tell("meanwhile")

    monkeypatch.setattr(shared_log, "TURN", 0.1)
    monkeypatch.setattr(shared_log, "CUT", 0)
    monkeypatch.setattr(shared_log, "_pieces", slow)
    one.tell("copied too slowly")

    with closing(Machine(server, tmp_path / "late")) as late:
        assert late.content() == one.catch_up() == other.catch_up()
    copies = [each for each in server.client.keys(f"{KEY}:*") if each != copy_in(server)]
    assert copies == []


def test_a_turn_whose_holder_died_ends(
    two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    monkeypatch.setattr(shared_log, "TURN", 0.5)
    with monkeypatch.context() as death:
        death.setattr(shared_log, "LEAVE", "return 0")
        one.tell("first")
    other.tell("second")

    assert one.catch_up() == other.catch_up()


def test_who_lost_the_turn_writes_nothing(
    two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    monkeypatch.setattr(shared_log, "TURN", 0.05)
    add = LogTurn.add

    def slow(self: LogTurn, *written: object) -> None:
        monkeypatch.setattr(LogTurn, "add", add)
        other.tell("meanwhile")
        add(self, *written)  # type: ignore[arg-type]

    monkeypatch.setattr(LogTurn, "add", slow)
    with pytest.raises(Overloaded):
        one.tell("too late")

    assert one.catch_up() == other.catch_up()
    assert [each.id for each in one.deliveries.listed(None, None, 9)] == ["meanwhile"]


def test_strangers_in_redis_learn_nothing_and_write_nothing(
    two: tuple[Machine, Machine], server: Server, tmp_path: Path
) -> None:
    one, other = two
    one.tell("confidential")
    kept = server.client.hgetall(KEY)
    assert "confidential" not in str(kept)

    stranger = Machine(server, tmp_path / "stranger", bytes(32))
    with pytest.raises(Overloaded):
        stranger.tell("forged")
    server.client.hset(KEY, "step 2", kept["step 1"])  # one that was written before
    server.client.hset(KEY, "last", 2)
    with pytest.raises(Overloaded):
        other.catch_up()
    assert "forged" not in str(other.content())
    stranger.close()


def test_a_file_that_was_written_to_without_the_log_becomes_what_the_log_says(
    two: tuple[Machine, Machine], server: Server
) -> None:
    one, other = two
    one.tell("shared")
    with closing(DeliveriesFile(str(one.path))) as alone:
        alone.add("shop", [], 7)
    other.tell("later")

    assert one.catch_up() == other.catch_up()
    assert one.deliveries.place("shop") == 1


def test_the_copy_is_kept_for_as_long_as_the_log(
    two: tuple[Machine, Machine], server: Server
) -> None:
    one, _ = two
    copy = copy_in(server)
    server.client.expire(copy, 100)
    one.tell("much later")

    assert server.client.ttl(copy) > 7 * 86_400


@pytest.mark.parametrize("lost", [99, 1], ids=["gone", "cut off"])
def test_what_has_lost_its_copy_makes_no_empty_file_and_gets_another_copy(
    server: Server, tmp_path: Path, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_log, "PIECE", 40_000)
    with closing(Machine(server, tmp_path / "one")) as one:
        one.tell("before")
        copy = copy_in(server)
        server.client.rpop(copy, lost)
        with closing(Machine(server, tmp_path / "early")) as early:
            with pytest.raises(Overloaded):
                early.tell("into nothing")
            server.client.delete(copy)
            one.tell("after")

            assert early.catch_up() == one.catch_up()
            assert early.journal.name == one.journal.name


def test_a_log_that_was_begun_and_has_no_copy_yet_is_begun_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as death:
        death.setattr(SharedLog, "shorten", lambda *_: (_ for _ in ()).throw(Overloaded("dead")))
        Machine(server, tmp_path / "one").close()
    with closing(Machine(server, tmp_path / "other")) as other:
        other.tell("first")
        with closing(Machine(server, tmp_path / "one")) as one:
            assert one.catch_up() == other.catch_up()
            assert one.journal.name == other.journal.name


def test_a_piece_of_an_earlier_copy_is_none_of_this_one(
    two: tuple[Machine, Machine],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, _ = two
    first = server.client.lrange(copy_in(server), 0, -1)
    monkeypatch.setattr(shared_log, "CUT", 0)
    one.tell("told")
    copy = copy_in(server)
    server.client.delete(copy)
    server.client.rpush(copy, *first)
    with closing(Machine(server, tmp_path / "late")) as late, pytest.raises(Overloaded):
        late.tell("into what was long ago")


def test_a_file_that_another_process_holds_is_not_waited_for_for_ever(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_file, "PATIENCE", 0.1)
    monkeypatch.setattr(shared_log, "TURN", 0.5)
    path = tmp_path / "held"
    with (
        closing(Machine(server, tmp_path / "one")) as one,
        closing(Machine(server, path)) as late,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        one.tell("told")
        other.execute("UPDATE place_in_log SET name = ''")  # it needs the copy
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Overloaded):
            late.tell("meanwhile")
        other.execute("ROLLBACK")

        assert late.catch_up() == one.catch_up()
