// The list of findings, its filters, and which view is shown. All of it stands in the part of the address after `#`, so that a view can be kept as a
// bookmark and the browser's back button works.

/** Findings drawn at once. */
const DRAWN_AT_ONCE = 50;

const list = document.getElementById("findings");
const article = document.getElementById("finding");
const pageTitle = document.title;

/** What the list is made of, once it is unpacked. */
let index;
/** Findings that the filters leave, worst first. */
let left = [];
let drawn = 0;
let status_;
let rows;
let moreButton;
const form = {};

const WHICH = [
  ["raised", "raised"],
  ["below", "below the threshold"],
  ["suppressed", "suppressed"],
  ["all", "all"],
];

function isWhich(finding, which) {
  if (which === "all") {
    return true;
  }
  if (finding.suppressed_by !== undefined) {
    return which === "suppressed";
  }
  return which === (finding.raised ? "raised" : "below");
}

function stateOf(hash) {
  const given = new URLSearchParams(hash.slice(1));
  const severities = (given.get("severity") ?? "").split(",").filter((one) => SEVERITIES.includes(one));
  const which = given.get("which");
  return {
    q: given.get("q") ?? "",
    severities,
    kind: given.get("kind") ?? "",
    account: given.get("account") ?? "",
    tactic: given.get("tactic") ?? "",
    which: WHICH.some(([word]) => word === which) ? which : "raised",
    newest: given.get("sort") === "newest",
    finding: given.get("finding") ?? "",
  };
}

function hashOf(state) {
  const given = new URLSearchParams();
  const put = (name, value) => {
    if (value) {
      given.set(name, value);
    }
  };
  put("finding", state.finding);
  put("q", state.q);
  put("severity", state.severities.join(","));
  put("kind", state.kind);
  put("account", state.account);
  put("tactic", state.tactic);
  put("which", state.which === "raised" ? "" : state.which);
  put("sort", state.newest ? "newest" : "");
  return `#${given}`;
}

let state = stateOf(location.hash);

function haystack(finding) {
  finding.haystack ??= [
    finding.title,
    finding.id,
    finding.type,
    index.principals[finding.principal].words,
    ...finding.found_by.map((text) => index.texts[text]),
  ]
    .join("\n")
    .toLowerCase();
  return finding.haystack;
}

function filtered() {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = index.findings.filter((finding) => {
    const principal = index.principals[finding.principal];
    return (
      isWhich(finding, state.which) &&
      (state.severities.length === 0 || state.severities.includes(finding.severity)) &&
      (!state.kind || principal.kind === state.kind) &&
      (!state.account || principal.account === state.account) &&
      (!state.tactic || finding.tactics.includes(state.tactic)) &&
      words.every((word) => haystack(finding).includes(word))
    );
  });
  if (state.newest) {
    kept.sort((a, b) => (a.opened < b.opened ? 1 : a.opened > b.opened ? -1 : 0));
  }
  return kept;
}

function badges(finding) {
  const made = [];
  if (finding.type.includes("/BehaviorChange")) {
    made.push(el("span", { class: "badge" }, "behaviour change"));
  }
  if (finding.suppressed_by !== undefined) {
    made.push(el("span", { class: "badge" }, "suppressed"));
  } else if (!finding.raised) {
    made.push(el("span", { class: "badge" }, "below the threshold"));
  }
  return made;
}

function item(finding) {
  const principal = index.principals[finding.principal];
  const link = el("a", { href: hashOf({ ...state, finding: finding.id }), "data-id": finding.id }, finding.title);
  const events = `${counted(finding.events, "event")} over ${spanText(finding.opened, finding.time)}`;
  return el(
    "li",
    { class: "item" },
    el("div", { class: "rank" }, severityMark(finding.severity), el("span", { class: "bits" }, `${finding.score.toFixed(1)} bits`)),
    el(
      "div",
      { class: "what" },
      el("h3", {}, link),
      el("p", { class: "meta" }, `${principal.words} · `, el("span", { class: "day" }, dayText(finding.opened)), badges(finding)),
    ),
    el("div", { class: "when" }, finding.spark ? sparkline(finding.spark, `Bits over time, ${events}`) : "", el("span", { class: "meta" }, events)),
  );
}

