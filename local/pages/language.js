// What simcord's page itself says, in the language of whoever looks, as their own client would say
// it. It never touches what a message, a card or a form holds: those are the bot's words.

/** Where the page speaks. */
const PLACES = [
  ".message-interaction-header", ".message-edited", ".message-edited-compact",
  ".message-ephemeral-note", ".message-loading", ".history-button",
  ".modal-disclaimer", ".modal-actions", ".field-error",
  ".select-trigger .select-value", ".select-guidance", ".select-candidate-status",
  ".upload-prompt", ".upload-limit", ".command-optional-count", ".command-ghost", ".command-error", ".command-empty",
].join();
const BOX = "#channel-composer-input";
const BLANK = "{}";

/** Phrases of the page, each with what stands for it; `{}` is kept as it is. */
let phrases = [];
/** What a text was before it was translated. @type {WeakMap<Text, {from: string, to: string}>} */
const spoken = new WeakMap();

/** @param {string} text */
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** @param {[string, string]} phrase */
function compiled([from, to]) {
  return [new RegExp(`^${from.split(BLANK).map(escaped).join("(.+?)")}$`, "s"), to.split(BLANK)];
}

/** @param {string} text */
function said(text) {
  for (const [pattern, to] of phrases) {
    const kept = pattern.exec(text);
    if (kept) return to.map((part, nth) => part + (nth < to.length - 1 ? kept[nth + 1] : "")).join("");
  }
  return text;
}

/** @param {Text} node */
function translate(node) {
  const before = spoken.get(node);
  const from = before?.to === node.data ? before.from : node.data;
  const to = said(from);
  spoken.set(node, { from, to });
  if (to !== node.data) node.data = to;
}

/** @param {Node} node */
function translateAll(node) {
  if (node instanceof Text) {
    if (node.parentElement?.closest(PLACES)) translate(node);
    return;
  }
  node.childNodes.forEach(translateAll);
}

/** The box to type into speaks by its placeholder. @param {Node} box */
function translateBox(box) {
  if (!(box instanceof Element) || !box.matches(BOX)) return;
  const to = said(box.placeholder);
  if (to !== box.placeholder) box.placeholder = to;
}

new MutationObserver((changes) => {
  for (const { type, target, addedNodes } of changes) {
    if (type === "characterData") translateAll(target);
    else if (type === "attributes") translateBox(target);
    else addedNodes.forEach(translateAll);
  }
}).observe(document.body, {
  childList: true, characterData: true, subtree: true, attributeFilter: ["placeholder"],
});

document.addEventListener("around", ({ detail }) => {
  phrases = Object.entries(detail.phrases).map(compiled);
  translateAll(document.body);
  translateBox(document.querySelector(BOX));
});
