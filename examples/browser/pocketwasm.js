// The runner in a JavaScript engine: a small wrapper around pocketwasm_wasm.wasm, which imports
// nothing and speaks the packed-pointer convention.

export class PocketWasm {
  #exports;

  /** Takes the bytes of pocketwasm_wasm.wasm. */
  static async create(bytes) {
    const { instance } = await WebAssembly.instantiate(bytes, {});
    const runner = new PocketWasm();
    runner.#exports = instance.exports;
    return runner;
  }

  /** Loads a plugin in place of the last one, and describes it. Throws a PocketWasmError. */
  load(bytes) {
    return checked(this.#json("load", bytes));
  }

  /**
   * Calls an export of the plugin in a fresh instance: `params` (numbers, or strings for 64-bit
   * ones) or `input` (text), and `fuel` as the limit. Gives `results` or `output`, `fuel_used`,
   * `peak_memory_pages`, `stdout`, `stderr`, `output_truncated`. Throws a PocketWasmError.
   */
  call({ export: name = "greet", params, input, fuel }) {
    const request = JSON.stringify({ export: name, params, input, fuel });
    return checked(this.#json("call", new TextEncoder().encode(request)));
  }

  /** The lines of the table of cases, where the module was built with it. */
  table() {
    return this.#text("table", new Uint8Array()).trimEnd().split("\n");
  }

  #json(name, bytes) {
    return JSON.parse(this.#text(name, bytes));
  }

  #text(name, bytes) {
    const { memory, allocate, deallocate } = this.#exports;
    const pointer = allocate(bytes.length) >>> 0;
    new Uint8Array(memory.buffer, pointer, bytes.length).set(bytes);
    const packed = BigInt.asUintN(64, this.#exports[name](pointer, bytes.length));
    deallocate(pointer, bytes.length);
    const [at, length] = [Number(packed >> 32n), Number(packed & 0xffffffffn)];
    const text = new TextDecoder().decode(new Uint8Array(memory.buffer, at, length));
    deallocate(at, length);
    return text;
  }
}

/** What a plugin could not do: `kind`, `message`, and the call's `outcome` if it had begun. */
export class PocketWasmError extends Error {
  constructor({ error, ...outcome }) {
    super(error.message);
    this.kind = error.kind;
    this.outcome = outcome;
  }
}

function checked(answer) {
  if (answer.error) throw new PocketWasmError(answer);
  return answer;
}
