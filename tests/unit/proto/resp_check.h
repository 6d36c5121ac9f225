// Holds the fast parsers against their oracles on one input, fed in pieces. Used by the unit tests
// and by the fuzz targets. Every piece lies in a heap block of its own that ends behind the
// readable padding, so that the address sanitizer sees any further read; the padding holds bytes
// that would tempt a parser. Each check returns what is wrong, or nothing.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resp_oracle.h"
#include "ringfold/proto/resp.h"

namespace ringfold::resp::testing {

// The padding that a receive buffer promises (kReadablePadding of the ring's header, which proto
// does not see).
inline constexpr std::size_t kPadding = 64;

// What lies behind the bytes that count.
enum class Fill : u8 { continuation, crlf, digits, quotes };
inline constexpr Fill kFills[] = {Fill::continuation, Fill::crlf, Fill::digits, Fill::quotes};

class PaddedCopy {
 public:
  // The bytes [begin, end) of all.
  PaddedCopy(std::string_view all, std::size_t begin, std::size_t end, Fill fill,
             std::size_t padding = kPadding)
      : size_(end - begin), block_(std::make_unique<char[]>(size_ + padding)) {
    if (size_ != 0) std::memcpy(block_.get(), all.data() + begin, size_);
    for (std::size_t i = 0; i < padding; ++i) {
      block_[size_ + i] = tempting_byte(all, end + i, i, fill);
    }
  }

  std::string_view view() const { return {block_.get(), size_}; }

 private:
  static char tempting_byte(std::string_view all, std::size_t at, std::size_t i, Fill fill) {
    switch (fill) {
      case Fill::continuation:
        return at < all.size() ? all[at] : "$1\r\nx\r\n"[i % 7];
      case Fill::crlf:
        return "\r\n"[i % 2];
      case Fill::digits:
        return '1';
      case Fill::quotes:
        return "\n$\""[i % 3];
    }
    return '\0';
  }

  std::size_t size_;
  std::unique_ptr<char[]> block_;
};

inline const char* status_name(ParseStatus status) {
  switch (status) {
    case ParseStatus::complete:
      return "complete";
    case ParseStatus::incomplete:
      return "incomplete";
    case ParseStatus::invalid:
      return "invalid";
  }
  return "?";
}

inline std::string differs(const char* what, const std::string& is, const std::string& should) {
  return is == should ? std::string()
                      : std::string(what) + " is " + is + ", should be " + should + "; ";
}

inline std::string differs(const char* what, u64 is, u64 should) {
  return differs(what, std::to_string(is), std::to_string(should));
}

// The frame and the cursor of a complete request against the oracle's arguments.
inline std::string check_arguments(std::string_view in, const RequestFrame& frame,
                                   const OracleRequest& oracle) {
  std::string wrong = differs("offset", frame.offset, oracle.size);
  wrong += differs("argument_count", frame.argument_count, oracle.arguments.size());
  wrong += differs("arguments_seen", frame.arguments_seen, oracle.arguments.size());
  if (!wrong.empty()) return wrong;
  const PaddedCopy request(in, 0, frame.offset, Fill::crlf, 0);
  ArgumentCursor cursor(request.view(), frame);
  Argument argument;
  u64 position = request.view().find('\n') + 1;
  for (std::size_t i = 0; i < oracle.arguments.size(); ++i) {
    if (!cursor.next(argument)) return "the cursor ends early; ";
    wrong += differs("argument", std::string(in.substr(argument.offset, argument.length)),
                     oracle.arguments[i]);
    wrong += differs("raw_offset", cursor.raw_offset(), position);
    position += cursor.raw_length();
    if (i >= RequestFrame::kInlineArguments) continue;
    wrong += differs("recorded offset", frame.arguments[i].offset, argument.offset);
    wrong += differs("recorded length", frame.arguments[i].length, argument.length);
  }
  wrong += differs("end of the last argument", position, frame.offset);
  if (cursor.next(argument)) wrong += "the cursor does not end; ";
  return wrong;
}

// Parses in's prefixes that end at the cuts (ascending), then all of it, with one frame.
inline std::string check_request(std::string_view in, u64 max_size,
                                 std::span<const std::size_t> cuts, Fill fill) {
  RequestFrame frame;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : in.size();
    const PaddedCopy piece(in, 0, end, fill);
    const ParseStatus status = parse_request(piece.view(), max_size, frame);
    const OracleRequest oracle = RequestOracle(in.substr(0, end), max_size).read();
    std::string wrong = differs("status", status_name(status), status_name(oracle.status));
    wrong += differs("error", frame.error == nullptr ? "" : frame.error, oracle.error);
    if (!wrong.empty()) return wrong;
    if (status == ParseStatus::complete) return check_arguments(in, frame, oracle);
    if (status == ParseStatus::invalid) return wrong;
    wrong += differs("arguments_seen", frame.arguments_seen, oracle.arguments.size());
    if (!oracle.count_known) wrong += differs("need", frame.need, 0);
    if (oracle.count_known && frame.need <= end) wrong += "need is already there; ";
    const OracleRequest later = RequestOracle(in, max_size).read();
    if (later.status == ParseStatus::complete && frame.need > later.size) {
      wrong += "need is more than the request has; ";
    }
    if (!wrong.empty()) return wrong;
  }
  return {};
}

