//! {"payload":"text"} → {"reversed":"txet"}, by Unicode scalar.
//!
//! The types are action.h's, written by hand: Zig no longer translates C headers by itself.
const std = @import("std");

const Str = extern struct {
    ptr: ?[*]const u8,
    len: usize,
};

/// The fields of a context are read only as far as `size` reaches; this action needs none of them.
const Context = extern struct {
    size: usize,
    deadline_ms: i64,
};

const Status = enum(i32) { ok = 0, @"error" = 1, panic = 2 };

const Result = extern struct {
    status: Status,
    ptr: [*]const u8,
    len: usize,
    release: ?*const fn (?*anyopaque) callconv(.c) void,
    owner: ?*anyopaque,

    fn fixed(status: Status, text: []const u8) Result {
        return .{ .status = status, .ptr = text.ptr, .len = text.len, .release = null, .owner = null };
    }
};

const Params = struct { payload: []const u8 };

export fn action_abi_version() u32 {
    return 1;
}

export fn invoke(params: Str, context: ?*const Context) Result {
    _ = context;
    const given = if (params.ptr) |text| text[0..params.len] else "{}";
    return reverse(given) catch |failure| switch (failure) {
        error.MissingField => .fixed(.@"error", "\"Invalid parameters: missing field `payload`\""),
        error.OutOfMemory => .fixed(.panic, "\"out of memory\""),
        else => .fixed(.@"error", "\"Invalid parameters: not an object with a string `payload`\""),
    };
}

fn reverse(json: []const u8) !Result {
    var arena: std.heap.ArenaAllocator = .init(std.heap.c_allocator);
    defer arena.deinit();
    const params = try std.json.parseFromSliceLeaky(Params, arena.allocator(), json, .{
        .ignore_unknown_fields = true,
        .duplicate_field_behavior = .use_last,
    });

    const reversed = try arena.allocator().alloc(u8, params.payload.len);
    var scalars: std.unicode.Utf8Iterator = .{ .bytes = params.payload, .i = 0 };
    var end = reversed.len;
    while (scalars.nextCodepointSlice()) |scalar| {
        end -= scalar.len;
        @memcpy(reversed[end..][0..scalar.len], scalar);
    }

    const text = try std.json.Stringify.valueAlloc(std.heap.c_allocator, .{ .reversed = reversed }, .{});
    return .{ .status = .ok, .ptr = text.ptr, .len = text.len, .release = std.c.free, .owner = text.ptr };
}
