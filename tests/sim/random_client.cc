#include "random_client.h"

#include <algorithm>

#include "ringfold/base/limits.h"

namespace ringfold::sim {

namespace {

// What a network at its slowest may add to the time between two things said.
constexpr Nanos kJitter = 200 * kMillisecond;

enum Event : u32 { event_start, event_batch, event_read, event_drip };

}  // namespace

RandomClient::RandomClient(Universe& universe, Network& network, Oracle& oracle, Tongue& tongue,
                           const RandomClientOptions& options)
    : universe_(universe),
      network_(network),
      oracle_(oracle),
      tongue_(tongue),
      options_(options),
      unanswered_(oracle),
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
  } else if (kind == event_drip) {
    drip_scheduled_ = false;
    drip();
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
    send(tongue_.early(options_.number), batch);
    send(tongue_.login(options_.number, options_.password), batch);
  }
  end_->write(batch);
  send_batch();
}

void RandomClient::send(const RandomCommand& command, std::string& batch) {
  trace("says", command.bytes);
  batch += command.bytes;
  if (command.token == 0) return;
  unanswered_.push(command.token);
  asked_at_[command.token] = universe_.now();
}

void RandomClient::write(std::string_view batch) {
  if (dripping_.empty() && !universe_.dice.roll(Die::client_drips)) {
    end_->write(batch);
    return;
  }
  dripping_.append(batch);
  if (!drip_scheduled_) drip();
}

// A few bytes, and a while later the next; all at once when there are no more faults.
void RandomClient::drip() {
  Dice& dice = universe_.dice;
  std::size_t count = dripping_.size();
  if (dice.load(Die::client_drips) != 0) {
    count = std::min<std::size_t>(count, 1 + dice.below(1 + count / 16));
  }
  end_->write(dripping_.view().substr(0, count));
  dripping_.consume(count);
  if (!dripping_.empty()) {
    drip_scheduled_ = true;
    universe_.after(dice.between(0, 10) * kMillisecond, *this, event_drip);
  } else if (write_ended_) {
    end_->shutdown();
  }
}

void RandomClient::half_close() {
  trace("half-closes");
  write_ended_ = true;
  if (dripping_.empty()) end_->shutdown();
}

void RandomClient::send_batch() {
  if (gone_ || leaving_ || write_ended_ || left_ == 0) return;
  if (misbehave()) return;
  Dice& dice = universe_.dice;
  std::string batch;
  u64 count = 1 + dice.below(options_.depth);
  while (count-- > 0 && left_ > 0 && unanswered_.size() < options_.depth) {
    const RandomCommand command =
        options_.probes_only ? tongue_.probe(options_.number) : tongue_.command(options_.number);
    send(command, batch);
    const bool is_last = --left_ == 0;
    // Without it nobody could say when a command has gone well that is silent then.
    const bool may_end_here = is_last || count == 0 || unanswered_.size() >= options_.depth;
    if (command.may_be_silent && may_end_here) send(tongue_.barrier(options_.number), batch);
    if (is_last) send_last(batch);
  }
  write(batch);
  if (left_ == 0) {
    if (!leaving_ && dice.roll(Die::client_half_closes)) half_close();
  } else if (unanswered_.size() < options_.depth) {
    schedule_batch();
  }
}

void RandomClient::send_last(std::string& batch) {
  if (!options_.ends_with_quit && !options_.ends_rudely) return;
  send(tongue_.last_word(options_.number, !options_.ends_with_quit), batch);
  leaving_ = true;
}

