// Sliders and amounts of channels, locks, groups. What the planner changes is written to the plan, then told.
import { fill, find, make, number, parse, percent, table } from "./format.js";

const MOST = 3;

function slider(value, now, most, label, onInput) {
  const top = Math.max(now * MOST, value, most, 1e-9);
  return make("input", { type: "range", min: 0, max: top, step: top / 600, value, "aria-label": label, oninput: (event) => onInput(Number(event.target.value)) });
}

const shown = (value) => value.toLocaleString("en-US", { maximumFractionDigits: value >= 1000 ? 0 : 2 });

export class Controls {
  constructor(plan, told) {
    this.plan = plan;
    this.told = told;
    this.boxes = new Map();
  }

  // Build everything anew.
  draw() {
    const { plan } = this;
    this.boxes.clear();
    const groups = Object.entries(plan.members()).filter(([, names]) => names.length > 1);
    const mean = plan.total / Math.max(plan.channels.length, 1);
    const parts = groups.map(([name, members]) => this.line(`group ${name}`, name, "money", {
      group: true,
      value: () => members.reduce((sum, each) => sum + plan.amounts[each], 0),
      now: () => members.reduce((sum, each) => sum + plan.now(each), 0),
      set: (amount) => plan.setGroup(members, amount),
      most: mean,
    }));
    for (const name of plan.names) {
      parts.push(this.line(name, name, plan.unit[name], {
        value: () => plan.amounts[name],
        now: () => plan.now(name),
        set: (amount) => plan.set(name, amount),
        lock: plan.channels.includes(name),
        most: plan.channels.includes(name) ? mean : 0,
      }));
    }
    fill(find("channels"), ...parts);
    fill(find("groups"), ...plan.channels.map((name) => make("label", {}, `${name} `, make("input", {
      type: "text", value: plan.groups[name] || "", maxLength: 40, "aria-label": `Group of ${name}`,
      onchange: (event) => { plan.groups[name] = event.target.value.trim(); this.draw(); this.told(); },
    }), make("br"))));
    this.expectations();
    find("hold").checked = plan.hold;
    this.refresh();
  }

  // Controls and events by period: a number for each, and one above for all of them.
  expectations() {
    const { plan } = this;
    find("expecting").hidden = !plan.conditions.length;
    const box = (name, when, value, dates) => make("input", {
      type: "number", step: "any", value, "aria-label": `${name}, ${when}`,
      onchange: (event) => {
        const given = Number(event.target.value);
        if (event.target.value.trim() === "" || !Number.isFinite(given)) return this.expectations();
        for (const date of dates) plan.expect(name, date, given);
        this.expectations();
        return this.told();
      },
    });
    const short = (value) => Number(value.toPrecision(6));
    const all = plan.conditions.map((name) => {
      const values = new Set(plan.dates.map((date) => short(plan.expected(name, date))));
      return box(name, "all periods", values.size === 1 ? [...values][0] : "", plan.dates);
    });
    table(find("conditions"), ["", ...plan.conditions.map((name) => [name, name in plan.events ? "days" : plan.unit[name]].filter(Boolean).join(", "))], [
      ["all", ...all],
      ...plan.dates.map((date) => [date, ...plan.conditions.map((name) => box(name, date, short(plan.expected(name, date)), [date]))]),
    ]);
  }

  line(key, name, unit, how) {
    const { plan } = this;
    const moved = (amount) => {
      how.set(amount);
      this.refresh(key);
      this.told();
    };
    const range = slider(how.value(), how.now(), how.most, `${name}, ${unit}`, moved);
    const amount = make("input", {
      type: "text", inputMode: "decimal", className: "amount", autocomplete: "off", "aria-label": `Amount of ${name}, ${unit}`,
      onchange: (event) => {
        const value = parse(event.target.value);
        if (value === null) this.refresh();
        else moved(value);
      },
    });
    const lock = how.lock ? make("label", {}, make("input", {
      type: "checkbox", checked: plan.locked.has(name), "aria-label": `Lock ${name}`,
      onchange: (event) => { plan.locked[event.target.checked ? "add" : "delete"](name); this.told(); },
    }), " lock") : make("span");
    const than = make("span", { className: "than" });
    this.boxes.set(key, { range, amount, than, how, unit });
    const box = make("div", { className: how.group ? "channel group" : "channel" }, make("span", { className: "name" }, name), amount, lock, range, than);
    box.dataset.channel = name;
    return box;
  }

  // Bring numbers up to date; the slider that is being moved stays as it is.
  refresh(moving) {
    for (const [key, { range, amount, than, how, unit }] of this.boxes) {
      const [value, now] = [how.value(), how.now()];
      if (value > Number(range.max)) range.max = value;
      if (key !== moving) range.value = value;
      if (document.activeElement !== amount || key !== moving) amount.value = shown(value);
      range.setAttribute("aria-valuetext", `${shown(value)} ${unit}`);
      const change = now > 0 ? value / now - 1 : null;
      than.textContent = `now ${number(now)} ${unit}${change === null || Math.abs(change) < 5e-4 ? "" : `, ${change > 0 ? "+" : "−"}${percent(Math.abs(change))}`}`;
    }
    find("total").value = shown(this.plan.total);
  }
}
