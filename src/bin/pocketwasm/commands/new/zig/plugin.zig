//! A plugin. Every `export fn` can be called by the host.

const std = @import("std");
const host = @import("host.zig");

export fn greet(length: usize) u32 {
    return host.answer(length, greeting);
}

export fn order(length: usize) u32 {
    return host.answer(length, receipt);
}

/// Text in, text out.
fn greeting(allocator: std.mem.Allocator, name: []const u8) ![]const u8 {
    return std.mem.concat(allocator, u8, &.{ "Hello, ", name });
}

const Order = struct { price: u64, count: i64 };

/// JSON in, JSON out. The host gets an error with its message.
fn receipt(allocator: std.mem.Allocator, json: []const u8) ![]const u8 {
    const parsed = std.json.parseFromSliceLeaky(Order, allocator, json, .{}) catch
        return host.fail("an order is a price and a count, in whole numbers");
    if (parsed.count <= 0) return host.fail("the count must be positive");
    const total = std.math.mul(u64, parsed.price, @intCast(parsed.count)) catch
        return host.fail("the total is too large");
    return std.json.Stringify.valueAlloc(allocator, .{ .total = total }, .{});
}
