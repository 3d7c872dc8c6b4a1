// What the other parts stand on: elements made without markup, packed data, numbers in words, copying.
//
// The four parts are one script, in this order: base, charts, list, finding. Every text in the data was made inert when the page was written; here
// texts are set as texts and as attributes of known names only, so that no name can become markup.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

const SVG = "http://www.w3.org/2000/svg";
const SEVERITIES = ["critical", "high", "medium", "low"];

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== "") {
      element.append(child);
    }
  }
  return element;
}

/** An HTML element; strings among the children become texts. */
function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** An SVG element. */
function shape(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/** Unpacks what was deflated and written in base64. */
async function unpacked(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) {
    bytes[at] = binary.charCodeAt(at);
  }
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(plain).text());
}

const blocks = new Map();

/** The details of the finding in a place; blocks are unpacked once. */
async function detailsAt(place) {
  const block = Math.floor(place / data.block);
  if (!blocks.has(block)) {
    blocks.set(block, unpacked(data.details[block]));
  }
  return (await blocks.get(block))[place % data.block];
}

let profilesOnce;

/** What the baseline knows; null if the page was written without one. */
function profiles() {
  profilesOnce ??= unpacked(data.profiles);
  return profilesOnce;
}

const numbers = new Intl.NumberFormat("en");

function counted(count, one, many = `${one}s`) {
  return `${numbers.format(count)} ${count === 1 ? one : many}`;
}

function bitsText(bits) {
  return bits.toFixed(2);
}

/** `2026-08-31 10:43:44` of an RFC 3339 time in UTC. */
function timeText(time) {
  return time.replace("T", " ").replace("Z", "");
}

function dayText(time) {
  return time.split("T")[0];
}

/** How long something took, in words. */
function spanText(opened, time) {
  const seconds = Math.max(0, (Date.parse(time) - Date.parse(opened)) / 1000);
  for (const [unit, length] of [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ]) {
    if (seconds >= 2 * length) {
      return counted(Math.round(seconds / length), unit);
    }
  }
  return counted(Math.round(seconds), "second");
}

/** A severity, told by its word and by the shade of a mark. */
function severityMark(word) {
  const known = SEVERITIES.includes(word) ? ` ${word}` : "";
  return el("span", { class: `severity${known}` }, word);
}

const told = el("p", { class: "unseen", role: "status" });

/** Says something to who listens instead of looks. */
function say(text) {
  told.textContent = text;
}

async function copied(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not allowed here: the old way below may be.
    }
  }
  const field = el("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

/** A button that copies a text; `what` names it to a screen reader. */
function copyButton(text, what) {
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    const done = await copied(text);
    button.focus();
    button.textContent = done ? "Copied" : "Not allowed";
    say(done ? `Copied ${what}` : "This browser does not allow copying; select the text instead");
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  });
  return button;
}

/** A table that scrolls by itself where it is wider than the screen; the keyboard can reach it for that. */
function table(caption, heads, rows) {
  const head = el(
    "tr",
    {},
    heads.map((text) => el("th", { scope: "col" }, text)),
  );
  return el(
    "div",
    { class: "wide", role: "region", "aria-label": caption, tabindex: "0" },
    el("table", {}, el("caption", {}, caption), el("thead", {}, head), el("tbody", {}, rows)),
  );
}

function more(count, what, many) {
  return count > 0 ? el("p", { class: "note" }, `… and ${counted(count, what, many)} more, see the JSON line`) : undefined;
}
