#include <doctest/doctest.h>

#include <set>

#include "ringfold/proto/command.h"

using namespace ringfold;

namespace {

const CommandSpec& row(std::string_view name, std::string_view subcommand = {}) {
  const CommandSpec* spec = resp::find_command(name);
  REQUIRE(spec != nullptr);
  if (!subcommand.empty()) spec = resp::find_subcommand(*spec, subcommand);
  REQUIRE(spec != nullptr);
  return *spec;
}

bool is_refused(const CommandSpec& spec, Refusal refusal) {
  return spec.route == Route::refused && spec.refusal == refusal;
}

}  // namespace

TEST_CASE("the commands that touch several servers are split or sent to all, and merged") {
  CHECK(row("mget").merge == Merge::array_by_key);
  CHECK(row("mset").route == Route::split_pairs);
  for (const char* name : {"del", "unlink", "touch", "exists"}) {
    CHECK(row(name).route == Route::split_keys);
    CHECK(row(name).merge == Merge::sum);
  }
  CHECK(row("dbsize").merge == Merge::sum);
  CHECK(row("flushall").merge == Merge::all_ok);
  CHECK(row("flushdb").merge == Merge::all_ok);
  CHECK(row("keys").merge == Merge::concat_arrays);
  CHECK(row("randomkey").merge == Merge::random_key);
  CHECK(row("script", "load").merge == Merge::first_equal);
  CHECK(row("script", "exists").merge == Merge::all_ones);
  CHECK(row("script", "flush").merge == Merge::all_ok);
  CHECK(row("scan").route == Route::scan);
  int all_servers = 0;
  for (const CommandSpec& spec : resp::command_table()) {
    all_servers += spec.route == Route::all_servers ? 1 : 0;
  }
  CHECK(all_servers == 8);
}

TEST_CASE("what cannot be done across servers is refused with its reason") {
  CHECK(is_refused(row("multi"), Refusal::transaction));
  CHECK(is_refused(row("watch"), Refusal::transaction));
  CHECK(is_refused(row("subscribe"), Refusal::pubsub));
  CHECK(is_refused(row("publish"), Refusal::pubsub));
  CHECK(is_refused(row("bzmpop"), Refusal::blocking));
  CHECK(is_refused(row("monitor"), Refusal::administration));
  CHECK(is_refused(row("config", "set"), Refusal::administration));
  CHECK(is_refused(row("cluster", "slots"), Refusal::cluster));
  CHECK(is_refused(row("wait"), Refusal::replication));
  CHECK(is_refused(row("swapdb"), Refusal::unsupported));
  CHECK(is_refused(row("function", "load"), Refusal::unsupported));
  CHECK(is_refused(row("migrate"), Refusal::unsupported));
}

TEST_CASE("no command that Redis calls admin, pubsub or blocking reaches a server") {
  for (const CommandSpec& spec : resp::command_table()) {
    CAPTURE(spec.name);
    const bool is_stream_read = spec.keys == KeyRule::streams;  // refused only with BLOCK
    if (is_stream_read || (spec.flags & (kAdmin | kPubsub | kBlocking)) == 0) continue;
    CHECK((spec.route == Route::refused || spec.route == Route::local));
  }
}

TEST_CASE("every answer of the proxy's own has one row") {
  std::set<LocalCommand> seen;
  for (const CommandSpec& spec : resp::command_table()) {
    if (spec.local == LocalCommand::none) continue;
    CAPTURE(spec.name);
    CHECK(seen.insert(spec.local).second);
  }
  for (int i = 1; i <= static_cast<int>(LocalCommand::command_help); ++i) {
    CAPTURE(i);
    CHECK(seen.count(static_cast<LocalCommand>(i)) == 1);
  }
  CHECK(row("command").route == Route::container);
  CHECK(row("command").local == LocalCommand::command);
}

TEST_CASE("the shortest request of a command has the keys its row promises") {
  for (const CommandSpec& spec : resp::command_table()) {
    CAPTURE(spec.name);
    const int least = spec.arity < 0 ? -spec.arity : spec.arity;
    if (spec.keys == KeyRule::range) {
      CHECK(spec.first < least);
      CHECK(spec.last < least);
      CHECK(least + spec.last >= spec.first);
    }
    if (spec.numkeys_at != 0) CHECK(spec.numkeys_at < least);
    if (spec.numkeys_at != 0) CHECK(spec.numkeys_at + 1 < int{RequestFrame::kInlineArguments});
  }
}

TEST_CASE("every flag has one name") {
  u32 named = 0;
  u32 used = 0;
  for (const resp::CommandFlagName& flag : resp::command_flag_names()) {
    CHECK((named & flag.flag) == 0);
    named |= flag.flag;
  }
  for (const CommandSpec& spec : resp::command_table()) used |= spec.flags;
  CHECK(named == used);
}
