// Uses examples/ios/Plugins.swift like an app: main FIXTURES. Prints every check that fails; the
// exit code is the result.

import Foundation
import pocketwasm

var checks = 0
var failures = 0

@MainActor
func check<Value: Equatable>(_ actual: Value, _ expected: Value, line: Int = #line) {
    checks += 1
    if actual != expected {
        failures += 1
        print("main.swift:\(line): \(actual) is not \(expected)")
    }
}

@MainActor
func fails(
    _ kind: pw_kind, _ message: String, line: Int = #line, _ body: @MainActor () async throws -> Void
) async {
    do {
        try await body()
        check("no error", message, line: line)
    } catch let error as PluginError {
        check(error.kind, kind, line: line)
        check(error.description, message, line: line)
    } catch {
        check("\(error)", message, line: line)
    }
}

func read(_ guest: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(CommandLine.arguments[1])/\(guest).wasm"))
}

let plugins = try Plugins(timeoutMs: 60_000)
try plugins.load("add", read("add"))
try plugins.load("greet", read("rust-greet"))

let added = try plugins.run("add", "add", [10, UInt64(bitPattern: -3)])
check(added.results, [7])
check(added.fuelUsed, 4)
check(added.peakMemoryPages, 0)

let greeting = try plugins.run("greet", "greet", input: Data("World".utf8))
check(String(decoding: greeting.bytes, as: UTF8.self), "Hello, World")
check(greeting.peakMemoryPages, 18)
check(greeting.outputTruncated, false)
check(greeting.stdout.count + greeting.stderr.count, 0)
check(try await plugins.greet("Wörld"), "Hello, Wörld")

await fails(
    PW_KIND_INVALID_CONFIG,
    "invalid config: `max_memory_pages` is 65537; it must be from 0 to 65536"
) { _ = try Plugins(maxMemoryPages: 65_537) }
await fails(
    PW_KIND_INVALID_MODULE,
    #"plugin "none", load: not a module this engine can run: the file is empty"#
) { try plugins.load("none", Data()) }
await fails(PW_KIND_NOT_FOUND, #"no plugin "none"; loaded are: add, greet"#) {
    _ = try plugins.run("none", "add", [])
}

let greet = #"plugin "greet", export "greet", allocate"#
await fails(PW_KIND_OUT_OF_FUEL, "\(greet): out of fuel: all 1 units of the limit `fuel` are used") {
    _ = try plugins.run("greet", "greet", input: Data(), fuel: 1)
}
let cancellation = Cancellation()
cancellation.cancel()
await fails(PW_KIND_CANCELLED, "\(greet): cancelled") {
    _ = try plugins.run("greet", "greet", input: Data(), cancellation: cancellation)
}
// A task that is cancelled before it calls.
await fails(PW_KIND_CANCELLED, "\(greet): cancelled") {
    let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await plugins.greet("World")
    }
    _ = try await task.value
}

// Functions that plugins import, a kept instance, and calls that wait.
struct Refused: Error, CustomStringConvertible {
    let description = "it is closed"
}
let act = HostFunction("env", "act", "(i32) -> (i32)") { guest, params in
    switch params[0] {
    case 1:
        let word = try guest.read(16, 5)
        try guest.write(32, Data(word.reversed()))
        return [UInt64(word.count)]
    case 2: _ = try guest.read(65_535, 2)
    case 3: throw Refused()
    default: throw Later(request: params[0] * 2)
    }
    return [0]
}
let mix = HostFunction("env", "mix", "(i32, i64, f32, f64) -> (f64)") { _, params in
    [pw_from_f64(pw_to_f64(params[3]) + Double(Float(bitPattern: UInt32(params[2]))))]
}
let hosts = try Plugins(maxMemories: 2, timeoutMs: 60_000, functions: [act, mix], base: -5)
try hosts.load("host", read("c-host"))
let instance = try hosts.instantiate("host")
check(try instance.run("act", [1]).results, [5])
check(try instance.read(32, 5), Data("olleh".utf8))
check(try instance.run("count_up", []).results, [1])
check(try instance.run("count_up", []).results, [2])
check(try instance.run("mix", [0, 0, pw_from_f32(0.5), pw_from_f64(1.25)]).results, [pw_from_f64(1.75)])
await fails(
    PW_KIND_HOST, #"plugin "host", export "act": host function "env" "act": it is closed"#
) { _ = try hosts.run("host", "act", [3]) }
do {
    _ = try hosts.run("host", "act", [2])
    check(false, true)
} catch let error as PluginError {
    check(error.kind, PW_KIND_GUEST_DATA)
}
let waited = try await hosts.call("host", "act", [21], portion: 1_000) { request in
    try await Task.sleep(nanoseconds: 1_000_000)
    return [request + 1]
}
check(waited.results, [43])
// Many calls wait at once, and take no thread each.
let numbers: Range<UInt64> = 10..<110
let waiting = numbers.map { number in
    Task {
        try await hosts.call("host", "act", [number], portion: 50) { request in
            try await Task.sleep(nanoseconds: 5_000_000)
            return [request]
        }.results
    }
}
for (number, call) in zip(numbers, waiting) { check(try await call.value, [2 * number]) }
// A task that is cancelled ends a guest that never does.
let looping = Task { try await hosts.call("host", "spin", []) { _ in [] } }
try await Task.sleep(nanoseconds: 5_000_000)
looping.cancel()
switch await looping.result {
case .success: check(false, true)
case .failure(let error): check(error is CancellationError, true)
}

print("\(checks) checks, \(failures) failed")
exit(failures == 0 ? 0 : 1)
