// One command on its way, and what a protocol knows of commands and replies.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model.h"
#include "report.h"
#include "ringfold/base/prng.h"

namespace ringfold::torture {

enum class Kind : u8 {
  // Redis
  get,
  set,
  mget,
  mset,
  del,
  exists,
  increment,
  echo,
  // memcached; get, set, mget, del, increment as well
  gets,
  cas,
  add,
  meta_get,
  meta_set,
  meta_delete,
  version,
  // Meta commands with q and classic ones with noreply, closed by mn: one reply, which ends at MN.
  quiet_group,
};
inline constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::quiet_group) + 1;
std::string_view name_of(Kind kind);

// One command of a quiet_group.
struct Member {
  bool noreply = false;  // nothing is ever said of it
  u64 end = 0;           // behind its last byte, from the group's first
};

struct Command {
  Kind kind = Kind::get;
  std::vector<Use> uses;
  std::vector<Member> members;  // quiet_group: one for each use
  u64 mark = 0;  // opaque word or text that only this command's reply has; uses[i]: mark + i
  u64 begin_offset = 0;  // in the connection's stream of requests
  u64 end_offset = 0;
  Nanos begun_at = 0;
  bool may_break = false;  // a reply so long that the proxy may pass it on before it has it all
};

// The end of a reply in the bytes that came.
struct Frame {
  enum class State : u8 { whole, incomplete, malformed } state = State::incomplete;
  std::size_t size = 0;  // whole: of the reply; incomplete: no use in looking again before so many
};

// What a connection remembers from one command to the next.
struct Memory {
  u32 cas_key = UINT32_MAX;  // of the last gets
  u64 cas_unique = 0;
  // When the writes began that were acknowledged on this connection: what it asks thereafter, even
  // in the same pipeline, must not show anything older. Emptied when nothing is in flight.
  std::unordered_map<u32, u64> own_floors;
};

// What a dialect needs besides: the model, the dice, the counts, and whether errors are allowed.
struct Scene {
  Model& model;
  Report& report;
  Prng prng;
  Nanos now = 0;
  bool calm = false;  // all faults are over
  Nanos calm_since = kNever;
  u64 marks = 0;
  // How long after a fault its server's requests may still fail: connections are opened anew, and
  // what the network dropped is sent again later and later.
  Nanos aftermath = 10 * kSecond;
};

class Dialect {
 public:
  explicit Dialect(Scene& scene) : scene_(scene) {}
  virtual ~Dialect() = default;
  Dialect(const Dialect&) = delete;
  Dialect& operator=(const Dialect&) = delete;

  // Rolls a command, begins its uses and appends its bytes.
  virtual Command compose(std::string& out, Memory& memory) = 0;
  virtual Frame frame(const Command& command, std::string_view in) const = 0;
  // Judges a whole reply and ends the command's uses; what is wrong with it, or nothing.
  virtual std::string judge(Command& command, std::string_view reply, Memory& memory) = 0;

  // The connection was cut when so many bytes of its stream had left.
  void abandon(const Command& command, u64 stream_sent);

 protected:
  // The proxy's own error, without prefix and line end; ends nothing.
  std::string judge_error(const Command& command, std::string_view text);
  void end_all(const Command& command, Effect effect);
  void end_writes(const Command& command, Memory& memory);
  void raise_floors(Command& command, const Memory& memory) const;
  // Distinct keys, so that a reply's parts can be told apart.
  std::vector<u32> pick_keys(std::size_t count);
  void begin(Command& command, Op op, u32 key);
  std::string judge_read(const Use& use, std::string_view value);
  // The reply to a command that says how many of its keys there were. Ends its uses.
  std::string judge_count(const Command& command, std::string_view digits);

  Scene& scene_;
};

std::unique_ptr<Dialect> redis_dialect(Scene& scene);
std::unique_ptr<Dialect> memcached_dialect(Scene& scene);

}  // namespace ringfold::torture
