// The hidden test knob: RINGFOLD_TEST_RING in the environment makes the rings of the real program
// tiny, or takes features from them, so that tests meet there what a kernel does to a busy program
// only now and then. What it may say stands in tests/README.md. Nothing for operation: whoever sets
// it is warned in the log.
#pragma once

#include <string_view>

#include "app/io_choice.h"
#include "ringfold/base/error.h"

namespace ringfold {

inline constexpr const char* kTestRingVariable = "RINGFOLD_TEST_RING";

// Changes choice as the variable's value says: "sq=4,cq=8,buffers=8,buffer_bytes=256". Fails, with
// choice in any state, where the value is not understood: what is wrong, and what would be right.
[[nodiscard]] Expected<void> apply_test_ring(std::string_view value, IoChoice& choice);

}  // namespace ringfold
