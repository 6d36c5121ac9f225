// What a complete request says about itself: its words, its key, how quiet it is, and which of its
// words go to a server.
#include <array>

#include "ringfold/base/assert.h"
#include "ringfold/proto/memcached.h"

namespace ringfold::memcached {

namespace {

constexpr u8 kNotBase64 = 0x80;

// RFC 4648's alphabet; the padding counts as zero bits.
constexpr std::array<u8, 256> kBase64Values = [] {
  std::array<u8, 256> values{};
  for (u8& value : values) value = kNotBase64;
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<u8>(i);
  }
  values['='] = 0;
  return values;
}();

bool has_base64_key(const CommandRow& row, std::string_view bytes, const RequestFrame& frame) {
  Argument token;
  // me looks at one flag only, and wants it alone.
  if (row.command == Command::me) {
    TokenCursor cursor(bytes, frame, 2);
    return cursor.next(token) && bytes.substr(token.offset, token.length) == "b";
  }
  if (!detail::is_meta(row.command)) return false;
  TokenCursor cursor(bytes, frame, detail::flags_at(row));
  while (cursor.next(token)) {
    if (bytes[token.offset] == 'b') return true;
  }
  return false;
}

}  // namespace

u32 decode_base64(std::string_view text, std::span<char, 256> out) {
  RINGFOLD_ASSERT(text.size() <= kKeyLengthMax);
  // memcached skips what is not of the alphabet, wants groups of four of the rest, and ends behind
  // the first group with padding.
  u32 significant = 0;
  for (const char byte : text) {
    significant += kBase64Values[static_cast<unsigned char>(byte)] != kNotBase64 ? 1u : 0u;
  }
  if (significant % 4 != 0) return 0;
  u32 size = 0;
  u32 group = 0;
  u32 in_group = 0;
  u32 padding = 0;
  for (const char byte : text) {
    const u8 value = kBase64Values[static_cast<unsigned char>(byte)];
    if (value == kNotBase64) continue;
    padding += byte == '=' ? 1u : 0u;
    group = group << 6 | value;
    if (++in_group != 4) continue;
    for (const u32 shift : {16u, 8u, 0u}) out[size++] = static_cast<char>(group >> shift & 0xff);
    if (padding > 2) return 0;
    if (padding != 0) return size - padding;
    group = 0;
    in_group = 0;
  }
  return size;
}

TokenCursor::TokenCursor(std::string_view bytes, const RequestFrame& frame, u32 first)
    : bytes_(bytes.data()), end_(frame.line_length - 1) {
  if (end_ != 0 && bytes[end_ - 1] == '\r') --end_;
  if (first >= frame.argument_count) {
    position_ = end_;
    return;
  }
  u32 index = first < RequestFrame::kInlineArguments ? first : RequestFrame::kInlineArguments - 1;
  position_ = frame.arguments[index].offset;
  Argument skipped;
  for (; index != first; ++index) static_cast<void>(next(skipped));
}

bool TokenCursor::next(Argument& token) {
  u32 begin = position_;
  while (begin != end_ && bytes_[begin] == ' ') ++begin;
  u32 end = begin;
  while (end != end_ && bytes_[end] != ' ') ++end;
  position_ = end;
  token = {begin, end - begin};
  return end != begin;
}

std::string_view routing_key(const CommandRow& row, std::string_view bytes,
                             const RequestFrame& frame, std::span<char, 256> scratch) {
  RINGFOLD_DEBUG_ASSERT(row.key_at != 0 && row.key_at < frame.argument_count);
  const Argument& at = frame.arguments[row.key_at];
  const std::string_view key = bytes.substr(at.offset, at.length);
  const bool is_meta = row.command == Command::me || detail::is_meta(row.command);
  if (!is_meta || !has_base64_key(row, bytes, frame)) return key;
  const u32 length = decode_base64(key, scratch);
  return length == 0 ? key : std::string_view(scratch.data(), length);
}

Quiet quiet_of(const CommandRow& row, std::string_view bytes, const RequestFrame& frame) {
  const u32 words = frame.argument_count;
  Argument token;
  if (row.has_noreply) {
    // Most requests have no word more than they must.
    if (words == row.words_min && row.command != Command::flush_all) return Quiet::none;
    TokenCursor cursor(bytes, frame, words - 1);
    const bool is_last = cursor.next(token);
    return is_last && bytes.substr(token.offset, token.length) == "noreply" ? Quiet::noreply
                                                                            : Quiet::none;
  }
  if (!detail::is_meta(row.command)) return Quiet::none;
  TokenCursor cursor(bytes, frame, detail::flags_at(row));
  while (cursor.next(token)) {
    if (bytes[token.offset] != 'q') continue;
    switch (row.command) {
      case Command::mg:
        return Quiet::mg;
      case Command::ms:
        return Quiet::ms;
      case Command::md:
        return Quiet::md;
      default:
        return Quiet::ma;
    }
  }
  return Quiet::none;
}

namespace detail {

u32 forwarded_words(const CommandRow& row, std::string_view bytes, const RequestFrame& frame) {
  if (row.command == Command::flush_all) {
    if (frame.argument_count == 1) return 1;
    const bool is_delay = frame.argument_count > 2 || quiet_of(row, bytes, frame) == Quiet::none;
    return is_delay ? 2 : 1;
  }
  // Behind what a classic command needs stands noreply, or something that memcached ignores.
  return row.has_noreply ? row.words_min : frame.argument_count;
}

}  // namespace detail

bool is_hidden(Quiet quiet, std::string_view reply) {
  const std::string_view code = reply.substr(0, 2);
  const bool is_code = reply.size() > 2 && (reply[2] == ' ' || reply[2] == '\r');
  switch (quiet) {
    case Quiet::none:
      return false;
    case Quiet::noreply:
      return true;
    case Quiet::mg:
      return is_code && code == "EN";
    case Quiet::ms:
    case Quiet::md:
      return is_code && code == "HD";
    case Quiet::ma:
      return is_code && (code == "HD" || code == "VA");
  }
  return false;
}

}  // namespace ringfold::memcached
