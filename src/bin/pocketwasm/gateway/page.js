"use strict";

const byId = (id) => document.getElementById(id);
let plugins = [];

function element(name, text) {
  const made = document.createElement(name);
  // Names come from modules: text, never markup.
  made.textContent = text;
  return made;
}

const signature = ({ params, results }) => `(${params.join(", ")}) -> (${results.join(", ")})`;
const selected = () => plugins.find(({ name }) => name === byId("plugin").value);
const exported = () => selected()?.exports.find(({ name }) => name === byId("func").value);

// Whether the form passes bytes. If the export takes either kind, the user chooses.
function takesBytes() {
  const takes = exported()?.takes ?? [];
  return takes.length > 1 ? byId("kind").value === "bytes" : takes[0] === "bytes";
}

function showExports() {
  const exports = selected()?.exports ?? [];
  byId("func").replaceChildren(...exports.map(({ name }) => element("option", name)));
  const preferred = exports.find(({ name }) => name === "greet");
  if (preferred) byId("func").value = preferred.name;
  showKinds();
}

// Shows what the chosen export takes, the likelier kind first.
function showKinds() {
  const takes = exported()?.takes ?? [];
  byId("kind").value = takes[0] ?? "numbers";
  byId("kind-label").hidden = takes.length < 2;
  showInput();
}

function showInput() {
  const bytes = takesBytes();
  const takesNothing = !bytes && exported()?.params.length === 0;
  byId("input-label").textContent = bytes ? "Input" : "Numbers, separated by commas";
  byId("input").disabled = takesNothing;
  byId("run").querySelector("button").disabled = (exported()?.takes ?? []).length === 0;
  byId("hint").textContent = exported() ? `${exported().name}${signature(exported())}` : "";
}

function showPlugins() {
  byId("plugin").replaceChildren(...plugins.map(({ name }) => element("option", name)));
  byId("none").textContent = "No plugin is loaded.";
  byId("none").hidden = plugins.length > 0;
  byId("plugins").replaceChildren(...plugins.map((plugin) => {
    const item = element("li", "");
    const exports = element("p", "");
    plugin.exports.forEach((one, position) => {
      if (position > 0) exports.append(", ");
      exports.append(element("code", `${one.name}${signature(one)}`));
    });
    item.append(
      element("h3", plugin.name),
      element("p", `${plugin.convention ?? "numbers only"}, ${plugin.size.toLocaleString()} bytes, ` +
        `${plugin.memory_pages} pages`),
      exports,
      element("p", `SHA-256 ${plugin.sha256}`),
    );
    return item;
  }));
  showExports();
}

async function run(event) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  const query = new URLSearchParams({ func: byId("func").value });
  const input = byId("input").value;
  const bytes = takesBytes();
  if (!bytes) query.set("params", exported()?.params.length ? input : "");
  if (byId("fuel").value) query.set("fuel", byId("fuel").value);
  const path = byId("plugin").value.split("/").map(encodeURIComponent).join("/");
  const result = byId("result");
  try {
    const answer = await fetch(`/execute/${path}?${query}`, {
      method: "POST",
      body: bytes ? input : "",
    });
    const header = (name) => answer.headers.get(name) ?? "–";
    byId("verdict").textContent = answer.ok ? "Done" : `Failed with status ${answer.status}`;
    byId("output").textContent = await answer.text();
    byId("fuel-used").textContent = header("x-pocketwasm-fuel-used");
    byId("pages").textContent = `${header("x-pocketwasm-memory-pages")} pages`;
    byId("time").textContent = header("server-timing").replace("call;dur=", "") + " ms";
    byId("request").textContent = header("x-request-id");
    result.classList.toggle("failed", !answer.ok);
  } catch (error) {
    byId("verdict").textContent = "The gateway did not answer";
    byId("output").textContent = String(error);
    result.classList.add("failed");
  }
  result.hidden = false;
  button.disabled = false;
}

byId("plugin").addEventListener("change", showExports);
byId("func").addEventListener("change", showKinds);
byId("kind").addEventListener("change", showInput);
byId("run").addEventListener("submit", run);
fetch("/plugins").then((answer) => answer.json()).then((answer) => {
  plugins = answer.plugins;
  showPlugins();
}).catch((error) => { byId("none").textContent = `The list did not come: ${error}`; });
