#include "ringfold/io/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <system_error>

namespace ringfold {
namespace {

template <class Specific>
Address from_specific(const Specific& specific) {
  Address address;
  std::memcpy(&address.storage, &specific, sizeof(specific));
  address.length = sizeof(specific);
  return address;
}

template <class Specific>
Specific to_specific(const Address& address) {
  Specific specific{};
  std::memcpy(&specific, &address.storage, sizeof(specific));
  return specific;
}

// A literal of either family, or an unresolved address.
Address numeric_address(const std::string& host, u16 port) {
  sockaddr_in four{};
  if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    return from_specific(four);
  }
  sockaddr_in6 six{};
  if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    return from_specific(six);
  }
  return {};
}

}  // namespace

Expected<Address> unix_address(std::string_view path) {
  sockaddr_un name{};
  if (path.empty()) return fail("the path of a unix socket is empty");
  if (path.find('\0') != std::string_view::npos) {
    return fail("the path of a unix socket must not contain a zero byte");
  }
  if (path.size() >= sizeof(name.sun_path)) {
    return fail("the path of a unix socket may have at most " +
                std::to_string(sizeof(name.sun_path) - 1) + " bytes, this one has " +
                std::to_string(path.size()) + ": " + std::string(path));
  }
  name.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), name.sun_path);
  Address address = from_specific(name);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

Expected<std::vector<Address>> resolve_addresses(const std::string& host, u16 port) {
  if (const Address literal = numeric_address(host, port); literal.resolved()) {
    return std::vector{literal};
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    const std::string why = error == EAI_SYSTEM ? std::generic_category().message(errno)
                                                : std::string(gai_strerror(error));
    return fail("cannot resolve \"" + host + "\": " + why +
                "; check the spelling and that this machine's resolver knows the name");
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    Address address;
    address.length = std::min<socklen_t>(entry->ai_addrlen, sizeof(address.storage));
    std::memcpy(&address.storage, entry->ai_addr, address.length);
    // A name may stand several times in the hosts file.
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  return addresses;
}

Expected<Address> resolve_address(const std::string& host, u16 port) {
  const auto addresses = resolve_addresses(host, port);
  if (!addresses) return tl::unexpected(addresses.error());
  return addresses->front();
}

bool is_numeric_host(const std::string& host) {
  return numeric_address(host, 0).resolved();
}

Address with_port(const Address& address, u16 port) {
  if (!address.resolved()) return address;
  switch (address.family()) {
    case AF_INET: {
      auto name = to_specific<sockaddr_in>(address);
      name.sin_port = htons(port);
      return from_specific(name);
    }
    case AF_INET6: {
      auto name = to_specific<sockaddr_in6>(address);
      name.sin6_port = htons(port);
      return from_specific(name);
    }
    default:
      return address;
  }
}

std::string to_string(const Address& address) {
  if (!address.resolved()) return "(unresolved)";
  char text[INET6_ADDRSTRLEN] = {};
  switch (address.family()) {
    case AF_INET: {
      const auto name = to_specific<sockaddr_in>(address);
      inet_ntop(AF_INET, &name.sin_addr, text, sizeof(text));
      return std::string(text) + ":" + std::to_string(ntohs(name.sin_port));
    }
    case AF_INET6: {
      const auto name = to_specific<sockaddr_in6>(address);
      inet_ntop(AF_INET6, &name.sin6_addr, text, sizeof(text));
      return std::string("[").append(text).append("]:") + std::to_string(ntohs(name.sin6_port));
    }
    case AF_UNIX:
      return to_specific<sockaddr_un>(address).sun_path;
    default:
      return "(neither an internet nor a unix address)";
  }
}

}  // namespace ringfold
