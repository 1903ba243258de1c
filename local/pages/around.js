// What the local Discord puts around simcord's page: the menu of each message, as a right click, a
// long press or the keyboard opens it, and the other rooms. It uses of the page only what stands in
// the document, `window.simcordPreview` and the address of its actions.

const LONG_PRESS_MS = 450;
const MOVED_PX = 10;
const SAID_MS = 6000;
const LOOK_MS = 400;
const EDGE_PX = 8;
/** The buttons that simcord hangs over a message, by the end of their keys. */
const OWN = ["reply", "edit", "delete", "pin"];

/** @param {string} tag @param {string} name @param {string} [text] */
function made(tag, name, text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

/** @param {Record<string, unknown>} body */
async function ask(body) {
  const answer = await fetch("/api/action", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-Simcord-Capability": window.location.hash.slice(1),
      "X-Simcord-Context": window.simcordPreview.contextId,
    },
    body: JSON.stringify(body),
  });
  return answer.ok ? answer.json() : null;
}

const isPhone = () => window.matchMedia("(max-width: 760px), (pointer: coarse)").matches;
const list = document.querySelector("#channel-message-list");
const said = made("div", "message-menu-said");
said.setAttribute("role", "status");
document.body.append(said);
let around = null;
let saying = 0;

/** Show one line for a while. @param {string} text */
function say(text) {
  said.textContent = text;
  clearTimeout(saying);
  saying = setTimeout(() => { said.textContent = ""; }, SAID_MS);
}

// --- The menu of a message -----------------------------------------------------------------------

/** What is open: its message, its panels from the first to the submenu, what had the focus before. */
let open = null;

function close() {
  if (!open) return;
  const { article, panels, scrim, before } = open;
  open = null;
  article.classList.remove("has-menu");
  [...panels, scrim].forEach((one) => one.remove());
  if (before?.isConnected) before.focus({ preventScroll: true });
}

/** @param {HTMLElement} article @param {{x: number, y: number}} at */
async function show(article, at) {
  close();
  const before = document.activeElement;
  around = await ask({ kind: "around" });
  if (!around || !article.isConnected) return;
  close(); // another may have been opened meanwhile
  const scrim = made("div", `message-menu-scrim${isPhone() ? " is-sheet" : ""}`);
  scrim.addEventListener("pointerdown", (event) => { event.preventDefault(); close(); });
  scrim.addEventListener("contextmenu", (event) => { event.preventDefault(); close(); });
  document.body.append(scrim);
  article.classList.add("has-menu");
  open = { article, panels: [], scrim, before };
  put(first(article), { left: at.x, right: at.x, top: at.y });
}

/** List the entries of the first panel. @param {HTMLElement} article */
function first(article) {
  // Looked up again when it is chosen: the message may have been drawn anew under the menu.
  const button = (key) => article.querySelector(`[data-control-key$=":action:${key}"]`);
  const own = OWN.filter(button).map((key) => (
    { label: around.words[key], run: () => button(key)?.click(), danger: key === "delete" }
  ));
  return [...own, ...(own.length ? [null] : []), { label: around.words.apps, apps: true }];
}

/** List what apps offer. @param {HTMLElement} article */
function offered(article) {
  if (!around.menu.length) return [{ label: around.words.nothing }];
  return around.menu.map(({ name, label }) => ({ label, app: true, run: () => use(article, name) }));
}

/** @param {HTMLElement} article @param {string} name */
async function use(article, name) {
  const answer = await ask({ kind: "use_menu", message_id: article.dataset.messageId, name });
  if (!answer) say(around.words.gone);
  else if (!answer.acknowledged) say(around.words.silent);
}

/** Put a panel beside a place, or from below on a phone. @param {Array} entries */
function put(entries, { left, right, top }, title = null) {
  const panel = made("div", `message-menu${isPhone() ? " is-sheet" : ""}`);
  panel.setAttribute("role", "menu");
  if (title) panel.append(title);
  panel.append(...entries.map(row));
  open.panels.push(panel);
  document.body.append(panel);
  if (!isPhone()) {
    const { width, height } = panel.getBoundingClientRect();
    const fits = right + width + EDGE_PX <= window.innerWidth;
    const x = fits ? right : Math.max(EDGE_PX, left - width);
    panel.style.left = `${x}px`;
    panel.style.top = `${Math.max(EDGE_PX, Math.min(top, window.innerHeight - height - EDGE_PX))}px`;
  }
  panel.querySelector("[role=menuitem]")?.focus({ preventScroll: true });
}