function drawMore() {
  const next = left.slice(drawn, drawn + DRAWN_AT_ONCE).map(item);
  drawn += next.length;
  rows.append(...next);
  const rest = left.length - drawn;
  moreButton.hidden = rest === 0;
  moreButton.textContent = `Show ${Math.min(rest, DRAWN_AT_ONCE)} more (${numbers.format(rest)} left)`;
  return next[0];
}

function drawList() {
  left = filtered();
  drawn = 0;
  rows.replaceChildren();
  drawMore();
  const all = index.findings.length;
  const text = `${numbers.format(left.length)} of ${counted(all, "finding")}`;
  status_.textContent = left.length > 0 ? text : `${text}: nothing fits these filters`;
  const counts = tally(index.findings.filter((one) => isWhich(one, state.which)).map((one) => one.severity));
  for (const word of SEVERITIES) {
    form.counts[word].textContent = ` ${numbers.format(counts.get(word) ?? 0)}`;
  }
  const untouched = hashOf({ ...stateOf(""), finding: "" });
  form.reset.hidden = hashOf({ ...state, finding: "" }) === untouched;
}

/** Takes what the form says, without a new step in the browser's history. */
function changed() {
  state = {
    q: form.q.value.trim(),
    severities: SEVERITIES.filter((word) => form[word].checked),
    kind: form.kind.value,
    account: form.account.value,
    tactic: form.tactic.value,
    which: form.which.value,
    newest: form.sort.value === "newest",
    finding: "",
  };
  history.replaceState(null, "", hashOf(state));
  drawList();
}

function fillForm() {
  form.q.value = state.q;
  for (const word of SEVERITIES) {
    form[word].checked = state.severities.includes(word);
  }
  for (const name of ["kind", "account", "tactic", "which"]) {
    form[name].value = state[name];
  }
  form.sort.value = state.newest ? "newest" : "worst";
}

/** A choice; options are [value, words]. */
function choice(name, words, options) {
  const select = el(
    "select",
    { id: `filter-${name}` },
    options.map(([value, text]) => el("option", { value }, text)),
  );
  select.addEventListener("change", changed);
  form[name] = select;
  return el("div", { class: "field" }, el("label", { for: `filter-${name}` }, words), select);
}

