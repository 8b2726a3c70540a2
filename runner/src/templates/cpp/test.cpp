#undef NDEBUG
#include "action.cpp"

#include <cassert>

int main() {
    assert(receive("{\"name\":\"world\"}") == "{\"received\":{\"name\":\"world\"}}");

    const action_result refused = invoke({"[]", 2}, nullptr);
    assert(refused.status == ACTION_ERROR);
    refused.release(refused.owner);
}
