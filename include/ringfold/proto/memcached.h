// The text protocol of memcached, classic and meta: request parser, reply scanner, encoders.
// Grammar: protocol.txt of memcached 1.6.18; where that is silent, a live server 1.6.18 was asked.
//
//   request = words LF [ data CRLF ]      (CR LF as well; words are separated by spaces)
//   reply   = line CRLF                                                 ReplyShape::line
//           | *( "VALUE" key flags length [cas] CRLF data CRLF ) "END" CRLF | error CRLF   values
//           | "VA" length flags CRLF data CRLF | line CRLF                            meta
//           | *( "STAT" line CRLF ) "END" CRLF | line CRLF                            stats
//
// A quiet request (noreply, or the meta flag q) is forwarded without that word, so every request
// that goes to a server has exactly one answer; Quiet says which answers its client must not see.
#pragma once

#include <span>
#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/proto/command.h"
#include "ringfold/proto/protocol.h"

namespace ringfold::memcached {

// Limits of memcached 1.6: the longest key, and the longest command line, in bytes with its CRLF,
// but see line_length_max().
inline constexpr u32 kKeyLengthMax = 250;
inline constexpr u32 kLineLengthMax = 2048;

// Which shape the server's answer to a request has.
enum class ReplyShape : u8 {
  line,    // one line (STORED, DELETED, a number, an error, ...)
  values,  // VALUE blocks, then END; or one error line
  value,   // one VALUE block: the part of a longer reply that answers a folded get
  meta,    // a VA block, or one line (HD, EN, NF, NS, EX, ME, an error)
  stats,   // STAT (ITEM, PREFIX) lines, then END; or one line (RESET, OK, an error)
};

// Which answers a quiet request does not show to its client.
enum class Quiet : u8 {
  none,
  noreply,  // hides everything, errors too
  mg,       // hides EN
  ms,       // hides HD
  md,       // hides HD
  ma,       // hides HD and VA
};

enum class Command : u8 {
  add,
  append,
  cache_memlimit,
  cas,
  decr,
  delete_,
  extstore,
  flush_all,
  gat,
  gats,
  get,
  gets,
  incr,
  lru,
  lru_crawler,
  ma,
  md,
  me,
  mg,
  mn,
  ms,
  prepend,
  quit,
  refresh_certs,
  replace,
  set,
  shutdown,
  slabs,
  stats,
  touch,
  verbosity,
  version,
  watch,
};

struct CommandRow {
  std::string_view name;     // as the client writes it: memcached knows lower case only
  std::string_view sent_as;  // as it goes to a server; only the old bget has two names
  Command command = Command::get;
  Route route = Route::refused;  // by_key, split_keys, all_servers, local or refused
  u8 words_min = 1;              // words of the line, the name included
  u8 words_max = 0;              // 0: no limit
  u8 key_at = 0;                 // the word that is the (first) key; 0: none
  u8 data_length_at = 0;         // the word that says how long the data block is; 0: none
  bool has_noreply = false;
  ReplyShape reply = ReplyShape::line;
  Merge merge = Merge::none;
  Refusal refusal = Refusal::none;
};

// The longest line of this command that a server takes wherever it is cut, in bytes with its CRLF:
// memcached closes the connection when it has seen more than kLineLengthMax bytes and no end,
// except behind get and gets.
[[nodiscard]] constexpr u64 line_length_max(const CommandRow& row) {
  const bool is_get = row.command == Command::get || row.command == Command::gets;
  return is_get ? UINT64_MAX : kLineLengthMax;
}

// Every command that memcached 1.6.18 knows, sorted by name.
[[nodiscard]] std::span<const CommandRow> command_table();

// The row of a command, or nullptr. Reads no byte outside name.
[[nodiscard]] const CommandRow* find_command(std::string_view name);

// Parses one request at the start of in, going on where frame stands (a fresh frame starts).
// Requires: in starts at the same byte of the stream in every call for this frame, and has not
// shrunk; kReadablePadding bytes behind in may be read. row: set when complete.
//
// complete, frame.error == nullptr: the bytes [0, frame.offset) are one well-formed request of
//   *row, which is not refused. frame.argument_count: words of its line; frame.arguments: the first
//   of them; frame.line_length: bytes of its line, line end included; the data block and its CRLF
//   are the bytes [frame.line_length, frame.offset).
// complete, frame.error != nullptr: the request is answered here with these words (a reply line
//   without its CRLF, "ERROR", "CLIENT_ERROR bad data chunk"; empty: with nothing at all, because
//   it said noreply). The bytes [0, frame.offset) are done with, then the connection goes on.
//   frame.offset may lie behind the end of in: then the bytes up to there are skipped as they
//   come. row may be nullptr. Refused commands end here too.
// invalid: frame.error is answered, then the connection is closed (the binary protocol, a line that
//   does not end).
//
// max_size: the largest request, bytes; a larger one is answered with "SERVER_ERROR object too
// large for cache". Words have 32-bit offsets, so a max_size above 4 GiB - 1 means that.
//
// What memcached would take and ringfold does not: a control byte (NUL to 0x1f, 0x7f) anywhere in
// the line is "CLIENT_ERROR bad command line format" (and a data block that memcached would have
// taken is skipped).
[[nodiscard]] ParseStatus parse_request(std::string_view in, u64 max_size, RequestFrame& frame,
                                        const CommandRow*& row);

// Walks the words of the command line of a complete request.
class TokenCursor {
 public:
  // Requires: frame is complete for bytes, frame.error == nullptr. Valid until: bytes change.
  // first: the word that next() gives first, 0 is the command's name.
  TokenCursor(std::string_view bytes, const RequestFrame& frame, u32 first = 0);