void RandomClient::schedule_batch() {
  if (batch_scheduled_) return;
  batch_scheduled_ = true;
  Dice& dice = universe_.dice;
  const bool sleeps = dice.roll(Die::client_sleeps);
  const Nanos pause =
      sleeps ? dice.between(1, 700) * kMillisecond : dice.between(0, options_.pause_max);
  universe_.after(pause, *this, event_batch);
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
  if (!has_let_wait_ && !end_->arrived().empty()) heard_at_ = universe_.now();
  Dice& dice = universe_.dice;
  if (dice.roll(Die::client_stops_reading)) {
    trace("stops reading");
    has_let_wait_ = true;
    read_scheduled_ = true;
    universe_.after(dice.between(30, 2000) * kMillisecond, *this, event_read);
  } else if (dice.roll(Die::client_reads_slowly)) {
    has_let_wait_ = true;
    read_scheduled_ = true;
    universe_.after(dice.between(0, 30) * kMillisecond, *this, event_read);
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
    const toy::ScanResult result = tongue_.scan_reply(input_.view());
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
  const u32 token = unanswered_.take(reply);
  if (token == 0) return;
  const bool failed = oracle_.take(token, reply);
  // Of several that it may belong to, the first: what follows may still have to be asked.
  const std::deque<u32>& open = unanswered_.tokens();
  const auto end = open.empty() ? asked_at_.end() : asked_at_.lower_bound(open.front());
  for (auto asked = asked_at_.begin(); asked != end; asked = asked_at_.erase(asked)) {
    answered_until_ = asked->second;
  }
  if (token == probe_token_) {
    // A value that is too large for the pool's limit was written before: so it stays.
    const bool is_too_large =
        reply.find("sent a reply larger than client_output_limit") != reply.npos;
    probe_answered_ = !failed || is_too_large;
    universe_.interrupted = true;
  }
  if (left_ == 0) {
    if (unanswered_.empty()) universe_.interrupted = true;
    if (!leaving_ && universe_.dice.roll(Die::client_leaves)) misbehave();
  } else {
    schedule_batch();
  }
}

// The proxy had heard nothing for long enough when it closed, as far as one can see from here: of
// what has no answer it has taken nothing, and what it took before is long ago.
bool RandomClient::is_idle_close() const {
  if (options_.idle_timeout == kNever) return false;
  if (universe_.now() < answered_until_ + options_.idle_timeout) return false;
  if (universe_.now() < heard_at_ + options_.idle_timeout - kJitter && !has_let_wait_) {
    return false;
  }
  // What it says behind the end is answered with a reset, and that overtakes what it has not read.
  if (end_->broken()) return true;
  if (!input_.empty()) return false;
  return unanswered_.may_be_over_but_for_unexecuted();
}

// The proxy ended the connection: is that all right?
void RandomClient::on_end() {
  trace(end_->broken() ? "is reset" : "sees the end");
  const bool reset = end_->broken();
  const bool said_everything =
      (leaving_ || write_ended_) && unanswered_.may_be_over() && input_.empty();
  // A drain may end it between two replies, not inside one.
  const bool drained = close_expected_ && (input_.empty() || reset);
  // A reset overtakes replies; one follows when a connection is closed over unread bytes.
  const bool lost_to_reset = reset && leaving_ && options_.ends_rudely;
  // A server that dies inside a reply which is passed on as it arrives takes the client along, with
  // what was still to be sent to it.
  const bool cut_through =
      oracle_.errors_permitted() &&
      std::any_of(unanswered_.tokens().begin(), unanswered_.tokens().end(),
                  [this](u32 token) { return oracle_.longest_reply(token) >= kCutThroughMin; });
  const bool was_idle = is_idle_close();
  const bool is_expected = said_everything || drained || lost_to_reset || cut_through || was_idle ||
                           options_.may_be_closed;
  if (said_everything && write_ended_) universe_.sights.see(Sight::half_close_served);
  if (was_idle && !said_everything && !drained) universe_.sights.see(Sight::idle_closed);
  was_closed_aloud_ = !is_expected && options_.may_be_closed_aloud;
  if (!is_expected && !was_closed_aloud_) {
    std::string text = "the proxy closed its connection with " +
                       std::to_string(unanswered_.size()) + " answers to come and " +
                       std::to_string(left_) + " commands to send; of the next reply it heard " +
                       printable(input_.view());
    if (!unanswered_.empty())
      text.append("\n").append(oracle_.describe(unanswered_.tokens().front()));
    wrong(text);
  }
  leave();
  end_->close();
}

void RandomClient::probe() {
  const RandomCommand command = tongue_.probe(options_.number);
  probe_token_ = command.token;
  probe_answered_ = false;
  std::string batch;
  send(command, batch);
  write(batch);
}

std::string RandomClient::describe() const {
  std::string text = "client " + std::to_string(options_.number) + ": ";
  if (gone_) return text + "gone";
  return text + std::to_string(unanswered_.size()) + " answers to come, " + std::to_string(left_) +
         " commands to send";
}

}  // namespace ringfold::sim
