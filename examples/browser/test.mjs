// Tries the page in headless Chromium, and runs the table of cases there:
// node test.mjs MODULE EXPECTED

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [modulePath, expectedPath] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const fixtures = join(here, "..", "..", "fixtures");
const files = {
  "/": [join(here, "index.html"), "text/html"],
  "/page.js": [join(here, "page.js"), "text/javascript"],
  "/pocketwasm.js": [join(here, "pocketwasm.js"), "text/javascript"],
  "/pocketwasm_wasm.wasm": [modulePath, "application/wasm"],
  "/rust-greet.wasm": [join(fixtures, "rust-greet.wasm"), "application/wasm"],
  "/expected.txt": [expectedPath, "text/plain"],
};

// What a person would do, done by a script beside the page's own.
const robot = `
  import { runner, load, call } from "./page.js";
  const at = (id) => document.getElementById(id);
  const answers = {};
  const plugin = new Uint8Array(await (await fetch("rust-greet.wasm")).arrayBuffer());
  const drop = new DataTransfer();
  drop.items.add(new File([plugin], "rust-greet.wasm"));
  at("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: drop, cancelable: true }));
  while (at("form").hidden) await new Promise((next) => setTimeout(next, 10));
  answers.plugin = at("plugin").textContent;
  at("form").requestSubmit();
  answers.greeting = at("output").textContent;
  answers.fuel = at("fuel-used").textContent;
  answers.pages = at("pages").textContent;
  at("fuel").value = 1000;
  call();
  answers.starved = at("output").textContent;
  at("export").value = "add";
  at("export").dispatchEvent(new Event("change"));
  at("input").value = "-2 44";
  call();
  answers.sum = at("output").textContent;
  load("broken.wasm", plugin.slice(0, 100));
  answers.broken = at("plugin").textContent;
  const expected = (await (await fetch("expected.txt")).text()).trimEnd().split("\\n");
  const lines = runner.table();
  answers.different = lines.filter((line) => !expected.includes(line));
  answers.same = lines.length - answers.different.length;
  answers.all = expected.length;
  await fetch("/answers", { method: "POST", body: JSON.stringify(answers) });
`;

const wanted = {
  plugin: /^rust-greet\.wasm: \d+ bytes, 17 pages, convention packed-pointer$/,
  greeting: /^Hello, World$/,
  fuel: /^[1-9]\d+$/,
  pages: /^18$/,
  starved: /all 1000 units of the limit `fuel` are used$/,
  sum: /^42$/,
  broken: /not a module this engine can run/,
};

function judge(answers) {
  let wrong = 0;
  for (const [name, pattern] of Object.entries(wanted)) {
    if (pattern.test(answers[name])) continue;
    wrong += 1;
    console.log(`${name}: ${answers[name]}`);
  }
  for (const line of answers.different) console.log(`not as expected: ${line}`);
  console.log(`page: ${Object.keys(wanted).length - wrong} right, ${wrong} wrong`);
  console.log(`cases: ${answers.same} same, ${answers.different.length} different`);
  return wrong === 0 && answers.same === answers.all && answers.different.length === 0;
}

const profile = await mkdtemp(join(tmpdir(), "pocketwasm-"));
let browser;
const server = createServer(async (request, response) => {
  if (request.method === "POST") {
    let body = "";
    for await (const chunk of request) body += chunk;
    response.end();
    finish(judge(JSON.parse(body)));
  } else if (request.url === "/robot.js") {
    response.setHeader("content-type", "text/javascript").end(robot);
  } else if (files[request.url]) {
    const [path, type] = files[request.url];
    let content = await readFile(path);
    if (request.url === "/") {
      content = `${content}`.replace("</body>", '<script type="module" src="robot.js"></script></body>');
    }
    response.setHeader("content-type", type).end(content);
  } else {
    response.writeHead(404).end();
  }
});

async function finish(well) {
  clearTimeout(hang);
  server.close();
  server.closeAllConnections();
  browser.kill();
  await new Promise((gone) => browser.once("exit", gone));
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  process.exit(well ? 0 : 1);
}

const hang = setTimeout(() => {
  console.log("the page gave no answer within 120 s");
  finish(false);
}, 120_000);

server.listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}/`;
  const flags = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    `--user-data-dir=${profile}`,
  ];
  browser = spawn("chromium", [...flags, url], { stdio: "ignore" });
});
