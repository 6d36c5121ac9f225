// The memcached request parser. Called for every chunk a client sends. A line is searched for its
// end once, as far as it has come, and split into words once, when it is whole; data blocks are not
// looked at.
//
// What is checked here is what decides where a request ends and to which server it goes, and what
// memcached says without looking at what it stores. The rest (the flags of meta commands, opaque
// tokens) is the server's to judge. Words and order of the checks: proto_text.c of memcached
// 1.6.18, compared with a live server.
//
// It is longer than most files because every command's checks stand here, in the server's order.
//
// Stricter than memcached on purpose: it cuts numbers to 32 bits (a length of 4294967297 is 1), and
// whoever reads it otherwise takes the data for commands. Numbers out of range are refused.
#include <algorithm>
#include <cstring>

#include "proto/memcached_scan.h"
#include "ringfold/base/assert.h"
#include "ringfold/proto/memcached.h"

namespace ringfold::memcached {

namespace {

constexpr u64 kRequestSizeMax = UINT32_MAX;
constexpr u64 kDataLengthMax = INT32_MAX - 2;
constexpr u32 kMetaWordsMax = 19;
constexpr u32 kLeadingSpacesMax = 100;  // of a line that may be longer than kLineLengthMax

constexpr const char* kSilence = "";
constexpr const char* kError = "ERROR";
constexpr const char* kBadLine = "CLIENT_ERROR bad command line format";
constexpr const char* kBadData = "CLIENT_ERROR bad data chunk";
constexpr const char* kBadTime = "CLIENT_ERROR invalid exptime argument";
constexpr const char* kBadDelta = "CLIENT_ERROR invalid numeric delta argument";
constexpr const char* kBadDelete =
    "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]";
constexpr const char* kDuplicateFlag = "CLIENT_ERROR duplicate flag";
constexpr const char* kBadFlag = "CLIENT_ERROR invalid or duplicate flag";
constexpr const char* kTooManyFlags = "CLIENT_ERROR options flags too long";
constexpr const char* kTooManyFlagsOfGet = "CLIENT_ERROR options flags are too long";
constexpr const char* kNothingFound = "END";
constexpr const char* kTooLarge = "SERVER_ERROR object too large for cache";
constexpr const char* kBinary = "CLIENT_ERROR ringfold: the binary protocol is not supported";
constexpr const char* kLongLine = "CLIENT_ERROR ringfold: the command line is too long";
constexpr const char* kRefused =
    "CLIENT_ERROR ringfold: this command is for one server alone, connect to it directly";
constexpr const char* kEchoedKey =
    "CLIENT_ERROR ringfold: a key with CR or LF cannot be asked for by name";

// The words of one line. Only the last word of all and those that a check looks at are held.
struct Line {
  static constexpr u32 kWordsHeld = 20;

  std::string_view bytes;
  u32 count = 0;
  u32 last_long = 0;  // the last word longer than a key may be; 0: none, or the command itself
  bool has_control = false;
  // Of the first words; not cleared, as that would cost as much as reading a short line.
  u32 offsets[kWordsHeld];
  u32 lengths[kWordsHeld];

