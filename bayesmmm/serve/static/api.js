// Questions to the service. A newer question of a kind ends an older one that is still open.
import { find } from "./format.js";

const open = new Map();
let secret = sessionStorage.getItem("token") || "";

export class Refused extends Error {
  constructor(failure, status) {
    super(failure.message);
    Object.assign(this, { code: failure.code, field: failure.field, status });
  }
}

function askForToken() {
  const dialog = find("ask");
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      secret = find("token").value;
      sessionStorage.setItem("token", secret);
      done();
    }, { once: true });
  });
}

async function send(path, options) {
  const headers = { ...(options.body ? { "Content-Type": "application/json" } : {}), ...(secret ? { Authorization: `Bearer ${secret}` } : {}) };
  const answer = await fetch(path, { ...options, headers });
  if (answer.status === 401) {
    await askForToken();
    return send(path, options);
  }
  if (!answer.ok) throw new Refused(await answer.json(), answer.status);
  return answer;
}

export async function get(path) {
  return (await send(path, {})).json();
}

export async function remove(path) {
  return (await send(path, { method: "DELETE" })).json();
}

export async function ask(path, question, kind = path) {
  open.get(kind)?.abort();
  const control = new AbortController();
  open.set(kind, control);
  return (await send(path, { method: "POST", body: JSON.stringify(question), signal: control.signal })).json();
}

export async function file(path, question) {
  return (await send(path, { method: "POST", body: JSON.stringify(question) })).blob();
}
