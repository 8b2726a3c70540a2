//! {"name": "world"} → {"greeting": "Hello, world!"}
const std = @import("std");

const Params = struct { name: []const u8 = "stranger" };

/// The result, allocated with `allocator`, as JSON text.
fn greet(allocator: std.mem.Allocator, json: []const u8) ![]u8 {
    const params = try std.json.parseFromSlice(Params, allocator, json, .{ .ignore_unknown_fields = true });
    defer params.deinit();
    const greeting = try std.mem.concat(allocator, u8, &.{ "Hello, ", params.value.name, "!" });
    defer allocator.free(greeting);
    return std.json.Stringify.valueAlloc(allocator, .{ .greeting = greeting }, .{});
}

test greet {
    const answer = try greet(std.testing.allocator, "{\"name\":\"world\"}");
    defer std.testing.allocator.free(answer);
    try std.testing.expectEqualStrings("{\"greeting\":\"Hello, world!\"}", answer);
}

// From here on: what the runner sees, as in action.h.
const Str = extern struct { ptr: ?[*]const u8, len: usize };

const Result = extern struct {
    status: enum(i32) { ok = 0, @"error" = 1, panic = 2 },
    ptr: [*]const u8,
    len: usize,
    release: ?*const fn (?*anyopaque) callconv(.c) void = null,
    owner: ?*anyopaque = null,
};

export fn action_abi_version() u32 {
    return 1;
}

export fn invoke(params: Str, context: ?*const anyopaque) Result {
    _ = context;
    const json = if (params.ptr) |text| text[0..params.len] else "{}";
    const text = greet(std.heap.c_allocator, json) catch |failure| {
        const name = @errorName(failure);
        return .{ .status = .@"error", .ptr = name.ptr, .len = name.len };
    };
    return .{ .status = .ok, .ptr = text.ptr, .len = text.len, .release = std.c.free, .owner = text.ptr };
}
