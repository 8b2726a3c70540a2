#undef NDEBUG
#include "action.c"

#include <assert.h>

int main(void) {
    const char expected[] = "{\"received\":{\"name\":\"world\"}}";
    const char given[] = "{\"name\":\"world\"}";
    const action_str params = {given, sizeof given - 1};
    const action_result result = invoke(params, NULL);

    assert(action_abi_version() == ACTION_ABI_VERSION);
    assert(result.status == ACTION_OK);
    assert(result.len == sizeof expected - 1);
    assert(memcmp(result.ptr, expected, result.len) == 0);
    result.release(result.owner);
    return 0;
}
