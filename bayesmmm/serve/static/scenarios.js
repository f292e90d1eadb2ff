// Plans that are kept, side by side; and files of the plan that is shown.
import { file } from "./api.js";
import { keep, kept } from "./address.js";
import { find, interval, make, number, percent, table } from "./format.js";

export function add(name, address, plan, answer, effects) {
  const { outcome } = answer;
  const roi = effects?.variables.joint?.rows[0];
  const spent = answer.spend.total.scenario;
  const one = {
    name, address, fit: plan.fit.id, stamp: answer.stamp, unit: answer.unit, ci: answer.interval_probability,
    window: `${plan.start} to ${plan.stop}`,
    amounts: { ...plan.amounts },
    outcome: answer.totals[outcome].rows[0],
    change: answer.totals[`${outcome}.change`].rows[0],
    cost: spent,
    roi: roi && spent > 0 ? roi.mean / spent : null,
    better: answer.gain?.profit ? answer.gain.profit.p_above : answer.gain?.p_more_outcome ?? null,
  };
  keep([...kept().filter((each) => each.name !== name || each.fit !== one.fit), one]);
}

export function show(plan) {
  const own = kept().filter((each) => each.fit === plan.fit.id);
  const names = [...new Set(own.flatMap((each) => Object.keys(each.amounts)))];
  if (!own.length) {
    find("scenarios").replaceChildren(make("tbody", {}, make("tr", {}, make("td", {}, "No plan is kept yet."))));
    return;
  }
  const line = (label, of) => [label, ...own.map(of)];
  const link = (each) => make("a", { href: each.address }, each.name);
  const drop = (each) => make("button", { type: "button", "aria-label": `Forget ${each.name}`, onclick: () => { keep(kept().filter((other) => other.name !== each.name || other.fit !== each.fit)); show(plan); } }, "Forget");
  table(find("scenarios"), ["", ...own.map(link)], [
    line("window", (each) => each.window),
    line("outcome", (each) => `${number(each.outcome.mean)} (${interval(each.outcome)})`),
    line("change from now", (each) => `${number(each.change.mean)} (${interval(each.change)})`),
    line("money of channels", (each) => number(each.cost)),
    line("ROI of all channels", (each) => number(each.roi)),
    line("P(better than now)", (each) => percent(each.better)),
    ...names.map((name) => line(name, (each) => number(each.amounts[name]))),
    line("", (each) => (each.stamp === own[0].stamp ? drop(each) : make("span", {}, "of another version of the fit ", drop(each)))),
  ]);
}

export function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// A cell that a spreadsheet would take for a formula is written as text.
const cell = (value) => {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export function csv(answer) {
  const columns = ["variable", "unit", "date", "mean", "median", "lower", "upper", "sd", "interval_probability", "verdict"];
  const lines = [columns];
  const end = [answer.interval_probability, answer.verdict];
  for (const [name, { unit, rows }] of Object.entries(answer.variables)) {
    for (const row of rows) lines.push([name, unit, row.date, row.mean, row.median, row.lower, row.upper, row.sd, ...end]);
  }
  for (const row of answer.spend.rows) lines.push([`spend of ${row.channel}`, answer.spend.unit, "window", row.scenario, "", "", "", "", "", ""]);
  return new Blob([lines.map((line) => line.map(cell).join(",")).join("\r\n"), "\r\n"], { type: "text/csv" });
}

export const workbook = (question) => file("workbook", question);
