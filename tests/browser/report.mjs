// The page of findings in a real browser, as its readers meet it: at a desk and on a phone, in the light and in the dark, by keyboard, by ear, on paper.
// usage: node report.mjs JOB.json      {page, findings, large, hostile, images}; whatever is absent is left out
// Prints a line for each check; exit code 1 if one failed. The browser is Debian's, or the one OFFTRAIL_CHROMIUM names.
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

let failed = 0;

function check(what, right, seen = "") {
  if (!right) {
    failed += 1;
  }
  console.log(`${right ? "ok" : "FAILED"}: ${what}${right || seen === "" ? "" : ` (${typeof seen === "string" ? seen : JSON.stringify(seen)})`}`);
}

function equal(what, seen, expected) {
  check(what, JSON.stringify(seen) === JSON.stringify(expected), `${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`);
}

/** A page of its own that notes whatever it should not do. */
async function opened(browser, file, { viewport = DESK, scheme = "light", hash = "" } = {}) {
  const context = await browser.newContext({ viewport, colorScheme: scheme, permissions: ["clipboard-read", "clipboard-write"] });
  const page = await context.newPage();
  const url = pathToFileURL(file).href;
  page.faults = [];
  page.on("console", (message) => page.faults.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => page.faults.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    page.faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== url) {
      page.faults.push(`request: ${request.url()}`);
    }
  });
  const start = performance.now();
  await page.goto(url + hash);
  await page.waitForSelector("html[data-ready]", { timeout: 60_000 });
  page.took = performance.now() - start;
  return page;
}

async function closed(what, page) {
  equal(`${what}: no console message, no request`, page.faults, []);
  await page.context().close();
}

async function accessible(what, page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const told = found.violations.map(
    (one) =>
      `${one.id}: ${one.nodes
        .map((node) => `${node.target} ${node.failureSummary}`)
        .slice(0, 3)
        .join(" | ")}`,
  );
  check(`${what}: axe finds nothing`, told.length === 0, told.join("\n  "));
}

async function fits(what, page) {
  const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  check(`${what}: nothing is wider than the screen`, wide <= screen, [wide, screen]);
}

/** Whatever has the focus, as the tests name it. */
function focused(page) {
  return page.evaluate(() => {
    const one = document.activeElement;
    const path = one.dataset.id ? `finding ${one.dataset.id}` : one.id || (one.getAttribute("aria-label") ?? one.textContent.trim());
    return one === document.body ? "" : path;
  });
}

/** Tabs through the page; what gets the focus, in order. */
async function tabbed(page, most = 600) {
  const met = [];
  await page.evaluate(() => document.querySelector(".skip").focus());
  for (let step = 0; step < most; step += 1) {
    await page.keyboard.press("Tab");
    const at = await focused(page);
    if (at === "") {
      break;
    }
    met.push(at);
  }
  return met;
}

/** Tabs until something has the focus. */
async function tabTo(page, wanted) {
  for (let step = 0; step < 600; step += 1) {
    const at = await focused(page);
    if (wanted(at)) {
      return at;
    }
    await page.keyboard.press("Tab");
  }
  check(`something can be reached with the Tab key: ${wanted}`, false);
  return "";
}

const shown = (page) => page.$eval(".status", (one) => Number(one.textContent.replaceAll(",", "").match(/^\d+/)[0]));

/** Last states of a file of findings. */
function lastStates(file) {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return [...new Map(lines.map((one) => [one.id, one])).values()];
}