  // The next word, or false behind the last.
  bool next(Argument& token);

 private:
  const char* bytes_;
  u32 position_ = 0;
  u32 end_;  // of the words, the line end excluded
};

// The key by which a request with row.key_at != 0 is routed: the first one. That of a meta command
// with the flag b is decoded, so that both spellings of a key reach the same server; a key that
// does not decode is taken as it stands (its server refuses it). Points into bytes or scratch.
[[nodiscard]] std::string_view routing_key(const CommandRow& row, std::string_view bytes,
                                           const RequestFrame& frame, std::span<char, 256> scratch);

// Decodes base64 as memcached 1.6.18 does. Returns the length written to out, 0 when the text is
// not base64. Requires: text.size() <= 250.
[[nodiscard]] u32 decode_base64(std::string_view text, std::span<char, 256> out);

// Writes the command line as it goes to a server: words separated by single spaces, CRLF at the
// end, no noreply, no flag q, no words that memcached ignores. The data block is not written: it
// follows as it stands, bytes [frame.line_length, frame.offset) with its CRLF. Requires: frame is
// complete without error, row is by_key, split_keys or all_servers. Out is anything with
// append(std::string_view).
template <class Out>
void encode_forward(Out& out, const CommandRow& row, std::string_view bytes,
                    const RequestFrame& frame, Quiet& quiet);

// What of a request's answer its client does not see; what encode_forward() says. For commands that
// go to all servers (verbosity, flush_all) as well.
[[nodiscard]] Quiet quiet_of(const CommandRow& row, std::string_view bytes,
                             const RequestFrame& frame);

// Progress through one reply; resumable at any byte.
struct ReplyFrame {
  u64 size = 0;        // bytes scanned so far, all calls together
  u64 bulk_left = 0;   // bytes of the current data block still to come, its CRLF included
  u64 number = 0;      // of the field being read
  char word[20] = {};  // the first word of the current line, as far as it was read
  u8 word_length = 0;
  u8 kind = 0;   // what the word says about the line (memcached_reply.cc)
  u8 field = 0;  // of the line: 0 is the word
  u8 field_length = 0;
  bool carriage_return = false;
  bool last = false;  // the reply ends with this line or with its data block
};

// Scans in for the rest of one reply. consumed: how many bytes of in belong to it (all of them when
// incomplete). invalid: no such reply; the server's stream cannot go on. kReadablePadding bytes
// behind in may be read.
[[nodiscard]] ParseStatus parse_reply(std::string_view in, ReplyShape shape, ReplyFrame& frame,
                                      std::size_t& consumed);

// True for a reply that is ERROR, CLIENT_ERROR or SERVER_ERROR. Its first 13 bytes decide; a whole
// reply may be shorter.
[[nodiscard]] bool is_error(std::string_view reply);

// True when the client must not see this reply. Its first 3 bytes decide.
[[nodiscard]] bool is_hidden(Quiet quiet, std::string_view reply);

// Walks the VALUE blocks of a whole `values` reply that is held in memory. Safe on any bytes; reads
// nothing behind their end. Views are valid as long as the reply's bytes are.
class ValueCursor {
 public:
  explicit ValueCursor(std::string_view reply) : rest_(reply) {}
  // The next block, or false at the end or where there is none. raw: the whole block, its line,
  // data and CRLF.
  bool next(std::string_view& key, std::string_view& raw);
  // What is left when next() was false: "END\r\n" or an error line with its CRLF.
  std::string_view end_line() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace ringfold::memcached

#include "ringfold/proto/memcached_encode.h"
