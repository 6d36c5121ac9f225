#include "command.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ringfold::torture {

namespace {

// The words of an error in which the machine's being busy may show, without any fault.
constexpr std::string_view kTimedOut = "timed out";

// No server says anything else than replies: the proxy has lost count of them.
constexpr std::string_view kLostCount = "sent something that is no reply";

// The name in `server "NAME"`, or nothing.
std::string_view server_named(std::string_view text) {
  constexpr std::string_view kBefore = "server \"";
  const std::size_t at = text.find(kBefore);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + kBefore.size());
  return text.substr(0, text.find('"'));
}

}  // namespace

std::string_view name_of(Kind kind) {
  static constexpr std::string_view kNames[kKinds] = {
      "get",  "set", "mget", "mset",     "del",      "exists",      "increment", "echo",
      "gets", "cas", "add",  "meta get", "meta set", "meta delete", "version",   "quiet group"};
  return kNames[static_cast<std::size_t>(kind)];
}

void Dialect::begin(Command& command, Op op, u32 key) {
  command.uses.push_back(scene_.model.begin(op, key));
  const KeyKind kind = scene_.model.kind(key);
  if (op == Op::read && kind != KeyKind::small && kind != KeyKind::counter) {
    command.may_break = true;
  }
}

std::vector<u32> Dialect::pick_keys(std::size_t count) {
  std::vector<u32> keys;
  while (keys.size() < count) {
    const u32 key = scene_.model.pick(scene_.prng, true);
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }
  return keys;
}

void Dialect::end_all(const Command& command, Effect effect) {
  for (const Use& use : command.uses) scene_.model.end(use, effect);
}

void Dialect::abandon(const Command& command, u64 stream_sent) {
  for (std::size_t at = 0; at < command.uses.size(); ++at) {
    const u64 end = command.members.empty() ? command.end_offset
                                            : command.begin_offset + command.members[at].end;
    scene_.model.end(command.uses[at], end <= stream_sent ? Effect::unknown : Effect::never);
  }
}

void Dialect::raise_floors(Command& command, const Memory& memory) const {
  if (memory.own_floors.empty()) return;
  for (Use& use : command.uses) {
    const auto own = memory.own_floors.find(use.key);
    if (own != memory.own_floors.end() && own->second < use.began) {
      use.floor = std::max(use.floor, own->second);
    }
  }
}

void Dialect::end_writes(const Command& command, Memory& memory) {
  for (const Use& use : command.uses) {
    scene_.model.end(use, Effect::done);
    memory.own_floors[use.key] = use.began;
  }
}

std::string Dialect::judge_error(const Command& command, std::string_view text) {
  if (scene_.report.errors.size() < 500) Report::count(scene_.report.errors, text);
  if (command.begun_at >= scene_.calm_since) Report::count(scene_.report.calm_errors, text);
  if (text.find(kLostCount) != std::string_view::npos) return "replies that nobody asked for";
  const std::string_view name = server_named(text);
  if (name.empty()) return {};
  Model& model = scene_.model;
  const auto server = std::find_if(model.servers().begin(), model.servers().end(),
                                   [&](const ServerState& entry) { return entry.name == name; });
  if (server == model.servers().end()) return "an error that names no server of the pool";
  if (model.rehash()) return {};
  const auto index = static_cast<u32>(server - model.servers().begin());
  if (std::none_of(command.uses.begin(), command.uses.end(),
                   [&](const Use& use) { return model.home(use.key) == index; })) {
    return "an error that names a server which has none of the keys";
  }
  if (server->faults > 0 || command.begun_at - server->last_fault < scene_.aftermath) return {};
  if (text.find(kTimedOut) != std::string_view::npos) {
    ++scene_.report.unexplained_timeouts;
    return {};
  }
  return "an error that names a server to which nothing had happened";
}

std::string Dialect::judge_read(const Use& use, std::string_view value) {
  scene_.report.reply("value");
  if (scene_.model.kind(use.key) == KeyKind::counter) return scene_.model.check_counter(use, value);
  return scene_.model.check_value(use, value);
}

std::string Dialect::judge_count(const Command& command, std::string_view digits) {
  std::size_t count = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (code != std::errc() || end != digits.data() + digits.size()) return "no number";
  std::size_t least = 0;
  std::size_t most = 0;
  for (const Use& use : command.uses) {
    if (!scene_.model.may_be_missing(use)) ++least;
    if (scene_.model.may_be_there(use)) ++most;
  }
  end_all(command, Effect::done);
  if (count >= least && count <= most) return {};
  return fmt::format("{} keys existed; it must have been from {} to {}", count, least, most);
}

}  // namespace ringfold::torture
