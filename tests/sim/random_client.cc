#include "random_client.h"

#include <algorithm>

#include "ringfold/base/limits.h"
#include "toy_resp.h"

namespace ringfold::sim {

namespace {

enum Event : u32 { event_start, event_batch, event_read };

}  // namespace

RandomClient::RandomClient(Universe& universe, Network& network, Oracle& oracle,
                           const CommandTraits& traits, const RandomClientOptions& options)
    : universe_(universe),
      network_(network),
      oracle_(oracle),
      traits_(traits),
      options_(options),
      left_(options.commands) {
  const bool late = universe_.dice.chance(1, 3);
  universe_.after(late ? universe_.dice.between(0, 20) * kMillisecond : 0, *this, event_start);
}

void RandomClient::trace(const char* what, std::string_view bytes) {
  if (!universe_.tracing()) return;
  universe_.trace("client " + std::to_string(options_.number), what, bytes);
}

void RandomClient::wrong(const std::string& why) {
  universe_.fail("client " + std::to_string(options_.number) + ": " + why);
}

void RandomClient::on_event(u32 kind, u64) {
  if (gone_) return;
  if (kind == event_start) {
    start();
  } else if (kind == event_batch) {
    batch_scheduled_ = false;
    send_batch();
  } else {
    read_scheduled_ = false;
    read();
  }
}

void RandomClient::start() {
  started_ = true;
  end_ = network_.dial(options_.address, *this, 0);
  if (end_ == nullptr) {
    if (!close_expected_) wrong("nobody listens");
    gone_ = true;
    return;
  }
  std::string batch;
  if (!options_.password.empty()) {
    const RandomCommand early = exact_command(oracle_, options_.number, {"get", "early"}, {});
    oracle_.issued(early.token).kind = CommandKind::no_auth;
    send(early, batch);
    send(exact_command(oracle_, options_.number, {"auth", options_.password}, toy::simple("OK")),
         batch);
  }
  end_->write(batch);
  send_batch();
}

void RandomClient::send(const RandomCommand& command, std::string& batch) {
  trace("says", command.bytes);
  batch += command.bytes;
  unanswered_.push_back(command.token);
}

void RandomClient::send_batch() {
  if (gone_ || leaving_ || write_ended_ || left_ == 0) return;
  if (misbehave()) return;
  Dice& dice = universe_.dice;
  std::string batch;
  u64 count = 1 + dice.below(options_.depth);
  while (count-- > 0 && left_ > 0 && unanswered_.size() < options_.depth) {
    send(random_command(oracle_, dice, traits_, options_.number), batch);
    if (--left_ == 0) send_last(batch);
  }
  end_->write(batch);
  if (left_ == 0) {
    if (!leaving_ && dice.roll(Die::client_half_closes)) {
      trace("half-closes");
      write_ended_ = true;
      end_->shutdown();
    }
  } else if (unanswered_.size() < options_.depth) {
    schedule_batch();
  }
}

void RandomClient::send_last(std::string& batch) {
  if (options_.ends_with_quit) {
    send(exact_command(oracle_, options_.number, {"quit"}, toy::simple("OK")), batch);
    leaving_ = true;
  } else if (options_.ends_rudely) {
    constexpr const char* kRubbish[] = {"*1\r\n$-7\r\nx", "*zwei\r\n", "*1\r\n:1\r\n", "\"open\r\n",
                                        "*2\r\n$3\r\nget\r\n$99999999999999999999\r\n"};
    RandomCommand rubbish;
    rubbish.token = oracle_.issue(CommandKind::any_error, options_.number);
    rubbish.bytes = kRubbish[universe_.dice.below(5)];
    oracle_.issued(rubbish.token).arguments = {rubbish.bytes};
    send(rubbish, batch);
    leaving_ = true;
  }
}

void RandomClient::schedule_batch() {
  if (batch_scheduled_) return;
  batch_scheduled_ = true;
  universe_.after(universe_.dice.between(0, options_.pause_max), *this, event_batch);
}

// True when it is gone now.
bool RandomClient::misbehave() {
  Dice& dice = universe_.dice;
  if (dice.roll(Die::client_leaves)) {
    trace("leaves");
    leave();
    end_->close();
    return true;
  }
  if (dice.roll(Die::client_resets)) {
    trace("resets");
    leave();
    end_->reset(true);
    return true;
  }
  return false;
}

void RandomClient::leave() {
  gone_ = true;
  left_ = 0;
  unanswered_.clear();
  universe_.interrupted = true;
}

void RandomClient::hang_up() {
  if (gone_ || end_ == nullptr) {
    gone_ = true;
    return;
  }
  trace("hangs up");
  leave();
  end_->close();
}

void RandomClient::on_arrival(End&) {
  if (gone_ || read_scheduled_) return;
  if (universe_.dice.roll(Die::client_reads_slowly)) {
    read_scheduled_ = true;
    universe_.after(universe_.dice.between(0, 30) * kMillisecond, *this, event_read);
  } else {
    read();
  }
}

void RandomClient::read() {
  const std::size_t count = end_->arrived().size();
  if (count > 0) {
    input_.append(end_->arrived());
    end_->consume(count);
  }
  while (!gone_ && input_.size() >= need_ && !input_.empty()) {
    const toy::ScanResult result = toy::scan_reply(input_.view());
    need_ = result.status == toy::Scan::incomplete ? result.size : 0;
    if (result.status == toy::Scan::incomplete) break;
    if (result.status == toy::Scan::broken) {
      return wrong("was sent no reply: " + printable(input_.view()));
    }
    take_reply(input_.view().substr(0, result.size));
    input_.consume(result.size);
  }
  if (!gone_ && (end_->finished() || end_->broken())) on_end();
}

void RandomClient::take_reply(std::string_view reply) {
  trace("hears", reply);
  if (unanswered_.empty()) return wrong("got a reply to nothing: " + printable(reply));
  const u32 token = unanswered_.front();
  unanswered_.pop_front();
  const bool failed = oracle_.on_reply(token, reply);
  if (token == probe_token_) {
    probe_answered_ = !failed;
    universe_.interrupted = true;
  }
  if (left_ == 0) {
    if (unanswered_.empty()) universe_.interrupted = true;
    if (!leaving_ && universe_.dice.roll(Die::client_leaves)) misbehave();
  } else {
    schedule_batch();
  }
}

// The proxy ended the connection: is that all right?
void RandomClient::on_end() {
  trace(end_->broken() ? "is reset" : "sees the end");
  const bool reset = end_->broken();
  const bool said_everything = (leaving_ || write_ended_) && unanswered_.empty() && input_.empty();
  // A drain may end it between two replies, not inside one.
  const bool drained = close_expected_ && (input_.empty() || reset);
  // A reset overtakes replies; one follows when a connection is closed over unread bytes.
  const bool lost_to_reset = reset && leaving_ && options_.ends_rudely;
  // A server that dies inside a reply which is passed on as it arrives takes the client along, with
  // what was still to be sent to it.
  const bool cut_through = oracle_.errors_permitted() &&
                           std::any_of(unanswered_.begin(), unanswered_.end(), [this](u32 token) {
                             return oracle_.longest_reply(token) >= kCutThroughMin;
                           });
  if (!said_everything && !drained && !lost_to_reset && !cut_through && !options_.may_be_closed) {
    std::string text = "the proxy closed its connection with " +
                       std::to_string(unanswered_.size()) + " answers to come and " +
                       std::to_string(left_) + " commands to send; of the next reply it heard " +
                       printable(input_.view());
    if (!unanswered_.empty()) text.append("\n").append(oracle_.describe(unanswered_.front()));
    wrong(text);
  }
  leave();
  end_->close();
}

void RandomClient::probe() {
  const RandomCommand command = probe_command(oracle_, universe_.dice, traits_, options_.number);
  probe_token_ = command.token;
  probe_answered_ = false;
  std::string batch;
  send(command, batch);
  end_->write(batch);
}

std::string RandomClient::describe() const {
  std::string text = "client " + std::to_string(options_.number) + ": ";
  if (gone_) return text + "gone";
  return text + std::to_string(unanswered_.size()) + " answers to come, " + std::to_string(left_) +
         " commands to send";
}

}  // namespace ringfold::sim