// Feeds the pieces between the cuts (ascending) one after the other.
inline std::string check_reply(std::string_view in, std::span<const std::size_t> cuts, Fill fill) {
  ReplyFrame frame;
  const OracleReply whole = ReplyOracle(in).read();
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : in.size();
    const PaddedCopy piece(in, begin, end, fill);
    std::size_t consumed = 0;
    const ParseStatus status = parse_reply(piece.view(), frame, consumed);
    const OracleReply oracle = ReplyOracle(in.substr(0, end)).read();
    std::string wrong = differs("status", status_name(status), status_name(oracle.status));
    if (end != 0) wrong += differs("type", std::string(1, frame.type), std::string(1, in[0]));
    if (!wrong.empty()) return wrong;
    if (status == ParseStatus::invalid) return wrong;
    if (status == ParseStatus::complete) {
      wrong += differs("consumed", begin + consumed, whole.size);
      return wrong + differs("size", frame.size, whole.size);
    }
    wrong += differs("consumed", consumed, end - begin);
    wrong += differs("size", frame.size, end);
    if (!wrong.empty()) return wrong;
    begin = end;
  }
  return {};
}

// Walks arbitrary bytes with a cursor, and every array in them.
inline std::string check_reply_cursor(std::string_view in) {
  const PaddedCopy exact(in, 0, in.size(), Fill::crlf, 0);
  std::vector<ReplyCursor> open{ReplyCursor(exact.view())};
  while (!open.empty()) {
    const std::string_view before = open.back().rest();
    ReplyElement element;
    const bool found = open.back().next(element);
    const OracleReply oracle = ReplyOracle(before).read();
    if (found != (oracle.status == ParseStatus::complete)) return "next() is wrong; ";
    if (!found) {
      if (open.back().rest() != before) return "a failed next() moved; ";
      if (open.size() > 1 && !before.empty()) return "an array has bytes of no element; ";
      open.pop_back();
      continue;
    }
    std::string wrong =
        differs("raw", std::string(element.raw), std::string(before.substr(0, oracle.size)));
    wrong += differs("type", std::string(1, element.type), std::string(1, before[0]));
    const std::string line(before.substr(1, before.find('\r') - 1));
    const bool counted = element.type == '$' || element.type == '*' || element.type == ':';
    if (counted) wrong += differs("number", std::to_string(element.number), line);
    std::string text = element.type == '*' ? "" : line;
    if (element.type == '$') {
      text.clear();
      if (element.number > 0) {
        text = before.substr(line.size() + 3, static_cast<std::size_t>(element.number));
      }
    }
    wrong += differs("text", std::string(element.text), text);
    if (!wrong.empty()) return wrong;
    if (element.type == '*') open.push_back(ReplyCursor::into(element));
  }
  return {};
}

inline std::string check_inline(std::string_view in) {
  const PaddedCopy exact(in, 0, in.size(), Fill::crlf, 0);
  std::string out = "left over";
  const InlineResult result = parse_inline(exact.view(), out);
  const OracleInline oracle = inline_oracle(in);
  std::string wrong = differs("status", status_name(result.status), status_name(oracle.status));
  wrong += differs("error", result.error == nullptr ? "" : result.error, oracle.error);
  if (!wrong.empty()) return wrong;
  if (result.status == ParseStatus::complete) {
    wrong += differs("consumed", result.consumed, oracle.size);
  }
  if (oracle.words.empty()) return wrong + differs("out", out, "");
  const OracleRequest request = RequestOracle(out, UINT32_MAX).read();
  wrong += differs("status of out", status_name(request.status), "complete");
  wrong += differs("size of out", out.size(), request.size);
  if (request.arguments != oracle.words) wrong += "the words are others; ";
  return wrong;
}

}  // namespace ringfold::resp::testing
