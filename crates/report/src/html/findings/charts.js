// Charts of one finding. Each is one image to a screen reader, whose label says what can be seen; its numbers stand beside it as text.

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

function picture(label, [width, height], ...shapes) {
  return shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label }, ...shapes);
}

function label(x, y, text, attributes = {}) {
  return shape("text", { x, y, ...attributes }, text);
}

function shortened(text, chars) {
  return text.length > chars ? `${text.slice(0, Math.max(1, chars - 1))}…` : text;
}

/** Bits over time, in small: a bar a digit. */
function sparkline(digits, words) {
  const bars = [...digits].map((digit, at) => shape("rect", { x: at * 5, y: 21 - Number(digit) * 2, width: 4, height: Number(digit) * 2 + 1 }));
  return shape("svg", { class: "spark", viewBox: "0 0 80 22", role: "img", "aria-label": words }, bars);
}

/** A mark for each event: a disc if it succeeded, a square if it was denied, a triangle if it failed. */
function eventMark(outcome, x, y) {
  if (outcome === "denied") {
    return shape("rect", { class: "denied", x: x - 4, y: y - 4, width: 8, height: 8 });
  }
  if (outcome === "failed") {
    return shape("path", { class: "failed", d: `M${x} ${y - 5}l5 9h-10z` });
  }
  return shape("circle", { class: "succeeded", cx: x, cy: y, r: 4 });
}

/** What happened when, and how heavy it was. */
function timeline(evidence, width) {
  const height = 190;
  const [left, right, top, bottom] = [44, 16, 28, 160];
  const times = evidence.map((one) => Date.parse(one.time));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const most = Math.max(1, ...evidence.map((one) => one.bits));
  const x = (time) => (last === first ? (left + width - right) / 2 : left + ((time - first) / (last - first)) * (width - left - right - 8) + 4);
  const y = (bits) => bottom - (Math.max(0, bits) / most) * (bottom - top);
  const lines = [0, most / 2, most].map((bits) => [
    shape("path", { class: "grid", d: `M${left} ${y(bits)}H${width - right}` }),
    label(left - 8, y(bits) + 4, bits.toFixed(most < 4 ? 1 : 0), { "text-anchor": "end" }),
  ]);
  const stems = evidence.map((one, at) => [
    shape("path", { class: "stem", d: `M${x(times[at])} ${bottom}V${y(one.bits)}` }),
    eventMark(one.outcome, x(times[at]), y(one.bits)),
  ]);
  const heaviest = evidence.reduce((a, b) => (b.bits > a.bits ? b : a));
  const ends =
    last === first
      ? [label((left + width - right) / 2, 180, timeText(evidence[0].time), { "text-anchor": "middle" })]
      : [
          label(left, 180, timeText(evidence[0].time)),
          label(width - right, 180, timeText(evidence[evidence.length - 1].time), { "text-anchor": "end" }),
        ];
  const words =
    `Bits of ${counted(evidence.length, "event")} over ${spanText(evidence[0].time, evidence[evidence.length - 1].time)}; ` +
    `the heaviest, ${heaviest.call} at ${timeText(heaviest.time)}, has ${bitsText(heaviest.bits)}`;
  return picture(words, [width, height], lines, label(0, 12, "bits", { class: "soft" }), stems, ends);
}

/** Credentials as rows of a tree, in the order they were given out: [credential, depth, step that gave it or undefined]. */
function lineageRows(steps) {
  const minted = new Set(steps.map((step) => step.minted));
  const roots = [...new Set(steps.map((step) => step.credential))].filter((one) => !minted.has(one));
  const rows = [];
  const seen = new Set();
  const visit = (credential, depth, step, parent) => {
    if (seen.has(credential)) {
      return;
    }
    seen.add(credential);
    const row = rows.length;
    rows.push({ credential, depth, step, parent });
    for (const next of steps.filter((one) => one.credential === credential)) {
      visit(next.minted, depth + 1, next, row);
    }
  };
  for (const root of roots.length > 0 ? roots : [steps[0].credential]) {
    visit(root, 0, undefined, undefined);
  }
  return rows;
}

/** Which credential gave out which, from the top. Permanent keys have a solid frame, all others a dashed one. */
function lineageGraph(steps, width) {
  const rows = lineageRows(steps);
  const [rowHeight, box] = [58, 30];
  const deepest = Math.max(...rows.map((row) => row.depth));
  const indent = Math.min(36, (width - 220) / Math.max(1, deepest));
  const x = (row) => 2 + row.depth * indent;
  const y = (at) => 2 + at * rowHeight + (rows[at].step ? 20 : 0);
  const shapes = rows.map((row, at) => {
    const chars = Math.floor((width - x(row) - 24) / 8.2);
    const text = shortened(row.credential, chars);
    const wide = Math.min(width - x(row) - 4, text.length * 8.2 + 22);
    const permanent = row.credential.startsWith("AKIA");
    const node = [
      shape("rect", { class: permanent ? "node" : "node passing", x: x(row), y: y(at), width: wide, height: box, rx: 6 }),
      label(x(row) + 10, y(at) + 20, text, { class: "mono" }),
    ];
    if (!row.step) {
      return node;
    }
    const from = x(rows[row.parent]) + 12;
    const how = shortened(`${row.step.by}, ${timeText(row.step.time)}`, Math.floor((width - x(row) - 8) / 6.6));
    return [
      shape("path", { class: "edge", d: `M${from} ${y(row.parent) + box}V${y(at) + box / 2}H${x(row)}` }),
      node,
      label(x(row) + 4, y(at) - 6, how, { class: "soft" }),
    ];
  });
  const words = `Lineage of ${counted(rows.length, "credential")}: ${steps.map((one) => `${one.credential} gave ${one.minted} by ${one.by}`).join("; ")}`;
  return picture(words, [width, rows.length * rowHeight + 6], shapes);
}

