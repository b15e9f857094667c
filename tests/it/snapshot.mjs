// Runs a module that was written as a snapshot, like a host of WASI reactors, and prints the result
// of the named export. For a module with an allocator, that is the text it returns for the second
// word.
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const [path, name, input] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", returnOnExit: true });
const module = await WebAssembly.compile(readFileSync(path));
const { exports } = await WebAssembly.instantiate(module, wasi.getImportObject());
if (exports._initialize) wasi.initialize({ exports });
if (input === undefined) {
  console.log(String(exports[name]()));
} else {
  const bytes = new TextEncoder().encode(input);
  const at = (exports.allocate ?? exports.malloc)(bytes.length);
  new Uint8Array(exports.memory.buffer).set(bytes, at);
  const packed = BigInt.asUintN(64, exports[name](at, bytes.length));
  const [pointer, length] = [Number(packed >> 32n), Number(packed & 0xffffffffn)];
  const result = new Uint8Array(exports.memory.buffer).slice(pointer, pointer + length);
  console.log(new TextDecoder().decode(result));
}
