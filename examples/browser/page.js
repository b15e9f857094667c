// The page: a plugin is dropped, its exports are listed, one of them is called.

import { PocketWasm } from "./pocketwasm.js";

const at = (id) => document.getElementById(id);
const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());

export const runner = await PocketWasm.create(await bytes("pocketwasm_wasm.wasm"));
let functions = [];

export function load(name, plugin) {
  at("answer").hidden = true;
  try {
    const described = runner.load(plugin);
    functions = described.functions;
    at("plugin").className = "";
    at("plugin").textContent =
      `${name}: ${described.size} bytes, ${described.memory_pages} pages, ` +
      `convention ${described.convention ?? "none"}`;
    at("export").replaceChildren(
      ...functions.map(({ name, signature }) => new Option(`${name} ${signature}`, name)),
    );
    if (functions.some(({ name }) => name === "greet")) at("export").value = "greet";
    at("form").hidden = functions.length === 0;
    choose(described.convention);
  } catch (error) {
    at("form").hidden = true;
    at("plugin").className = "error";
    at("plugin").textContent = error.message;
  }
}

// Text for an export of the convention's type, numbers for any other.
const takesText = () => {
  const chosen = functions.find(({ name }) => name === at("export").value);
  return `${chosen?.params}` === "i32,i32" && `${chosen?.results}` === "i64";
};

function choose() {
  at("passed").firstChild.textContent = takesText() ? "Input " : "Params, separated by spaces ";
}

export function call() {
  const text = at("input").value;
  const request = { export: at("export").value, fuel: Number(at("fuel").value) };
  if (takesText()) request.input = text;
  else request.params = text.split(/\s+/).filter(Boolean);
  const begun = performance.now();
  let answer;
  try {
    answer = runner.call(request);
    at("output").className = "";
    at("output").textContent = takesText() ? answer.output : answer.results.join("\n");
  } catch (error) {
    answer = error.outcome ?? {};
    at("output").className = "error";
    at("output").textContent = error.message;
  }
  at("answer").hidden = false;
  at("fuel-used").textContent = answer.fuel_used ?? "none";
  at("pages").textContent = answer.peak_memory_pages ?? "none";
  at("time").textContent = `${(performance.now() - begun).toFixed(2)} ms`;
  at("stdout").textContent = answer.stdout ?? "";
  at("stderr").textContent = answer.stderr ?? "";
}

const take = async (file) => file && load(file.name, new Uint8Array(await file.arrayBuffer()));
at("file").addEventListener("change", () => take(at("file").files[0]));
at("export").addEventListener("change", choose);
at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  call();
});
const drop = at("drop");
drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  take(event.dataTransfer.files[0]);
});
