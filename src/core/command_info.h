// COMMAND and its subcommands, answered from the command table; HELP of the containers that are
// answered here.
#pragma once

#include <string>
#include <string_view>

#include "ringfold/proto/command.h"
#include "ringfold/proto/protocol.h"

namespace ringfold {

// Appends the reply to out. Requires: local is one of the command_* kinds or client_help.
void encode_command_reply(std::string& out, LocalCommand local, std::string_view bytes,
                          const RequestFrame& frame);

}  // namespace ringfold
