// RESP2, the protocol of Redis: request parser, reply scanner, encoders. Grammar:
// https://redis.io/docs/reference/protocol-spec/
//
//   request = "*" count CRLF count*( "$" length CRLF bytes CRLF )
//           | words LF                                      (an inline command, CR LF as well)
//   reply   = "+" line CRLF | "-" line CRLF | ":" number CRLF
//           | "$" length CRLF bytes CRLF | "$-1" CRLF
//           | "*" count CRLF count*reply | "*-1" CRLF
//
// Numbers are canonical: no plus, no leading zeros, no "-0". A line holds no CR.
#pragma once

#include <string>
#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/proto/protocol.h"

namespace ringfold::resp {

// Parses one request of array form at the start of in, going on where frame stands (a fresh frame
// starts). Requires: in starts at the same byte of the stream in every call for this frame, and has
// not shrunk; kReadablePadding bytes behind in may be read. complete: frame.offset is the request's
// size.
// "*0\r\n" and "*-1\r\n" are complete with no arguments: skip them, as Redis does.
// invalid: frame.error has Redis' words ("Protocol error: invalid bulk length"); the stream cannot
// go on. A first byte other than '*' is for parse_inline(). max_size: the largest request, bytes; a
// larger one is invalid ("Protocol error: request larger than max_request_size") as soon as its
// announced lengths say so. Arguments have 32-bit offsets, so a max_size above 4 GiB - 1 means
// that.
inline constexpr const char* kRequestTooLarge =
    "Protocol error: request larger than max_request_size";
[[nodiscard]] ParseStatus parse_request(std::string_view in, u64 max_size, RequestFrame& frame);

// Parses one inline command (up to LF; words split as Redis' sdssplitargs does, quotes and escapes
// included) and writes it in array form to out (cleared first). consumed: bytes of in used. An
// empty line is complete with out empty. error: as in RequestFrame ("Protocol error: unbalanced
// quotes in request", "Protocol error: too big inline request").
struct InlineResult {
  ParseStatus status = ParseStatus::incomplete;
  std::size_t consumed = 0;
  const char* error = nullptr;
};
[[nodiscard]] InlineResult parse_inline(std::string_view in, std::string& out);

// Walks all arguments of a complete request by its length headers.
class ArgumentCursor {
 public:
  // Requires: frame is complete for bytes.
  ArgumentCursor(std::string_view bytes, const RequestFrame& frame);

  // The next argument, or false behind the last. raw_offset: where its "$length" header starts;
  // raw_length: header, bytes and CRLF.
  bool next(Argument& argument);
  u32 raw_offset() const { return raw_offset_; }
  u32 raw_length() const { return raw_length_; }

 private:
  std::string_view bytes_;
  u32 left_;
  u32 position_;
  u32 raw_offset_ = 0;
  u32 raw_length_ = 0;
};

// Progress through one reply; resumable at any byte. An array only adds its elements to those still
// to come, so nesting needs no stack.
struct ReplyFrame {
  u64 elements_left = 1;
  u64 bulk_left = 0;  // bytes of the current bulk string still to come, its CRLF included
  u64 number = 0;     // of the header being read
  char type = 0;      // first byte of the whole reply: + - : $ *
  char element = 0;   // first byte of the element being read, 0 between elements
  bool negative = false;
  u8 digits = 0;
  bool carriage_return = false;
  u64 size = 0;  // bytes scanned so far, all calls together
};

// Scans in for the rest of one reply. consumed: how many bytes of in belong to it (all of them when
// incomplete). invalid: not RESP2; the server's stream cannot go on. Never reads behind in except
// kReadablePadding bytes.
[[nodiscard]] ParseStatus parse_reply(std::string_view in, ReplyFrame& frame,
                                      std::size_t& consumed);

// Walks the elements of a whole reply that is held in memory, one level deep. Safe on any bytes;
// reads nothing behind their end. Elements are valid as long as the reply's bytes are.
struct ReplyElement {
  char type = 0;          // + - : $ *
  std::string_view raw;   // the whole element as sent, nested ones included
  std::string_view text;  // line without CRLF, or bulk bytes; empty for arrays and nulls
  i64 number = 0;         // : value, $ length, * count; -1 for nulls
};
class ReplyCursor {
 public:
  explicit ReplyCursor(std::string_view reply) : rest_(reply) {}
  // The next element, or false at the end or where the bytes are no reply.
  bool next(ReplyElement& element);
  std::string_view rest() const { return rest_; }
  // Steps into an array element: returns a cursor over its elements.
  static ReplyCursor into(const ReplyElement& array);

 private:
  std::string_view rest_;
};

// Encoders. Out is anything with append(std::string_view).
template <class Out>
void encode_number_line(Out& out, char type, i64 number);  // ":12\r\n", "*3\r\n", "$5\r\n"
template <class Out>
void encode_bulk(Out& out, std::string_view bytes);
template <class Out>
void encode_null_bulk(Out& out);
template <class Out>
void encode_simple(Out& out, std::string_view text);  // "+text\r\n"
template <class Out>
void encode_error(Out& out, std::string_view text);  // "-text\r\n": CR and LF in text become spaces

}  // namespace ringfold::resp

#include "ringfold/proto/resp_encode.h"
