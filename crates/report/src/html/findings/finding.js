// The view of one finding, in the order of a reader's questions: how bad, what, who, since when; what now; what is new and by which counts; what
// happened; what this principal usually does; how to check it.

/** Columns of the table of peers. */
const PEER_CALLS = 4;
/** Novelties shown at once; the lighter ones unfold. */
const NOVELTIES_OPEN = 8;
/** Rows of the table of peers. */
const PEERS_SHOWN = 12;

function section(title, ...children) {
  const id = `part-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return el("section", { "aria-labelledby": id }, el("h3", { id }, title), ...children);
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== undefined && value !== "");
  return el(
    "dl",
    {},
    shown.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
  );
}

function unique(values) {
  return [...new Set(values.filter(Boolean))];
}

function listed(values, most) {
  const all = unique(values);
  return all.length > most ? `${all.slice(0, most).join(", ")} and ${all.length - most} more` : all.join(", ");
}

function head(finding, detail) {
  const threshold =
    detail.threshold === undefined ? "" : `, threshold ${detail.threshold.toFixed(2)}${detail.calibrated === false ? " (not calibrated)" : ""}`;
  const principal = index.principals[finding.principal];
  const evidence = detail.evidence ?? [];
  const title = el("h2", { id: "finding-title", tabindex: "-1" }, finding.title);
  return [
    el("p", { class: "kicker" }, severityMark(finding.severity), ` · ${bitsText(finding.score)} bits${threshold}`, badges(finding)),
    title,
    detail.summary ? el("p", { class: "lead" }, detail.summary) : "",
    facts([
      ["principal", principal.words],
      ["ARN", detail.principal?.arn ? el("code", {}, detail.principal.arn) : ""],
      ["came from", detail.root_words],
      ["credential", detail.credential_words],
      ["when", finding.opened === finding.time ? `${timeText(finding.opened)} UTC` : `${timeText(finding.opened)} to ${timeText(finding.time)} UTC`],
      ["where", listed([...evidence.map((one) => one.address), ...evidence.map((one) => one.region)], 8)],
      ["suppressed", finding.suppressed_by === undefined ? "" : `by ${finding.suppressed_by}`],
      ["finding", el("span", {}, el("code", {}, finding.id), " ", el("span", { class: "soft" }, finding.type))],
    ]),
  ];
}

function whatNow(detail) {
  const steps = detail.next_steps ?? [];
  const harmless = detail.harmless_if ?? [];
  const parts = [];
  if (steps.length > 0) {
    const all = steps.map((step, at) => `${at + 1}. ${step}`).join("\n");
    const items = steps.map((step, at) => el("li", {}, el("span", {}, step), " ", copyButton(step, `step ${at + 1}`)));
    const whole = steps.length > 1 ? el("p", { class: "all-steps" }, copyButton(all, "all steps"), el("span", { class: "soft" }, " all steps")) : "";
    parts.push(section("Next steps", el("ol", { class: "steps" }, items), whole));
  }
  if (harmless.length > 0) {
    parts.push(
      section(
        "Harmless if",
        el(
          "ul",
          {},
          harmless.map((text) => el("li", {}, text)),
        ),
      ),
    );
  }
  return el("div", { class: "pair" }, parts);
}

function kindWords(kind) {
  return index.kinds[kind] ?? kind;
}

function whoChanged(detail) {
  const change = detail.change;
  if (!change) {
    return "";
  }
  const principals = (change.principals ?? []).map((one) => {
    const named = one.principal.person ?? one.principal.name ?? one.principal.id ?? "";
    return el(
      "tr",
      {},
      el("td", {}, timeText(one.first)),
      el("td", {}, `${kindWords(one.principal.kind)} ${named}`),
      el("td", {}, one.principal.account ?? ""),
    );
  });
  return section(
    "Who changed",
    el("p", {}, `Since ${dayText(change.since)}: ${(change.calls ?? []).join(", ")}.`),
    table("Principals that took it up", ["first", "principal", "account"], principals),
    more(change.principals_more ?? 0, "principal"),
  );
}

function share(seen, of, whom) {
  return of > 0 ? `${seen === 0 ? "none" : numbers.format(seen)} of ${numbers.format(of)} ${whom}` : undefined;
}

/** The counts behind a novelty, in plain words. */
function noveltyWords(novelty, since) {
  const from = since ? ` since ${dayText(since)}` : "";
  const over = `${counted(novelty.principal_calls, "call")} on ${counted(novelty.principal_days, "active day")}${from}`;
  const before =
    novelty.principal_calls === 0
      ? "Nothing was known of this principal before."
      : novelty.principal_count === 0
        ? `Never seen of it before, in ${over}.`
        : `Seen ${counted(novelty.principal_count, "time")} before (${novelty.class}), in ${over}.`;
  const [group] = (novelty.peers?.group ?? "").split(" (");
  const others = [
    share(novelty.peers?.seen_by ?? 0, novelty.peers?.size ?? 0, group || "peers"),
    share(novelty.account?.seen_by ?? 0, novelty.account?.principals ?? 0, "principals of the account"),
    share(novelty.organisation?.seen_by ?? 0, novelty.organisation?.principals ?? 0, "of the organisation"),
  ].filter(Boolean);
  return others.length > 0 ? `${before} Others with it: ${others.join(", ")}.` : before;
}

const DIMENSIONS = {
  user_agent: "user agent",
  denied: "denied call",
  role: "role taken",
};

function whatIsNew(detail) {
  const novelties = detail.novelties ?? [];
  if (novelties.length === 0) {
    return "";
  }
  const most = Math.max(...novelties.map((one) => one.bits), 1);
  const items = novelties.map((one) => {
    const meter = shape(
      "svg",
      { class: "meter", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
      shape("rect", { class: "track", width: 100, height: 6 }),
      shape("rect", { class: "bar", width: Math.max(0, (one.bits / most) * 100), height: 6 }),
    );
    const sum = one.arithmetic
      ? el("details", {}, el("summary", {}, `How these ${bitsText(one.bits)} bits come about`), el("p", { class: "arithmetic" }, one.arithmetic))
      : "";
    return el(
      "li",
      { class: "novelty" },
      el("p", { class: "named" }, el("span", { class: "dimension" }, DIMENSIONS[one.dimension] ?? one.dimension), " ", el("code", {}, one.value)),
      el("p", { class: "weight" }, meter, el("span", {}, `${bitsText(one.bits)} bits`)),
      el("p", { class: "counts" }, noveltyWords(one, detail.baseline?.since)),
      sum,
    );
  });
  const rest = items.slice(NOVELTIES_OPEN);
  const folded =
    rest.length > 0
      ? el("details", {}, el("summary", {}, `${rest.length} lighter ones`), el("ol", { class: "novelties", start: NOVELTIES_OPEN + 1 }, rest))
      : "";
  return section(
    "What is new",
    el("ol", { class: "novelties" }, items.slice(0, NOVELTIES_OPEN)),
    folded,
    more(detail.novelties_more ?? 0, "novelty", "novelties"),
  );
}

/** An event; region, user agent and key are told where they differ from those of the event before. */
function eventRow(one, before) {
  const outcome = one.code ? `${one.outcome}: ${one.code}` : one.outcome;
  const changed = (name) => (before?.[name] === one[name] ? "" : (one[name] ?? ""));
  return el(
    "tr",
    {},
    el("td", { class: "time" }, timeText(one.time)),
    el("td", {}, el("code", {}, one.call), el("div", { class: "soft" }, outcome)),
    el("td", { class: "from" }, one.address ?? "", el("div", { class: "soft" }, listed([changed("region"), changed("user_agent")], 2))),
    el("td", { class: "with" }, one.principal ?? "", el("div", { class: "soft" }, changed("access_key_id"))),
    el("td", { class: "number" }, bitsText(one.bits)),
    el("td", { class: "why" }, (one.why ?? []).join("; ")),
  );
}

function whatHappened(finding, detail, width) {
  const evidence = detail.evidence ?? [];
  if (evidence.length === 0) {
    return "";
  }
  const legend = el("figcaption", {}, "Each mark is an event: a disc succeeded, a square was denied, a triangle failed. The higher, the rarer.");
  return section(
    "What happened",
    el("figure", {}, timeline(evidence, width), legend),
    table(
      `${counted(finding.events, "event")}, in order of time (UTC)`,
      ["time", "call", "from", "with", "bits", "why"],
      evidence.map((one, at) => eventRow(one, evidence[at - 1])),
    ),
    detail.evidence_more ? el("p", { class: "note" }, `… and ${counted(detail.evidence_more, "lighter event")} more, see the JSON line`) : "",
  );
}

function lineage(detail, width) {
  const steps = detail.lineage ?? [];
  const reach = detail.reach ?? {};
  if (steps.length === 0) {
    return section("Lineage of the credential", el("p", {}, `One credential and no other: ${detail.credential_words}.`));
  }
  const words = steps.map((step) =>
    el("li", {}, el("code", {}, step.credential), ` gave `, el("code", {}, step.minted), ` by ${step.by} at ${timeText(step.time)}`),
  );
  return section(
    "Lineage of the credential",
    el(
      "figure",
      {},
      lineageGraph(steps, Math.min(width, 760)),
      el("figcaption", {}, "Which credential gave out which. A solid frame is a permanent key, a dashed one passes."),
    ),
    el("details", {}, el("summary", {}, "The same in words"), el("ol", {}, words)),
    more(detail.lineage_more ?? 0, "step"),
    facts([
      ["touched", (reach.credentials ?? []).length > 1 ? listed(reach.credentials, 12) : ""],
      ["as", (reach.principals ?? []).length > 1 ? listed(reach.principals, 12) : ""],
      ["in accounts", (reach.accounts ?? []).length > 1 ? listed(reach.accounts, 12) : ""],
    ]),
  );
}

/** Whether a label of an event names the finding's own principal, not another of the lineage. */
function isOwn(detail, label) {
  const { name, id, person } = detail.principal ?? {};
  return label === name || label === id || (person !== undefined && label.startsWith(person));
}

/** Calls that are new for the finding's own principal, heaviest first. */
function newCalls(detail) {
  const makers = new Map();
  for (const one of detail.evidence ?? []) {
    if (one.principal) {
      makers.set(one.call, [...(makers.get(one.call) ?? []), one.principal]);
    }
  }
  const own = (call) => (makers.get(call) ?? []).length === 0 || makers.get(call).some((label) => isOwn(detail, label));
  const fresh = (detail.novelties ?? []).filter((one) => one.dimension === "call" && one.principal_count === 0);
  return unique(fresh.map((one) => one.value)).filter(own);
}

function hoursOf(detail) {
  return new Set(
    (detail.evidence ?? []).map((one) => {
      const time = new Date(one.time);
      return ((time.getUTCDay() + 6) % 7) * 24 + time.getUTCHours();
    }),
  );
}

function week(detail, profile, width) {
  const hours = hoursOf(detail);
  return section(
    "Its week",
    el(
      "figure",
      {},
      weekMap(profile, hours, Math.min(width, 620)),
      el(
        "figcaption",
        {},
        `${weekWords(profile, hours)}. Hours in UTC; the stronger the colour, the more calls learnt. A ring marks hours with events of this finding; they count too, if they were learnt.`,
      ),
    ),
  );
}

function services(detail, profile, width) {
  const fresh = tally(newCalls(detail).map((call) => call.split(":")[0]));
  const rows = profile.services.map(([name, count, calls]) => [name, count, calls, fresh.get(name) ?? 0]);
  for (const [name, count] of fresh) {
    if (!rows.some((row) => row[0] === name)) {
      rows.push([name, 0, 0, count]);
    }
  }
  const numbersRows = rows.map(([name, count, calls, news]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      el("td", { class: "number" }, numbers.format(count)),
      el("td", { class: "number" }, numbers.format(calls)),
      el("td", { class: "number" }, numbers.format(news)),
    ),
  );
  return section(
    "Its calls by service",
    el(
      "figure",
      {},
      serviceBars(rows, Math.min(width, 620)),
      el("figcaption", {}, "Calls learnt as known-good. A dashed frame marks services with new calls in this finding."),
    ),
    el(
      "details",
      {},
      el("summary", {}, "The numbers of this chart"),
      table("Calls by service", ["service", "calls", "distinct calls", "new calls here"], numbersRows),
    ),
    profile.services_more > 0 ? el("p", { class: "note" }, `… and ${counted(profile.services_more, "service")} more, each used less.`) : "",
  );
}

function peers(finding, detail, known, profile) {
  const group = known.groups[profile.group];
  const own = index.principals[finding.principal].key;
  const calls = newCalls(detail)
    .filter((call) => group.calls[call] !== undefined)
    .slice(0, PEER_CALLS);
  const makes = (member) => calls.filter((call) => group.calls[call][1].includes(member)).length;
  const others = group.members
    .map((member, at) => ({ ...member, at }))
    .filter((member) => member.key !== own)
    .sort((a, b) => makes(b.at) - makes(a.at))
    .slice(0, PEERS_SHOWN);
  const size = group.size - 1;
  const intro = el("p", {}, `Compared with ${counted(size, "other principal")} of the group “${group.name}” (${group.rule}).`);
  if (size === 0 || calls.length === 0) {
    return section("Its peers", intro);
  }
  const cell = (yes) => el("td", { class: yes ? "yes" : "no" }, yes ? "makes it" : "never");
  const body = others.map((member) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, member.name, el("div", { class: "soft" }, member.account)),
      calls.map((call) => cell(group.calls[call][1].includes(member.at))),
    ),
  );
  const sums = el(
    "tr",
    { class: "sum" },
    el("th", { scope: "row" }, "whole group, with itself"),
    calls.map((call) => el("td", {}, `${numbers.format(group.calls[call][0])} of ${numbers.format(group.size)}`)),
  );
  return section(
    "Its peers",
    intro,
    table("Which peers make the new calls, as the baseline stands now", ["peer", ...calls], [...body, sums]),
    size > others.length
      ? el("p", { class: "note" }, `… and ${counted(size - others.length, "peer")} more; those that make the calls come first.`)
      : "",
  );
}

async function usual(finding, detail, width) {
  if (data.baseline_path === null) {
    return section(
      "What it usually does",
      el("p", {}, "This page was written without a baseline: give --baseline FILE to see the principal's week, calls and peers."),
    );
  }
  const known = await profiles();
  const profile = known.profiles[index.principals[finding.principal].key];
  if (!profile) {
    const why =
      known.left_out > 0
        ? "is not on this page (it has profiles of the principals of the worst findings), or the baseline has none"
        : "has no profile in the baseline this page was written with";
    return section("What it usually does", el("p", {}, `This principal ${why}.`));
  }
  const learnt = profile.seen
    ? `The baseline knows ${counted(profile.observations, "observation")} and ${counted(profile.calls, "distinct call")} of it, from ${dayText(profile.seen[0])} to ${dayText(profile.seen[1])}.`
    : "It never acted; others only named it.";
  return el(
    "div",
    { class: "usual" },
    el("p", { class: "note" }, learnt),
    el("div", { class: "pair" }, week(detail, profile, width), services(detail, profile, width)),
    peers(finding, detail, known, profile),
  );
}

function comparedWith(detail) {
  const baseline = detail.baseline ?? {};
  const window_ = baseline.since
    ? `${dayText(baseline.since)} to ${timeText(baseline.until)}, records in ${(baseline.coverage * 100).toFixed(1)} % of the account's hours`
    : "nothing learnt yet";
  const maturity = [
    baseline.maturity,
    baseline.active_days === undefined ? "" : counted(baseline.active_days, "active day"),
    baseline.observations === undefined ? "" : counted(baseline.observations, "observation"),
    baseline.calls === undefined
      ? ""
      : `${counted(baseline.calls, "distinct call")}, ${numbers.format(baseline.recent_calls ?? 0)} of them new lately`,
  ];
  const techniques = new Map();
  for (const one of detail.attack ?? []) {
    const tactic = index.tactics[one.tactic] ?? one.tactic;
    techniques.set(tactic, [...(techniques.get(tactic) ?? []), one.technique]);
  }
  const known = [...techniques].map(([tactic, own]) => el("div", {}, [tactic, unique(own).join(", ")].filter(Boolean).join(": ")));
  return section(
    "Compared with, known as",
    facts([
      ["window", window_],
      ["maturity", maturity.filter(Boolean).join(", ")],
      ["settings", baseline.settings ? el("code", {}, baseline.settings) : ""],
      ["ATT&CK", known.length > 0 ? el("div", {}, known) : ""],
      ["GuardDuty", detail.guardduty],
    ]),
  );
}

