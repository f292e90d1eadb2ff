// The plan: rows as they are now, and the money of every channel in the window that is changed.

export class Plan {
  constructor(fit, rows, events = {}) {
    this.fit = fit;
    this.rows = rows;
    this.events = events;
    this.edits = {};
    this.dates = [...new Set(rows.map((row) => row.date))];
    this.start = this.dates[0];
    this.stop = this.dates[this.dates.length - 1];
    this.locked = new Set();
    this.groups = {};
    this.hold = false;
    this.channels = fit.inputs.filter((input) => input.kind === "channel" && input.money).map((input) => input.name);
    this.others = fit.inputs.filter((input) => input.kind === "channel" && !input.money).map((input) => input.name);
    this.conditions = [...fit.inputs.filter((input) => input.kind === "control").map((input) => input.name), ...Object.keys(events)];
    this.unit = Object.fromEntries(fit.inputs.map((input) => [input.name, input.unit]));
    this.amounts = {};
    this.reset();
  }

  // What is expected of a control or an event in a period, over all geos.
  expected(name, date) {
    const own = this.rows.filter((row) => row.date === date).map((row) => row[name] ?? this.events[name][this.dates.indexOf(date)]);
    return own.reduce((sum, value) => sum + value, 0) / own.length;
  }

  expect(name, date, value) {
    if (name in this.events && this.rows[0][name] === undefined) {
      this.rows = this.rows.map((row) => ({ ...row, [name]: this.events[name][this.dates.indexOf(row.date)] }));
    }
    this.rows = this.rows.map((row) => (row.date === date ? { ...row, [name]: value } : row));
    (this.edits[name] ||= {})[date] = value;
  }

  get names() { return [...this.channels, ...this.others]; }

  inside(row) { return row.date >= this.start && row.date <= this.stop; }

  now(name) { return this.rows.filter((row) => this.inside(row)).reduce((sum, row) => sum + row[name], 0); }

  reset() { for (const name of this.names) this.amounts[name] = this.now(name); }

  setWindow(start, stop) {
    // Amounts keep their relation to what is spent now.
    const factor = Object.fromEntries(this.names.map((name) => [name, this.factor(name)]));
    [this.start, this.stop] = start <= stop ? [start, stop] : [stop, start];
    for (const name of this.names) this.amounts[name] = this.now(name) * (factor[name] ?? 1);
  }

  // Multiple of what is spent now; null where nothing is.
  factor(name) {
    const now = this.now(name);
    return now > 0 ? this.amounts[name] / now : null;
  }

  get total() { return this.channels.reduce((sum, name) => sum + this.amounts[name], 0); }

  set(name, amount) {
    const before = this.total;
    this.amounts[name] = amount;
    if (this.hold && this.channels.includes(name)) this.spread(before - this.total, [name]);
  }

  setTotal(total) { this.spread(total - this.total, []); }

  setGroup(members, amount) {
    const before = this.total;
    const sum = members.reduce((all, name) => all + this.amounts[name], 0);
    for (const name of members) this.amounts[name] = sum > 0 ? (this.amounts[name] * amount) / sum : amount / members.length;
    if (this.hold) this.spread(before - this.total, members);
  }

  // Divide money among channels that are not locked, in proportion to what they have; none goes below zero.
  spread(money, besides) {
    const free = this.channels.filter((name) => !besides.includes(name) && !this.locked.has(name));
    const sum = free.reduce((all, name) => all + this.amounts[name], 0);
    const weight = (name) => (sum > 0 ? this.amounts[name] / sum : 1 / free.length);
    for (const [name, share] of free.map((each) => [each, weight(each)])) this.amounts[name] = Math.max(this.amounts[name] + money * share, 0);
  }

  get changed() {
    return this.names.filter((name) => Math.abs(this.amounts[name] - this.now(name)) > 1e-9 * Math.max(1, this.now(name)));
  }

  // What /whatif is asked: factors, and even amounts for a channel that spends nothing now.
  question() {
    const scale = {};
    const set = {};
    const count = this.rows.filter((row) => this.inside(row)).length;
    for (const name of this.changed) {
      if (this.factor(name) === null) set[name] = this.amounts[name] / count;
      else scale[name] = this.factor(name);
    }
    // Where nothing is changed the plan is compared with itself.
    if (!this.changed.length) scale[this.names[0]] = 1;
    return { fit: this.fit.id, plan: this.rows, start: this.start, stop: this.stop, scale, ...(Object.keys(set).length ? { do: set } : {}) };
  }

  // The rows of the plan with the amounts in them.
  changedRows() {
    const count = this.rows.filter((row) => this.inside(row)).length;
    return this.rows.map((row) => {
      if (!this.inside(row)) return row;
      const own = {};
      for (const name of this.changed) own[name] = this.factor(name) === null ? this.amounts[name] / count : row[name] * this.factor(name);
      return { ...row, ...own };
    });
  }

  members() {
    const found = {};
    for (const [name, group] of Object.entries(this.groups)) if (group && this.channels.includes(name)) (found[group] ||= []).push(name);
    return found;
  }
}