/** Every filter, each by keyboard alone; `findings` says what must be left. */
async function filters(what, browser, job, viewport) {
  const page = await opened(browser, job.page, { viewport });
  const all = lastStates(job.findings);
  const raised = all.filter((one) => one.raised && !one.suppressed_by);
  equal(`${what}: raised findings are shown`, await shown(page), raised.length);

  const met = await tabbed(page);
  const wanted = ["q", "critical", "high", "medium", "low", "which", "kind", "account", "tactic", "sort"].map((name) => `filter-${name}`);
  equal(
    `${what}: Tab reaches every filter, in order`,
    met.filter((one) => one.startsWith("filter-")),
    wanted,
  );
  const links = await page.$$eval("#findings a", (links) => links.map((one) => `finding ${one.dataset.id}`));
  equal(
    `${what}: Tab reaches every finding, in order`,
    met.filter((one) => one.startsWith("finding ")),
    links,
  );

  const clear = async () => {
    await tabTo(page, (at) => at === "Clear the filters");
    await page.keyboard.press("Enter");
    equal(`${what}: the filters are cleared`, [await shown(page), await focused(page)], [raised.length, "filter-q"]);
  };
  const first = raised[0];
  await tabTo(page, (at) => at === "filter-q");
  const call = first.evidence[0].call;
  await page.keyboard.type(call.toUpperCase());
  const having = raised.filter((one) => JSON.stringify(one).toLowerCase().includes(call.toLowerCase()));
  const found = await shown(page);
  check(`${what}: search finds a call`, found > 0 && found <= having.length, [found, having.length]);
  check(
    `${what}: the search is in the address`,
    page
      .url()
      .toLowerCase()
      .includes(`q=${encodeURIComponent(call).toLowerCase()}`),
    page.url(),
  );
  await page.keyboard.type(" nothing-has-this");
  equal(`${what}: search for what is not there`, await shown(page), 0);
  await clear();

  await tabTo(page, (at) => at === "filter-critical");
  await page.keyboard.press("Space");
  equal(`${what}: by severity`, await shown(page), raised.filter((one) => one.severity === "critical").length);
  await clear();

  for (const [name, get] of [
    ["kind", (one) => [one.principal.kind]],
    ["account", (one) => [one.principal.account]],
    ["tactic", (one) => one.attack.map((attack) => attack.tactic)],
  ]) {
    await tabTo(page, (at) => at === `filter-${name}`);
    await page.keyboard.press("ArrowDown");
    const value = await page.$eval(`#filter-${name}`, (one) => one.value);
    check(`${what}: ${name} has a choice`, value !== "");
    equal(`${what}: by ${name}`, await shown(page), raised.filter((one) => get(one).includes(value)).length);
    check(`${what}: ${name} is in the address`, page.url().includes(`${name}=${encodeURIComponent(value)}`), page.url());
    await clear();
  }
  await tabTo(page, (at) => at === "filter-which");
  await page.keyboard.press("End");
  equal(`${what}: all findings`, await shown(page), all.length);
  await clear();
  await tabTo(page, (at) => at === "filter-sort");
  await page.keyboard.press("End");
  const days = await page.$$eval("#findings .what .meta", (all) => all.map((one) => one.textContent.match(/\d{4}-\d\d-\d\d/)[0]));
  equal(`${what}: newest first`, days, [...days].sort().reverse());
  await closed(what, page);
}

