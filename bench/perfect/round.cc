#include "round.h"

#include <fmt/core.h>

#include "backend/answer.h"
#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"
#include "ringfold/proto/resp.h"

namespace ringfold::perfect {

namespace {

std::string padded(std::string bytes) {
  bytes.append(kReadablePadding, '\0');
  return bytes;
}

// Takes the first request off requests and appends the null backend's answer to out.
void answer_redis_request(const backend::Store& store, std::string_view& requests,
                          backend::Output& out) {
  RequestFrame frame;
  const ParseStatus status = resp::parse_request(requests, 1_GiB, frame);
  RINGFOLD_ASSERT(status == ParseStatus::complete);
  backend::answer_redis(store, requests.substr(0, frame.offset), frame, out);
  requests.remove_prefix(frame.offset);
}

void answer_memcached_request(const backend::Store& store, std::string_view& requests,
                              backend::Output& out) {
  RequestFrame frame;
  const memcached::CommandRow* row = nullptr;
  const ParseStatus status = memcached::parse_request(requests, 1_GiB, frame, row);
  RINGFOLD_ASSERT(status == ParseStatus::complete && frame.error == nullptr);
  backend::answer_memcached(store, requests.substr(0, frame.offset), frame, *row, out);
  requests.remove_prefix(frame.offset);
}

}  // namespace

Round::Round(const RoundOptions& options) : options_(options) {
  start();
  connect_clients();
  teach_servers();
  check_replies();
}

Round::~Round() = default;

void Round::start() {
  PoolConfig pool;
  pool.name = "perfect";
  pool.protocol = options_.protocol;
  pool.sharding = {Distribution::ketama, HashKind::fnv1a_64, ""};
  pool.listen = {Endpoint{"127.0.0.1", 1, ""}};
  PoolAddresses addresses;
  addresses.listen.emplace_back();
  for (u32 i = 0; i < options_.servers; ++i) {
    pool.servers.push_back({fmt::format("s{}", i), {"127.0.0.1", static_cast<u16>(2 + i), ""}, 1});
    // Any address will do that says it is one.
    addresses.servers.push_back(*resolve_address("127.0.0.1", static_cast<u16>(2 + i)));
  }
  snapshot_.config.pools = {pool};
  snapshot_.addresses = {addresses};
  stats_.attach(snapshot_);
  worker_ = std::make_unique<Worker>(snapshot_, ring_, control_, outbox_, WorkerOptions{});
  const auto started = worker_->start();
  RINGFOLD_ASSERT(started.has_value());
}

void Round::connect_clients() {
  clients_.resize(options_.clients);
  for (u32 i = 0; i < options_.clients; ++i) {
    Peer& client = clients_[i];
    client.fd = ring_.connect_client();
    const std::string bytes = requests_of(i);
    client.size = bytes.size();
    client.bytes = padded(bytes);
  }
  // One for the connections, one for what follows from them.
  worker_->tick();
  worker_->tick();
  RINGFOLD_ASSERT(worker_->accounts().clients == options_.clients);
  RINGFOLD_ASSERT(ring_.outgoing().size() == options_.servers);
}

void Round::teach_servers() {
  ring_.set_recording(true);
  for (const Peer& client : clients_) ring_.deliver(client.fd, client.view());
  worker_->tick();
  for (const int fd : ring_.outgoing()) {
    const std::string heard = ring_.recorded(fd);
    Peer& server = servers_.emplace_back();
    server.fd = fd;
    server.hears = heard.size();
    const std::string replies = replies_to(heard);
    server.size = replies.size();
    server.bytes = padded(replies);
  }
  // By now nothing moves any more that holds the bytes.
  for (const Peer& server : servers_) {
    if (server.hears == 0) continue;
    ring_.answer_always(server.fd, server.hears, server.view());
    ring_.deliver(server.fd, server.view());
  }
  worker_->tick();
  ring_.set_recording(false);
}

void Round::check_replies() {
  for (Peer& client : clients_) {
    const std::string& heard = ring_.recorded(client.fd);
    RINGFOLD_ASSERT(heard == replies_to(client.view()));
    client.hears = heard.size();
  }
}

std::string Round::requests_of(u32 client) const {
  std::string bytes;
  const std::string value(options_.value_size, 'v');
  for (u32 i = 0; i < options_.pipeline; ++i) {
    std::vector<std::string> keys;
    const u32 count = options_.traffic == Traffic::multi_get ? kMultiKeys : 1;
    for (u32 key = 0; key < count; ++key) {
      keys.push_back(fmt::format("key:{:012}", (client * options_.pipeline + i) * count + key));
    }
    const bool is_set = options_.traffic == Traffic::set;
    if (options_.protocol == Protocol::memcached) {
      bytes +=
          is_set ? fmt::format("set {} 0 0 {}\r\n{}\r\n", keys[0], value.size(), value) : "get";
      if (is_set) continue;
      for (const std::string& key : keys) bytes.append(" ").append(key);
      bytes += "\r\n";
      continue;
    }
    resp::encode_number_line(bytes, '*', static_cast<i64>(1 + keys.size() + (is_set ? 1 : 0)));
    resp::encode_bulk(bytes, is_set ? "SET" : count > 1 ? "MGET" : "GET");
    for (const std::string& key : keys) resp::encode_bulk(bytes, key);
    if (is_set) resp::encode_bulk(bytes, value);
  }
  return bytes;
}

std::string Round::replies_to(std::string_view requests) const {
  const load::Values values(*load::Sizes::parse(std::to_string(options_.value_size)), 1);
  const backend::Store store(values, 1);
  const std::string bytes = padded(std::string(requests));
  std::string_view left(bytes.data(), requests.size());
  std::string replies;
  backend::Output out(replies);
  while (!left.empty()) {
    if (options_.protocol == Protocol::redis) {
      answer_redis_request(store, left, out);
    } else {
      answer_memcached_request(store, left, out);
    }
  }
  return replies;
}

void Round::run() {
  for (const Peer& client : clients_) ring_.deliver(client.fd, client.view());
  worker_->tick();
  worker_->tick();
}

void Round::run_without_worker() {
  u64 completions = 0;
  for (const Peer& client : clients_) ring_.deliver(client.fd, client.view());
  for (const Completion& completion : ring_.wait(0)) {
    if (completion.buffer != kNoBuffer) ring_.release_buffer(completion.buffer);
    ++completions;
  }
  for (const Peer& server : servers_) {
    if (server.hears == 0) continue;
    // The vector's length is all that the ring looks at.
    const iovec vector{nullptr, server.hears};
    ring_.send(server.fd, std::span(&vector, 1), UserData(Op::backend_send, 0, 0));
  }
  for (const Completion& completion : ring_.wait(0)) {
    if (completion.buffer != kNoBuffer) ring_.release_buffer(completion.buffer);
    ++completions;
  }
  for (const Peer& client : clients_) {
    const iovec vector{nullptr, client.hears};
    ring_.send(client.fd, std::span(&vector, 1), UserData(Op::client_send, 0, 0));
  }
  RINGFOLD_ASSERT(completions >= clients_.size());
}

bool Round::is_served(u64 rounds) {
  for (const Peer& client : clients_) {
    if (ring_.bytes_sent(client.fd) != rounds * client.hears) return false;
  }
  return worker_->accounts().requests == 0;
}

}  // namespace ringfold::perfect
