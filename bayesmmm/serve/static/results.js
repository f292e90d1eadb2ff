// The answers as cards, charts and tables. No number is worked out here but sums of money and ratios to it.
import { curve, series } from "./charts.js";
import { fill, find, interval, make, number, percent, table } from "./format.js";

const total = (answer, name) => answer.totals[name].rows[0];

function card(id, title, value, below, tone = "") {
  const box = make("div", { className: "card", id: `card-${id}` }, make("h3", {}, title), make("div", { className: `value ${tone}` }, value), make("div", { className: "interval" }, below));
  return box;
}

export function cards(plan, answer, effects) {
  const { outcome } = answer;
  const [level, change, gain, money] = [total(answer, outcome), total(answer, `${outcome}.change`), answer.gain, answer.spend.total];
  const same = !plan.changed.length;
  const parts = [
    card("outcome", `${outcome}, ${answer.unit}`, number(level.mean), interval(level)),
    card("change", "Change from now", same ? "as now" : number(change.mean), same ? "" : interval(change), same ? "" : change.mean >= 0 ? "good" : "bad"),
    card("cost", "Money of channels", number(money.scenario), `now ${number(money.now)}${same || !plan.fit.mediators.some((m) => m.paid) ? "" : `; with what is induced ${signed(gain.cost.mean)}`}`),
  ];
  if (effects) {
    const joint = effects.variables.joint?.rows.find((row) => row.group === "all media");
    const spent = effects.variables.spend.rows.reduce((sum, row) => sum + (row.value ?? 0), 0);
    if (joint && spent > 0) {
      const [mean, lower, upper] = [joint.mean, joint.lower, joint.upper].map((value) => value / spent);
      parts.push(card("roi", "ROI of all channels", number(mean), interval({ lower, upper })));
    }
  }
  if (gain) {
    const chance = gain.profit ? gain.profit.p_above : gain.p_more_outcome;
    const words = gain.profit ? `profit ${number(gain.profit.mean)} (${interval(gain.profit)}); more ${outcome} ${percent(gain.p_more_outcome)}` : `more ${outcome} than now`;
    parts.push(card("better", "P(better than now)", same ? "as now" : percent(chance), same ? "" : words));
  }
  fill(find("cards"), ...parts);
  const outside = (answer.extrapolated?.rows || []).filter((row) => row.value > answer.extrapolated.threshold && plan.names.includes(row.input));
  find("beyond").textContent = outside.length ? `Beyond the data: ${outside.map((row) => `${row.input}, ${percent(row.value)} of its spend in periods above the most ever seen`).join("; ")}.` : "";
}

const signed = (value) => `${value > 0 ? "+" : ""}${number(value)}`;

export function charts(answer, ci) {
  const { outcome } = answer;
  const rows = answer.variables[outcome].rows;
  const change = answer.variables[`${outcome}.change`].rows;
  const now = rows.map((row, i) => row.mean - change[i].mean);
  const share = `${Math.round(100 * ci)} % intervals`;
  find("outcome-title").textContent = `${outcome} under this plan (line, ${share}) and as now (dashed)`;
  series(find("outcome-chart"), outcome, answer.unit, rows, now, `${outcome} by period: ${number(rows[0].mean)} at first, ${number(rows[rows.length - 1].mean)} at last`);
  find("change-title").textContent = `Change from now, ${share}`;
  series(find("change-chart"), outcome, answer.unit, change, change.map(() => 0), `Change of ${outcome} by period`);
}

export function effectsTable(plan, answer) {
  const by = (name) => Object.fromEntries(answer.variables[name].rows.map((row) => [row.channel, row]));
  const [spend, roi, direct, indirect, all] = ["spend", "roi", "direct", "indirect", "total"].map(by);
  const through = plan.fit.mediators.map((mediator) => mediator.name).join(", ");
  const both = (row) => (row.median === null ? "–" : `${number(row.median)} (${interval(row)})`);
  const head = ["Channel", "Money", "ROI", ...(answer.variables.roi.above === undefined ? [] : ["P(ROI > 1)"]), "Total", ...(through ? ["Direct", `Through ${through}`] : [])];
  const rows = Object.keys(spend).map((name) => [
    name, number(spend[name].value), both(roi[name]), ...(answer.variables.roi.above === undefined ? [] : [percent(roi[name].p_above)]),
    both(all[name]), ...(through ? [both(direct[name]), both(indirect[name])] : []),
  ]);
  table(find("effects"), head, rows);
  [...find("effects").tBodies[0].rows].forEach((row, i) => { row.dataset.channel = Object.keys(spend)[i]; });
}

export function curves(plan, answer) {
  const { outcome, direct, spend, extrapolated } = answer.variables;
  const through = plan.fit.mediators.map((mediator) => mediator.name).join(", ");
  const of = (variable, name) => variable.rows.filter((row) => row.channel === name);
  for (const name of [...new Set(outcome.rows.map((row) => row.channel))]) {
    const id = `curve-${CSS.escape(name)}`;
    let box = [...find("curves").children].find((each) => each.dataset.channel === name);
    if (!box) {
      box = make("div", { id });
      box.dataset.channel = name;
      find("curves").append(box);
    }
    const factors = of(outcome, name).map((row) => row.factor);
    const amount = plan.names.includes(name) ? plan.now(name) : 0;
    const money = of(spend, name).map((row, i) => row.value ?? factors[i] * amount);
    const within = of(extrapolated, name).map((row, i) => (row.value <= extrapolated.threshold ? money[i] : 0));
    const at = (plan.factor(name) ?? 0) * money[factors.indexOf(1)];
    const own = direct && of(direct, name);
    const moves = own && own.some((row, i) => Math.abs(row.median - of(outcome, name)[i].median) > 1e-12 * Math.abs(row.median));
    curve(box, name, money, of(outcome, name), moves ? own : null, at, Math.max(...within));
  }
  find("curves-note").textContent = `${answer.outcome} that each channel brings over no spend (${answer.unit}), by its money in the window, the others as now; median and ${Math.round(100 * answer.interval_probability)} % interval of ${answer.draws} draws. Dashed: beyond the data.${through && direct ? ` Green: what comes directly; up to the line, what comes through ${through}.` : ""}`;
}