/** @param {null | {label: string, run?: () => void, apps?: boolean, app?: boolean, danger?: boolean}} entry */
function row(entry) {
  if (!entry) return document.createElement("hr");
  const item = made("button", `message-menu-item${entry.danger ? " is-danger" : ""}`);
  item.type = "button";
  item.tabIndex = -1;
  item.setAttribute("role", "menuitem");
  if (entry.app) item.append(made("span", "message-menu-app", "R"));
  item.append(made("span", "message-menu-label", entry.label));
  if (entry.apps) {
    item.setAttribute("aria-haspopup", "menu");
    item.setAttribute("aria-expanded", "false");
    item.append(made("span", "message-menu-arrow", "›"));
    item.addEventListener("click", () => deepen(item));
    item.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") deepen(item); });
  } else {
    item.disabled = !entry.run;
    item.addEventListener("click", () => { close(); entry.run?.(); });
    item.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") item.focus({ preventScroll: true });
    });
  }
  return item;
}

/** Show what apps offer: beside the entry, or instead of the sheet. @param {HTMLElement} item */
function deepen(item) {
  if (open.panels.length > 1) return;
  const entries = offered(open.article);
  const box = item.getBoundingClientRect();
  if (!isPhone()) {
    item.setAttribute("aria-expanded", "true");
    put(entries, { left: box.left, right: box.right + 4, top: box.top - 7 });
    return;
  }
  open.panels.pop().remove();
  put(entries, box, made("div", "message-menu-title", around.words.apps));
}

/** Take the submenu away. @returns {boolean} whether there was one */
function flatten() {
  if (!open || open.panels.length < 2) return false;
  open.panels.pop().remove();
  const opener = open.panels[0].querySelector("[aria-haspopup]");
  opener.setAttribute("aria-expanded", "false");
  opener.focus({ preventScroll: true });
  return true;
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (!open) return;
  const items = [...open.panels.at(-1).querySelectorAll("[role=menuitem]:not(:disabled)")];
  const at = items.indexOf(document.activeElement);
  const go = (index) => items.at(index % items.length)?.focus({ preventScroll: true });
  const keys = {
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at - 1),
    Home: () => go(0),
    End: () => go(-1),
    ArrowRight: () => { if (items[at]?.hasAttribute("aria-haspopup")) deepen(items[at]); },
    ArrowLeft: flatten,
    Escape: () => { if (!flatten()) close(); },
    Tab: close,
  };
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  event.stopPropagation();
  keys[event.key]();
}
document.addEventListener("keydown", onKey, true);
window.addEventListener("resize", close);

/** @param {EventTarget | null} target @returns {HTMLElement | null} */
function messageOf(target) {
  if (!(target instanceof Element) || target.closest("textarea, input, select, a[href]")) return null;
  return target.closest("article[data-message-id]");
}

list.addEventListener("contextmenu", (event) => {
  const article = messageOf(event.target);
  const marked = window.getSelection();
  if (!article || (marked?.toString() && marked.containsNode(article, true))) return; // to be copied
  event.preventDefault();
  if (pressing) return; // a thumb still lies there; its timer opens the sheet
  const byKey = !event.clientX && !event.clientY;
  const box = (byKey ? event.target : article).getBoundingClientRect();
  show(article, byKey ? { x: box.left, y: box.bottom } : { x: event.clientX, y: event.clientY });
});

// --- A long press --------------------------------------------------------------------------------

let pressing = null;
let swallow = false;

