// Holds the fast memcached parsers against their oracles on one input, fed in pieces. Used by the
// unit tests and by the fuzz targets; the pieces lie as resp_check.h says. Each check returns what
// is wrong, or nothing.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memcached_oracle.h"
#include "memcached_reply_oracle.h"
#include "resp_check.h"
#include "ringfold/proto/memcached.h"

namespace ringfold::memcached::testing {

using resp::testing::differs;
using resp::testing::Fill;
using resp::testing::kFills;
using resp::testing::PaddedCopy;
using resp::testing::status_name;

inline std::string text_of(std::string_view bytes, const Argument& token) {
  return std::string(bytes.substr(token.offset, token.length));
}

// A complete request without error: its words, and what is forwarded, which must be a request again
// that has one answer and no quiet word.
inline std::string check_good_request(std::string_view in, const RequestFrame& frame,
                                      const CommandRow& row, const OracleRequest& oracle) {
  const PaddedCopy copy(in, 0, frame.offset, Fill::crlf, 0);
  const std::string_view bytes = copy.view();
  std::string wrong = differs("argument_count", frame.argument_count, oracle.words.size());
  wrong += differs("name", std::string(row.name), oracle.words[0]);
  if (!wrong.empty()) return wrong;
  for (u32 first = 0; first <= oracle.words.size() && first < 8; ++first) {
    TokenCursor cursor(bytes, frame, first);
    Argument token;
    for (std::size_t i = first; i < oracle.words.size(); ++i) {
      if (!cursor.next(token)) return "the cursor ends early; ";
      wrong += differs("word", text_of(bytes, token), oracle.words[i]);
    }
    if (cursor.next(token)) wrong += "the cursor does not end; ";
  }
  char scratch[256];
  if (row.key_at != 0) {
    const std::string_view key = routing_key(row, bytes, frame, scratch);
    if (key.empty() || key.size() > kKeyLengthMax) wrong += "the key is none; ";
  }
  if (row.route == Route::local || !wrong.empty()) return wrong;
  std::string line;
  Quiet quiet = Quiet::none;
  encode_forward(line, row, bytes, frame, quiet);
  if (line.find_first_of("\r\n") != line.size() - 2) wrong += "more than one line is forwarded; ";
  const std::string request = line + std::string(bytes.substr(frame.line_length));
  const OracleRequest again = RequestOracle(request, UINT32_MAX).read();
  wrong += differs("status of what is forwarded", status_name(again.status), "complete");
  wrong += differs("error of what is forwarded", again.error, "");
  if (!wrong.empty()) return wrong;
  wrong += differs("size of what is forwarded", again.size, request.size());
  std::string joined;
  for (const std::string& word : again.words) joined += word + " ";
  wrong += differs("forwarded name", again.words[0], std::string(row.sent_as));
  wrong += differs("forwarded line", line, joined.substr(0, joined.size() - 1) + "\r\n");
  const PaddedCopy forwarded(request, 0, request.size(), Fill::crlf);
  RequestFrame second;
  const CommandRow* second_row = nullptr;
  static_cast<void>(parse_request(forwarded.view(), UINT32_MAX, second, second_row));
  if (second_row != find_command(row.sent_as)) return wrong + "another command is forwarded; ";
  if (quiet_of(row, forwarded.view(), second) != Quiet::none) wrong += "it is still quiet; ";
  return wrong;
}

// Parses in's prefixes that end at the cuts (ascending), then all of it, with one frame.
inline std::string check_request(std::string_view in, u64 max_size,
                                 std::span<const std::size_t> cuts, Fill fill) {
  RequestFrame frame;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : in.size();
    const PaddedCopy piece(in, 0, end, fill);
    const CommandRow* row = nullptr;
    const ParseStatus status = parse_request(piece.view(), max_size, frame, row);
    const OracleRequest oracle = RequestOracle(in.substr(0, end), max_size).read();
    std::string wrong = differs("status", status_name(status), status_name(oracle.status));
    wrong += differs("has_error", frame.error != nullptr, oracle.has_error);
    wrong += differs("error", frame.error == nullptr ? "" : frame.error, oracle.error);
    if (!wrong.empty() || status == ParseStatus::invalid) return wrong;
    if (status == ParseStatus::complete) {
      wrong += differs("offset", frame.offset, oracle.size);
      wrong += differs("line_length", frame.line_length, oracle.line_length);
      if (frame.error == nullptr && row == nullptr) wrong += "there is no row; ";
      if (frame.error != nullptr || !wrong.empty()) return wrong;
      return check_good_request(in, frame, *row, oracle);
    }
    if (frame.need != 0 && frame.need <= end) return "need is already there; ";
  }
  return {};
}

// Feeds the pieces between the cuts (ascending) one after the other.
inline std::string check_reply(std::string_view in, ReplyShape shape,
                               std::span<const std::size_t> cuts, Fill fill) {
  ReplyFrame frame;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : in.size();
    const PaddedCopy piece(in, begin, end, fill);
    std::size_t consumed = 0;
    const ParseStatus status = parse_reply(piece.view(), shape, frame, consumed);
    const OracleReply oracle = ReplyOracle(in.substr(0, end), shape).read();
    std::string wrong = differs("status", status_name(status), status_name(oracle.status));
    if (!wrong.empty() || status == ParseStatus::invalid) return wrong;
    if (status == ParseStatus::complete) {
      wrong += differs("consumed", begin + consumed, oracle.size);
      return wrong + differs("size", frame.size, oracle.size);
    }
    wrong += differs("consumed", consumed, end - begin);
    wrong += differs("size", frame.size, end);
    if (!wrong.empty()) return wrong;
    begin = end;
  }
  return {};
}

// Walks arbitrary bytes with the cursor: each block it gives is one VALUE block for the oracle, and
// where it ends none can be taken.
inline std::string check_value_cursor(std::string_view in) {
  const PaddedCopy exact(in, 0, in.size(), Fill::crlf, 0);
  ValueCursor cursor(exact.view());
  std::string_view key;
  std::string_view raw;
  std::size_t at = 0;
  while (cursor.next(key, raw)) {
    const std::string block(raw);
    if (block != in.substr(at, block.size())) return "a block is not where it should be; ";
    const OracleReply oracle = ReplyOracle(block + "END\r\n", ReplyShape::values).read();
    std::string wrong = differs("block", oracle.size, block.size() + 5);
    wrong += differs("key", std::string(key), block.substr(6, block.find(' ', 6) - 6));
    if (!wrong.empty()) return wrong;
    at += block.size();
  }
  if (cursor.end_line() != in.substr(at)) return "the end line is wrong; ";
  const bool is_whole = ReplyOracle(in, ReplyShape::values).read().status == ParseStatus::complete;
  if (is_whole && in.substr(at, 6) == "VALUE ") return "the cursor ends early; ";
  return {};
}

}  // namespace ringfold::memcached::testing
