// The best plan: a question, a job that is looked after, and its answer beside the plan as it is now.
import { ask, get, remove, Refused } from "./api.js";
import { find, interval, number, percent, table } from "./format.js";

const PAUSE = 400;
const wait = () => new Promise((done) => { setTimeout(done, PAUSE); });
let running = null;

export function question(plan, view) {
  const objective = find("objective").value;
  const money = plan.total;
  const locked = plan.channels.filter((name) => plan.locked.has(name));
  const change = Number(find("change").value) / 100;
  const free = plan.channels.filter((name) => !plan.locked.has(name));
  return {
    fit: plan.fit.id,
    plan: plan.rows,
    channels: plan.channels,
    objective,
    // The channels together have the money of the plan; what paid mediators spend comes on top.
    total: objective === "outcome" ? [null, 1e6 * Math.max(money, 1)] : null,
    linear: [[Object.fromEntries(plan.channels.map((name) => [name, 1])), [money, money]]],
    bounds: Object.fromEntries(locked.map((name) => [name, [plan.amounts[name], plan.amounts[name]]])),
    change: change > 0 && free.length ? Object.fromEntries(free.map((name) => [name, change])) : null,
    margin: objective === "profit" && view.margin ? Number(view.margin) : null,
    risk: find("risk").value === "cvar" ? ["cvar", 0.1] : "mean",
    flighting: "historical",
    ci_prob: Number(view.ci || 0.9),
  };
}

export async function cancel() {
  if (running) await remove(`jobs/${running}`);
}

export async function search(plan, view) {
  const asked = question(plan, view);
  find("cancel").hidden = false;
  find("optimize").disabled = true;
  try {
    let job = await ask("optimize", asked);
    running = job.job;
    while (job.status === "queued" || job.status === "running") {
      find("job").textContent = `Looking: ${job.progress[job.progress.length - 1] || job.status}, ${number(job.seconds)} seconds`;
      await wait();
      try {
        job = await get(`jobs/${running}`);
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 404) throw error;
        job = await ask("optimize", asked); // the service has begun anew
      }
    }
    if (job.status !== "done") {
      find("job").textContent = job.error?.message || job.status;
      return null;
    }
    return await get(`jobs/${running}/result`);
  } finally {
    running = null;
    find("cancel").hidden = true;
    find("optimize").disabled = false;
  }
}

export function show(plan, answer) {
  const { gain } = answer;
  const held = answer.solution.binding.length ? ` Held back by: ${answer.solution.binding.join("; ")}.` : "";
  find("job").textContent = `Gain over now ${number(gain.mean)} (${interval(gain)}); P(better than now) ${percent(answer.p_better)}, with what is sold after the window.${held}`;
  const rows = answer.table.filter((row) => row.kind !== "geo").map((row) => [
    row.name, number(row.current), number(row.new), row.change === null ? "–" : `${row.change > 0 ? "+" : ""}${percent(row.change)}`,
    row.roi_new === null ? "–" : `${number(row.roi_new)} (${number(row.roi_new_lower)} to ${number(row.roi_new_upper)})`, number(row.marginal), row.note || "",
  ]);
  table(find("best-table"), ["Channel", "Now", "Best", "Change", "ROI", "Next unit of money brings", ""], rows);
}

// Money of every channel in the rows of the best plan.
export function amounts(plan, answer) {
  return Object.fromEntries(plan.channels.map((name) => [name, answer.spend.filter((row) => row.channel === name).reduce((sum, row) => sum + row.spend, 0)]));
}
