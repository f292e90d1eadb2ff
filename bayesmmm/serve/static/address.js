// A plan as an address, and plans that are kept in this browser.

export function toAddress(plan, view) {
  const said = new URLSearchParams({ fit: plan.fit.id, periods: String(plan.dates.length), start: plan.start, stop: plan.stop });
  for (const name of plan.changed) said.append("amount", JSON.stringify([name, plan.amounts[name]]));
  for (const name of plan.locked) said.append("lock", name);
  for (const [name, group] of Object.entries(plan.groups)) if (group) said.append("group", JSON.stringify([name, group]));
  for (const [name, values] of Object.entries(plan.edits)) for (const [date, value] of Object.entries(values)) said.append("expect", JSON.stringify([name, `${date} ${value}`]));
  if (plan.hold) said.set("hold", "1");
  for (const [name, value] of Object.entries(view)) if (value) said.set(name, value);
  return `#${said}`;
}

const pairs = (texts) => texts.flatMap((text) => {
  try {
    const pair = JSON.parse(text);
    return Array.isArray(pair) && pair.length === 2 ? [pair] : [];
  } catch {
    return [];
  }
});

export function fromAddress(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  return {
    fit: said.get("fit"),
    periods: Number(said.get("periods")) || null,
    start: said.get("start"),
    stop: said.get("stop"),
    amounts: Object.fromEntries(pairs(said.getAll("amount")).filter(([, value]) => Number.isFinite(value) && value >= 0)),
    locks: said.getAll("lock"),
    groups: Object.fromEntries(pairs(said.getAll("group"))),
    expects: pairs(said.getAll("expect")).map(([name, text]) => [name, ...String(text).split(" ")]).filter((each) => each.length === 3 && Number.isFinite(Number(each[2]))),
    hold: said.get("hold") === "1",
    freq: said.get("freq"),
    ci: said.get("ci"),
    margin: said.get("margin"),
  };
}

const KEY = "bayesmmm scenarios";

export function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) || [];
  } catch {
    return [];
  }
}

export const keep = (scenarios) => localStorage.setItem(KEY, JSON.stringify(scenarios));
