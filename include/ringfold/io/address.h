// A socket address by value: IPv4, IPv6 or a unix path, ready for the kernel.
#pragma once

#include <sys/socket.h>

#include <cstring>
#include <string>
#include <string_view>

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

// A host name or a numeric IPv4/IPv6 address ("127.0.0.1", "::1", "localhost"). Blocks in
// getaddrinfo for names: never call it from a worker. The first result counts, as in twemproxy.
[[nodiscard]] Expected<Address> resolve_address(const std::string& host, u16 port);

// "127.0.0.1:6379", "[::1]:6379" or "/run/a.sock".
[[nodiscard]] std::string to_string(const Address& address);

}  // namespace ringfold
