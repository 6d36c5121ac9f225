// What a client has sent and we have not handled: an incomplete request, or whole ones while the
// client is paused.
#pragma once

#include "core/client.h"

namespace ringfold {

// What became of the bytes at the start of a client's stream.
enum class Step : u8 {
  handled,     // one request was taken
  incomplete,  // more bytes are needed
  failed,      // the stream cannot go on: the client was told and is being closed
};

// Stops reading the client; its requests wait in its socket.
void pause_client(Context& context, u32 index);

// Handles what was kept while the client was paused, if it has taken enough of its replies.
void resume_client(Context& context, u32 index);

void drop_carry(Context& context, Client& client);

}  // namespace ringfold
