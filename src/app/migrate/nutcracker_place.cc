// Where twemproxy listens and connects: the two forms of text that name a place. Written without
// looking at app/endpoint.h's parsers, so that `migrate --prove` compares two readings.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "app/endpoint.h"
#include "app/migrate/nutcracker_file.h"

namespace ringfold {
namespace {

// twemproxy leaves this port out of a server's name, as libmemcached does.
constexpr u32 kMemcachedPort = 11211;

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// A number of digits in [min, max].
std::optional<u32> parse_number(std::string_view text, u32 min, u32 max) {
  u32 value = 0;
  if (!is_digits(text)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < min || value > max) return std::nullopt;
  return value;
}

// Splits "rest<mark>part" at the last mark.
bool split_last(std::string_view& text, char mark, std::string_view& part) {
  const std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos) return false;
  part = text.substr(at + 1);
  text = text.substr(0, at);
  return true;
}

Expected<Endpoint> parse_host_and_port(std::string_view text) {
  std::string_view port_text;
  if (!split_last(text, ':', port_text)) return fail("the port is missing");
  const auto port = parse_number(port_text, 1, 65535);
  if (!port) {
    return fail(fmt::format("port {} is not a number from 1 to 65535", shown(port_text)));
  }
  if (text.empty()) return fail("the host is empty");
  // twemproxy writes IPv6 addresses bare; in brackets it could not resolve them.
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  return Endpoint{std::string(text), static_cast<u16>(*port), ""};
}

}  // namespace

Expected<NutcrackerServer> parse_nutcracker_server(std::string_view line) {
  NutcrackerServer server;
  server.line = line;
  std::string_view rest = line;
  std::string_view name;
  const bool is_named = split_last(rest, ' ', name);
  if (is_named && name.empty()) return fail("the name behind the blank is empty");
  std::string_view weight_text;
  if (!split_last(rest, ':', weight_text)) return fail("port and weight are missing");
  const auto weight = parse_number(weight_text, 1, kWeightMax);
  if (!weight) {
    return fail(
        fmt::format("weight {} is not a number from 1 to {}{}", shown(weight_text), kWeightMax,
                    weight_text.find(' ') != std::string_view::npos ? "; a name is one word" : ""));
  }
  server.weight = *weight;
  if (rest.starts_with('/')) {
    if (rest.find(':') != std::string_view::npos) return fail("the unix path holds a \":\"");
    server.endpoint.unix_path = rest;
    server.ring_name = fmt::format("{}:", rest);
  } else {
    auto endpoint = parse_host_and_port(rest);
    if (!endpoint) return tl::unexpected(endpoint.error());
    server.endpoint = std::move(*endpoint);
    const bool is_short = server.endpoint.port == kMemcachedPort;
    server.ring_name = is_short ? rest.substr(0, rest.rfind(':')) : rest;
  }
  if (is_named) server.ring_name = name;
  return server;
}

Expected<NutcrackerListen> parse_nutcracker_listen(std::string_view text) {
  NutcrackerListen listen;
  if (!text.starts_with('/')) {
    auto endpoint = parse_host_and_port(text);
    if (!endpoint) return tl::unexpected(endpoint.error());
    listen.endpoint = std::move(*endpoint);
    return listen;
  }
  std::string_view permission;
  if (split_last(text, ' ', permission)) {
    u32 bits = 0;
    const char* const end = permission.data() + permission.size();
    const auto [stop, error] = std::from_chars(permission.data(), end, bits, 8);
    if (permission.empty() || error != std::errc() || stop != end || bits > 0777) {
      return fail(
          fmt::format("permission {} is not an octal number up to 0777", shown(permission)));
    }
    listen.permission = permission;
  }
  listen.endpoint.unix_path = text;
  return listen;
}

}  // namespace ringfold
