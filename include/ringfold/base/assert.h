// Assertions for what cannot happen. RINGFOLD_ASSERT stays on in release builds (use it where the
// check is O(1)); RINGFOLD_DEBUG_ASSERT is only in builds without NDEBUG and with sanitizers.
// An operating error (a peer, the kernel, a user) is never an assertion: it is a value.
#pragma once

namespace ringfold {

[[noreturn]] void assert_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace ringfold

#define RINGFOLD_ASSERT(expression)                   \
  (__builtin_expect(static_cast<bool>(expression), 1) \
       ? static_cast<void>(0)                         \
       : ::ringfold::assert_failed(#expression, __FILE__, __LINE__))

#if defined(RINGFOLD_DEBUG)
#define RINGFOLD_DEBUG_ASSERT(expression) RINGFOLD_ASSERT(expression)
#else
#define RINGFOLD_DEBUG_ASSERT(expression) static_cast<void>(0)
#endif
