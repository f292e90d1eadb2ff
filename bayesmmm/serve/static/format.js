// Numbers and small pieces of the page. Python writes the same numbers as f"{x:,.0f}", f"{x:,.2f}" and f"{x:.1%}".

// Ties go to the even digit, as in Python.
const rounded = (value, digits) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfEven" }).replace("-", "−");

export function number(value) {
  if (value === null || value === undefined) return "–";
  return rounded(value, Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

export const percent = (share) => (share === null || share === undefined ? "–" : `${rounded(100 * share, 1)} %`);

export const interval = (row) => `${number(row.lower)} to ${number(row.upper)}`;

export function parse(text) {
  const value = Number(String(text).replace(/[\s,_]/g, ""));
  return String(text).trim() !== "" && Number.isFinite(value) && value >= 0 ? value : null;
}

// Text goes in as text: names may hold anything.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element && name !== "list" && name !== "form") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const fill = (element, ...children) => element.replaceChildren(...children);

export function table(element, head, rows) {
  const cells = (tag, values) => make("tr", {}, ...values.map((value) => (value instanceof Node ? make(tag, {}, value) : make(tag, {}, String(value)))));
  fill(element, make("thead", {}, cells("th", head)), make("tbody", {}, ...rows.map((row) => cells("td", row))));
}

export const find = (id) => document.getElementById(id);
