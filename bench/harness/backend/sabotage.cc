#include "backend/sabotage.h"

#include "ringfold/proto/memcached.h"
#include "ringfold/proto/resp.h"

namespace ringfold::backend {

namespace {

// The neighbouring byte: digits stay digits, letters letters.
void change(std::string& reply, std::size_t at) {
  reply[at] = static_cast<char>(reply[at] ^ 1);
}

void change_within(std::string& reply, std::string_view part, Prng& prng) {
  const std::size_t start = static_cast<std::size_t>(part.data() - reply.data());
  change(reply, start + prng.below(part.size()));
}

bool corrupt_redis(std::string& reply, Prng& prng) {
  resp::ReplyCursor cursor(reply);
  resp::ReplyElement element;
  if (!cursor.next(element)) return false;
  if (element.type == '*') {
    // One of its values, each with the same chance.
    std::string_view chosen;
    u64 found = 0;
    resp::ReplyCursor elements = resp::ReplyCursor::into(element);
    resp::ReplyElement inner;
    while (elements.next(inner)) {
      if (inner.type == '$' && !inner.text.empty() && prng.below(++found) == 0) chosen = inner.text;
    }
    if (chosen.empty()) return false;
    change_within(reply, chosen, prng);
    return true;
  }
  if (element.type == '$' && element.number < 0) {
    reply = "$0\r\n\r\n";
    return true;
  }
  if (element.type == '$' && !element.text.empty()) {
    change_within(reply, element.text, prng);
    return true;
  }
  // "-1" would become "-0", which is no number to a strict parser.
  const bool is_plain = element.type == '+' || (element.type == ':' && element.number >= 0);
  if (!is_plain) return false;
  change(reply, reply.size() - 3);
  return true;
}

bool corrupt_memcached(std::string& reply, Prng& prng) {
  std::string_view chosen;
  if (reply.starts_with("VALUE ")) {
    u64 found = 0;
    memcached::ValueCursor cursor(reply);
    std::string_view key;
    std::string_view raw;
    while (cursor.next(key, raw)) {
      const std::string_view data = raw.substr(raw.find('\n') + 1);
      if (data.size() > 2 && prng.below(++found) == 0) chosen = data.substr(0, data.size() - 2);
    }
  } else if (reply.starts_with("VA ")) {
    const std::size_t start = reply.find('\n') + 1;
    chosen = std::string_view(reply).substr(start, reply.size() - start - 2);
  } else if (reply == "STORED\r\n") {
    reply = "NOT_STORED\r\n";
    return true;
  } else if (reply == "DELETED\r\n" || reply == "TOUCHED\r\n") {
    reply = "NOT_FOUND\r\n";
    return true;
  } else if (reply[0] >= '0' && reply[0] <= '9') {
    chosen = std::string_view(reply).substr(reply.size() - 3, 1);
  }
  if (chosen.empty()) return false;
  change_within(reply, chosen, prng);
  return true;
}

}  // namespace

bool corrupt_reply(Protocol protocol, std::string& reply, Prng& prng) {
  return protocol == Protocol::redis ? corrupt_redis(reply, prng) : corrupt_memcached(reply, prng);
}

bool Sabotage::corrupt(Protocol protocol, std::string& reply) {
  if (is_drawn(shares_.corruptions)) ++corruptions_owed_;
  if (corruptions_owed_ == 0 || !corrupt_reply(protocol, reply, prng_)) return false;
  --corruptions_owed_;
  return true;
}

}  // namespace ringfold::backend
