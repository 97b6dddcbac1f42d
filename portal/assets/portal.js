// What markup alone cannot do. Every page works without it.
const region = () => document.querySelector("[data-live]");
let known = region()?.innerHTML;    // as the server made it
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  form.querySelector("button:not([name])")?.setAttribute("aria-busy", "true");
});

// A step of an order begins at its first mistake, at the search box, or at its content: not at the menu.
// A search box that has the focus opens the keyboard of a phone, so there it waits to be touched.
const steps = document.querySelector(".stages"), main = document.querySelector("main");
if (steps && document.activeElement === document.body && !location.hash) {
  const searches = document.querySelector("#found") && matchMedia("(pointer: fine)").matches;
  const box = searches ? main.querySelector("input[type=search]") : null;
  const place = main.querySelector("[aria-invalid=true]") ?? box ?? main;
  place.focus({ preventScroll: true });
  if (place === box) box.select();
}

// A page that comes back from the history can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  }
});

// Menus close with Escape and by a click beside them.
const close = (menu) => menu.removeAttribute("open");
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) close(menu);
});
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector(".menu[open]");
  if (event.key !== "Escape" || !menu) return;
  close(menu);
  menu.querySelector("summary").focus();
});

// On a phone the tabs may be wider than the screen: the one that is open shows.
const tab = document.querySelector(".tabs [aria-current]");
if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.clientWidth) / 2;

// What is not known yet is asked for again, after so many seconds.
for (const link of document.querySelectorAll("[data-again]"))
  setTimeout(() => link.click(), 1000 * link.dataset.again);

function printable(part) {
  for (const button of part.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
}
printable(document);

// In a quick order Enter leads to the next row, which is made where there is none; in an empty row it sends the form.
document.addEventListener("keydown", (event) => {
  const row = event.key === "Enter" && event.target.matches("input") && event.target.closest(".quick-row");
  if (!row || ![...row.querySelectorAll("input")].some((input) => input.value)) return;
  event.preventDefault();
  const [code, quantity] = row.querySelectorAll("input");
  if (event.target === code && !quantity.value) return quantity.focus();
  event.target.dispatchEvent(new Event("change", { bubbles: true }));
  (row.nextElementSibling ?? added(row)).querySelector("input").focus();
});

function added(row) {
  const rows = row.parentElement, next = rows.children.length + 1;
  if (next > 50) return row;
  const copy = row.cloneNode(true);
  for (const one of [copy, ...copy.querySelectorAll("*")]) {
    for (const { name, value } of [...one.attributes]) one.setAttribute(name, value.replace(/(code|quantity|said|options)-\d+/g, `$1-${next}`));
    one.removeAttribute("aria-invalid");
  }
  for (const input of copy.querySelectorAll("input")) input.setAttribute("value", input.value = "");
  for (const label of copy.querySelectorAll("label .hidden")) label.textContent = label.textContent.replace(/\d+/, next);
  copy.querySelector("datalist").replaceChildren();
  copy.querySelector(".quick-said").replaceChildren();
  rows.append(copy);
  htmx.process(copy);
  return copy;
}

// A search that fails says so on a page of its own; a quick order is checked once more when it is sent.
for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, (event) => {
    const form = event.detail.elt.closest("form");
    if (!form?.matches(".quick")) form?.submit();
  });
}

// A page that is looked at follows what it shows, by a stream that tells when to look again. A browser has few
// connections to a site, so few of its tabs have a stream; the others, and all of them where streams are cut, ask once
// in a while. A tab that nobody looks at does neither.
const SLOTS = [1, 2, 3];
const SILENCE = 20_000;
let stream = null, asking = null, silence = null, leave = null, waiting = false;

/** Hold one of the few places until `leave` is called; false where others have them. */
async function entered() {
  if (!navigator.locks) return false;
  for (const slot of SLOTS) {
    const got = await new Promise((told) => {
      navigator.locks.request(`live-${slot}`, { ifAvailable: true }, (lock) => {
        if (!lock) return told(false);
        return new Promise((left) => { leave = left; told(true); });
      });
    });
    if (got) return true;
  }
  return false;
}

async function followLive() {
  if (!region() || stream || asking || waiting || document.hidden) return;
  waiting = true;
  const has = await entered();
  waiting = false;
  if (document.hidden) return unfollow();
  if (has) listen();
  else ask();
}

function listen() {
  const { live, seen } = region().dataset;
  let failures = 0;
  const heard = () => {
    failures = 0;
    clearTimeout(silence);
  };
  const giveUp = () => {
    unfollow();
    ask();
  };
  stream = new EventSource(`${live}${seen ? `&seen=${seen}` : ""}`);
  stream.addEventListener("same", heard);
  stream.addEventListener("changed", () => {
    heard();
    renew();
  });
  stream.addEventListener("error", () => {
    if (++failures > 2 || stream?.readyState === EventSource.CLOSED) giveUp();    // else it comes again by itself
  });
  silence = setTimeout(giveUp, SILENCE);    // something on the way holds it back
}

const ask = () => (asking = setInterval(renew, 1000 * region().dataset.every));

function unfollow() {
  clearTimeout(silence);
  stream?.close();
  clearInterval(asking);
  leave?.();
  stream = asking = leave = null;
}

/** Show the page as it is now, unless its visitor is typing in it. */
async function renew() {
  const old = region();
  if (!old || old.querySelector("input:focus, select:focus, textarea:focus, details[open]")) return;
  const answer = await fetch(location.href, { headers: { "X-Asked-Alone": "yes" } }).catch(() => null);
  if (!answer?.ok) return;
  if (answer.redirected) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-live]");
  if (!fresh || fresh.innerHTML === known) return;
  const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
  known = fresh.innerHTML;
  const shown = document.importNode(fresh, true);
  old.replaceWith(shown);
  window.htmx?.process(shown);
  printable(shown);
  if (focused) shown.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  const news = document.querySelector("#news"), state = shown.querySelector("h1")?.innerText.trim();
  news.textContent = "";
  setTimeout(() => (news.textContent = state ? `${news.dataset.said} ${state}` : news.dataset.said), 100);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return unfollow();
  renew();
  followLive();
});
// Another search shows another list.
document.addEventListener("htmx:afterSettle", () => {
  known = region()?.innerHTML;
  unfollow();
  followLive();
});
followLive();
