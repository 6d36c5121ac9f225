// The reply scanner and the cursor over a held reply. Called for every chunk a server sends; it
// only finds where replies end, and looks at no byte of a bulk string.
//
// The grammar is taken strictly: canonical numbers, a CR only before its LF, no RESP3. Servers send
// nothing else (Redis 7.0 makes blanks of CR and LF in status and error lines), so anything else
// means that the stream is not where we think it is, and a shared connection must not go on.
#include <algorithm>
#include <cstring>

#include "proto/resp_scan.h"
#include "ringfold/proto/resp.h"

namespace ringfold::resp {

namespace {

// Far above what any server sends, far below what the counters hold.
constexpr u64 kReplyNumberMax = u64{1} << 40;

constexpr u64 kWord5 = 0x000000ffffffffffu;
constexpr u64 kNullBulk = 0x000a0d312d24u;  // "$-1\r\n"
constexpr u64 kOkLine = 0x000a0d4b4f2bu;    // "+OK\r\n"

// At the start of an element: passes one that is whole and of a common form. False when the element
// needs the exact way; nothing has happened then. Requires: kFastHeaderReach bytes may be read.
inline bool pass_element(const char*& at, const char* end, u64& elements_left) {
  const u64 left = static_cast<u64>(end - at);
  FastHeader header;
  u64 size = 0;
  switch (*at) {
    case '$':
      header = fast_header<'$'>(at);
      if (header.size != 0) {
        size = u64{header.size} + header.number + 2;
        if (size > left || !is_crlf(at + size - 2)) return false;
      } else if ((load_word(at) & kWord5) == kNullBulk) {
        size = 5;
      }
      break;
    case '+':
      if ((load_word(at) & kWord5) == kOkLine) size = 5;
      break;
    case ':':
      size = fast_header<':'>(at).size;
      break;
    case '*':
      header = fast_header<'*'>(at);
      size = header.size;
      if (elements_left - 1 + header.number > kReplyNumberMax) return false;
      if (size == 0 || size > left) return false;
      elements_left += header.number;
      break;
    default:
      return false;
  }
  if (size == 0 || size > left) return false;
  --elements_left;
  at += size;
  return true;
}

ParseStatus finish_element(ReplyFrame& frame) {
  --frame.elements_left;
  frame.element = 0;
  return ParseStatus::complete;
}

// The rest of a status or error line.
ParseStatus scan_line(const char*& at, const char* end, ReplyFrame& frame) {
  if (!frame.carriage_return) {
    const std::size_t left = static_cast<std::size_t>(end - at);
    const void* const cr = left == 0 ? nullptr : std::memchr(at, '\r', left);
    if (cr == nullptr) {
      at = end;
      return ParseStatus::incomplete;
    }
    at = static_cast<const char*>(cr) + 1;
    frame.carriage_return = true;
  }
  if (at == end) return ParseStatus::incomplete;
  if (*at != '\n') return ParseStatus::invalid;
  ++at;
  return finish_element(frame);
}

// Adds a digit to the number of a header. False: no canonical number, or one out of range.
bool add_digit(char c, ReplyFrame& frame) {
  const u32 digit = static_cast<u8>(c) - u32{'0'};
  if (digit > 9) return false;
  if (frame.digits != 0 && frame.number == 0) return false;  // leading zero
  if (frame.digits == 0 && digit == 0 && frame.negative) return false;
  if (frame.digits == 19) return false;
  frame.number = frame.number * 10 + digit;
  ++frame.digits;
  if (frame.element == ':') {
    return frame.number <= static_cast<u64>(INT64_MAX) + (frame.negative ? 1 : 0);
  }
  return frame.number <= (frame.negative ? 1 : kReplyNumberMax);
}

// What a whole header asks for. complete: the element ends with it; incomplete: a bulk string
// follows.
ParseStatus end_header(ReplyFrame& frame) {
  if (frame.element == '$' && !frame.negative) {
    frame.bulk_left = frame.number + 2;
    return ParseStatus::incomplete;
  }
  if (frame.element == '*' && !frame.negative) {
    if (frame.elements_left - 1 + frame.number > kReplyNumberMax) return ParseStatus::invalid;
    frame.elements_left += frame.number;
  }
  return finish_element(frame);
}

// The rest of a header. complete: it has ended and end_header() is due.
ParseStatus scan_header(const char*& at, const char* end, ReplyFrame& frame) {
  while (at != end) {
    const char c = *at++;
    if (frame.carriage_return) {
      return c == '\n' ? ParseStatus::complete : ParseStatus::invalid;
    }
    if (c == '\r' && frame.digits != 0) {
      frame.carriage_return = true;
    } else if (c == '-' && frame.digits == 0 && !frame.negative) {
      frame.negative = true;
    } else if (!add_digit(c, frame)) {
      return ParseStatus::invalid;
    }
  }
  return ParseStatus::incomplete;
}

// The rest of a bulk string and its CRLF. Requires: bulk_left > 0.
ParseStatus scan_bulk(const char*& at, const char* end, ReplyFrame& frame) {
  const u64 left = static_cast<u64>(end - at);
  const u64 bytes = std::min(left, frame.bulk_left < 2 ? 0 : frame.bulk_left - 2);
  at += bytes;
  frame.bulk_left -= bytes;
  for (; frame.bulk_left != 0; --frame.bulk_left) {
    if (at == end) return ParseStatus::incomplete;
    if (*at++ != (frame.bulk_left == 2 ? '\r' : '\n')) return ParseStatus::invalid;
  }
  return finish_element(frame);
}

// Goes on with the element that has begun; the exact way, from any byte.
ParseStatus scan_element(const char*& at, const char* end, ReplyFrame& frame) {
  if (frame.element == '+' || frame.element == '-') return scan_line(at, end, frame);
  if (frame.bulk_left == 0) {
    const ParseStatus header = scan_header(at, end, frame);
    if (header != ParseStatus::complete) return header;
    const ParseStatus status = end_header(frame);
    if (status != ParseStatus::incomplete) return status;
  }
  return scan_bulk(at, end, frame);
}

bool begin_element(char type, ReplyFrame& frame) {
  frame.element = type;
  frame.number = 0;
  frame.digits = 0;
  frame.negative = false;
  frame.carriage_return = false;
  return type == '+' || type == '-' || type == ':' || type == '$' || type == '*';
}

// kPadded: kFastHeaderReach bytes behind in may be read.
template <bool kPadded>
ParseStatus scan_reply(std::string_view in, ReplyFrame& frame, std::size_t& consumed) {
  const char* at = in.data();
  const char* const end = at + in.size();
  ParseStatus status = ParseStatus::complete;
  if (frame.size == 0 && at != end) frame.type = *at;
  if (frame.element != 0) status = scan_element(at, end, frame);
  u64 elements_left = frame.elements_left;
  while (elements_left != 0 && status == ParseStatus::complete) {
    if (at == end) {
      status = ParseStatus::incomplete;
      break;
    }
    const bool readable = kPadded || static_cast<std::size_t>(end - at) >= kFastHeaderReach;
    if (readable && pass_element(at, end, elements_left)) continue;
    frame.elements_left = elements_left;
    if (begin_element(*at++, frame)) {
      status = scan_element(at, end, frame);
    } else {
      status = ParseStatus::invalid;
    }
    elements_left = frame.elements_left;
  }
  frame.elements_left = elements_left;
  consumed = static_cast<std::size_t>(at - in.data());
  frame.size += consumed;
  return status;
}

}  // namespace

ParseStatus parse_reply(std::string_view in, ReplyFrame& frame, std::size_t& consumed) {
  return scan_reply<true>(in, frame, consumed);
}

bool ReplyCursor::next(ReplyElement& element) {
  ReplyFrame frame;
  std::size_t size = 0;
  // Merged replies are assembled in memory of any kind, so nothing is read behind their end.
  if (scan_reply<false>(rest_, frame, size) != ParseStatus::complete) return false;
  element = ReplyElement{};
  element.type = rest_[0];
  element.raw = rest_.substr(0, size);
  rest_.remove_prefix(size);
  const std::string_view line = element.raw.substr(1, element.raw.find('\r') - 1);
  switch (element.type) {
    case '$':
      // The scan has checked the number.
      static_cast<void>(parse_number(line, element.number));
      if (element.number > 0) {
        element.text =
            element.raw.substr(line.size() + 3, static_cast<std::size_t>(element.number));
      }
      break;
    case '*':
      static_cast<void>(parse_number(line, element.number));
      break;
    case ':':
      static_cast<void>(parse_number(line, element.number));
      element.text = line;
      break;
    default:
      element.text = line;
      break;
  }
  return true;
}

ReplyCursor ReplyCursor::into(const ReplyElement& array) {
  if (array.type != '*' || array.number <= 0) return ReplyCursor(std::string_view());
  return ReplyCursor(array.raw.substr(array.raw.find('\n') + 1));
}

}  // namespace ringfold::resp