/** Seven rows of twenty-four hours; the stronger the colour, the busier. Hours of the finding have a ring. */
function weekMap(profile, hours, width) {
  const [left, top] = [38, 20];
  const cell = (width - left - 2) / 24;
  const high = Math.min(cell, 22);
  const cells = [...profile.week].map((digit, hour) => {
    const [day, of] = [Math.floor(hour / 24), hour % 24];
    const place = { x: left + of * cell + 0.5, y: top + day * high + 0.5, width: cell - 1, height: high - 1 };
    const ring = { ...place, x: place.x + 1, y: place.y + 1, width: cell - 3, height: high - 3, class: "ring" };
    return [
      shape("rect", { ...place, class: "hour" }),
      digit === "0" ? "" : shape("rect", { ...place, class: "heat", "fill-opacity": (0.12 + (Number(digit) / 9) * 0.88).toFixed(2) }),
      hours.has(hour) ? shape("rect", ring) : "",
    ];
  });
  const every = width < 500 ? 6 : 3;
  const heads = [0, 3, 6, 9, 12, 15, 18, 21].filter((of) => of % every === 0);
  const labels = [
    ...heads.map((of) => label(left + of * cell, 13, `${String(of).padStart(2, "0")}:00`)),
    ...WEEKDAYS.map((day, at) => label(0, top + (at + 0.5) * high + 4, day)),
  ];
  return picture(weekWords(profile, hours), [width, top + 7 * high + 2], labels, cells.flat().filter(Boolean));
}

function hourText(hour) {
  return `${WEEKDAYS[Math.floor(hour / 24)]} ${String(hour % 24).padStart(2, "0")}:00`;
}

/** What can be seen on the map of a week. */
function weekWords(profile, hours) {
  const week = [...profile.week].map(Number);
  const quiet = WEEKDAYS.filter((_, day) => week.slice(day * 24, day * 24 + 24).every((one) => one === 0));
  const [busiest, most] = profile.busiest;
  const unusual = [...hours].filter((hour) => week[hour] === 0);
  const parts = [
    most === 0 ? "No calls learnt" : `Busiest from ${hourText(busiest)} UTC with ${counted(most, "call")}`,
    quiet.length > 0 && quiet.length < 7 ? `no calls on ${quiet.join(", ")}` : "",
    unusual.length === 0
      ? ""
      : `this finding has events in ${counted(unusual.length, "hour")} of the week in which nothing was known of it: ${unusual.slice(0, 6).map(hourText).join(", ")}`,
  ];
  return parts.filter(Boolean).join("; ");
}

/** Calls by service; what is new has a dashed frame and is told in words. Rows: [name, sightings, distinct calls, new calls]. */
function serviceBars(rows, width) {
  const [left, height] = [Math.min(150, width * 0.38), 26];
  const most = Math.max(1, ...rows.map((row) => row[1]));
  const room = width - left - Math.min(190, width * 0.4);
  const shapes = rows.map(([name, count, , fresh], at) => {
    const y = at * height;
    const long = Math.max(count > 0 ? 2 : 0, (count / most) * room);
    const parts = [count > 0 ? numbers.format(count) : "", fresh > 0 ? `${counted(fresh, "new call")}` : ""];
    return [
      label(left - 8, y + 17, shortened(name, Math.floor(left / 9)), { "text-anchor": "end", class: fresh > 0 ? "strong" : "" }),
      count > 0 ? shape("rect", { class: "bar", x: left, y: y + 5, width: long, height: 16 }) : "",
      fresh > 0 ? shape("rect", { class: "fresh", x: left + long + 2, y: y + 5, width: 14, height: 16 }) : "",
      label(left + long + (fresh > 0 ? 22 : 6), y + 17, parts.filter(Boolean).join(", ")),
    ];
  });
  const fresh = rows.filter((row) => row[3] > 0).map((row) => row[0]);
  const words =
    `Calls by service: ${rows.map(([name, count]) => `${name} ${numbers.format(count)}`).join(", ")}` +
    (fresh.length > 0 ? `. New calls in ${fresh.join(", ")}` : "");
  return picture(words, [width, rows.length * height + 4], shapes);
}
