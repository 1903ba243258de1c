// What simcord's page itself says, in the language of whoever looks, as their own client would say
// it. It never touches what a message, a card or a form holds: those are the bot's words.

/** Where the page speaks. */
const PLACES = [
  "[data-workbench]", "#drawer-scrim", ".channel-empty", ".preview-empty", "#reply-label", "#reply-cancel", "#send-message",
  ".message-interaction-header", ".message-edited", ".message-edited-compact", ".message-context-actions",
  ".message-ephemeral-note", ".message-loading", ".history-button", ".media-lightbox-control",
  ".modal-disclaimer", ".modal-actions", ".field-error",
  ".select-trigger .select-value", ".select-guidance", ".select-candidate-status", ".select-candidate-search-label",
  ".select-candidate-pages", ".select-empty", ".select-clear",
  ".upload-prompt", ".upload-limit", ".command-optional-count", ".command-ghost", ".command-error", ".command-empty",
  ".command-truncated", ".command-unavailable", ".command-file-choose", ".command-popup-heading",
].join();
/** Where, within them, people and messages speak. */
const OTHERS = "#viewer-picker option, .room-control option, .message-row";
/** What is typed into is no text of the page; what stands there before is. */
const BOX = "#channel-composer-input";
const ATTRIBUTES = ["placeholder", "title", "aria-label"];
const BLANK = "{}";
const ENDS = /^(\s*)(.*?)(\s*)$/s;

/** Phrases of the page with what stands for each, and those with a blank, which is kept as it is. */
let whole = new Map();
let blanks = [];
/** What a text or an attribute was before it was translated. @type {WeakMap<Node, Object>} */
const spoken = new WeakMap();

/** @param {string} text */
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** @param {[string, string]} phrase */
function compiled([from, to]) {
  return [new RegExp(`^${from.split(BLANK).map(escaped).join("(.+?)")}$`, "s"), to.split(BLANK)];
}

/** @param {string} text @returns {string | undefined} */
function phrase(text) {
  if (whole.has(text)) return whole.get(text);
  for (const [pattern, to] of blanks) {
    const kept = pattern.exec(text);
    if (kept) return to.map((part, nth) => part + (nth < to.length - 1 ? kept[nth + 1] : "")).join("");
  }
  return undefined;
}

/** Translate a text; blanks around one that is known without them stay. @param {string} text */
function said(text) {
  const [, before, core, after] = ENDS.exec(text);
  return phrase(text) ?? `${before}${phrase(core) ?? core}${after}`;
}

/** Return how something reads in the language of now. @param {Node} node @param {string} name @param {string} now */
function translated(node, name, now) {
  const before = spoken.get(node)?.[name];
  const from = before?.to === now ? before.from : now;
  const to = said(from);
  spoken.set(node, { ...spoken.get(node), [name]: { from, to } });
  return to;
}

/** @param {Element | null} element */
const speaks = (element) => Boolean(element?.closest(PLACES)) && !element.closest(OTHERS);

/** @param {Text} node */
function translate(node) {
  if (!speaks(node.parentElement)) return;
  const to = translated(node, "", node.data);
  if (to !== node.data) node.data = to;
}

/** @param {Element} element */
function translateAttributes(element) {
  const given = ATTRIBUTES.filter((name) => element.hasAttribute(name));
  if (!given.length || !(element.matches(BOX) || speaks(element))) return;
  for (const name of given) {
    const now = element.getAttribute(name);
    const to = translated(element, name, now);
    if (to !== now) element.setAttribute(name, to);
  }
}

/** @param {Node} node */
function translateAll(node) {
  if (node instanceof Text) translate(node);
  else if (node instanceof Element) {
    translateAttributes(node);
    node.childNodes.forEach(translateAll);
  }
}

new MutationObserver((changes) => {
  for (const { type, target, addedNodes } of changes) {
    if (type === "characterData") translateAll(target);
    else if (type === "attributes") translateAttributes(target);
    else addedNodes.forEach(translateAll);
  }
}).observe(document.body, {
  childList: true, characterData: true, subtree: true, attributeFilter: ATTRIBUTES,
});

document.addEventListener("around", ({ detail }) => {
  const all = Object.entries(detail.phrases);
  whole = new Map(all.filter(([from]) => !from.includes(BLANK)));
  blanks = all.filter(([from]) => from.includes(BLANK)).map(compiled);
  translateAll(document.body);
});
