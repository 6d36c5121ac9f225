// The reply scanner and the cursor over a held reply. Called for every chunk a server sends; it
// only finds where replies end, and looks at no byte of a data block.
//
// A line whose first word cannot stand there, a number that is none, a CR without LF: each means
// that the stream is not where we think it is, and a shared connection must not go on. A line that
// is whole and of a common form is passed at once (pass_line), every other one byte by byte from
// wherever the last chunk ended (scan_line).
#include <algorithm>
#include <cstring>
#include <iterator>

#include "proto/memcached_scan.h"
#include "ringfold/base/assert.h"
#include "ringfold/proto/memcached.h"

namespace ringfold::memcached {

namespace {

// What a line's first word says about the rest of the line and of the reply.
enum class LineKind : u8 {
  unknown,
  plain,   // the word alone ends the reply
  text,    // any text may follow; ends the reply
  more,    // any text may follow, then further lines
  number,  // the word is a number; ends the reply
  value,   // VALUE key flags length [cas], data, further lines
  va,      // VA length text, data; ends the reply
};

constexpr u32 kLine = 1u << static_cast<u32>(ReplyShape::line);
constexpr u32 kValues = 1u << static_cast<u32>(ReplyShape::values);
constexpr u32 kValue = 1u << static_cast<u32>(ReplyShape::value);
constexpr u32 kMeta = 1u << static_cast<u32>(ReplyShape::meta);
constexpr u32 kStats = 1u << static_cast<u32>(ReplyShape::stats);

struct FirstWord {
  std::string_view word;
  LineKind kind;
  u32 shapes;
};

constexpr FirstWord kFirstWords[] = {
    {"VALUE", LineKind::value, kValues | kValue},
    {"END", LineKind::plain, kValues | kStats},
    {"STORED", LineKind::plain, kLine},
    {"HD", LineKind::text, kMeta},
    {"VA", LineKind::va, kMeta},
    {"EN", LineKind::text, kMeta},
    {"NF", LineKind::text, kMeta},
    {"NS", LineKind::text, kMeta},
    {"EX", LineKind::text, kMeta},
    {"ME", LineKind::text, kMeta},
    {"MN", LineKind::plain, kMeta | kLine},
    {"NOT_FOUND", LineKind::plain, kLine},
    {"NOT_STORED", LineKind::plain, kLine},
    {"EXISTS", LineKind::plain, kLine},
    {"DELETED", LineKind::plain, kLine},
    {"TOUCHED", LineKind::plain, kLine},
    {"OK", LineKind::plain, kLine | kStats},
    {"RESET", LineKind::plain, kStats},
    {"VERSION", LineKind::text, kLine},
    {"STAT", LineKind::more, kStats},
    {"ITEM", LineKind::more, kStats},
    {"PREFIX", LineKind::more, kStats},
    {"ERROR", LineKind::text, kLine | kValues | kMeta | kStats},
    {"CLIENT_ERROR", LineKind::text, kLine | kValues | kMeta | kStats},
    {"SERVER_ERROR", LineKind::text, kLine | kValues | kMeta | kStats},
};

constexpr std::size_t kNumberDigitsMax = 20;  // of 2^64 - 1
constexpr std::size_t kLengthDigitsMax = 10;  // of 2^31 - 1
constexpr std::size_t kFirstWordMax = 20;     // a number; the words have 12 bytes at most
constexpr std::size_t kValueWord = 6;         // "VALUE "
// "VALUE " key " " flags " " length " " cas "\r\n"
constexpr std::size_t kValueLineMax = kValueWord + kKeyLengthMax + 3 * (1 + kNumberDigitsMax) + 2;
static_assert(sizeof(ReplyFrame::word) >= kFirstWordMax);

LineKind find_kind(std::string_view word, ReplyShape shape) {
  const u32 wanted = 1u << static_cast<u32>(shape);
  for (const FirstWord& first : kFirstWords) {
    if ((first.shapes & wanted) != 0 && first.word == word) return first.kind;
  }
  const bool is_number =
      shape == ReplyShape::line && !word.empty() && std::all_of(word.begin(), word.end(), is_digit);
  return is_number ? LineKind::number : LineKind::unknown;
}

// A whole VALUE line at the start of a range.
struct ValueLine {
  std::size_t size = 0;  // of the line with its CRLF; 0: there is none
  std::size_t key_length = 0;
  u64 data_length = 0;
};

// Passes a blank and a number. False: it is no such field, or it is cut.
inline bool pass_number(const char*& at, const char* end, std::size_t digits_max, u64& number) {
  if (at == end || *at != ' ') return false;
  const char* const digits = ++at;
  number = 0;
  for (; at != end && is_digit(*at); ++at) {
    if (static_cast<std::size_t>(at - digits) == digits_max) return false;
    number = number * 10 + static_cast<u64>(*at - '0');
  }
  return at != digits;
}

// Requires: the word VALUE and its blank have been seen at the start of in.
inline ValueLine read_value_line(std::string_view in) {
  const char* at = in.data() + kValueWord;
  const char* const end = in.data() + std::min(in.size(), kValueLineMax);
  while (at != end && static_cast<u8>(*at) > ' ') ++at;
  ValueLine line;
  line.key_length = static_cast<std::size_t>(at - in.data()) - kValueWord;
  if (line.key_length == 0 || line.key_length > kKeyLengthMax) return {};
  u64 number = 0;
  if (!pass_number(at, end, kNumberDigitsMax, number)) return {};
  if (!pass_number(at, end, kLengthDigitsMax, line.data_length)) return {};
  if (line.data_length > INT32_MAX) return {};
  if (at != end && *at == ' ' && !pass_number(at, end, kNumberDigitsMax, number)) return {};
  if (end - at < 2 || !is_crlf(at)) return {};
  line.size = static_cast<std::size_t>(at - in.data()) + 2;
  return line;
}

constexpr u64 low_bytes(u32 count) {
  return count == 8 ? ~u64{0} : (u64{1} << (8 * count)) - 1;
}

constexpr u64 word_of(std::string_view text) {
  u64 word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    word |= u64{static_cast<unsigned char>(text[i])} << (8 * i);
  }
  return word;
}

template <u32 kSize>
inline bool starts_with(u64 word, const char (&text)[kSize]) {
  return (word & low_bytes(kSize - 1)) == word_of(std::string_view(text, kSize - 1));
}

// At the start of a line: passes one that is whole and of a common form; what follows it is in
// frame. False: nothing has happened. Requires: eight bytes at `at` may be read.
inline bool pass_line(const char*& at, const char* end, ReplyShape shape, ReplyFrame& frame) {
  const std::size_t left = static_cast<std::size_t>(end - at);
  const u64 word = load_word(at);
  std::size_t size = 0;
  switch (shape) {
    case ReplyShape::values:
    case ReplyShape::value:
      if (shape == ReplyShape::values && starts_with(word, "END\r\n")) {
        size = 5;
        frame.last = true;
      } else if (left > kValueWord && starts_with(word, "VALUE ")) {
        const ValueLine line = read_value_line(std::string_view(at, left));
        size = line.size;
        if (size != 0) frame.bulk_left = line.data_length + 2;
        frame.last = shape == ReplyShape::value;
      }
      break;
    case ReplyShape::meta:
      if (starts_with(word, "HD\r\n") || starts_with(word, "EN\r\n")) {
        size = 4;
        frame.last = true;
      }
      break;
    case ReplyShape::line:
      if (starts_with(word, "STORED\r\n")) {
        size = 8;
        frame.last = true;
      }
      break;
    case ReplyShape::stats:
      break;
  }
  if (size == 0 || size > left) {
    frame.last = false;
    frame.bulk_left = 0;
    return false;
  }
  at += size;
  return true;
}

// Takes one byte of the first word. False: no word that can stand here. The word's end is a blank
// or CR, which begins what scan_line() does next.
bool take_word_byte(char byte, ReplyShape shape, ReplyFrame& frame) {
  if (byte != ' ' && byte != '\r') {
    if (frame.word_length == kFirstWordMax || static_cast<u8>(byte) < ' ') return false;
    frame.word[frame.word_length++] = byte;
    return true;
  }
  const LineKind kind = find_kind(std::string_view(frame.word, frame.word_length), shape);
  frame.kind = static_cast<u8>(kind);
  frame.last = kind == LineKind::value ? shape == ReplyShape::value : kind != LineKind::more;
  frame.field = 1;
  frame.carriage_return = byte == '\r';
  switch (kind) {
    case LineKind::unknown:
      return false;
    case LineKind::plain:
    case LineKind::number:
      return byte == '\r';
    case LineKind::value:
    case LineKind::va:
      return byte == ' ';
    case LineKind::text:
    case LineKind::more:
      return true;
  }
  return false;
}

// The field that says how long the data block is.
u8 length_field(LineKind kind) {
  return kind == LineKind::value ? 3 : 1;
}

// Takes one byte of the fields behind VALUE or VA. False: not of the form.
bool take_field_byte(char byte, ReplyFrame& frame) {
  const LineKind kind = static_cast<LineKind>(frame.kind);
  const bool is_end = byte == ' ' || byte == '\r';
  const bool is_key = kind == LineKind::value && frame.field == 1;
  const bool is_length = frame.field == length_field(kind);
  if (!is_end) {
    if (is_key ? static_cast<u8>(byte) < ' ' : !is_digit(byte)) return false;
    const std::size_t others_max = is_key ? kKeyLengthMax : kNumberDigitsMax;
    if (frame.field_length == (is_length ? kLengthDigitsMax : others_max)) return false;
    ++frame.field_length;
    if (!is_length) return true;
    frame.number = frame.number * 10 + static_cast<u64>(byte - '0');
    return frame.number <= INT32_MAX;
  }
  if (frame.field_length == 0) return false;
  if (is_length) frame.bulk_left = frame.number + 2;
  frame.field_length = 0;
  ++frame.field;
  if (byte == '\r') {
    frame.carriage_return = true;
    return frame.bulk_left != 0;
  }
  if (kind == LineKind::va) frame.kind = static_cast<u8>(LineKind::text);  // flags follow
  return frame.field <= 4;  // VALUE's cas is the last
}

// Goes on with a line. complete: it has ended, data may follow it (bulk_left).
ParseStatus scan_line(const char*& at, const char* end, ReplyShape shape, ReplyFrame& frame) {
  while (at != end) {
    if (frame.carriage_return) {
      return *at++ == '\n' ? ParseStatus::complete : ParseStatus::invalid;
    }
    const LineKind kind = static_cast<LineKind>(frame.kind);
    if (frame.field == 0) {
      if (!take_word_byte(*at++, shape, frame)) return ParseStatus::invalid;
    } else if (kind == LineKind::value || kind == LineKind::va) {
      if (!take_field_byte(*at++, frame)) return ParseStatus::invalid;
    } else {
      const void* const cr = std::memchr(at, '\r', static_cast<std::size_t>(end - at));
      const char* const stop = cr == nullptr ? end : static_cast<const char*>(cr);
      const std::size_t length = static_cast<std::size_t>(stop - at);
      if (std::memchr(at, '\n', length) != nullptr) return ParseStatus::invalid;
      at = stop;
      if (at == end) break;
      ++at;
      frame.carriage_return = true;
    }
  }
  return ParseStatus::incomplete;
}

// The rest of a data block and its CRLF. Requires: bulk_left > 0.
ParseStatus scan_data(const char*& at, const char* end, ReplyFrame& frame) {
  const u64 left = static_cast<u64>(end - at);
  const u64 bytes = std::min(left, frame.bulk_left < 2 ? 0 : frame.bulk_left - 2);
  at += bytes;
  frame.bulk_left -= bytes;
  for (; frame.bulk_left != 0; --frame.bulk_left) {
    if (at == end) return ParseStatus::incomplete;
    if (*at++ != (frame.bulk_left == 2 ? '\r' : '\n')) return ParseStatus::invalid;
  }
  return ParseStatus::complete;
}

bool is_at_line_start(const ReplyFrame& frame) {
  return frame.word_length == 0 && frame.field == 0;
}

void begin_line(ReplyFrame& frame) {
  frame.number = 0;
  frame.word_length = 0;
  frame.kind = 0;
  frame.field = 0;
  frame.field_length = 0;
  frame.carriage_return = false;
}

ParseStatus scan_lines(const char*& at, const char* end, ReplyShape shape, ReplyFrame& frame) {
  while (true) {
    // A frame between a line's end and its data has bulk_left and no line any more.
    if (frame.bulk_left == 0 || !is_at_line_start(frame)) {
      if (at == end) return ParseStatus::incomplete;
      if (!is_at_line_start(frame) || !pass_line(at, end, shape, frame)) {
        const ParseStatus status = scan_line(at, end, shape, frame);
        if (status != ParseStatus::complete) return status;
        begin_line(frame);
      }
    }
    if (frame.bulk_left != 0) {
      const ParseStatus status = scan_data(at, end, frame);
      if (status != ParseStatus::complete) return status;
    }
    if (frame.last) return ParseStatus::complete;
  }
}

}  // namespace

ParseStatus parse_reply(std::string_view in, ReplyShape shape, ReplyFrame& frame,
                        std::size_t& consumed) {
  const char* at = in.data();
  const ParseStatus status = scan_lines(at, in.data() + in.size(), shape, frame);
  consumed = static_cast<std::size_t>(at - in.data());
  frame.size += consumed;
  return status;
}

bool is_error(std::string_view reply) {
  for (const std::string_view word : {"ERROR", "CLIENT_ERROR", "SERVER_ERROR"}) {
    if (reply.substr(0, word.size()) != word) continue;
    if (reply.size() > word.size() && (reply[word.size()] == ' ' || reply[word.size()] == '\r')) {
      return true;
    }
  }
  return false;
}

bool ValueCursor::next(std::string_view& key, std::string_view& raw) {
  if (rest_.substr(0, kValueWord) != "VALUE ") return false;
  const ValueLine line = read_value_line(rest_);
  if (line.size == 0) return false;
  const std::size_t size = line.size + line.data_length + 2;
  if (size > rest_.size() || !is_crlf(rest_.data() + size - 2)) return false;
  key = rest_.substr(kValueWord, line.key_length);
  raw = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

}  // namespace ringfold::memcached
