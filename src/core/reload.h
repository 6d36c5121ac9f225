// Reload: a worker takes over another configuration while it works.
//
//   pools    are the same when they have the same name, or listen on the same address, and speak
//            the same protocol. One that is left out stops listening, answers what its clients have
//            asked, and closes them.
//   servers  are the same when they have the same address. One that is left out gets no further
//            request; its connections close when nobody waits for them.
//
// What stays keeps its clients, connections, health and counts. Requests in flight are answered by
// the servers that have them; the next ones go by the new map. A client's commands to a server do
// not overtake each other: where the same server is to be reached by other connections from now on
// (another password, database or number of connections), its clients are held until what they wait
// for has come.
#pragma once

#include "core/snapshot.h"
#include "ringfold/base/error.h"

namespace ringfold {

struct Context;

// Takes over the snapshot, the worker's first or another one, and says so in the outbox. Afterwards
// nothing points into the one before. The error: a listener that could not be opened; all else is
// done.
[[nodiscard]] Expected<void> take_snapshot(Context& context, const Snapshot& next);

// Ends the removed pools that nobody needs any more. True when that gave connections to settle.
[[nodiscard]] bool end_removed_pools(Context& context);

}  // namespace ringfold
