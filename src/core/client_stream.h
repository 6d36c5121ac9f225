// What a client has sent and we have not handled: an incomplete request, or whole ones while the
// client is paused.
#pragma once

#include "core/client.h"

namespace ringfold {

// Stops reading the client; its requests wait in its socket.
void pause_client(Context& context, u32 index);

// Handles what was kept while the client was paused, if it has taken enough of its replies.
void resume_client(Context& context, u32 index);

void drop_carry(Context& context, Client& client);

}  // namespace ringfold
