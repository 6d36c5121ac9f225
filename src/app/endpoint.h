// Texts that name places: endpoints ("127.0.0.1:6379", "unix:/run/a.sock") and twemproxy's server
// lines ("127.0.0.1:6379:1 alpha"). Pure functions over text; nothing is resolved here.
#pragma once

#include <string>
#include <string_view>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"
#include "ringfold/config.h"

namespace ringfold {

// Where twemproxy's own 32-bit signed numbers end.
inline constexpr u32 kWeightMax = 2147483647;

// A unix path that fits sockaddr_un with its terminating zero.
inline constexpr std::size_t kUnixPathMax = 107;

// "host:port", "[::1]:port" or "unix:/path". The error says what is wrong and what would be right.
[[nodiscard]] Expected<Endpoint> parse_endpoint(std::string_view text);

// "host:port:weight[ name]" or "/path:weight[ name]", taken apart from the end as twemproxy does
// (notes on nutcracker 0.5.0: nc_conf.c, conf_add_server), so that an IPv6 address may be bare.
[[nodiscard]] Expected<ServerConfig> parse_server_line(std::string_view line);

// The line that parses to this server. Always with the name.
[[nodiscard]] std::string to_server_line(const ServerConfig& server);

// The ring name of a server that has none of its own, as twemproxy forms it: "host:port", the host
// alone for port 11211, and a unix path with a colon behind it.
[[nodiscard]] std::string default_server_name(const Endpoint& endpoint);

// Text from a file, quoted and safe to print: control bytes escaped, long text cut, and anything
// before a '@' hidden, because an URL-like address may carry a password there.
[[nodiscard]] std::string shown(std::string_view text);

// Bytes below 0x20 and 0x7f as "\x0a", the others as they are.
[[nodiscard]] std::string escape_control_bytes(std::string_view text);

// True when text holds a byte below 0x20 or 0x7f.
[[nodiscard]] bool has_control_bytes(std::string_view text);

}  // namespace ringfold
