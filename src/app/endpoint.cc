#include "app/endpoint.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace ringfold {
namespace {

// RFC 1035 limits a name to 255 bytes on the wire, which is 253 characters of text.
constexpr std::size_t kHostMax = 253;
constexpr std::size_t kShownMax = 80;

// A number of ASCII digits only: no sign, no blank, no overflow.
std::optional<u32> parse_digits(std::string_view text) {
  u32 value = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

Expected<u16> parse_port(std::string_view text) {
  const auto port = parse_digits(text);
  if (!port || *port == 0 || *port > 65535) {
    return fail(fmt::format("port {} is not a number from 1 to 65535", shown(text)));
  }
  return static_cast<u16>(*port);
}

Expected<u32> parse_weight(std::string_view text) {
  const auto weight = parse_digits(text);
  if (!weight || *weight == 0 || *weight > kWeightMax) {
    return fail(fmt::format("weight {} is not a number from 1 to {}", shown(text), kWeightMax));
  }
  return *weight;
}

// Without a zone ("%eth0"), which only the resolver can judge.
bool is_ipv6(std::string_view host) {
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(host.substr(0, host.find('%'))).c_str(), &address) == 1;
}

Expected<void> check_host(std::string_view host) {
  if (host.empty()) return fail("the host is empty");
  if (host.size() > kHostMax) {
    return fail(fmt::format("the host has {} bytes, {} are allowed", host.size(), kHostMax));
  }
  const bool is_odd =
      has_control_bytes(host) || host.find_first_of(" /[]@") != std::string_view::npos;
  if (is_odd || (host.find(':') != std::string_view::npos && !is_ipv6(host))) {
    return fail(fmt::format("{} is not a host name or an IP address", shown(host)));
  }
  return {};
}

Expected<void> check_unix_path(std::string_view path) {
  if (path.empty() || path.front() != '/') {
    return fail(fmt::format("unix path {} does not start with \"/\"", shown(path)));
  }
  if (path.size() > kUnixPathMax) {
    return fail(
        fmt::format("the unix path has {} bytes, the kernel allows {}", path.size(), kUnixPathMax));
  }
  if (has_control_bytes(path)) return fail("the unix path holds a control character");
  return {};
}

Expected<Endpoint> make_tcp(std::string_view host, std::string_view port_text) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host)) {
      return fail(fmt::format("{} in brackets is not an IPv6 address", shown(host)));
    }
  }
  if (auto checked = check_host(host); !checked) return tl::unexpected(checked.error());
  const auto port = parse_port(port_text);
  if (!port) return tl::unexpected(port.error());
  return Endpoint{std::string(host), *port, ""};
}

// Splits the last ":part" off text; part is what stood behind the colon.
bool split_last_colon(std::string_view& text, std::string_view& part) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  part = text.substr(colon + 1);
  text = text.substr(0, colon);
  return true;
}

Expected<Endpoint> parse_line_address(std::string_view address) {
  if (!address.empty() && address.front() == '/') {
    if (auto checked = check_unix_path(address); !checked) return tl::unexpected(checked.error());
    if (address.find(':') != std::string_view::npos) {
      return fail(
          "the unix path holds a \":\", which a server line cannot express; write a table "
          "with address = \"unix:/path\"");
    }
    return Endpoint{"", 0, std::string(address)};
  }
  std::string_view port;
  if (!split_last_colon(address, port)) return fail("the port is missing");
  return make_tcp(address, port);
}

}  // namespace

bool has_control_bytes(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string escape_control_bytes(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string shown(std::string_view text) {
  std::string out = "\"";
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    out += "(hidden)";
    text.remove_prefix(at);
  }
  const bool is_cut = text.size() > kShownMax;
  std::size_t end = std::min(text.size(), kShownMax);
  // A cut does not split a UTF-8 sequence.
  while (is_cut && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) end -= 1;
  out += escape_control_bytes(text.substr(0, end));
  return out + (is_cut ? "\"..." : "\"");
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return "unix:" + endpoint.unix_path;
  if (endpoint.host.find(':') != std::string::npos) {
    return fmt::format("[{}]:{}", endpoint.host, endpoint.port);
  }
  return fmt::format("{}:{}", endpoint.host, endpoint.port);
}

Expected<Endpoint> parse_endpoint(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    if (auto checked = check_unix_path(path); !checked) return tl::unexpected(checked.error());
    return Endpoint{"", 0, std::string(path)};
  }
  if (text.starts_with("/")) {
    return fail(fmt::format("a unix path is written {}", shown("unix:" + std::string(text))));
  }
  std::string_view host = text;
  std::string_view port;
  if (!split_last_colon(host, port)) return fail(fmt::format("{} has no port", shown(text)));
  if (host.find(':') != std::string_view::npos && !host.starts_with("[")) {
    return fail(fmt::format("an IPv6 address stands in brackets: {}",
                            shown(fmt::format("[{}]:{}", host, port))));
  }
  return make_tcp(host, port);
}

std::string default_server_name(const Endpoint& endpoint) {
  // The colon behind the path is an off-by-one of twemproxy's that is part of its hash by now.
  if (endpoint.is_unix()) return endpoint.unix_path + ":";
  // twemproxy leaves memcached's own port away, as libmemcached does.
  if (endpoint.port == 11211) return endpoint.host;
  return fmt::format("{}:{}", endpoint.host, endpoint.port);
}

Expected<ServerConfig> parse_server_line(std::string_view line) {
  ServerConfig server;
  std::string_view name;
  const std::size_t space = line.rfind(' ');
  const bool is_named = space != std::string_view::npos;
  if (is_named) {
    name = line.substr(space + 1);
    line = line.substr(0, space);
    if (name.empty()) return fail("the name behind the blank is empty");
    if (has_control_bytes(name)) return fail("the name holds a control character");
    if (line.find(' ') != std::string_view::npos) {
      return fail("more than one blank: a name is one word");
    }
  }
  std::string_view weight_text;
  if (!split_last_colon(line, weight_text)) return fail("port and weight are missing");
  const auto weight = parse_weight(weight_text);
  if (!weight) return tl::unexpected(weight.error());
  server.weight = *weight;
  auto endpoint = parse_line_address(line);
  if (!endpoint) return tl::unexpected(endpoint.error());
  server.endpoint = std::move(*endpoint);
  server.name = is_named ? std::string(name) : default_server_name(server.endpoint);
  return server;
}

std::string to_server_line(const ServerConfig& server) {
  const Endpoint& endpoint = server.endpoint;
  if (endpoint.is_unix()) {
    return fmt::format("{}:{} {}", endpoint.unix_path, server.weight, server.name);
  }
  return fmt::format("{}:{}:{} {}", endpoint.host, endpoint.port, server.weight, server.name);
}

}  // namespace ringfold
