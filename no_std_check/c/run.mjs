// Runs the program in a JavaScript engine: node run.mjs MODULE. Its exit code is the program's.
import { readFile } from "node:fs/promises";

let memory;
const env = {
  print: (text, length) => process.stdout.write(new Uint8Array(memory.buffer, text, length)),
  stop: (code) => process.exit(code),
};
const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]), { env });
memory = instance.exports.memory;
process.exitCode = instance.exports.start();
