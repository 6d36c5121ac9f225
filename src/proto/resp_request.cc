// The request parser and the cursor over a request's arguments. Called for every chunk a client
// sends; knows neither commands nor keys.
//
// Limits and words are those of processMultibulkBuffer() in Redis 7.0 (src/networking.c), compared
// with a live server 7.0.15. It is stricter in one way: Redis skips the byte behind the CR of a
// header and the two behind an argument without looking, and a proxy that passes on such bytes lets
// its client and its server disagree about where a request ends.
#include <algorithm>
#include <array>
#include <cstring>

#include "proto/resp_scan.h"
#include "ringfold/base/limits.h"
#include "ringfold/proto/resp.h"

namespace ringfold::resp {

namespace {

constexpr u64 kArgumentSizeMin = 6;  // "$0\r\n\r\n"
constexpr u64 kRequestSizeMax = UINT32_MAX;
constexpr u64 kHeaderLineMax = kInlineLengthMax;  // Redis has one limit for both

static_assert(kBulkLengthMax < kRequestSizeMax);

constexpr const char* kTooBigCount = "Protocol error: too big mbulk count string";
constexpr const char* kTooBigLength = "Protocol error: too big bulk count string";
constexpr const char* kInvalidCount = "Protocol error: invalid multibulk length";
constexpr const char* kInvalidLength = "Protocol error: invalid bulk length";
constexpr const char* kInvalidTerminator = "Protocol error: invalid bulk terminator";

constexpr std::string_view kExpectedDollar = "Protocol error: expected '$', got '";

struct ExpectedDollar {
  char text[kExpectedDollar.size() + 3] = {};  // the byte, a quote and NUL behind it
};

// One text for each byte that can stand where '$' should. Redis shows CR and LF as blanks; so is
// NUL here, which would end the text.
constexpr std::array<ExpectedDollar, 256> kExpectedDollarTexts = [] {
  std::array<ExpectedDollar, 256> texts{};
  for (std::size_t byte = 0; byte < texts.size(); ++byte) {
    char* text = texts[byte].text;
    for (const char c : kExpectedDollar) *text++ = c;
    const bool blank = byte == 0 || byte == '\r' || byte == '\n';
    *text++ = blank ? ' ' : static_cast<char>(byte);
    *text++ = '\'';
  }
  return texts;
}();

ParseStatus invalid(RequestFrame& frame, const char* error) {
  frame.error = error;
  return ParseStatus::invalid;
}

// The header line at a position, up to its CR.
struct HeaderLine {
  ParseStatus status = ParseStatus::incomplete;  // invalid: longer than Redis reads
  bool ends_in_crlf = false;
  std::string_view text;  // the type byte included
};

HeaderLine find_header_line(std::string_view in, u64 position) {
  HeaderLine line;
  const std::string_view window = in.substr(position, kHeaderLineMax + 1);
  const std::size_t cr = window.find('\r');
  if (cr == std::string_view::npos) {
    if (window.size() > kHeaderLineMax) line.status = ParseStatus::invalid;
    return line;
  }
  if (position + cr + 1 == in.size()) return line;
  line.status = ParseStatus::complete;
  line.ends_in_crlf = in[position + cr + 1] == '\n';
  line.text = window.substr(0, cr);
  return line;
}

ParseStatus parse_count(std::string_view in, u64 max_size, RequestFrame& frame) {
  if (in.empty()) return ParseStatus::incomplete;
  u64 size = 0;
  i64 count = 0;
  const FastHeader header = fast_header<'*'>(in.data());
  if (header.size != 0 && header.size <= in.size()) {
    size = header.size;
    count = header.number;
  } else {
    const HeaderLine line = find_header_line(in, 0);
    if (line.status == ParseStatus::invalid) return invalid(frame, kTooBigCount);
    if (line.status == ParseStatus::incomplete) return ParseStatus::incomplete;
    const bool well_formed = line.ends_in_crlf && line.text.substr(0, 1) == "*" &&
                             parse_number(line.text.substr(1), count);
    if (!well_formed) return invalid(frame, kInvalidCount);
    size = line.text.size() + 2;
  }
  if (count > i64{kArgumentsMax}) return invalid(frame, kInvalidCount);
  const u64 arguments = count < 0 ? 0 : static_cast<u64>(count);
  if (size + arguments * kArgumentSizeMin > max_size) return invalid(frame, kRequestTooLarge);
  frame.argument_count = static_cast<u32>(arguments);
  frame.offset = size;
  return ParseStatus::complete;
}

void record_argument(RequestFrame& frame, u32 index, u64 offset, u64 length) {
  if (index >= RequestFrame::kInlineArguments) return;
  frame.arguments[index] = {static_cast<u32>(offset), static_cast<u32>(length)};
}

// The exact way through one argument, taken where the fast one gave up: at the end of the bytes at
// hand, for long numbers, near max_size, and for everything that is wrong.
ParseStatus parse_argument(std::string_view in, u64 max_size, RequestFrame& frame) {
  const u64 others = frame.argument_count - frame.arguments_seen - u64{1};
  const u64 others_size = others * kArgumentSizeMin;
  const HeaderLine line = find_header_line(in, frame.offset);
  if (line.status == ParseStatus::invalid) return invalid(frame, kTooBigLength);
  if (line.status == ParseStatus::incomplete) {
    const u64 least = frame.offset + kArgumentSizeMin + others_size;
    frame.need = std::max<u64>(least, in.size() + 1);
    return ParseStatus::incomplete;
  }
  const u8 first = static_cast<u8>(in[frame.offset]);
  if (first != '$') return invalid(frame, kExpectedDollarTexts[first].text);
  i64 number = 0;
  if (!line.ends_in_crlf || !parse_number(line.text.substr(1), number)) {
    return invalid(frame, kInvalidLength);
  }
  if (number < 0 || number > static_cast<i64>(kBulkLengthMax)) {
    return invalid(frame, kInvalidLength);
  }
  const u64 length = static_cast<u64>(number);
  const u64 body = frame.offset + line.text.size() + 2;
  const u64 end = body + length + 2;
  if (end + others_size > max_size) return invalid(frame, kRequestTooLarge);
  if (end > in.size()) {
    frame.need = end + others_size;
    return ParseStatus::incomplete;
  }
  if (!is_crlf(in.data() + end - 2)) return invalid(frame, kInvalidTerminator);
  record_argument(frame, frame.arguments_seen, body, length);
  ++frame.arguments_seen;
  frame.offset = end;
  return ParseStatus::complete;
}

}  // namespace

ParseStatus parse_request(std::string_view in, u64 max_size, RequestFrame& frame) {
  // Arguments are found by 32-bit offsets.
  max_size = std::min(max_size, kRequestSizeMax);
  if (frame.offset == 0) {
    const ParseStatus status = parse_count(in, max_size, frame);
    if (status != ParseStatus::complete) return status;
  }
  const char* const bytes = in.data();
  const u32 count = frame.argument_count;
  // An argument that ends here leaves room for all that could follow it; the exact way decides
  // about the others.
  const u64 announced = count * kArgumentSizeMin;
  const u64 limit = max_size < announced ? 0 : std::min<u64>(in.size(), max_size - announced);
  u64 position = frame.offset;
  u32 seen = frame.arguments_seen;
  while (seen < count) {
    const FastHeader header = fast_header<'$'>(bytes + position);
    const u64 body = position + header.size;
    const u64 end = body + header.number + 2;
    const bool fast = header.size != 0 && end <= limit && is_crlf(bytes + end - 2);
    if (fast) [[likely]] {
      record_argument(frame, seen, body, header.number);
      ++seen;
      position = end;
      continue;
    }
    frame.offset = position;
    frame.arguments_seen = seen;
    const ParseStatus status = parse_argument(in, max_size, frame);
    if (status != ParseStatus::complete) return status;
    position = frame.offset;
    seen = frame.arguments_seen;
  }
  frame.offset = position;
  frame.arguments_seen = seen;
  return ParseStatus::complete;
}

ArgumentCursor::ArgumentCursor(std::string_view bytes, const RequestFrame& frame)
    : bytes_(bytes), left_(frame.argument_count), position_(0) {
  position_ = static_cast<u32>(bytes_.find('\n') + 1);
}

bool ArgumentCursor::next(Argument& argument) {
  if (left_ == 0) return false;
  --left_;
  const char* const bytes = bytes_.data();
  u32 position = position_ + 1;
  u32 length = 0;
  // The header was checked when the request was parsed: digits up to the CR.
  for (; bytes[position] != '\r'; ++position) {
    length = length * 10 + static_cast<u32>(bytes[position] - '0');
  }
  argument = {position + 2, length};
  raw_offset_ = position_;
  raw_length_ = position + 2 + length + 2 - position_;
  position_ += raw_length_;
  return true;
}

}  // namespace ringfold::resp
