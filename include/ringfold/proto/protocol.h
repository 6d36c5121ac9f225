// What every wire protocol gives the core: frames of offsets, never of pointers, and three
// outcomes. Parsers are pure functions: all progress is in the frame, so an incomplete one is its
// own resume point and no byte is looked at twice.
#pragma once

#include "ringfold/base/ints.h"

namespace ringfold {

enum class ParseStatus : u8 { complete, incomplete, invalid };

// One argument of a request: where its bytes stand, counted from the start of the request.
struct Argument {
  u32 offset = 0;
  u32 length = 0;
};

struct RequestFrame {
  static constexpr u32 kInlineArguments = 4;

  u64 offset = 0;          // bytes scanned so far; when complete, the size of the request
  u64 need = 0;            // when incomplete: the request has at least so many bytes (0: not known)
  u32 argument_count = 0;  // announced by the request
  u32 arguments_seen = 0;  // parsed completely
  u32 line_length = 0;     // memcached: bytes of the command line, its line end included
  const char* error =
      nullptr;  // when invalid: the protocol's words for it, without prefix; static storage
  Argument arguments[kInlineArguments] = {};  // the first of them; a cursor walks the others
};

}  // namespace ringfold
