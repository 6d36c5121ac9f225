// From the bytes of a Redis client to one dispatched request: array form in place, inline commands
// rewritten.
#include <string>

#include "core/context.h"
#include "core/redis_dispatch.h"
#include "core/stages.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

namespace {

Step fail_stream(Context& context, u32 index, const char* error) {
  count_error(context, context.clients[index], ClientError::protocol);
  context.reply_text.clear();
  resp::encode_error(context.reply_text, "ERR " + std::string(error));
  reply_here(context, index, context.reply_text);
  drain_client(context, index);
  return Step::failed;
}

Step take_inline(Context& context, u32 index, std::string_view bytes, u64 size_max,
                 std::size_t& used) {
  const resp::InlineResult line = resp::parse_inline(bytes, context.inline_request);
  if (line.status == ParseStatus::incomplete) return Step::incomplete;
  if (line.status == ParseStatus::invalid) return fail_stream(context, index, line.error);
  used = line.consumed;
  if (context.inline_request.empty()) return Step::handled;
  const std::size_t length = context.inline_request.size();
  context.inline_request.append(kReadablePadding, '\0');
  const std::string_view request(context.inline_request.data(), length);
  RequestFrame frame;
  const ParseStatus status = resp::parse_request(request, size_max, frame);
  RINGFOLD_ASSERT(status != ParseStatus::incomplete);
  if (status == ParseStatus::invalid) return fail_stream(context, index, frame.error);
  dispatch_redis(context, index, request, frame, nullptr);
  return Step::handled;
}

}  // namespace

Step take_redis_request(Context& context, u32 index, std::string_view bytes, u64 size_max,
                        RequestFrame& frame, Block** owned, std::size_t& used) {
  if (bytes.front() != '*') return take_inline(context, index, bytes, size_max, used);
  const ParseStatus status = resp::parse_request(bytes, size_max, frame);
  if (status == ParseStatus::incomplete) return Step::incomplete;
  if (status == ParseStatus::invalid) {
    const bool was_limited =
        !context.clients[index].authenticated && frame.error == resp::kRequestTooLarge;
    // Redis' words for the limit that applied.
    return fail_stream(context, index,
                       was_limited ? "Protocol error: unauthenticated bulk length" : frame.error);
  }
  used = frame.offset;
  if (is_refused_for_memory(context, context.clients[index], used)) {
    reply_here(context, index, memory_line(Protocol::redis));
    return Step::handled;
  }
  dispatch_redis(context, index, bytes.substr(0, used), frame, owned);
  return Step::handled;
}

}  // namespace ringfold