function checkIt(finding, detail) {
  const baseline = data.baseline_path === null ? "" : ` --baseline ${data.baseline_path}`;
  const story = `offtrail explain ${finding.id} --findings ${data.findings_path}${baseline}`;
  const command = (text, what) => el("div", { class: "command" }, el("code", {}, text), copyButton(text, what));
  const queries = (detail.queries ?? []).map((query) =>
    el("div", {}, el("p", { class: "soft" }, query.shows), command(query.sql, `the query for ${query.shows}`)),
  );
  return section(
    "Check it yourself",
    command(story, "the command"),
    queries.length > 0
      ? el(
          "details",
          {},
          el("summary", {}, "The same counts by SQL"),
          el("p", {}, "For the baseline file: ", el("code", {}, "sqlite3 -readonly BASELINE")),
          queries,
        )
      : "",
  );
}

function steps(finding) {
  const at = left.findIndex((one) => one.id === finding.id);
  const to = (other, words) => (other ? el("a", { href: hashOf({ ...state, finding: other.id }) }, words) : el("span", { class: "soft" }, words));
  return el(
    "nav",
    { class: "steps-nav", "aria-label": "Findings" },
    el("a", { href: hashOf({ ...state, finding: "" }) }, "← All findings"),
    at < 0 ? "" : el("span", { class: "soft" }, `${numbers.format(at + 1)} of ${numbers.format(left.length)}`),
    to(left[at - 1], "Previous"),
    to(at < 0 ? undefined : left[at + 1], "Next"),
  );
}

