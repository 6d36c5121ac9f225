// Commands as rows: what a command is called, how many arguments it takes, where it goes, which of
// its arguments are keys, and how the answers of several servers become one. Vocabulary and meaning
// of arity, first, last, step and flags are those of Redis' COMMAND. A new plain command is one row
// in src/proto/resp_commands.cc.
#pragma once

#include <span>
#include <string_view>

#include "ringfold/base/ints.h"
#include "ringfold/proto/protocol.h"

namespace ringfold {

enum class Route : u8 {
  by_key,       // to the server that holds its keys; all keys must be on one server
  split_keys,   // one child per server touched, each with its keys
  split_pairs,  // the same for key value pairs (MSET)
  all_servers,  // to every server of the pool, answers merged
  any_server,   // has no key; goes to the pool's first server
  scan,         // SCAN: the cursor says which server
  local,        // answered by the proxy
  container,    // its first argument names a subcommand with a row of its own ("object|encoding");
                // one that may stand alone (COMMAND) has its own answer in `local`
  refused,      // answered with an error that says why
};

// Which arguments are keys. Argument 0 is the command's name.
enum class KeyRule : u8 {
  none,
  range,    // first, last (negative: from the end), step
  numkeys,  // argument `numkeys_at` holds their number, they follow it (ZUNION, EVAL, SINTERCARD)
  dest_numkeys,  // argument 1 is a key, then as numkeys (ZUNIONSTORE)
  streams,       // the first half of what follows the word STREAMS (XREAD, XREADGROUP)
  store_option,  // argument 1, and the one behind the last STORE or STOREDIST (GEORADIUS)
  sort,     // argument 1, and the one behind the last STORE; BY and GET patterns name other keys
  migrate,  // argument 3, or, when that is empty, what follows the word KEYS
};

enum class Merge : u8 {
  none,
  array_by_key,   // MGET
  sum,            // DEL UNLINK TOUCH EXISTS DBSIZE
  all_ok,         // MSET FLUSHALL: +OK if all said so, else the first error
  concat_arrays,  // KEYS
  scan,           // the cursor gets the server
  random_key,     // one of the answers that are not null
  all_ones,       // SCRIPT EXISTS: 1 where all said 1
  first_equal,    // SCRIPT LOAD: the same answer from all
  values_by_key,  // memcached get: VALUE blocks in the order of the request, one END
  stats,          // memcached stats: each line's name gets its server's
};

enum class LocalCommand : u8 {
  none,
  ping,
  echo,
  quit,
  hello,
  reset,
  auth,
  select,
  info,
  readonly,
  readwrite,
  client_id,
  client_setname,
  client_getname,
  client_setinfo,
  client_info,
  client_no_evict,
  client_no_touch,
  client_reply,
  client_help,
  command,
  command_count,
  command_docs,
  command_info,
  command_getkeys,
  command_list,
  command_help,
};

// Why a command is refused; each has one text in src/core/error_text.cc.
enum class Refusal : u8 {
  none,
  transaction,     // MULTI EXEC DISCARD WATCH UNWATCH
  pubsub,          // SUBSCRIBE PUBLISH ...
  blocking,        // BLPOP ..., and XREAD with BLOCK
  administration,  // CONFIG SHUTDOWN DEBUG MONITOR ...
  cluster,         // CLUSTER ASKING ...
  replication,     // PSYNC REPLICAOF WAIT ...
  unsupported,     // understood, but not across servers (FUNCTION, SWAPDB, MOVE ...)
};

// Redis' command flags, for COMMAND INFO.
enum CommandFlag : u32 {
  kWrite = 1u << 0,
  kReadonly = 1u << 1,
  kDenyOom = 1u << 2,
  kAdmin = 1u << 3,
  kPubsub = 1u << 4,
  kNoscript = 1u << 5,
  kBlocking = 1u << 6,
  kLoading = 1u << 7,
  kStale = 1u << 8,
  kFast = 1u << 9,
  kNoAuth = 1u << 10,
  kMovableKeys = 1u << 11,
  kAllowBusy = 1u << 12,
  kNoMulti = 1u << 13,
  kSkipMonitor = 1u << 14,
  kSkipSlowlog = 1u << 15,
  kAsking = 1u << 16,
  kNoAsyncLoading = 1u << 17,
  kNoMandatoryKeys = 1u << 18,
};

struct CommandSpec {
  std::string_view name;  // lower case; "container|subcommand" for subcommands
  i16 arity = 0;          // of the whole request, name included; negative: at least
  Route route = Route::refused;
  KeyRule keys = KeyRule::none;
  i8 first = 0;  // first, last, step: what COMMAND says, which is where the keys are only for
  i8 last = 0;   // KeyRule::range
  i8 step = 0;
  i8 numkeys_at = 0;  // KeyRule::numkeys and dest_numkeys: the argument with the number of keys
  Merge merge = Merge::none;
  LocalCommand local = LocalCommand::none;
  Refusal refusal = Refusal::none;
  u32 flags = 0;
};

namespace resp {

// Every top-level command and every subcommand, sorted by name.
[[nodiscard]] std::span<const CommandSpec> command_table();

// The row of a top-level command; any case; nullptr when unknown. Reads no byte outside name.
[[nodiscard]] const CommandSpec* find_command(std::string_view name);

// The row of a container's subcommand; any case; nullptr when unknown. Requires: container is a row
// of command_table() with Route::container.
[[nodiscard]] const CommandSpec* find_subcommand(const CommandSpec& container,
                                                 std::string_view name);

// A flag as COMMAND INFO spells it.
struct CommandFlagName {
  CommandFlag flag;
  std::string_view name;
};

// All flags, in the order in which COMMAND INFO lists them.
[[nodiscard]] std::span<const CommandFlagName> command_flag_names();

[[nodiscard]] bool arity_fits(const CommandSpec& spec, u32 argument_count);

// All arguments of one request from any of them on: the first few are in the frame, the others are
// found by their length headers. A plain value, so that a place can be kept and returned to.
struct ArgumentWalk {
  std::string_view bytes;
  const RequestFrame* frame = nullptr;
  u32 index = 0;     // of the argument that next() gives
  u32 position = 0;  // where its header starts; used from RequestFrame::kInlineArguments on