function release() {
  clearTimeout(pressing?.timer);
  pressing = null;
}
list.addEventListener("pointerdown", (event) => {
  swallow = false;
  const article = messageOf(event.target);
  if (event.pointerType === "mouse" || !article || event.target.closest("pre, code")) return;
  const { clientX: x, clientY: y } = event;
  const timer = setTimeout(() => { swallow = true; release(); show(article, { x, y }); }, LONG_PRESS_MS);
  pressing = { timer, x, y };
});
document.addEventListener("pointermove", ({ clientX, clientY }) => {
  if (pressing && Math.hypot(clientX - pressing.x, clientY - pressing.y) > MOVED_PX) release();
});
["pointerup", "pointercancel"].forEach((name) => document.addEventListener(name, release, true));
// The press was for the menu: it must not press what lies under the thumb as well.
document.addEventListener("click", (event) => {
  if (!swallow) return;
  swallow = false;
  if (event.target instanceof Element && event.target.closest(".message-menu")) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// --- The button over a message, for those who know no right click --------------------------------

/** @param {HTMLElement} article */
function addButton(article) {
  if (article.querySelector(".message-menu-button") || !article.childElementCount) return;
  let toolbar = article.querySelector(".message-context-actions");
  if (!toolbar) {
    toolbar = made("div", "message-context-actions");
    toolbar.setAttribute("role", "toolbar");
    article.append(toolbar);
  }
  const button = made("button", "message-action-button message-menu-button", "⋯");
  button.type = "button";
  button.title = around?.words.more ?? "More";
  button.setAttribute("aria-label", button.title);
  button.setAttribute("aria-haspopup", "menu");
  button.addEventListener("click", () => {
    const box = button.getBoundingClientRect();
    show(article, { x: box.left, y: box.bottom + 4 });
  });
  toolbar.append(button);
}
const addButtons = () => list.querySelectorAll("article[data-message-id]").forEach(addButton);
new MutationObserver(addButtons).observe(list, { childList: true, subtree: true });

// --- The newest message --------------------------------------------------------------------------

const timeline = document.querySelector("#channel-timeline");
const GESTURE_MS = 1500;
const NEAR_PX = 48;
let follows = true;
let touched = 0;

/** Go where the newest message is, as Discord does when a room opens and when its reader writes. */
function toEnd() {
  follows = true;
  timeline.scrollTop = timeline.scrollHeight;
}
document.addEventListener("submit", toEnd, true);
// Whoever scrolls up stays there, whatever comes; all other scrolling is the page's own.
["wheel", "touchmove", "keydown", "pointerdown"].forEach((name) => timeline.addEventListener(name, (event) => {
  if (name !== "pointerdown" || event.target === timeline) touched = performance.now();
}, { passive: true }));
timeline.addEventListener("scroll", () => {
  if (performance.now() - touched > GESTURE_MS) return;
  follows = timeline.scrollHeight - timeline.scrollTop - timeline.clientHeight < NEAR_PX;
});
new ResizeObserver(() => { if (follows) toEnd(); }).observe(list);

// --- The other rooms -----------------------------------------------------------------------------

const control = made("label", "room-control");
control.append(made("span", ""), document.createElement("select"));
control.dataset.workbench = "";
const rooms = control.querySelector("select");
const viewers = document.querySelector("#viewer-picker");
viewers.closest("label").after(control);
rooms.addEventListener("change", () => {
  const url = new URL(rooms.value);
  url.hostname = window.location.hostname;
  window.location.assign(url);
});

/** Fill the list for whoever looks now. */
async function furnish() {
  around = await ask({ kind: "around" });
  if (!around) return;
  control.firstElementChild.textContent = around.words.room;
  rooms.setAttribute("aria-label", around.words.room);
  rooms.replaceChildren(...around.rooms.map(({ name, url, here }) => new Option(name, url, here, here)));
  document.dispatchEvent(new CustomEvent("around", { detail: around }));
  document.title = `${around.rooms.find(({ here }) => here)?.name ?? ""} · Reroll`;
}

let seen = null;
let landing = null;
let wanted = new URLSearchParams(window.location.search).get("as");
/** Follow who looks; begin as whom the address names. */
function look() {
  const { contextId, viewerId, ready } = window.simcordPreview ?? {};
  if (contextId && viewerId && wanted && viewers.options.length) {
    if (viewerId !== wanted && [...viewers.options].some(({ value }) => value === wanted)) {
      viewers.value = wanted;
      viewers.dispatchEvent(new Event("change", { bubbles: true }));
    }
    wanted = null;
  } else if (contextId && viewerId && viewerId !== seen) {
    seen = viewerId;
    landing = furnish();
    close();
  } else if (landing && ready) {
    void landing.then(() => { control.dataset.viewer = viewerId; }); // all is here now
    landing = null;
    toEnd();
  }
}
setInterval(look, LOOK_MS);
