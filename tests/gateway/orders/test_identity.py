"""The meaning of a key must be the same for ever, in every process and every release."""

import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from strawberry import ID

from gateway.auth.principal import CallerContact, Kind, Principal
from gateway.errors import UpstreamRefused
from gateway.loaders.seals import Broken, Seal
from gateway.resolvers.orders.erp_messages import refusal
from gateway.resolvers.orders.inputs import CreateSalesOrderInput, SalesOrderLineInput, fingerprint
from gateway.resolvers.orders.order_ids import derived_id, line_id
from tests.gateway.orders.ordering import do, new_order
from tests.stack import Stack

pytestmark = pytest.mark.anyio
ACCOUNT = UUID(int=7)


def caller(issuer: str = "https://issuer.example") -> Principal:
    return Principal(Kind.PARTNER, issuer, "robot")


def person() -> Principal:
    contact = CallerContact(UUID(int=9), "Jane", None)
    return Principal(Kind.CUSTOMER, "https://issuer.example", "robot", contact=contact)


def order(key: str = "k", quantity: str = "2", **changes: object) -> CreateSalesOrderInput:
    line = SalesOrderLineInput(product=ID("p"), quantity=Decimal(quantity))
    return CreateSalesOrderInput(idempotency_key=key, lines=[line], **changes)  # type: ignore[arg-type]


async def test_ids_and_fingerprints_never_change() -> None:
    made = derived_id(caller(), ACCOUNT, "createSalesOrder", "k")

    assert made == UUID("7005867e-15e5-57d8-aeab-0990ccf0f80e")
    assert line_id(made, 1) == UUID("7d8fd09f-4d53-56a3-91a6-803eeb77797d")
    assert fingerprint(order(), ACCOUNT) == (
        "acc207bf622a705486255595b9e33ffd2e9ec59e550592d5134699d34bfb5847"
    )


async def test_an_id_is_of_one_caller_account_operation_and_key() -> None:
    made = {
        derived_id(caller(), ACCOUNT, "createSalesOrder", "k"),
        derived_id(caller("https://other.example"), ACCOUNT, "createSalesOrder", "k"),
        derived_id(replace(caller(), subject="robot-2"), ACCOUNT, "createSalesOrder", "k"),
        derived_id(person(), ACCOUNT, "createSalesOrder", "k"),
        derived_id(caller(), UUID(int=8), "createSalesOrder", "k"),
        derived_id(caller(), ACCOUNT, "reorder", "k"),
        derived_id(caller(), ACCOUNT, "createSalesOrder", "K"),
    }

    assert len(made) == 7


async def test_a_person_has_the_same_keys_however_signed_in() -> None:
    there, here = (replace(person(), issuer=name, subject=name) for name in ("one", "other"))

    made = {derived_id(each, ACCOUNT, "createSalesOrder", "k") for each in (there, here)}

    assert len(made) == 1


async def test_a_fingerprint_is_of_what_is_said_not_of_how() -> None:
    said = fingerprint(order(), ACCOUNT)

    assert fingerprint(order(key="another", quantity="2.00"), ACCOUNT) == said
    assert fingerprint(order(customer_reference=None), ACCOUNT) == said
    others = [
        fingerprint(order(), UUID(int=8)),
        fingerprint(order(quantity="20"), ACCOUNT),
        fingerprint(order(customer_reference="x"), ACCOUNT),
        fingerprint(order(requisition_number="x"), ACCOUNT),
        fingerprint(order(requested_receipt_date=date(2026, 12, 1)), ACCOUNT),
        fingerprint(order(requested_shipping_date=date(2026, 12, 1)), ACCOUNT),
    ]
    assert len({said, *others}) == 7


async def test_a_seal_breaks_with_every_character() -> None:
    seal, content = Seal(b"secret"), b'{"order":"x"}'
    text = seal.seal(content)

    assert seal.open(text) == content
    changed = [
        text[:n] + ("A" if text[n] != "A" else "B") + text[n + 1 :] for n in range(len(text))
    ]
    others = [text[:-4], "", "%", text + "=", text + "A" * 40_000]
    others += [text[:n] + "\x01" + text[n:] for n in range(len(text) + 1)]
    for each in (*changed, *others):
        with pytest.raises(Broken):
            seal.open(each)
    with pytest.raises(Broken):
        Seal(b"another secret").open(text)


@pytest.mark.parametrize(
    "words",
    ["Customer Fabrikam exceeds credit limit 5000", "Order of Adatum cannot be canceled", "Adatum"],
)
async def test_a_refusal_quotes_nothing(words: str) -> None:
    error = UpstreamRefused("no", reason="0x80040265")
    error.words = words

    said = refusal(error)

    assert (said.code, said.reason) == ("ORDER_REFUSED", "0x80040265")
    assert "Fabrikam" not in said.message
    assert "Adatum" not in said.message


async def test_many_at_once_with_one_key_make_one_order(writable: Stack) -> None:
    sent = await new_order(writable)

    payloads = await asyncio.gather(
        *(do(writable, "createSalesOrder", **sent) for _ in range(10)),
        do(writable, "createSalesOrder", **sent | {"requisitionNumber": "different"}),
    )

    same, other = payloads[:10], payloads[10]
    assert len({payload["order"]["id"] for payload in same if payload["order"]}) <= 1
    outcomes = {(p["status"], *(e["code"] for e in p["errors"])) for p in payloads}
    assert outcomes == {("CREATED",), (None, "IDEMPOTENCY_MISMATCH")}
    fresh = [payload for payload in payloads if payload["status"] and not payload["replayed"]]
    assert len(fresh) == 1
    assert other in fresh or all(payload["status"] for payload in same)