/** The way of a reader without a mouse: open, look, copy, go on, go back. */
async function walk(what, browser, job, viewport) {
  const page = await opened(browser, job.page, { viewport });
  const link = await tabTo(page, (at) => at.startsWith("finding "));
  await page.keyboard.press("Enter");
  await page.waitForSelector("#finding-title");
  equal(`${what}: the finding's title has the focus`, await focused(page), "finding-title");
  check(`${what}: the finding is in the address`, page.url().includes(`finding=${link.split(" ")[1]}`), page.url());
  await fits(`${what}, finding`, page);

  await tabTo(page, (at) => at === "Copy step 1");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.textContent === "Copied");
  const step = await page.$eval(".steps li span", (one) => one.textContent);
  equal(`${what}: the copy button copies`, await page.evaluate(() => navigator.clipboard.readText()), step);

  const folded = await page.$$eval("#finding summary", (all) => all.length);
  const met = await tabbed(page);
  const reached = await page.$$eval(
    "#finding :is(a[href], button, summary, [tabindex='0'])",
    (all) => all.filter((one) => one.checkVisibility()).length,
  );
  check(`${what}: Tab reaches every link, button and fold of a finding`, met.length >= reached && folded > 0, [met.length, reached]);
  await tabTo(page, (at) => at.startsWith("How these "));
  await page.keyboard.press("Enter");
  check(`${what}: the arithmetic unfolds`, await page.$eval("#finding details[open] .arithmetic", (one) => one.checkVisibility()));

  await page.evaluate(() => document.getElementById("finding-title").focus());
  const title = await page.title();
  await page.keyboard.press("Shift+Tab");
  equal(`${what}: the way to the next finding`, await focused(page), "Next");
  await page.keyboard.press("Enter");
  await page.waitForFunction((before) => document.title !== before, title);
  check(`${what}: the next finding opened`, (await page.title()) !== title);
  await page.goBack();
  await page.waitForFunction((before) => document.title === before, title);
  await tabTo(page, (at) => at === "← All findings");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#list:not([hidden])");
  equal(`${what}: back at the list, at the finding that was read`, await focused(page), link);
  await closed(what, page);
}

async function looks(browser, job) {
  for (const [screen, viewport] of [
    ["desk", DESK],
    ["phone", PHONE],
  ]) {
    for (const scheme of ["light", "dark"]) {
      const what = `${screen}, ${scheme}`;
      const page = await opened(browser, job.page, { viewport, scheme });
      await fits(`${what}, list`, page);
      await page.$eval("#overview details", (one) => {
        one.open = true;
      });
      await accessible(`${what}, list`, page);
      await page.click("#findings a");
      await page.waitForSelector("#finding-title");
      await page.$$eval("#finding details", (all) => {
        for (const one of all) {
          one.open = true;
        }
      });
      await fits(`${what}, finding`, page);
      await accessible(`${what}, finding`, page);
      for (const part of [
        "Next steps",
        "What is new",
        "What happened",
        "Lineage of the credential",
        "Its week",
        "Its calls by service",
        "Its peers",
        "Check it yourself",
      ]) {
        check(
          `${what}: a finding has “${part}”`,
          (await page.$$eval("#finding h3", (all, part) => all.some((one) => one.textContent === part), part)) === true,
        );
      }
      await closed(what, page);
    }
  }
}

async function paper(browser, job) {
  const page = await opened(browser, job.page, { scheme: "dark" });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const seen = await page.evaluate(() => ({
    filters: getComputedStyle(document.querySelector(".filters")).display,
    paper: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
  }));
  equal("print: black on white, without the filters", seen, { filters: "none", paper: "rgb(255, 255, 255)", ink: "rgb(0, 0, 0)" });
  const pdf = await page.pdf({ format: "A4" });
  check("print: a PDF of a page or more", pdf.length > 10_000, pdf.length);
  await closed("print", page);
}

async function bookmarks(browser, job) {
  const [finding] = lastStates(job.findings).filter((one) => one.raised);
  const page = await opened(browser, job.page, { hash: `#finding=${finding.id}&severity=${finding.severity}` });
  equal("bookmark: opens a finding", await page.$eval("#finding-title", (one) => one.textContent), finding.title);
  await closed("bookmark", page);
  const gone = await opened(browser, job.page, { hash: "#finding=nobody&q=%E0%A4%A&severity=odd&which=%00" });
  check("bookmark: one that leads nowhere shows the list", (await gone.$eval(".status", (one) => one.textContent)).includes("no finding nobody"));
  await closed("bookmark that leads nowhere", gone);
}