let drawnWidth = 0;

/** Draws the view of a finding; `quietly` keeps focus and scroll where they are. */
async function showFinding(finding, quietly = false) {
  const width = Math.max(280, Math.min(1120, article.clientWidth || 1120));
  const half = width > 800 ? (width - 40) / 2 : width;
  drawnWidth = width;
  const detail = (await detailsAt(finding.place)) ?? {};
  const known = await usual(finding, detail, half);
  // Another one may have been opened while this one was unpacked.
  if (state.finding !== finding.id) {
    return;
  }
  article.setAttribute("aria-labelledby", "finding-title");
  article.replaceChildren(
    ...[
      steps(finding),
      ...head(finding, detail),
      whatNow(detail),
      whoChanged(detail),
      whatIsNew(detail),
      whatHappened(finding, detail, width),
      lineage(detail, width),
      known,
      comparedWith(detail),
      checkIt(finding, detail),
    ].filter(Boolean),
  );
  document.title = `${finding.title} – ${pageTitle}`;
  if (!quietly) {
    document.getElementById("finding-title").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

// Charts are drawn for a width: again when it has changed for good.
let waiting;
window.addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const finding = index?.findings.find((one) => one.id === state.finding);
    if (finding && Math.abs(article.clientWidth - drawnWidth) > 40) {
      showFinding(finding, true);
    }
  }, 200);
});

start();
