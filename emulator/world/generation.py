"""Generates a whole world into a store: the same rows for the same size and seed, always."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Final

from emulator.identities import DEMO_USERS
from emulator.store import Store
from emulator.world.attachment_rows import attachment_rows
from emulator.world.catalogue_rows import catalogue_rows
from emulator.world.customer_rows import customer_rows, web_role_rows
from emulator.world.customers import draw_customers, draw_people
from emulator.world.fulfilment import Fulfilment
from emulator.world.order_rows import order_rows
from emulator.world.orders import Draw
from emulator.world.product_rows import product_rows
from emulator.world.products import draw_products
from emulator.world.quote_rows import quote_rows
from emulator.world.reference_rows import COMPANIES, reference_rows
from emulator.world.return_rows import Returns
from emulator.world.seed import REFERENCE, Row, Rows, Seed
from emulator.world.showcase import ShowcaseDraw, baristas, cafes, second_account_rows
from emulator.world.showcase_goods import showcase_goods
from emulator.world.sizes import Size

BATCH: Final = 2_000
Progress = Callable[[int], None]


def generate(store: Store, size: Size, number: int, progress: Progress = lambda _: None) -> None:
    """Fill an empty store; `progress` hears how many orders have just been written."""
    clock, store.clock = store.clock, lambda: REFERENCE.replace(tzinfo=UTC)
    try:
        with store.transaction("load"):
            _insert(store, world_rows(size, number, progress))
    finally:
        store.clock = clock


def world_rows(size: Size, number: int, progress: Progress = lambda _: None) -> Rows:
    seed = Seed(number)
    companies = COMPANIES[: size.companies]
    if size.is_shown:
        customers = cafes(seed, companies)
        people, products = baristas(seed, customers), showcase_goods()
    else:
        customers = draw_customers(seed, size, companies)
        people, products = draw_people(seed, size, customers), draw_products(seed, size.products)
    demo = dict(zip((n for n, user in DEMO_USERS.items() if user.is_contact), people, strict=False))
    yield from reference_rows(seed, companies)
    yield from customer_rows(seed, customers, people)
    yield from web_role_rows(seed, demo)
    if size.is_shown:
        yield from second_account_rows(seed, customers, people)
    yield from product_rows(seed, products, companies)
    fulfilment, returns = Fulfilment(seed), Returns(seed)
    draw = (ShowcaseDraw if size.is_shown else Draw)(seed, customers, people, products)
    yield from _order_rows(draw, fulfilment, returns, size, progress)
    yield from returns.rows()
    yield from fulfilment.ledger.other_rows(customers)
    yield from catalogue_rows(seed, customers, products, companies)


def _order_rows(
    draw: Draw, fulfilment: Fulfilment, returns: Returns, size: Size, progress: Progress
) -> Rows:
    for order in draw.orders(size.orders):
        yield from order_rows(draw.seed, order)
        yield from fulfilment.rows(order)
        returns.consider(order)
        yield from attachment_rows(draw.seed, order)
        yield from quote_rows(draw.seed, order)
        if order.index % 100 == 99:
            progress(100)


def _insert(store: Store, rows: Rows) -> None:
    for entity_set, batch in _batches(rows):
        store.insert(entity_set, batch)


def _batches(rows: Rows) -> Iterator[tuple[str, list[Row]]]:
    waiting: defaultdict[str, list[Row]] = defaultdict(list)
    for entity_set, row in rows:
        waiting[entity_set].append(row)
        if len(waiting[entity_set]) == BATCH:
            yield entity_set, waiting.pop(entity_set)
    yield from waiting.items()
