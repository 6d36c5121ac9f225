// From the bytes of a memcached client to one dispatched request.
#include <fmt/format.h>

#include <string>

#include "core/context.h"
#include "core/memcached_dispatch.h"
#include "core/stages.h"

namespace ringfold {

namespace {

void reply_line(Context& context, u32 index, std::string_view words) {
  if (words.empty()) return;  // the request said noreply
  context.reply_text.assign(words);
  context.reply_text += "\r\n";
  reply_here(context, index, context.reply_text);
}

}  // namespace

Step take_memcached_request(Context& context, u32 index, std::string_view bytes, u64 size_max,
                            RequestFrame& frame, Block** owned, std::size_t& used) {
  const memcached::CommandRow* row = nullptr;
  const ParseStatus status = memcached::parse_request(bytes, size_max, frame, row);
  if (status == ParseStatus::incomplete) return Step::incomplete;
  if (status == ParseStatus::invalid) {
    count_error(context, context.clients[index], ClientError::protocol);
    context.outbox.log(
        LogLevel::warn,
        fmt::format("pool \"{}\": a client is closed: {}",
                    context.pools[context.clients[index].pool].config->name, frame.error));
    reply_line(context, index, frame.error);
    drain_client(context, index);
    return Step::failed;
  }
  used = frame.offset;
  if (frame.error == nullptr) {
    if (is_refused_for_memory(context, context.clients[index], used)) {
      const bool is_told = memcached::quiet_of(*row, bytes, frame) != memcached::Quiet::noreply;
      if (is_told) reply_here(context, index, memory_line(Protocol::memcached));
      return Step::handled;
    }
    dispatch_memcached(context, index, bytes.substr(0, used), frame, *row, owned);
    return Step::handled;
  }
  count_error(context, context.clients[index], ClientError::command);
  if (used > bytes.size()) {
    context.clients[index].skip_bytes = used - bytes.size();
    used = bytes.size();
  }
  reply_line(context, index, frame.error);
  return Step::handled;
}

}  // namespace ringfold
