// Bypass: one more connection to a server, for those who would wait behind something large.
//
// The requests of a connection are answered in order, so everybody behind a value of 512 MiB would
// wait until it has come. While one is on its way, requests of clients that have nothing under way
// take the bypass; it closes when it has not been needed for a while. A client whose commands have
// begun to go that way stays on it until all are answered, so that they do not overtake each other.
#pragma once

#include "ringfold/base/ints.h"

namespace ringfold {

struct Backend;
struct BackendConnection;
struct Client;
struct Context;

// Where in Backend::connections this client's next request goes. backend: of the client's pool.
[[nodiscard]] u32 place_for(const Context& context, const Backend& backend, u32 backend_index,
                            u32 client_index, Client& client);

[[nodiscard]] bool is_bypass(const Context& context, const BackendConnection& connection);

// When a bypass that nobody waits for is closed.
[[nodiscard]] Nanos bypass_deadline(const BackendConnection& connection);

}  // namespace ringfold
