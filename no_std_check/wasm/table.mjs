// Runs the table of cases in a JavaScript engine: node table.mjs MODULE EXPECTED
import { readFile } from "node:fs/promises";

const [modulePath, expectedPath] = process.argv.slice(2);
const module = await WebAssembly.compile(await readFile(modulePath));
const imports = WebAssembly.Module.imports(module);
if (imports.length > 0) {
  console.log("imports something:", imports);
  process.exit(1);
}
const { exports } = await WebAssembly.instantiate(module, {});
const packed = BigInt.asUintN(64, exports.table(exports.allocate(0), 0));
const text = new TextDecoder().decode(
  new Uint8Array(exports.memory.buffer, Number(packed >> 32n), Number(packed & 0xffffffffn)),
);
const lines = text.trimEnd().split("\n");
const expected = (await readFile(expectedPath, "utf8")).trimEnd().split("\n");
const different = lines.filter((line) => !expected.includes(line));
for (const line of different) console.log(`not as expected: ${line}`);
const same = lines.length - different.length;
console.log(`cases: ${same} same, ${different.length} different`);
process.exit(different.length === 0 && same === expected.length ? 0 : 1);