  // Goes to an argument. Requires: at < RequestFrame::kInlineArguments.
  void go_to(u32 at) { index = at; }

  // The next argument, or false behind the last. Requires: frame is complete for bytes.
  bool next(Argument& argument);
};

// Visits the keys of one request, in order. error(), has_patterns() and is_blocking() are known
// from construction on, next() gives no key when there is an error.
class KeyCursor {
 public:
  // Requires: frame is complete for bytes, arity_fits(spec, frame.argument_count), spec is not a
  // container's. Valid until: bytes or frame change.
  KeyCursor(const CommandSpec& spec, std::string_view bytes, const RequestFrame& frame);

  // The next key, or false when there is none left or error() is set.
  bool next(Argument& key);

  // When the arguments do not say where their keys are (numkeys is no number, STREAMS is missing):
  // the words Redis uses for that mistake, without the '-' ("ERR Number of keys can't be greater
  // than number of args"); static storage. FCALL is the exception: which mistake Redis names
  // depends on the functions that the server has, so such a request has no key and no error here.
  const char* error() const { return error_; }

  // The request names further keys by a pattern (SORT ... BY weight_* GET data_*), which no cursor
  // can visit.
  bool has_patterns() const { return has_patterns_; }

  // XREAD and XREADGROUP with BLOCK.
  bool is_blocking() const { return is_blocking_; }

 private:
  std::string_view text(const Argument& argument) const;
  void find_range(const CommandSpec& spec);
  void find_counted(const CommandSpec& spec);
  void find_streams(const CommandSpec& spec);
  const char* check_stream_option(const CommandSpec& spec, std::string_view word, bool& has_group,
                                  ArgumentWalk& walk);
  void find_store_option(const CommandSpec& spec);
  void find_sort(const CommandSpec& spec);
  void find_migrate();

  // The keys are: the lead, if there is one, then every step_-th argument from walk_'s place on,
  // left_ of them.
  ArgumentWalk walk_;
  u32 lead_ = 0;  // an argument held in the frame; 0: none
  u32 left_ = 0;
  u32 step_ = 1;
  bool has_patterns_ = false;
  bool is_blocking_ = false;
  const char* error_ = nullptr;
};

}  // namespace resp

}  // namespace ringfold