  std::string_view word(u32 index) const { return {bytes.data() + offsets[index], lengths[index]}; }
};

// What the checks make of a line.
struct Verdict {
  const char* error = nullptr;
  u64 data = 0;  // bytes of data and CRLF behind the line, to be skipped when there is an error
};

inline void add_word(Line& line, u32 begin, u32 end) {
  if (end - begin > kKeyLengthMax) [[unlikely]] {
    line.last_long = line.count;
  }
  if (line.count < Line::kWordsHeld) {
    line.offsets[line.count] = begin;
    line.lengths[line.count] = end - begin;
  }
  ++line.count;
}

// Requires: kReadablePadding bytes behind line.bytes may be read.
void split(Line& line) {
  const char* const bytes = line.bytes.data();
  const u32 end = static_cast<u32>(line.bytes.size());
  u32 begin = 0;
  for (u32 at = 0; at < end; at += 8) {
    u64 specials = special_bytes(load_word(bytes + at));
    if (end - at < 8) specials &= (u64{1} << (8 * (end - at))) - 1;
    for (; specials != 0; specials &= specials - 1) {
      const u32 position = at + static_cast<u32>(std::countr_zero(specials)) / 8;
      if (bytes[position] != ' ') [[unlikely]] {
        line.has_control = true;
        continue;
      }
      if (position != begin) add_word(line, begin, position);
      begin = position + 1;
    }
  }
  if (begin != end) add_word(line, begin, end);
}

bool is_signed32(std::string_view text) {
  const Number number = read_number(text);
  const u64 limit = u64{INT32_MAX} + (number.is_negative ? 1 : 0);
  return number.is_number && number.magnitude <= limit;
}

bool is_signed64(std::string_view text) {
  const Number number = read_number(text);
  return number.is_number && number.magnitude <= u64{INT64_MAX} + (number.is_negative ? 1 : 0);
}

bool is_unsigned(std::string_view text) {
  const Number number = read_number(text);
  return number.is_number && (!number.is_negative || number.magnitude == 0);
}

// memcached's set_noreply_maybe(): whatever is wrong with a line that says so is not answered.
bool says_noreply(const CommandRow& row, const Line& line) {
  if (!row.has_noreply || line.count > Line::kWordsHeld) return false;
  if (row.command == Command::delete_ && line.count == 2) return false;
  return line.word(line.count - 1) == "noreply";
}

bool has_long_key(const CommandRow& row, const Line& line) {
  return line.lengths[row.key_at] > kKeyLengthMax;
}

// The length of the data block and its CRLF, or 0 when the word is none that memcached takes.
u64 data_size(std::string_view word) {
  const Number number = read_number(word);
  const bool is_negative = number.is_negative && number.magnitude != 0;
  if (!number.is_number || is_negative || number.magnitude > kDataLengthMax) return 0;
  return number.magnitude + 2;
}

Verdict check_storage(const CommandRow& row, const Line& line) {
  if (has_long_key(row, line)) return {kBadLine, 0};
  const std::string_view flags = line.word(2);
  const std::string_view time = line.word(3);
  const u64 data = data_size(line.word(row.data_length_at));
  if (!is_unsigned(flags) || !is_signed64(time) || data == 0) return {kBadLine, 0};
  if (row.command == Command::cas && !is_unsigned(line.word(5))) return {kBadLine, 0};
  // Where 1.6.18 cuts the number and goes on, another version may not: both see no such request.
  if (read_number(flags).magnitude > UINT32_MAX || !is_signed32(time)) return {kBadLine, data};
  return {nullptr, data};
}

Verdict check_delete(const CommandRow& row, const Line& line) {
  if (line.count > 2) {
    const bool has_zero = line.word(2) == "0";
    const bool has_noreply = says_noreply(row, line);
    const bool is_valid = line.count == 3 ? has_zero || has_noreply : has_zero && has_noreply;
    if (!is_valid) return {kBadDelete, 0};
  }
  return {has_long_key(row, line) ? kBadLine : nullptr, 0};
}

Verdict check_retrieval(const CommandRow& row, const Line& line) {
  if (row.key_at == 2) {
    if (!is_signed32(line.word(1))) return {kBadTime, 0};
    if (line.count == 2) return {kNothingFound, 0};
  }
  // The time of a gat as well: it stands in front of every line that the keys are cut into.
  return {line.last_long != 0 ? kBadLine : nullptr, 0};
}

// A flag that stands twice. Behind a flag that 1.6.18 does not know nothing is judged: its server
// may know it.
bool has_duplicate_flag(const CommandRow& row, const Line& line) {
  constexpr u64 kKnown = [] {
    u64 known = 0;
    for (const char flag : std::string_view("bNTRlOPLkstcfvhuqFCMJDI")) {
      known |= u64{1} << (flag - '@');
    }
    return known;
  }();
  u64 seen = 0;
  for (u32 i = detail::flags_at(row); i < line.count; ++i) {
    const u32 flag = static_cast<u8>(line.bytes[line.offsets[i]]) - u32{'@'};
    if (flag >= 64 || (kKnown >> flag & 1) == 0) return false;
    if ((seen >> flag & 1) != 0) return true;
    seen |= u64{1} << flag;
  }
  return false;
}

// memcached 1.6.18 forgets that a key is binary when it allocates an item anew (ms with mode
// append, ma that needs more digits, N) and then writes it as it is into the answers of mg k and of
// me: with a CR LF in the key, the rest of it would be taken for the next answer on a connection
// that is shared.
bool echoes_line_end(const CommandRow& row, const Line& line) {
  if (row.command != Command::mg && row.command != Command::me) return false;
  bool is_base64 = false;
  bool is_echoed = row.command == Command::me;
  for (u32 i = detail::flags_at(row); i < std::min(line.count, Line::kWordsHeld); ++i) {
    const char flag = line.bytes[line.offsets[i]];
    is_base64 |= flag == 'b';
    is_echoed |= flag == 'k';
  }
  if (!is_base64 || !is_echoed) return false;
  char decoded[256];
  const u32 length = decode_base64(line.word(row.key_at), decoded);
  return std::string_view(decoded, length).find_first_of("\r\n") != std::string_view::npos;
}

Verdict check_meta(const CommandRow& row, const Line& line) {
  if (line.count < 2) return {kBadLine, 0};  // me, the others have said ERROR
  if (has_long_key(row, line)) return {kBadLine, 0};
  if (row.command == Command::me) return {echoes_line_end(row, line) ? kEchoedKey : nullptr, 0};
  const bool has_data = row.data_length_at != 0;
  if (has_data && line.count == 2) return {kBadLine, 0};
  if (line.count > kMetaWordsMax) {
    return {row.command == Command::mg ? kTooManyFlagsOfGet : kTooManyFlags, 0};
  }
  const u64 data = has_data ? data_size(line.word(row.data_length_at)) : 0;
  if (has_data && data == 0) return {kBadLine, 0};
  if (has_duplicate_flag(row, line)) {
    const bool is_named = row.command == Command::mg || row.command == Command::ms;
    return {is_named ? kDuplicateFlag : kBadFlag, data};
  }
  return {echoes_line_end(row, line) ? kEchoedKey : nullptr, data};
}

// cachedump writes keys as they are, see echoes_line_end().
Verdict check_stats(const Line& line) {
  return {line.count > 1 && line.word(1) == "cachedump" ? kRefused : nullptr, 0};
}

Verdict check_flush_all(const CommandRow& row, const Line& line) {
  const u32 plain = says_noreply(row, line) ? 2 : 1;
  return {line.count != plain && !is_signed32(line.word(1)) ? kBadTime : nullptr, 0};
}

Verdict check_line(const CommandRow& row, const Line& line) {
  switch (row.command) {
    case Command::get:
    case Command::gets:
    case Command::gat:
    case Command::gats:
      return check_retrieval(row, line);
    case Command::set:
    case Command::add:
    case Command::replace:
    case Command::append:
    case Command::prepend:
    case Command::cas:
      return check_storage(row, line);
    case Command::incr:
    case Command::decr:
      if (has_long_key(row, line)) return {kBadLine, 0};
      return {is_unsigned(line.word(2)) ? nullptr : kBadDelta, 0};
    case Command::touch:
      if (has_long_key(row, line)) return {kBadLine, 0};
      return {is_signed32(line.word(2)) ? nullptr : kBadTime, 0};
    case Command::delete_:
      return check_delete(row, line);
    case Command::mg:
    case Command::ms:
    case Command::md:
    case Command::ma:
    case Command::me:
      return check_meta(row, line);
    case Command::flush_all:
      return check_flush_all(row, line);
    case Command::stats:
      return check_stats(line);
    case Command::verbosity:
      return {is_unsigned(line.word(1)) ? nullptr : kBadLine, 0};
    case Command::mn:
    case Command::quit:
    case Command::version:
      return {};
    case Command::cache_memlimit:
    case Command::extstore:
    case Command::lru:
    case Command::lru_crawler:
    case Command::refresh_certs:
    case Command::shutdown:
    case Command::slabs:
    case Command::watch:
      return {kRefused, 0};
  }
  return {kError, 0};
}

// Whether a line may be longer than kLineLengthMax. memcached lets get and gets; here every command
// of many keys may, for its keys can be asked for in several lines.
bool may_be_long(std::string_view in) {
  const std::size_t spaces = std::min(in.find_first_not_of(' '), in.size());
  if (spaces > kLeadingSpacesMax) return false;
  in.remove_prefix(spaces);
  for (const std::string_view name : {"get ", "gets ", "gat ", "gats ", "bget "}) {
    if (in.substr(0, name.size()) == name) return true;
  }
  return false;
}

ParseStatus invalid(RequestFrame& frame, const char* error) {
  frame.error = error;
  return ParseStatus::invalid;
}

ParseStatus answer(RequestFrame& frame, const char* error, u64 data = 0) {
  frame.error = error;
  frame.offset = frame.line_length + data;
  return ParseStatus::complete;
}

// The line is whole; with a data block the request may not be.
ParseStatus parse_line(std::string_view in, u64 max_size, RequestFrame& frame,
                       const CommandRow*& row) {
  Line line;
  u32 end = frame.line_length - 1;
  if (end != 0 && in[end - 1] == '\r') --end;
  line.bytes = in.substr(0, end);
  split(line);
  frame.argument_count = line.count;
  frame.arguments_seen = line.count;
  row = nullptr;
  if (line.count == 0) return answer(frame, kError);
  row = find_command(line.word(0));
  if (row == nullptr) return answer(frame, kError);
  const bool is_short = line.count < row->words_min;
  const bool is_long = row->words_max != 0 && line.count > row->words_max;
  if (is_short || is_long) return answer(frame, kError);
  for (u32 i = 0; i < std::min(line.count, RequestFrame::kInlineArguments); ++i) {
    frame.arguments[i] = {line.offsets[i], line.lengths[i]};
  }
  Verdict verdict = check_line(*row, line);
  if (verdict.error == nullptr && line.has_control) verdict.error = kBadLine;
  const u64 size = frame.line_length + verdict.data;
  if (verdict.error == nullptr && verdict.data != 0 && size > max_size) verdict.error = kTooLarge;
  if (verdict.error != nullptr) {
    if (says_noreply(*row, line)) verdict.error = kSilence;
    return answer(frame, verdict.error, verdict.data);
  }
  frame.need = size;
  frame.offset = frame.line_length;
  return ParseStatus::complete;
}

}  // namespace

ParseStatus parse_request(std::string_view in, u64 max_size, RequestFrame& frame,
                          const CommandRow*& row) {
  // Words are found by 32-bit offsets.
  max_size = std::min(max_size, kRequestSizeMax);
  if (frame.line_length == 0) {
    if (in.empty()) return ParseStatus::incomplete;
    if (in[0] == '\x80') return invalid(frame, kBinary);
    const void* const found = std::memchr(in.data() + frame.offset, '\n', in.size() - frame.offset);
    const u64 length = found == nullptr
                           ? in.size()
                           : static_cast<u64>(static_cast<const char*>(found) - in.data());
    if (length > std::min<u64>(kLineLengthMax, max_size)) [[unlikely]] {
      // The words in front decide, wherever the bytes were cut.
      if (length > max_size || !may_be_long(in)) return invalid(frame, kLongLine);
    }
    if (found == nullptr) {
      frame.offset = in.size();
      return ParseStatus::incomplete;
    }
    frame.line_length = static_cast<u32>(length + 1);
    const ParseStatus status = parse_line(in, max_size, frame, row);
    if (frame.error != nullptr) return status;
  } else {
    const Argument& name = frame.arguments[0];
    row = find_command(in.substr(name.offset, name.length));
    RINGFOLD_ASSERT(row != nullptr);
  }
  if (in.size() < frame.need) return ParseStatus::incomplete;
  frame.offset = frame.need;
  if (row->data_length_at != 0 && !is_crlf(in.data() + frame.need - 2)) {
    frame.error = quiet_of(*row, in, frame) == Quiet::noreply ? kSilence : kBadData;
  }
  return ParseStatus::complete;
}

}  // namespace ringfold::memcached
