// What markup alone cannot do. Every page works without it.
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

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// A search that fails says so on a page of its own.
for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, (event) => event.detail.elt.closest("form")?.submit());
}
