// Answers to memcached requests, classic and meta. Grammar: protocol.txt of memcached 1.6.18.
#include <array>
#include <charconv>

#include "backend/answer.h"

namespace ringfold::backend {

namespace {

using memcached::Command;
using memcached::CommandRow;
using memcached::Quiet;

struct Call {
  const Store& store;
  std::string_view bytes;
  const RequestFrame& frame;
  const CommandRow& row;
  Output& out;

  std::string_view text(const Argument& token) const {
    return bytes.substr(token.offset, token.length);
  }

  void number(u64 value) {
    std::array<char, 20> room;
    char* const end = std::to_chars(room.data(), room.data() + room.size(), value).ptr;
    out.append({room.data(), static_cast<std::size_t>(end - room.data())});
  }
};

// get, gets: VALUE key flags length [cas]. The others have an expiry time in front of the keys.
void answer_values(Call& call, bool has_cas) {
  memcached::TokenCursor cursor(call.bytes, call.frame, call.row.key_at);
  Argument token;
  while (cursor.next(token)) {
    const std::string_view key = call.text(token);
    const Store::Item item = call.store.find(key);
    if (!item.exists) continue;
    const u32 size = call.store.size_of(item);
    call.out.append("VALUE ");
    call.out.append(key);
    call.out.append(" 0 ");
    call.number(size);
    call.out.append(has_cas ? " 1\r\n" : "\r\n");
    call.store.append_value(call.out, item, size);
    call.out.append("\r\n");
  }
  call.out.append("END\r\n");
}

// The flags which the reply repeats or fills in, each behind a space. size: of the value.
void append_flags(Call& call, std::string_view key, u32 size) {
  memcached::TokenCursor cursor(call.bytes, call.frame, memcached::detail::flags_at(call.row));
  Argument token;
  while (cursor.next(token)) {
    const std::string_view flag = call.text(token);
    const bool is_read = call.row.command == Command::mg;
    switch (flag.front()) {
      case 'O':
        call.out.append(" ");
        call.out.append(flag);
        break;
      case 'k':
        call.out.append(" k");
        call.out.append(key);
        break;
      case 'b':
        call.out.append(" b");
        break;
      case 'c':
        call.out.append(" c1");
        break;
      case 't':
        call.out.append(" t-1");
        break;
      case 'f':
        if (is_read) call.out.append(" f0");
        break;
      case 's':
        if (!is_read) break;
        call.out.append(" s");
        call.number(size);
        break;
      default:
        break;
    }
  }
}

bool has_flag(const Call& call, char wanted) {
  memcached::TokenCursor cursor(call.bytes, call.frame, memcached::detail::flags_at(call.row));
  Argument token;
  while (cursor.next(token)) {
    if (call.bytes[token.offset] == wanted) return true;
  }
  return false;
}

void answer_meta_get(Call& call, std::string_view key, const Store::Item& item, Quiet quiet) {
  if (!item.exists) {
    if (quiet == Quiet::none) call.out.append("EN\r\n");
    return;
  }
  const u32 size = call.store.size_of(item);
  if (!has_flag(call, 'v')) {
    call.out.append("HD");
    append_flags(call, key, size);
    call.out.append("\r\n");
    return;
  }
  call.out.append("VA ");
  call.number(size);
  append_flags(call, key, size);
  call.out.append("\r\n");
  call.store.append_value(call.out, item, size);
  call.out.append("\r\n");
}

void answer_meta(Call& call) {
  const Quiet quiet = memcached::quiet_of(call.row, call.bytes, call.frame);
  memcached::TokenCursor cursor(call.bytes, call.frame, call.row.key_at);
  Argument token;
  if (!cursor.next(token)) {
    call.out.append("CLIENT_ERROR bad command line format\r\n");
    return;
  }
  // As the client spelt it: that is what the reply repeats.
  const std::string_view key = call.text(token);
  std::array<char, 256> room;
  const Store::Item item =
      call.store.find(memcached::routing_key(call.row, call.bytes, call.frame, room));
  if (call.row.command == Command::mg) {
    answer_meta_get(call, key, item, quiet);
    return;
  }
  if (quiet != Quiet::none) return;
  const bool wants_number = call.row.command == Command::ma && has_flag(call, 'v');
  call.out.append(wants_number ? "VA 1" : "HD");
  append_flags(call, key, 0);
  call.out.append(wants_number ? "\r\n1\r\n" : "\r\n");
}

std::string_view classic_line(Command command) {
  switch (command) {
    case Command::add:
    case Command::append:
    case Command::cas:
    case Command::prepend:
    case Command::replace:
    case Command::set:
      return "STORED\r\n";
    case Command::incr:
    case Command::decr:
      return "1\r\n";
    case Command::delete_:
      return "DELETED\r\n";
    case Command::touch:
      return "TOUCHED\r\n";
    case Command::me:
      return "EN\r\n";
    default:
      return "OK\r\n";
  }
}

constexpr std::string_view kStats =
    "STAT pid 1\r\nSTAT uptime 1\r\nSTAT version 1.6.18\r\nSTAT curr_items 0\r\nEND\r\n";

}  // namespace

Answered answer_memcached(const Store& store, std::string_view bytes, const RequestFrame& frame,
                          const CommandRow& row, Output& out) {
  Call call{store, bytes, frame, row, out};
  switch (row.command) {
    case Command::get:
    case Command::gat:
      answer_values(call, false);
      return {};
    case Command::gets:
    case Command::gats:
      answer_values(call, true);
      return {};
    case Command::mg:
    case Command::ms:
    case Command::md:
    case Command::ma:
      answer_meta(call);
      return {};
    case Command::mn:
      out.append("MN\r\n");
      return {.is_data = false};
    case Command::version:
      out.append("VERSION 1.6.18\r\n");
      return {.is_data = false};
    case Command::stats:
      out.append(kStats);
      return {.is_data = false};
    case Command::quit:
      return {.is_data = false, .closes = true};
    default:
      break;
  }
  if (memcached::quiet_of(row, bytes, frame) == Quiet::none) out.append(classic_line(row.command));
  return {.is_data = row.key_at != 0};
}

}  // namespace ringfold::backend
