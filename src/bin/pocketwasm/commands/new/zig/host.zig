//! What a plugin in Zig needs to be called with bytes: Typst's minimal protocol.
//!
//! An exported function gets the length of its input, asks the host for the bytes, sends one result,
//! and returns 0, or 1 where what it sent is an error's message.

const std = @import("std");

extern "typst_env" fn wasm_minimal_protocol_write_args_to_buffer(to: [*]u8) void;
extern "typst_env" fn wasm_minimal_protocol_send_result_to_host(bytes: [*]const u8, length: usize) void;

/// A function of the plugin. What it allocates is freed when its result has been sent.
pub const Function = fn (allocator: std.mem.Allocator, input: []const u8) anyerror![]const u8;

/// The message of the error that is being returned.
var message: ?[]const u8 = null;

/// The error to return where the host shall get a message.
pub fn fail(text: []const u8) error{Reported} {
    message = text;
    return error.Reported;
}

/// Sends what `function` makes of the input: the result, the message, or the name of the error.
pub fn answer(length: usize, comptime function: Function) u32 {
    var arena = std.heap.ArenaAllocator.init(std.heap.wasm_allocator);
    defer arena.deinit();
    message = null;
    const result = call(arena.allocator(), length, function) catch |err| {
        send(message orelse @errorName(err));
        return 1;
    };
    send(result);
    return 0;
}

fn call(allocator: std.mem.Allocator, length: usize, comptime function: Function) anyerror![]const u8 {
    const input = try allocator.alloc(u8, length);
    // An empty slice may have no address in memory.
    if (length > 0) wasm_minimal_protocol_write_args_to_buffer(input.ptr);
    return function(allocator, input);
}

fn send(bytes: []const u8) void {
    wasm_minimal_protocol_send_result_to_host(bytes.ptr, bytes.len);
}
