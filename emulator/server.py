"""Puts one emulator together: catalog, data, who may sign in, and the app that serves it."""

from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from joserfc.jwk import KeySet
from starlette.applications import Starlette

from emulator.app import create_app
from emulator.clients import Clients
from emulator.dataverse.operations import employ
from emulator.ddl import create
from emulator.declarations import extended, standard
from emulator.dualwrite.running import replace_running
from emulator.dualwrite.sync import integrate
from emulator.entra import Entra, Registration
from emulator.environments import Environment, environment, read_dump, respelled
from emulator.identities import DEMO_USERS, People, subject_of
from emulator.issuer import Issuer
from emulator.loading import Loaded, load
from emulator.scm.price_engine import PriceEngine
from emulator.scm.price_rows import furnish_prices
from emulator.scm.promising import Promising
from emulator.settings import Settings
from emulator.store import Store
from emulator.tokens import Tokens, keys_at, make_keys
from emulator.values import guid_text
from emulator.world.cache import world
from emulator.world.fitting import fit
from emulator.world.generation import Progress, generate
from emulator.world.present import move
from emulator.world.sizes import SIZES


def build(settings: Settings, progress: Progress = lambda _: None) -> Starlette:
    """The whole emulator; its `state` has store, tokens, people and what was loaded."""
    found = _environment(settings)
    store = _store(settings, found, progress)
    if settings.world and not settings.load and SIZES[settings.world].is_shown:
        move(store, datetime.now(UTC).date())
    store.denied = found.denied
    loaded = load(store, settings.load, lenient=settings.lenient) if settings.load else Loaded()
    tokens = Tokens(settings.base_url, _keys(settings))
    people = People(lambda email: contact_name(store, email))
    register_jane(store, tokens.issuer)
    issuer = Issuer(tokens, people, Clients())
    others = [Registration(*each) for each in settings.applications]
    entra = Entra(tokens, Registration(certificates=_certificates(settings)), *others)
    app = create_app(
        store,
        authorize=tokens.verify_service,
        routes=[issuer.routes(), *entra.routes()],
        engine=_engine(store) if settings.pricing else None,
    )
    for client_id, _ in settings.applications:
        employ(store, client_id)
    integrate(store)
    if found.running is not None:
        replace_running(store, found.running)
    if settings.promising:
        Promising(store).join()
    app.state.tokens, app.state.people, app.state.loaded = tokens, people, loaded
    return app


def _engine(store: Store) -> PriceEngine:
    engine = PriceEngine(store)
    furnish_prices(store, engine)
    return engine


def _environment(settings: Settings) -> Environment:
    """The environment to answer as: the dictionary, with an adopter's tables, or a dump."""
    spelled = respelled(extended(standard(), settings.metadata), settings.navigation)
    if settings.environment is None:
        return Environment(spelled, spelled)
    return environment(read_dump(settings.environment), spelled)


def contact_name(store: Store, email: str) -> str | None:
    """The full name of a contact with this e-mail address; accents count, as they do in mail."""
    table = store.catalog.named("contact")
    same = store.select(table, "fold(emailaddress1) = fold(?)", [email])
    found = (row for row in same if str(row["emailaddress1"]).lower() == email.lower())
    return next((str(row["fullname"]) for row in found), None)


def register_jane(store: Store, issuer: str) -> None:
    """Jane is known by an external identity, as Power Pages keeps them; the others by e-mail."""
    email = DEMO_USERS["jane"].email
    known, subject = store.catalog.named("adx_externalidentity"), subject_of(email)
    jane = store.find(store.catalog.named("contact"), "fold(emailaddress1) = fold(?)", [email])
    named = "adx_username = ? AND adx_identityprovidername = ?"
    if jane is None or store.find(known, named, [subject, issuer]):
        return
    row = {
        "adx_externalidentityid": str(uuid5(NAMESPACE_URL, f"{issuer}#{email}")),
        "adx_username": subject,
        "adx_identityprovidername": issuer,
        "_adx_contactid_value": guid_text(str(jane["contactid"])),
    }
    store.insert(known.set, [row])


def _store(settings: Settings, found: Environment, progress: Progress) -> Store:
    catalog, shown = found.kept, None if found.kept is found.shown else found.shown
    if settings.load or settings.world is None:
        return Store(catalog, shown=shown)
    if settings.cache:
        return world(catalog, settings.world, settings.seed, settings.cache, progress, shown)
    store = Store(catalog, shown=shown)
    made_by = Store(standard()) if shown else store
    generate(made_by, SIZES[settings.world], settings.seed, progress)
    if made_by is not store:
        made_by.connection.backup(store.connection)
        create(store.connection, catalog)
        fit(store, made_by.catalog)
    return store


def _keys(settings: Settings) -> KeySet:
    return keys_at(settings.cache / "keys.json") if settings.cache else make_keys()


def _certificates(settings: Settings) -> tuple[str, ...]:
    return tuple(path.read_text() for path in settings.certificates)
