// The page: what is chosen, what is asked, and when.
import { ask, get, Refused } from "./api.js";
import { fromAddress, toAddress } from "./address.js";
import * as best from "./best.js";
import { Controls } from "./controls.js";
import { fill, find, make, parse } from "./format.js";
import { Plan } from "./plan.js";
import * as results from "./results.js";
import * as scenarios from "./scenarios.js";

const PAUSE = 250;
const now = { plan: null, controls: null, answer: null, effects: null, curves: null, reach: 0, asking: false, again: false, timer: 0, number: 0, late: 0 };

function view() {
  return { freq: find("freq").value, ci: find("ci").value, margin: find("margin").value };
}

function say(error) {
  if (error?.name === "AbortError") return;
  const box = find("message");
  box.hidden = !error;
  box.textContent = error ? (error instanceof Refused ? error.message : `The service cannot be reached or has a fault: ${error.message}`) : "";
}

function question() {
  const { freq, ci, margin } = view();
  return { ...now.plan.question(), ci_prob: Number(ci), ...(freq ? { freq } : {}), ...(Number(margin) > 0 ? { margin: Number(margin) } : {}) };
}

// One question at a time; when it is answered, the newest that came meanwhile.
async function update() {
  now.number += 1;
  now.effects = null;
  delete document.body.dataset.complete;
  clearTimeout(now.timer);
  now.timer = setTimeout(later, PAUSE);
  if (now.asking) {
    now.again = true;
    return;
  }
  now.asking = true;
  document.body.classList.add("busy");
  try {
    do {
      now.again = false;
      now.answer = await ask("whatif", question());
      say(null);
      results.cards(now.plan, now.answer, now.effects);
      results.charts(now.answer, Number(view().ci));
      if (now.curves) results.curves(now.plan, now.curves);
    } while (now.again);
  } catch (error) {
    say(error);
  } finally {
    now.asking = false;
    document.body.classList.remove("busy");
    document.body.dataset.answered = String(now.number);
    settle();
  }
}

// Once both the answer and what takes longer are there, of the same plan.
function settle() {
  if (now.asking || now.late !== now.number || !now.answer) return;
  results.cards(now.plan, now.answer, now.effects);
  document.body.dataset.complete = String(now.number);
}

// What takes longer, once the planner has stopped moving.
async function later() {
  const { plan, number } = now;
  history.replaceState(null, "", toAddress(plan, view()));
  const draws = Math.min(1000, plan.fit.draws);
  const shared = { fit: plan.fit.id, start: plan.start, stop: plan.stop, ci_prob: Number(view().ci), draws };
  try {
    const groups = Object.fromEntries([["all media", plan.names], ...Object.entries(plan.members())]);
    const effects = await ask("effects", { ...shared, plan: plan.changedRows(), groups, terms: [] });
    if (number !== now.number) return;
    now.effects = effects;
    results.effectsTable(plan, effects);
    if (now.answer && !now.asking) results.cards(plan, now.answer, effects);
    const reach = Math.max(2, ...plan.names.map((name) => plan.factor(name) ?? 0));
    const key = JSON.stringify([shared, Math.ceil(reach), plan.edits]);
    if (key !== now.reach) {
      const top = Math.ceil(reach);
      const factors = [0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1, 1.2, 1.4, 1.7, 2, ...Array.from({ length: Math.min(top - 2, 8) }, (_, i) => 2 + ((i + 1) * (top - 2)) / Math.min(top - 2, 8))];
      now.curves = await ask("curves", { ...shared, plan: plan.rows, factors, parts: plan.fit.mediators.length > 0 });
      now.reach = key;
    }
    if (number !== now.number) return;
    results.curves(plan, now.curves);
    now.late = number;
    settle();
  } catch (error) {
    say(error);
  }
}

function drawWindow() {
  const { plan } = now;
  find("periods").value = plan.dates.length;
  for (const id of ["start", "stop"]) {
    fill(find(id), ...plan.dates.map((date) => make("option", {}, date)));
    find(id).value = plan[id];
  }
}

async function openPlan(fit, periods, said = {}) {
  const { rows, warnings, events } = await get(`fits/${encodeURIComponent(fit.id)}/plan?periods=${periods}`);
  fill(find("notes"), ...warnings.map((text) => make("p", {}, text)));
  const plan = new Plan(fit, rows, events);
  if (plan.dates.includes(said.start) && plan.dates.includes(said.stop)) plan.setWindow(said.start, said.stop);
  for (const [name, amount] of Object.entries(said.amounts || {})) if (plan.names.includes(name)) plan.amounts[name] = amount;
  for (const [name, date, value] of said.expects || []) if (plan.conditions.includes(name) && plan.dates.includes(date)) plan.expect(name, date, Number(value));
  for (const name of said.locks || []) if (plan.channels.includes(name)) plan.locked.add(name);
  for (const [name, group] of Object.entries(said.groups || {})) if (plan.channels.includes(name)) plan.groups[name] = String(group);
  plan.hold = Boolean(said.hold);
  Object.assign(now, { plan, answer: null, effects: null, curves: null, reach: "" });
  fill(find("curves"));
  fill(find("best-table"));
  find("job").textContent = "";
  now.controls = new Controls(plan, update);
  now.controls.draw();
  drawWindow();
  scenarios.show(plan);
  await update();
}