async function large(browser, job) {
  check("5,000 findings: at most 5 MB", statSync(job.large).size <= 5_000_000, statSync(job.large).size);
  const page = await opened(browser, job.large);
  const times = [];
  for (const text of ["iam", "iam listusers", "no such thing", "ci-deploy", ""]) {
    const took = await page.evaluate(async (text) => {
      const field = document.getElementById("filter-q");
      const start = performance.now();
      field.value = text;
      field.dispatchEvent(new Event("input"));
      await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
      return performance.now() - start;
    }, text);
    times.push(took);
  }
  const start = performance.now();
  await page.click("#findings a");
  await page.waitForSelector("#finding-title");
  const detail = performance.now() - start;
  const ms = (time) => `${Math.round(time)} ms`;
  console.log(
    `times: ${statSync(job.large).size.toLocaleString("en")} bytes open in ${ms(page.took)}, filter in ${times.map(ms).join(", ")}, a finding opens in ${ms(detail)}`,
  );
  await closed("5,000 findings", page);
}

async function hostile(browser, job) {
  const page = await opened(browser, job.hostile, { hash: "#which=all" });
  const inert = async (what) => {
    const seen = await page.evaluate(() => ({
      scripts: document.scripts.length,
      acting: [...document.querySelectorAll("*")].filter((one) =>
        [...one.attributes].some(({ name }) => name.startsWith("on") || name === "style" || name === "src"),
      ).length,
      foreign: document.querySelectorAll("img, iframe, object, embed, link, base, form[action], meta[http-equiv=refresh]").length,
      live: /[\u202a-\u202e\u2066-\u2069\u200b]|[^\P{Cc}\n]/u.test(document.documentElement.textContent),
      hit: window.hit ?? null,
    }));
    equal(`hostile names, ${what}: nothing acts`, seen, { scripts: 2, acting: 0, foreign: 0, live: false, hit: null });
  };
  await inert("list");
  const text = await page.$eval("main", (one) => one.textContent);
  check("hostile names: they are shown as text", text.includes("<script>window.hit=1</script>") && text.includes("\\u{202e}"), text.slice(0, 2000));
  const count = await page.$$eval("#findings a", (all) => all.length);
  for (let at = 0; at < count; at += 1) {
    await page.locator("#findings a").nth(at).click();
    await page.waitForSelector("#finding-title");
    await page.hover("#finding-title");
    await inert(`finding ${at + 1}`);
    await page.locator(".steps-nav a").first().click();
    await page.waitForSelector("#list:not([hidden])");
  }
  await closed("hostile names", page);
}

/** Pictures for the documentation, only when asked for. */
async function images(browser, job) {
  for (const [name, viewport, scheme, part] of [
    ["desktop", { width: 1280, height: 1200 }, "light", ""],
    ["phone", { width: 390, height: 1200 }, "light", "What is new"],
    ["dark", { width: 1280, height: 1200 }, "dark", "Lineage of the credential"],
  ]) {
    const page = await opened(browser, job.page, { viewport, scheme });
    if (part !== "") {
      await page.click("#findings a");
      await page.waitForSelector("#finding-title");
      await page.$$eval("#finding h3", (all, part) => all.find((one) => one.textContent === part).scrollIntoView(), part);
    }
    await page.screenshot({ path: `${job.images}/report-${name}.png` });
    await closed(`image ${name}`, page);
  }
}

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const browser = await chromium.launch({ executablePath: process.env.OFFTRAIL_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  if (job.page) {
    await looks(browser, job);
    for (const [what, viewport] of [
      ["desk", DESK],
      ["phone", PHONE],
    ]) {
      await filters(`${what}, filters`, browser, job, viewport);
      await walk(`${what}, by keyboard`, browser, job, viewport);
    }
    await paper(browser, job);
    await bookmarks(browser, job);
  }
  if (job.large) {
    await large(browser, job);
  }
  if (job.hostile) {
    await hostile(browser, job);
  }
  if (job.images) {
    await images(browser, job);
  }
} finally {
  await browser.close();
}
console.log(failed === 0 ? "all is well" : `${failed} checks failed`);
process.exitCode = failed === 0 ? 0 : 1;
