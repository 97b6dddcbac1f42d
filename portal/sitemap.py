"""Every address of the site, and what shows it."""

from typing import Final

from portal.pages import (
    account,
    changing,
    dashboard,
    exports,
    home,
    importing,
    invoices,
    items,
    order,
    orders,
    placing,
    products,
    profile,
    reordering,
    session,
    shipments,
    wizard,
)
from portal.visits import Page
from portal.words import N_

POST = ("POST",)
BOTH = ("GET", "POST")

PAGES: Final = (
    Page(path="/", show=home.home, public=True),
    Page(path="/terms", show=home.terms, public=True),
    Page(path="/language/{tag}", show=session.language, public=True),
    Page(path="/sign-in", show=session.sign_in, public=True),
    Page(path="/callback", show=session.callback, public=True),
    Page(path="/sign-out", show=session.sign_out, methods=POST, public=True),
    Page(path="/resume", show=session.resume),
    Page(path="/dashboard", show=dashboard.dashboard, menu=N_("Overview")),
    Page(path="/orders", show=orders.orders, needs="orders:read", menu=N_("Orders")),
    Page(path="/orders.csv", show=exports.export, needs="orders:read"),
    Page(path="/order-lines.csv", show=exports.export, needs="orders:read"),
    Page(
        path="/orders/new",
        show=wizard.information,
        methods=BOTH,
        needs="orders:create",
        part="order",
    ),
    Page(
        path="/orders/new/items",
        show=items.items,
        methods=BOTH,
        needs="orders:create",
        part="order",
    ),
    Page(
        path="/orders/new/import",
        show=importing.imported,
        methods=BOTH,
        needs="orders:create",
        part="order",
    ),
    Page(path="/orders/new/review", show=placing.review, needs="orders:create", part="order"),
    Page(
        path="/orders/new/submit",
        show=placing.submit,
        methods=POST,
        needs="orders:create",
        part="order",
    ),
    Page(path="/orders/new/checking", show=placing.checking, needs="orders:create", part="order"),
    Page(
        path="/orders/new/discard",
        show=wizard.discard,
        methods=BOTH,
        needs="orders:create",
        part="order",
    ),
    Page(path="/orders/{id}", show=order.order, needs="orders:read"),
    Page(
        path="/orders/{id}/progress", show=order.progress, needs="orders:read", is_asked_alone=True
    ),
    Page(
        path="/orders/{id}/reorder",
        show=reordering.reorder,
        methods=POST,
        needs="orders:create",
        part="order",
    ),
    Page(
        path="/orders/{id}/change",
        show=changing.change,
        methods=BOTH,
        needs="orders:update",
        part="order",
    ),
    Page(
        path="/orders/{id}/cancel",
        show=changing.cancel,
        methods=BOTH,
        needs="orders:update",
        part="order",
    ),
    Page(
        path="/shipments",
        show=shipments.shipments,
        needs="shipments:read",
        part="shipments",
        menu=N_("Shipments"),
    ),
    Page(path="/shipments.csv", show=exports.export, needs="shipments:read", part="shipments"),
    Page(
        path="/shipment-lines.csv",
        show=exports.export,
        needs="shipments:read",
        part="shipments",
    ),
    Page(
        path="/orders/{id}/shipments/{number:path}",
        show=shipments.shipment,
        needs="shipments:read",
        part="shipments",
    ),
    Page(
        path="/invoices",
        show=invoices.invoices,
        needs="invoices:read",
        part="invoices",
        menu=N_("Invoices"),
    ),
    Page(path="/invoices.csv", show=exports.export, needs="invoices:read", part="invoices"),
    Page(
        path="/invoice-lines.csv",
        show=exports.export,
        needs="invoices:read",
        part="invoices",
    ),
    Page(path="/invoices/{id}", show=invoices.invoice, needs="invoices:read", part="invoices"),
    Page(
        path="/products",
        show=products.products,
        methods=BOTH,
        needs="catalog:read",
        part="products",
        menu=N_("Products"),
    ),
    Page(
        path="/products/{id}",
        show=products.product,
        methods=BOTH,
        needs="catalog:read",
        part="products",
    ),
    Page(
        path="/account",
        show=account.account,
        needs="account:read",
        part="account",
        menu=N_("Account"),
    ),
    Page(path="/accounts", show=account.accounts, methods=BOTH, needs="account:read"),
    Page(path="/profile", show=profile.profile, methods=BOTH),
)