function about(fit) {
  document.title = `Planner: ${fit.outcome}`;
  const [first, last] = [fit.periods.first, fit.periods.last];
  find("verdict").textContent = `Sampler: ${fit.verdict}`;
  find("verdict").className = fit.verdict === "converged" ? "good" : "bad";
  find("about").textContent = `${fit.outcome} in ${fit.unit}, ${fit.periods.count} ${fit.periods.frequency} periods, ${first} to ${last}; ${fit.draws} draws`;
}

async function fromHash() {
  const said = fromAddress(location.hash);
  const { fits } = await get("fits");
  fill(find("fit"), ...fits.map((each) => make("option", {}, each.id)));
  const chosen = fits.find((each) => each.id === said.fit) || fits[0];
  find("fit").value = chosen.id;
  const fit = await get(`fits/${encodeURIComponent(chosen.id)}`);
  about(fit);
  if ([...find("freq").options].some((each) => each.value === said.freq)) find("freq").value = said.freq;
  if ([...find("ci").options].some((each) => each.value === said.ci)) find("ci").value = said.ci;
  if (said.margin) find("margin").value = said.margin;
  await openPlan(fit, said.periods || Math.min(13, fit.periods.count), said);
}

const guarded = (work) => async (...given) => {
  try {
    await work(...given);
  } catch (error) {
    say(error);
  }
};

function on(id, event, work) {
  find(id).addEventListener(event, guarded(work));
}

on("fit", "change", async () => {
  location.hash = new URLSearchParams({ fit: find("fit").value }).toString();
});
addEventListener("hashchange", guarded(fromHash));
on("periods", "change", async () => {
  const count = Math.max(1, Math.round(Number(find("periods").value) || 13));
  await openPlan(now.plan.fit, count);
});
for (const id of ["start", "stop"]) {
  on(id, "change", async () => {
    now.plan.setWindow(find("start").value, find("stop").value);
    now.reach = "";
    drawWindow();
    now.controls.draw();
    await update();
  });
}
on("total", "change", async () => {
  const total = parse(find("total").value);
  if (total !== null) now.plan.setTotal(total);
  now.controls.refresh();
  await update();
});
on("hold", "change", async () => {
  now.plan.hold = find("hold").checked;
  await update();
});
on("reset", "click", async () => {
  now.plan.reset();
  now.controls.draw();
  await update();
});
for (const id of ["freq", "ci", "margin"]) on(id, "change", update);
on("optimize", "click", async () => {
  if (now.plan.start !== now.plan.dates[0] || now.plan.stop !== now.plan.dates[now.plan.dates.length - 1]) {
    find("job").textContent = "The best plan is of all periods; choose the first and the last date above.";
    return;
  }
  const answer = await best.search(now.plan, view());
  if (!answer) return;
  Object.assign(now.plan.amounts, best.amounts(now.plan, answer));
  best.show(now.plan, answer);
  now.controls.refresh();
  await update();
  document.body.dataset.best = "shown";
});
on("cancel", "click", best.cancel);
on("keep", "click", async () => {
  const name = find("name").value.trim() || `Plan ${new Date().toISOString().slice(0, 16).replace("T", " ")}`;
  if (!now.answer) return;
  scenarios.add(name, toAddress(now.plan, view()), now.plan, now.answer, now.effects);
  scenarios.show(now.plan);
});
on("share", "click", async () => {
  await navigator.clipboard.writeText(location.href);
  find("share").textContent = "Copied";
  setTimeout(() => { find("share").textContent = "Copy its address"; }, 1500);
});
on("csv", "click", async () => scenarios.save(scenarios.csv(now.answer), "scenario.csv"));
on("xlsx", "click", async () => scenarios.save(await scenarios.workbook(question()), "scenario.xlsx"));
on("print", "click", async () => window.print());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (!now.answer) return;
  results.charts(now.answer, Number(view().ci));
  if (now.curves) results.curves(now.plan, now.curves);
});
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width || !now.answer) return;
  width = innerWidth;
  results.charts(now.answer, Number(view().ci));
  if (now.curves) results.curves(now.plan, now.curves);
});

guarded(fromHash)();
