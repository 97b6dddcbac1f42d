"""The signed-in person, and how they like the site."""

from starlette.responses import Response

from portal.visits import Visit
from portal.words import N_, ROLES

THEMES = {"system": N_("System"), "light": N_("Light"), "dark": N_("Dark")}


async def profile(visit: Visit) -> Response:
    if visit.request.method == "POST":
        return await _choose(visit) if "mails" in visit.form else _prefer(visit)
    found = await visit.ask("profile", "Profile")
    return visit.render(
        "profile.html",
        viewer=found["viewer"],
        roles=ROLES,
        themes=THEMES,
        mails=bool(visit.site.settings.mail_secret) and visit.may("contacts:update"),
    )


async def _choose(visit: Visit) -> Response:
    wanted = visit.form["mails"] == "yes"
    await visit.ask("profile", "ChooseMails", doNotEmail=not wanted)
    visit.notice(
        visit.translate("You will be written to.")
        if wanted
        else visit.translate("You will get no more mails.")
    )
    return visit.go("/profile")


def _prefer(visit: Visit) -> Response:
    tags = {language.tag: language for language in visit.site.languages}
    if (theme := visit.form.get("theme")) in THEMES:
        visit.session.theme = theme
    if (tag := visit.form.get("language")) in tags:
        visit.session.language, visit.language = tag, tags[tag]
    visit.notice(visit.translate("Your preferences are kept for this session."))
    return visit.go("/profile")
