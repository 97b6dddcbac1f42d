"""The sign-in page of the demo issuer: plain HTML that needs no script and allows none."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Final
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

from emulator.identities import Identity

STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: Canvas; color: CanvasText; }
main { max-width: 26rem; margin: 10vh auto; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; margin: 0; }
p { margin: .25rem 0 1.5rem; }
[role=alert] { border-left: .25rem solid #b3261e; padding: .25rem .75rem; }
form { display: grid; gap: .5rem; margin: 0 0 1.5rem; }
button, input { font: inherit; padding: .6rem .8rem; border: 1px solid #767676;
  border-radius: .4rem; background: Canvas; color: CanvasText; text-align: left; }
button { cursor: pointer; }
button:hover, button:focus-visible { outline: 2px solid #0f6cbd; }
button.go { background: #0f6cbd; border-color: #0f6cbd; color: #fff; text-align: center; }
small { display: block; opacity: .75; }
"""
STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()

PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main><h1>{title}</h1>
{body}
</main></body></html>
"""

E_MAIL_FORM: Final = """<form method="post">
<label for="user">or the e-mail of any contact</label>
<input id="user" name="user" type="email" autocomplete="email" required value="{hint}">
<button class="go">Sign in</button>
</form>"""


def sign_in_page(
    people: Mapping[str, Identity], redirect_uri: str, hint: str = "", problem: str = ""
) -> HTMLResponse:
    buttons = "\n".join(_button(name, who) for name, who in people.items())
    body = (
        f"<p>to the demo of {escape(urlsplit(redirect_uri).netloc)}</p>{_alert(problem)}"
        f'<form method="post">{buttons}</form>{E_MAIL_FORM.format(hint=escape(hint))}'
    )
    return _page("Sign in", body, 400 if problem else 200, _origin(redirect_uri))


def message_page(title: str, text: str, status: int = 200) -> HTMLResponse:
    return _page(title, f"<p>{escape(text)}</p>", status)


def _page(title: str, body: str, status: int, form_target: str = "") -> HTMLResponse:
    # Browsers hold the redirect that follows a form to form-action as well.
    policy = (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self' {form_target}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    page = PAGE.format(title=escape(title), style=STYLE, body=body)
    return HTMLResponse(page, status, headers)


def _button(name: str, who: Identity) -> str:
    about = escape(" · ".join([name, *who.roles, who.email or ""]))
    return (
        f'<button name="user" value="{escape(name)}">{escape(who.name)}'
        f"<small>{about}</small></button>"
    )


def _alert(problem: str) -> str:
    return f'<p role="alert">{escape(problem)}</p>' if problem else ""


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
