// A socket address by value: IPv4, IPv6 or a unix path, ready for the kernel.
#pragma once

#include <sys/socket.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"

namespace ringfold {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;  // 0: not resolved

  int family() const { return storage.ss_family; }
  bool is_unix() const { return length != 0 && storage.ss_family == AF_UNIX; }
  bool resolved() const { return length != 0; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

  bool operator==(const Address& other) const {
    return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
  }
};

// A unix path ("/run/a.sock"). Fails when it does not fit sun_path (107 bytes).
[[nodiscard]] Expected<Address> unix_address(std::string_view path);

// All addresses of a host name, each once, in the order of getaddrinfo (RFC 6724: the family that
// this machine reaches best comes first); of a numeric address only itself. Never empty. Blocks for
// names, for many seconds when no name server answers: never call it from a worker.
[[nodiscard]] Expected<std::vector<Address>> resolve_addresses(const std::string& host, u16 port);

// The first of them, as twemproxy takes it. For "127.0.0.1", "::1", "localhost".
[[nodiscard]] Expected<Address> resolve_address(const std::string& host, u16 port);

// A numeric IPv4 or IPv6 address: it is known without asking anybody, and never changes.
[[nodiscard]] bool is_numeric_host(const std::string& host);

// The same host with another port. Unix and unresolved addresses stay as they are.
[[nodiscard]] Address with_port(const Address& address, u16 port);

// "127.0.0.1:6379", "[::1]:6379" or "/run/a.sock".
[[nodiscard]] std::string to_string(const Address& address);

}  // namespace ringfold
