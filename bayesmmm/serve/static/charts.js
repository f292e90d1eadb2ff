// Charts: series with their intervals, and response curves with a marker. They draw what they are given.
import { number, make, fill } from "./format.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const drawn = new Map();

function axis(more = {}) {
  const line = { stroke: colour("--line"), width: 0.5 };
  return { stroke: colour("--soft"), grid: line, ticks: line, font: "12px system-ui", labelFont: "12px system-ui", labelSize: 18, ...more };
}

const short = (value) => {
  const size = Math.abs(value);
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  return size >= 1e3 ? `${+(value / 1e3).toPrecision(3)}k` : String(+value.toPrecision(3));
};

const day = (stamp) => new Date(1000 * stamp).toISOString().slice(0, 10);

const shortly = (_, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick)));

function place(element, options, data) {
  drawn.get(element)?.destroy();
  fill(element);
  const size = { width: Math.max(element.clientWidth, 180), height: options.height };
  drawn.set(element, new uPlot({ ...options, ...size, cursor: { show: false }, legend: { show: false } }, data, element));
}

const seconds = (date) => Date.parse(`${date}T00:00:00Z`) / 1000;

// Rows of one variable, and of another to lie beside it.
export function series(element, label, unit, rows, beside, description) {
  const x = rows.map((row) => seconds(row.date));
  const data = [x, rows.map((r) => r.upper), rows.map((r) => r.lower), rows.map((r) => r.mean), ...(beside ? [beside] : [])];
  const points = { show: x.length < 3 };
  const lines = [{}, { stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } }, { stroke: colour("--main"), width: 2, points }];
  if (beside) lines.push({ stroke: colour("--now"), width: 1.5, dash: [5, 4], points });
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", description);
  place(element, {
    height: 210,
    tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1e3), "UTC"),
    series: lines,
    bands: [{ series: [1, 2], fill: colour("--band") }],
    axes: [axis({ space: 95, size: 28, values: (_, ticks) => ticks.map(day) }), axis({ label: unit, size: 52, values: shortly })],
    scales: { x: { time: true } },
  }, data);
}

// Response of a channel to its money: median, interval, where the plan is now, and what was never seen.
// Where it is told apart, also what comes directly.
export function curve(box, name, money, rows, direct, at, seenTo) {
  let chart = box.querySelector(".chart");
  if (!chart) {
    chart = make("div", { className: "chart" });
    box.append(make("figure", {}, make("figcaption"), chart));
  }
  box.querySelector("figcaption").textContent = name;
  const seen = (i) => i < money.length && money[i] <= seenTo * (1 + 1e-9);
  const spot = (values) => interpolate(money, values, at);
  const data = [money, rows.map((r) => r.upper), rows.map((r) => r.lower), rows.map((r, i) => (seen(i + 1) ? null : r.median)), rows.map((r, i) => (seen(i) ? r.median : null))];
  if (direct) data.push(direct.map((r) => r.median));
  const here = spot(rows.map((r) => r.median));
  const alone = direct && spot(direct.map((r) => r.median));
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", `${name}: at ${number(at)} of money it brings ${number(here)}${direct ? `, directly ${number(alone)}` : ""}`);
  const mark = (u) => {
    if (here === null) return;
    const px = u.valToPos(at, "x", true);
    u.ctx.save();
    u.ctx.strokeStyle = colour("--text");
    u.ctx.setLineDash([3, 3]);
    u.ctx.beginPath();
    u.ctx.moveTo(px, u.bbox.top);
    u.ctx.lineTo(px, u.bbox.top + u.bbox.height);
    u.ctx.stroke();
    const spots = direct ? [[here, "--text"], [alone, "--good"]] : [[here, "--text"]];
    for (const [value, shade] of spots) {
      u.ctx.fillStyle = colour(shade);
      u.ctx.beginPath();
      u.ctx.arc(px, u.valToPos(value, "y", true), 5 * devicePixelRatio, 0, 2 * Math.PI);
      u.ctx.fill();
    }
    u.ctx.restore();
  };
  place(chart, {
    height: 170,
    series: [{}, { stroke: "transparent" }, { stroke: "transparent" }, { stroke: colour("--warn"), width: 1.5, dash: [4, 4] }, { stroke: colour("--main"), width: 2 }, ...(direct ? [{ stroke: colour("--good"), width: 1.5, dash: [8, 3] }] : [])].map((s) => ({ ...s, points: { show: false } })),
    bands: [{ series: [1, 2], fill: colour("--band") }],
    axes: [axis({ size: 28, values: shortly }), axis({ size: 52, values: shortly })],
    scales: { x: { time: false } },
    hooks: { draw: [mark] },
    padding: [8, 14, 0, 0],
  }, data);
}

export function interpolate(x, y, at) {
  for (let i = 1; i < x.length; i += 1) {
    if (at <= x[i] && at >= x[i - 1]) {
      const part = x[i] > x[i - 1] ? (at - x[i - 1]) / (x[i] - x[i - 1]) : 0;
      return y[i - 1] + part * (y[i] - y[i - 1]);
    }
  }
  return null;
}
