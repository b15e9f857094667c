// The whole of pocketwasm.h from Swift: a runner, plugins, calls, limits, cancelling, errors.
// README.md beside this file says how to link it.

import Foundation
import pocketwasm

/// Why something failed, and what it had cost until then.
struct PluginError: Error, CustomStringConvertible {
    let kind: pw_kind
    let description: String
    let exitCode: Int32
    let fuelUsed: UInt64

    /// Takes the error over: nobody else frees it.
    init(_ error: OpaquePointer?) {
        kind = pw_error_kind(error)
        description = String(cString: pw_error_message(error))
        exitCode = pw_error_exit_code(error)
        fuelUsed = pw_outcome_fuel_used(pw_error_outcome(error))
        pw_error_free(error)
    }
}

/// What a call returned, what it wrote and what it cost.
struct Outcome {
    let results: [UInt64]
    let bytes: Data
    let stdout: Data
    let stderr: Data
    let outputTruncated: Bool
    let fuelUsed: UInt64
    let peakMemoryPages: UInt32

    /// Takes the outcome over.
    init(_ outcome: OpaquePointer) {
        var length = 0
        let numbers = pw_outcome_results(outcome, &length)
        results = Array(UnsafeBufferPointer(start: numbers, count: length))
        bytes = Self.copy(pw_outcome_bytes, outcome)
        stdout = Self.copy(pw_outcome_stdout, outcome)
        stderr = Self.copy(pw_outcome_stderr, outcome)
        outputTruncated = pw_outcome_output_truncated(outcome)
        fuelUsed = pw_outcome_fuel_used(outcome)
        peakMemoryPages = pw_outcome_peak_memory_pages(outcome)
        pw_outcome_free(outcome)
    }

    private static func copy(
        _ lend: (OpaquePointer?, UnsafeMutablePointer<Int>?) -> UnsafePointer<UInt8>?,
        _ outcome: OpaquePointer
    ) -> Data {
        var length = 0
        let bytes = lend(outcome, &length)
        return Data(UnsafeBufferPointer(start: bytes, count: length))
    }
}

/// Ends calls from any thread.
final class Cancellation: @unchecked Sendable {
    fileprivate let token = pw_cancel_new()

    func cancel() {
        pw_cancel_now(token)
    }

    deinit {
        pw_cancel_free(token)
    }
}

/// Plugins under limits. Any number of threads may use it at once.
final class Plugins: @unchecked Sendable {
    private let runner: OpaquePointer

    init(maxMemoryPages: UInt64 = 256, timeoutMs: UInt64 = 1_000) throws {
        let config = pw_config_new()
        defer { pw_config_free(config) }
        pw_config_set(config, PW_SETTING_MAX_MEMORY_PAGES.rawValue, maxMemoryPages)
        pw_config_set(config, PW_SETTING_TIMEOUT_MS.rawValue, timeoutMs)
        var error: OpaquePointer?
        guard let runner = pw_runner_new(config, &error) else { throw PluginError(error) }
        self.runner = runner
    }

    deinit {
        pw_runner_free(runner)
    }

    func load(_ name: String, _ module: Data) throws {
        let bytes = [UInt8](module)
        var error: OpaquePointer?
        guard pw_runner_load(runner, name, bytes, bytes.count, &error) else {
            throw PluginError(error)
        }
    }

    /// Calls an export with numbers: bit patterns, 32-bit ones in the low half.
    func run(_ plugin: String, _ export: String, _ params: [UInt64]) throws -> Outcome {
        var error: OpaquePointer?
        let outcome = pw_runner_run(runner, plugin, export, params, params.count, nil, &error)
        guard let outcome else { throw PluginError(error) }
        return Outcome(outcome)
    }

    /// Calls an export with bytes, under a fuel limit and with a way to end it.
    func run(
        _ plugin: String, _ export: String, input: Data,
        fuel: UInt64 = 50_000_000, cancellation: Cancellation? = nil
    ) throws -> Outcome {
        let options = pw_options_new()
        defer { pw_options_free(options) }
        pw_options_fuel(options, fuel)
        pw_options_cancel(options, cancellation?.token)
        let bytes = [UInt8](input)
        var error: OpaquePointer?
        let outcome = pw_runner_run_bytes(
            runner, plugin, export, bytes, bytes.count, options, &error)
        guard let outcome else { throw PluginError(error) }
        return Outcome(outcome)
    }

    /// The same off the caller's thread, ended when the task is cancelled.
    func greet(_ name: String) async throws -> String {
        let cancellation = Cancellation()
        return try await withTaskCancellationHandler {
            try await Task.detached {
                let outcome = try self.run(
                    "greet", "greet", input: Data(name.utf8), cancellation: cancellation)
                return String(decoding: outcome.bytes, as: UTF8.self)
            }.value
        } onCancel: {
            cancellation.cancel()
        }
    }
}

/// Greets by the plugin `greet.wasm` in the app's bundle.
func example() async {
    do {
        let plugins = try Plugins()
        guard let url = Bundle.main.url(forResource: "greet", withExtension: "wasm") else { return }
        try plugins.load("greet", Data(contentsOf: url))
        print(try await plugins.greet("World"))
    } catch let error as PluginError where error.kind == PW_KIND_OUT_OF_FUEL {
        print("too slow: \(error) (\(error.fuelUsed) units)")
    } catch {
        print("\(error)")
    }
}
