#undef NDEBUG
#include "action.c"

#include <assert.h>

int main(void) {
    const char expected[] = "{\"received\":{\"name\":\"world\"}}";
    const action_str params = {"{\"name\":\"world\"}", 16};
    const action_result result = invoke(params, NULL);

    assert(action_abi_version() == ACTION_ABI_VERSION);
    assert(result.status == ACTION_OK);
    assert(result.len == sizeof expected - 1);
    assert(memcmp(result.ptr, expected, result.len) == 0);
    result.release(result.owner);
    return 0;
}