function tally(values) {
  const counts = new Map();
  for (const value of values) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

/** What there is to choose, the most frequent first. */
function options(any, counts, words) {
  const all = [...counts].sort(([, a], [, b]) => b - a);
  return [["", any], ...all.map(([value]) => [value, words(value)])];
}

function severityField() {
  form.counts = {};
  const boxes = SEVERITIES.map((word) => {
    const box = el("input", { type: "checkbox", id: `filter-${word}`, value: word });
    box.addEventListener("change", changed);
    form[word] = box;
    form.counts[word] = el("span", { class: "count" });
    return el("label", { class: "box", for: `filter-${word}` }, box, severityMark(word), form.counts[word]);
  });
  return el("fieldset", { class: "field severities" }, el("legend", {}, "Severity"), el("div", { class: "boxes" }, boxes));
}

function buildForm() {
  const of = (get) => tally(index.findings.map((one) => get(index.principals[one.principal])));
  form.q = el("input", { type: "search", id: "filter-q", autocomplete: "off", spellcheck: "false" });
  form.q.addEventListener("input", changed);
  form.reset = el("button", { type: "button" }, "Clear the filters");
  form.reset.addEventListener("click", () => {
    state = stateOf("");
    history.replaceState(null, "", hashOf(state));
    fillForm();
    drawList();
    form.q.focus();
  });
  const which = WHICH.map(([word, words]) => [word, `${words} (${numbers.format(index.findings.filter((one) => isWhich(one, word)).length)})`]);
  const sorts = [
    ["worst", "worst first"],
    ["newest", "newest first"],
  ];
  const search = el(
    "div",
    { class: "field search" },
    el("label", { for: "filter-q" }, "Search"),
    form.q,
    el("span", { class: "hint" }, "title, principal, call, address, key"),
  );
  const made = el(
    "form",
    { class: "filters", role: "search", "aria-label": "Filter findings" },
    search,
    severityField(),
    choice("which", "Which", which),
    choice(
      "kind",
      "Principal kind",
      options(
        "any kind",
        of((one) => one.kind),
        (kind) => index.kinds[kind] ?? kind,
      ),
    ),
    choice(
      "account",
      "Account",
      options(
        "any account",
        of((one) => one.account),
        (account) => account,
      ),
    ),
    choice(
      "tactic",
      "ATT&CK tactic",
      options("any tactic", tally(index.findings.flatMap((one) => one.tactics)), (tactic) => index.tactics[tactic] ?? tactic),
    ),
    choice("sort", "Order", sorts),
  );
  made.addEventListener("submit", (event) => event.preventDefault());
  return made;
}

/** Numbers of texts become the texts. */
function written(packed) {
  const text = (id) => packed.texts[id];
  for (const principal of packed.principals) {
    principal.kind = text(principal.kind);
    principal.account = text(principal.account);
  }
  for (const finding of packed.findings) {
    finding.severity = text(finding.severity);
    finding.type = text(finding.type);
    finding.tactics = (finding.tactics ?? []).map(text);
    if (finding.suppressed_by !== undefined) {
      finding.suppressed_by = text(finding.suppressed_by);
    }
  }
  return packed;
}

let scrolledTo = 0;
let openedFrom = "";

/** Shows what the address says. */
async function route() {
  const before = state.finding;
  state = stateOf(location.hash);
  const finding = index.findings.find((one) => one.id === state.finding);
  const opened = finding !== undefined;
  if (opened && !before) {
    scrolledTo = window.scrollY;
  }
  document.getElementById("overview").hidden = opened;
  document.getElementById("list").hidden = opened;
  article.hidden = !opened;
  document.body.classList.toggle("reading", opened);
  if (opened) {
    openedFrom = finding.id;
    left = filtered();
    await showFinding(finding);
    return;
  }
  article.replaceChildren();
  document.title = pageTitle;
  fillForm();
  drawList();
  if (state.finding) {
    status_.textContent = `There is no finding ${state.finding} on this page`;
  }
  if (openedFrom) {
    backToList();
  }
}

function backToList() {
  const at = left.findIndex((one) => one.id === openedFrom);
  while (at >= drawn && drawn < left.length) {
    drawMore();
  }
  window.scrollTo(0, scrolledTo);
  const link = [...rows.querySelectorAll("a")].find((one) => one.dataset.id === openedFrom);
  (link ?? document.getElementById("list-title")).focus({ preventScroll: false });
  openedFrom = "";
}

async function start() {
  document.body.append(told);
  if (typeof DecompressionStream === "undefined") {
    list.append(el("p", { class: "note" }, "This browser is too old to unpack the list (it has no DecompressionStream)."));
    return;
  }
  index = written(await unpacked(data.index));
  if (index.findings.length === 0) {
    document.getElementById("list").hidden = true;
    return;
  }
  status_ = el("p", { class: "status", role: "status" });
  rows = el("ol", { class: "items" });
  moreButton = el("button", { type: "button", class: "more" });
  moreButton.addEventListener("click", () => {
    const first = drawMore();
    first?.querySelector("a").focus();
  });
  list.append(buildForm(), el("div", { class: "outcome" }, status_, form.reset), rows, moreButton);
  window.addEventListener("hashchange", route);
  await route();
  document.documentElement.dataset.ready = "true";
}
