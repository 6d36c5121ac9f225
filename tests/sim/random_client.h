// RandomClient: a client of a random world. It sends random commands in batches of its own size and
// pace, takes the replies one by one to the oracle, and behaves badly as the dice fall.
#pragma once

#include <map>
#include <string>

#include "answer_line.h"
#include "network.h"
#include "oracle.h"
#include "tongue.h"
#include "universe.h"

namespace ringfold::sim {

struct RandomClientOptions {
  u32 number = 0;
  u32 commands = 20;    // to send before it is done
  u32 depth = 1;        // unanswered commands at most
  Nanos pause_max = 0;  // between two batches
  Address address;
  std::string password;  // wanted by the proxy
  // The proxy may close it at any time.
  bool may_be_closed = false;
  // The same, but it says so in its log.
  bool may_be_closed_aloud = false;
  Nanos idle_timeout = kNever;  // the proxy closes it when it has said nothing for so long
  bool probes_only = false;     // of all random commands only those that no limit hinders
  bool ends_rudely = false;     // its last bytes are no protocol
  bool ends_with_quit = false;
};

class RandomClient final : private EndOwner, private EventTarget {
 public:
  RandomClient(Universe& universe, Network& network, Oracle& oracle, Tongue& tongue,
               const RandomClientOptions& options);

  // It has sent everything and has every answer, or is gone.
  bool done() const {
    const bool ends = leaving_ || write_ended_;  // the proxy has to hang up
    return gone_ || (started_ && left_ == 0 && unanswered_.empty() && !ends);
  }
  bool gone() const { return gone_; }
  // The proxy has closed it with nothing but its log to explain that.
  bool was_closed_aloud() const { return was_closed_aloud_; }
  u32 unanswered() const { return static_cast<u32>(unanswered_.size()); }
  bool can_probe() const { return !gone_ && !write_ended_ && !leaving_ && unanswered_.empty(); }

  // Sends one more healthy command; probe_answered() says whether it got a server's reply, or
  // would have got one that is too large.
  void probe();
  bool probe_answered() const { return probe_answered_; }

  // From now on the proxy may close idle clients (it drains).
  void expect_close() { close_expected_ = true; }
  // Even inside a reply: the time of the drain is over.
  void expect_cut_off() { options_.may_be_closed = true; }
  void hang_up();

  std::string describe() const;

 private:
  void on_event(u32 kind, u64 argument) override;
  void on_arrival(End& end) override;
  void on_space(End&) override {}

  void start();
  void send_batch();
  void send(const RandomCommand& command, std::string& batch);
  void send_last(std::string& batch);
  void schedule_batch();
  void write(std::string_view batch);
  void drip();
  void half_close();
  bool is_idle_close() const;
  void read();
  void take_reply(std::string_view reply);
  void on_end();
  bool misbehave();
  void leave();
  void wrong(const std::string& why);
  void trace(const char* what, std::string_view bytes = {});

  Universe& universe_;
  Network& network_;
  Oracle& oracle_;
  Tongue& tongue_;
  RandomClientOptions options_;
  End* end_ = nullptr;
  ByteQueue input_;
  std::size_t need_ = 0;
  AnswerLine unanswered_;
  std::map<u32, Nanos> asked_at_;  // by token, of those without an answer
  Nanos answered_until_ = 0;       // when the last one that has its answer was asked
  Nanos heard_at_ = 0;             // when bytes last came, unless it once let them wait
  bool has_let_wait_ = false;
  ByteQueue dripping_;  // said, but not yet written
  u32 left_;
  bool started_ = false;
  bool gone_ = false;
  bool leaving_ = false;      // its last word is said: QUIT or rubbish
  bool write_ended_ = false;  // half closed
  bool close_expected_ = false;
  bool batch_scheduled_ = false;
  bool read_scheduled_ = false;
  bool drip_scheduled_ = false;
  bool was_closed_aloud_ = false;
  u32 probe_token_ = 0;
  bool probe_answered_ = false;
};

}  // namespace ringfold::sim
