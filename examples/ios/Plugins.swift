// pocketwasm.h from Swift: a runner, plugins, calls, limits, cancelling, errors, functions that plugins
// import, kept instances, and calls that wait without a thread.
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
        self.init(borrowed: outcome)
        pw_outcome_free(outcome)
    }

    init(borrowed outcome: OpaquePointer) {
        var length = 0
        let numbers = pw_outcome_results(outcome, &length)
        results = Array(UnsafeBufferPointer(start: numbers, count: length))
        bytes = Self.copy(pw_outcome_bytes, outcome)
        stdout = Self.copy(pw_outcome_stdout, outcome)
        stderr = Self.copy(pw_outcome_stderr, outcome)
        outputTruncated = pw_outcome_output_truncated(outcome)
        fuelUsed = pw_outcome_fuel_used(outcome)
        peakMemoryPages = pw_outcome_peak_memory_pages(outcome)
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

/// The guest that called a function, until the function returns.
struct Guest {
    fileprivate let context: OpaquePointer?

    /// Bytes of the guest's memory.
    func read(_ pointer: UInt32, _ length: Int) throws -> Data {
        var bytes = [UInt8](repeating: 0, count: length)
        var error: OpaquePointer?
        guard pw_context_read(context, nil, pointer, &bytes, length, &error) else {
            throw PluginError(error)
        }
        return Data(bytes)
    }

    func write(_ pointer: UInt32, _ data: Data) throws {
        let bytes = [UInt8](data)
        var error: OpaquePointer?
        guard pw_context_write(context, nil, pointer, bytes, bytes.count, &error) else {
            throw PluginError(error)
        }
    }
}

/// What a function throws that has no results yet. The call gets them by its `answer` to the request.
struct Later: Error {
    let request: UInt64
}

/// A function that plugins can import. Numbers are bit patterns, 32-bit ones in the low half.
final class HostFunction: Sendable {
    let module: String
    let name: String
    /// Such as `(i32, f64) -> (i64)`.
    let signature: String
    fileprivate let params: Int
    fileprivate let body: @Sendable (Guest, [UInt64]) throws -> [UInt64]

    init(
        _ module: String, _ name: String, _ signature: String,
        body: @escaping @Sendable (Guest, [UInt64]) throws -> [UInt64]
    ) {
        self.module = module
        self.name = name
        self.signature = signature
        self.body = body
        let types = signature.components(separatedBy: "->")[0]
        params = types.split { !$0.isLetter && !$0.isNumber }.count
    }

    fileprivate func register(in config: OpaquePointer?) {
        let call: pw_host_function = { userData, context, params, results in
            let function = Unmanaged<HostFunction>.fromOpaque(userData!).takeUnretainedValue()
            let numbers = Array(UnsafeBufferPointer(start: params, count: function.params))
            do {
                let returned = try function.body(Guest(context: context), numbers)
                for (place, number) in returned.enumerated() { results![place] = number }
                return true
            } catch let later as Later {
                return pw_context_wait(context, later.request)
            } catch is PluginError {
                return false  // The library has the reason.
            } catch {
                return pw_context_fail(context, "\(error)")
            }
        }
        let free: pw_free_user_data = { Unmanaged<HostFunction>.fromOpaque($0!).release() }
        let userData = Unmanaged.passRetained(self).toOpaque()
        pw_config_function(config, module, name, signature, call, userData, free)
    }
}

/// An instance that keeps its state from call to call. One thread at a time may use it.
final class PluginInstance: @unchecked Sendable {
    private let instance: OpaquePointer

    fileprivate init(_ instance: OpaquePointer) {
        self.instance = instance
    }

    deinit {
        pw_instance_free(instance)
    }

    func run(_ export: String, _ params: [UInt64]) throws -> Outcome {
        var error: OpaquePointer?
        let outcome = pw_instance_run(instance, export, params, params.count, nil, &error)
        guard let outcome else { throw PluginError(error) }
        return Outcome(outcome)
    }

    /// Bytes of its memory, between calls.
    func read(_ pointer: UInt32, _ length: Int) throws -> Data {
        var bytes = [UInt8](repeating: 0, count: length)
        var error: OpaquePointer?
        guard pw_instance_read(instance, nil, pointer, &bytes, length, &error) else {
            throw PluginError(error)
        }
        return Data(bytes)
    }
}

/// Plugins under limits. Any number of threads may use it at once.
final class Plugins: @unchecked Sendable {
    private let runner: OpaquePointer

    init(
        maxMemoryPages: UInt64 = 256, maxMemories: UInt64 = 1, timeoutMs: UInt64 = 1_000,
        functions: [HostFunction] = [], base: Int64? = nil
    ) throws {
        let config = pw_config_new()
        defer { pw_config_free(config) }
        pw_config_set(config, PW_SETTING_MAX_MEMORIES.rawValue, maxMemories)
        for function in functions { function.register(in: config) }
        if let base { pw_config_global(config, "env", "base", "i64", UInt64(bitPattern: base)) }
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

    func instantiate(_ plugin: String) throws -> PluginInstance {
        var error: OpaquePointer?
        guard let instance = pw_runner_instantiate(runner, plugin, &error) else {
            throw PluginError(error)
        }
        return PluginInstance(instance)
    }

    /// Calls an export without holding a thread for longer than `portion` units of fuel take. While a
    /// function that threw `Later` waits for `answer`, the call takes no thread at all. A cancelled task
    /// ends it.
    func call(
        _ plugin: String, _ export: String, _ params: [UInt64], portion: UInt64 = 1_000_000,
        answer: @Sendable (UInt64) async throws -> [UInt64]
    ) async throws -> Outcome {
        var error: OpaquePointer?
        let begun = pw_runner_begin(runner, plugin, export, params, params.count, nil, &error)
        guard let call = begun else { throw PluginError(error) }
        defer { pw_call_free(call) }
        var progress = pw_call_run(call, portion, &error)
        while true {
            switch progress {
            case PW_PROGRESS_FINISHED:
                return Outcome(borrowed: pw_call_outcome(call))
            case PW_PROGRESS_PAUSED:
                await Task.yield()
                try Task.checkCancellation()
                progress = pw_call_run(call, portion, &error)
            case PW_PROGRESS_WAITING:
                let results = try await answer(pw_call_request(call))
                progress = pw_call_resume_with(call, results, results.count, portion, &error)
            default:
                throw PluginError(error)
            }
        }
    }

    /// Greets off the caller's thread, ended when the task is cancelled.
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
