//! What group A of the conformance cases asks for, one entry point each, on action.h's types.
const std = @import("std");
const allocator = std.heap.c_allocator;

const Str = extern struct {
    ptr: ?[*]const u8,
    len: usize,

    fn text(self: Str) []const u8 {
        return if (self.ptr) |bytes| bytes[0..self.len] else "";
    }
};

const Context = extern struct { size: usize, deadline_ms: i64, activation_id: Str };

const Status = enum(i32) { ok = 0, @"error" = 1, panic = 2 };

const Result = extern struct {
    status: Status,
    ptr: [*]const u8,
    len: usize,
    release: ?*const fn (?*anyopaque) callconv(.c) void = null,
    owner: ?*anyopaque = null,
};

fn owned(status: Status, made: error{OutOfMemory}![]u8) Result {
    const text = made catch return fixed(.panic, "out of memory");
    return .{ .status = status, .ptr = text.ptr, .len = text.len, .release = std.c.free, .owner = text.ptr };
}

fn fixed(status: Status, text: []const u8) Result {
    return .{ .status = status, .ptr = text.ptr, .len = text.len };
}

fn variable(name: [*:0]const u8) []const u8 {
    return if (std.c.getenv(name)) |value| std.mem.span(value) else "(not set)";
}

/// Found in the environment before the first run.
var seen: Result = undefined;

export fn action_abi_version() u32 {
    return 1;
}

export fn action_init(_: ?*const Context) Result {
    seen = owned(.ok, std.json.Stringify.valueAlloc(allocator, .{
        .SOME_VAR = variable("SOME_VAR"),
        .ANOTHER_VAR = variable("ANOTHER_VAR"),
    }, .{}));
    seen.release = null;
    return fixed(.ok, "");
}

export fn invoke(params: Str, _: ?*const Context) Result {
    const out = "hello stdout\n";
    const err = "hello stderr\n";
    _ = std.c.write(1, out, out.len);
    _ = std.c.write(2, err, err.len);
    return owned(.ok, allocator.dupe(u8, params.text()));
}

export fn niam(params: Str, _: ?*const Context) Result {
    return owned(.ok, allocator.dupe(u8, params.text()));
}

export fn unicode(params: Str, _: ?*const Context) Result {
    const Params = struct { delimiter: []const u8 };
    const given = std.json.parseFromSlice(Params, allocator, params.text(), .{}) catch
        return fixed(.@"error", "no delimiter");
    defer given.deinit();
    const winter = std.mem.concat(allocator, u8, &.{ given.value.delimiter, " ☃ ", given.value.delimiter, "\n" }) catch
        return fixed(.panic, "out of memory");
    defer allocator.free(winter);
    _ = std.c.write(1, winter.ptr, winter.len);
    return owned(.ok, std.json.Stringify.valueAlloc(allocator, .{ .winter = winter[0 .. winter.len - 1] }, .{}));
}

export fn variables(_: Str, _: ?*const Context) Result {
    return owned(.ok, std.json.Stringify.valueAlloc(allocator, .{
        .__OW_API_KEY = variable("__OW_API_KEY"),
        .__OW_NAMESPACE = variable("__OW_NAMESPACE"),
        .__OW_ACTION_NAME = variable("__OW_ACTION_NAME"),
        .__OW_ACTION_VERSION = variable("__OW_ACTION_VERSION"),
        .__OW_ACTIVATION_ID = variable("__OW_ACTIVATION_ID"),
        .__OW_DEADLINE = variable("__OW_DEADLINE"),
        .__OW_API_HOST = variable("__OW_API_HOST"),
    }, .{}));
}

export fn initialised(_: Str, _: ?*const Context) Result {
    return seen;
}

export fn scalar(_: Str, _: ?*const Context) Result {
    return fixed(.ok, "\"text\"");
}

export fn refuses(_: Str, context: ?*const Context) Result {
    const id = if (context) |given| given.activation_id.text() else "";
    return owned(.@"error", std.mem.concat(allocator, u8, &.{ "refused ", id }));
}

export fn breaks(_: Str, _: ?*const Context) Result {
    return fixed(.panic, "broken as asked");
}
