// Sockets before they meet a ring: opening, options, listening. Plain system calls, for the
// supervisor at start-up and for the implementations of Ring.
#pragma once

#include <span>
#include <string>

#include "ringfold/base/error.h"
#include "ringfold/io/address.h"
#include "ringfold/io/ring.h"

namespace ringfold {

// A new stream socket for connecting to address, TCP_NODELAY set (TCP), SO_KEEPALIVE if asked. A
// descriptor, the caller's to close, or -errno.
[[nodiscard]] int open_socket(const Address& address, bool keepalive);

// Sets O_NONBLOCK. Only for rings that make the calls themselves: io_uring would report EAGAIN
// instead of waiting. Requires: fd is open.
void set_nonblocking(int fd);

// Bounds what the kernel takes of a socket's output before its peer has; accepted sockets inherit
// it from their listener (TCP). bytes as SO_SNDBUF takes them; 0: leaves the kernel its own way.
void set_send_buffer(int fd, u32 bytes);

// Options of a listening socket that accepted sockets inherit (TCP): TCP_NODELAY, SO_KEEPALIVE and
// TCP_USER_TIMEOUT as asked.
[[nodiscard]] Expected<void> set_accepted_options(const SharedListener& listener,
                                                  const ListenOptions& options);

// A listening socket, the caller's to close, with set_accepted_options(). TCP: SO_REUSEADDR, and
// SO_REUSEPORT where it is shared. Unix: a socket file which nobody listens on any more is
// replaced; anything else in its place is an error and left alone.
[[nodiscard]] Expected<int> open_listener(const Address& address, const ListenOptions& options);

// Ring::listen: a descriptor of the caller's own for ListenOptions::shared, else open_listener().
[[nodiscard]] Expected<int> open_or_duplicate_listener(const Address& address,
                                                       const ListenOptions& options);

// Fails when someone listens on a TCP address already. SO_REUSEPORT lets a second process of the
// same user bind without an error and take half of the connections, so the supervisor asks here
// once before its workers open their listeners. Unix addresses always pass: open_listener checks.
[[nodiscard]] Expected<void> check_address_unused(const Address& address);

// What an operator is told when what (a socket, an eventfd) cannot be opened. error: the errno.
[[nodiscard]] std::string describe_descriptor_failure(const std::string& what, int error);

}  // namespace ringfold
