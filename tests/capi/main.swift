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

let sum = try plugins.run("add", "add", [10, UInt64(bitPattern: -3)])
check(sum.results, [7])
check(sum.fuelUsed, 4)
check(sum.peakMemoryPages, 0)

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

print("\(checks) checks, \(failures) failed")
exit(failures == 0 ? 0 : 1)
