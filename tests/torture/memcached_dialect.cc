// memcached's text protocol: classic commands, meta commands, and groups of quiet ones closed by
// mn.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "command.h"
#include "memcached_words.h"
#include "value.h"

namespace ringfold::torture {

namespace {

constexpr std::string_view kEnd = "\r\n";
constexpr std::string_view kErrorWord = "SERVER_ERROR ";
constexpr std::string_view kOwnError = "ringfold: ";
constexpr std::size_t kGroupMax = 12;

class MemcachedDialect final : public Dialect {
 public:
  using Dialect::Dialect;

  Command compose(std::string& out, Memory& memory) override;
  Frame frame(const Command& command, std::string_view in) const override;
  std::string judge(Command& command, std::string_view reply, Memory& memory) override;

 private:
  void compose_get(Command& command, std::string& out);
  void compose_plain(Command& command, std::string& out, const Memory& memory);
  void compose_meta(Command& command, std::string& out);
  void compose_group(Command& command, std::string& out);
  void compose_group_member(Command& command, std::string& out);
  void append_store(std::string& out, std::string_view name, const Use& use, std::string_view more);
  void append_meta_set(std::string& out, const Use& use, u64 mark, std::string_view more);

  bool is_own_error(std::string_view line) const {
    return line.starts_with(kErrorWord) && line.substr(kErrorWord.size()).starts_with(kOwnError);
  }
  std::string judge_error_line(const Command& command, std::string_view line);
  std::string judge_get(Command& command, std::string_view in, Memory& memory);
  std::string judge_data(const Use& use, std::string_view flags, std::string_view data);
  std::string judge_plain(Command& command, std::string_view line, Memory& memory);
  std::string judge_meta(const Use& use, u64 mark, std::string_view line, std::string_view data);
  std::string judge_group(Command& command, std::string_view in);
  std::string judge_silence(Command& command, std::size_t from, std::size_t to, bool errors);

  const std::string& key_of(const Use& use) const { return scene_.model.name(use.key); }
};

void MemcachedDialect::append_store(std::string& out, std::string_view name, const Use& use,
                                    std::string_view more) {
  const std::size_t size = scene_.model.pick_size(scene_.prng, use.key);
  fmt::format_to(std::back_inserter(out), "{} {} {} 0 {}{}\r\n", name, key_of(use),
                 scene_.model.flags(use.key), size, more);
  append_value(out, key_of(use), use.began, size);
  out += kEnd;
}

void MemcachedDialect::append_meta_set(std::string& out, const Use& use, u64 mark,
                                       std::string_view more) {
  const std::size_t size = scene_.model.pick_size(scene_.prng, use.key);
  fmt::format_to(std::back_inserter(out), "ms {} {} F{} k O{}{}\r\n", key_of(use), size,
                 scene_.model.flags(use.key), mark, more);
  append_value(out, key_of(use), use.began, size);
  out += kEnd;
}

void MemcachedDialect::compose_get(Command& command, std::string& out) {
  Prng& prng = scene_.prng;
  out += command.kind == Kind::gets ? "gets" : "get";
  if (command.kind == Kind::mget) {
    for (const u32 key : pick_keys(2 + prng.below(prng.chance(1, 20) ? 199 : 19))) {
      begin(command, Op::read, key);
    }
  } else if (prng.chance(1, 10)) {
    begin(command, Op::read, scene_.model.pick_counter(prng));
  } else {
    begin(command, Op::read, scene_.model.pick(prng, false));
  }
  for (const Use& use : command.uses) {
    out += ' ';
    out += key_of(use);
  }
  out += kEnd;
}

void MemcachedDialect::compose_plain(Command& command, std::string& out, const Memory& memory) {
  Prng& prng = scene_.prng;
  Model& model = scene_.model;
  if (command.kind == Kind::cas && memory.cas_key == UINT32_MAX) command.kind = Kind::set;
  switch (command.kind) {
    case Kind::cas:
      begin(command, Op::write, memory.cas_key);
      append_store(out, "cas", command.uses.front(), fmt::format(" {}", memory.cas_unique));
      return;
    case Kind::del:
      begin(command, Op::erase, model.pick(prng, true));
      fmt::format_to(std::back_inserter(out), "delete {}\r\n", key_of(command.uses.front()));
      return;
    case Kind::increment:
      begin(command, Op::increment, model.pick_counter(prng));
      fmt::format_to(std::back_inserter(out), "incr {} {}\r\n", key_of(command.uses.front()),
                     model.step(command.uses.front().key));
      return;
    case Kind::add:
      begin(command, Op::add, model.pick_counter(prng));
      fmt::format_to(std::back_inserter(out), "add {} {} 0 1\r\n0\r\n",
                     key_of(command.uses.front()), model.flags(command.uses.front().key));
      return;
    case Kind::version:
      out += "version\r\n";
      return;
    default:
      begin(command, Op::write, model.pick(prng, false));
      append_store(out, "set", command.uses.front(), "");
      return;
  }
}

void MemcachedDialect::compose_meta(Command& command, std::string& out) {
  Prng& prng = scene_.prng;
  if (command.kind == Kind::meta_set) {
    begin(command, Op::write, scene_.model.pick(prng, false));
    append_meta_set(out, command.uses.front(), command.mark, "");
    return;
  }
  const bool reads = command.kind == Kind::meta_get;
  begin(command, reads ? Op::read : Op::erase, scene_.model.pick(prng, !reads));
  fmt::format_to(std::back_inserter(out), "{} {} k O{}\r\n", reads ? "mg" : "md",
                 key_of(command.uses.front()),
                 fmt::format("{}{}", command.mark, reads ? " f v" : ""));
}

void MemcachedDialect::compose_group_member(Command& command, std::string& out) {
  Prng& prng = scene_.prng;
  Model& model = scene_.model;
  const u64 mark = command.mark + command.uses.size();
  const auto to = std::back_inserter(out);
  const u64 die = prng.below(20);
  const bool noreply = die >= 16;
  command.members.push_back({noreply, 0});
  if (die < 8) {
    begin(command, Op::read, model.pick(prng, true));
    fmt::format_to(to, "mg {} k O{} f v q\r\n", key_of(command.uses.back()), mark);
  } else if (die < 12) {
    begin(command, Op::write, model.pick(prng, true));
    append_meta_set(out, command.uses.back(), mark, " q");
  } else if (die < 14) {
    begin(command, Op::erase, model.pick(prng, true));
    fmt::format_to(to, "md {} k O{} q\r\n", key_of(command.uses.back()), mark);
  } else if (die < 16) {
    begin(command, Op::increment, model.pick_counter(prng));
    fmt::format_to(to, "ma {} k O{} v D{}\r\n", key_of(command.uses.back()), mark,
                   model.step(command.uses.back().key));
  } else if (die < 18) {
    begin(command, Op::write, model.pick(prng, true));
    append_store(out, "set", command.uses.back(), " noreply");
  } else if (die < 19) {
    begin(command, Op::erase, model.pick(prng, true));
    fmt::format_to(to, "delete {} noreply\r\n", key_of(command.uses.back()));
  } else {
    begin(command, Op::increment, model.pick_counter(prng));
    fmt::format_to(to, "incr {} {} noreply\r\n", key_of(command.uses.back()),
                   model.step(command.uses.back().key));
  }
}

void MemcachedDialect::compose_group(Command& command, std::string& out) {
  const std::size_t count = 1 + scene_.prng.below(kGroupMax);
  const std::size_t begin = out.size();
  for (std::size_t index = 0; index < count; ++index) {
    compose_group_member(command, out);
    command.members.back().end = out.size() - begin;
  }
  scene_.marks += count;
  out += "mn\r\n";
}

Command MemcachedDialect::compose(std::string& out, Memory& memory) {
  struct Share {
    u64 below;
    Kind kind;
  };
  static constexpr Share kShares[] = {
      {22, Kind::get},         {26, Kind::gets},     {33, Kind::mget},        {52, Kind::set},
      {55, Kind::cas},         {59, Kind::del},      {66, Kind::increment},   {68, Kind::add},
      {76, Kind::meta_get},    {83, Kind::meta_set}, {85, Kind::meta_delete}, {87, Kind::version},
      {100, Kind::quiet_group}};
  const u64 die = scene_.prng.below(100);
  Command command;
  command.mark = ++scene_.marks;
  command.kind = std::find_if(std::begin(kShares), std::end(kShares), [&](const Share& share) {
                   return die < share.below;
                 })->kind;
  switch (command.kind) {
    case Kind::get:
    case Kind::gets:
    case Kind::mget:
      compose_get(command, out);
      break;
    case Kind::meta_get:
    case Kind::meta_set:
    case Kind::meta_delete:
      compose_meta(command, out);
      break;
    case Kind::quiet_group:
      compose_group(command, out);
      break;
    default:
      compose_plain(command, out, memory);
      break;
  }
  return command;
}

Frame MemcachedDialect::frame(const Command& command, std::string_view in) const {
  return memcached_frame(in, command.kind == Kind::quiet_group);
}

std::string MemcachedDialect::judge_error_line(const Command& command, std::string_view line) {
  scene_.report.reply("error");
  return judge_error(command, line.substr(kErrorWord.size()));
}

std::string MemcachedDialect::judge_data(const Use& use, std::string_view flags,
                                         std::string_view data) {
  if (flags != fmt::format("{}", scene_.model.flags(use.key))) return "not the key's flags";
  return judge_read(use, data);
}

// get and gets: what was found stands in the order of the request.
std::string MemcachedDialect::judge_get(Command& command, std::string_view in, Memory& memory) {
  std::vector<const Use*> missing;
  std::size_t next = 0;
  std::string problem;
  while (in.starts_with("VALUE ")) {
    const Words words(take_line(in));
    std::size_t size = 0;
    read_number(words[3], size);
    const std::string_view data = in.substr(0, size);
    in.remove_prefix(size + kEnd.size());
    while (next < command.uses.size() && key_of(command.uses[next]) != words[1]) {
      missing.push_back(&command.uses[next++]);
    }
    if (next == command.uses.size()) return "a key that was not asked for, or not in its order";
    const Use& use = command.uses[next++];
    problem = judge_data(use, words[2], data);
    if (!problem.empty()) return fmt::format("{}; {}", problem, scene_.model.describe(use));
    if ((words.count() == 5) != (command.kind == Kind::gets))
      return "a cas unique where none is due";
    if (command.kind == Kind::gets && scene_.model.kind(use.key) != KeyKind::counter) {
      memory.cas_key = use.key;
      if (!read_number(words[4], memory.cas_unique)) return "no cas unique";
    }
  }
  for (; next < command.uses.size(); ++next) missing.push_back(&command.uses[next]);
  const std::string_view line = take_line(in);
  if (is_own_error(line)) {
    problem = judge_error_line(command, line);
  } else if (line != "END") {
    return "not the end of a get";
  } else {
    for (const Use* use : missing) {
      scene_.report.reply("missing");
      problem = scene_.model.check_missing(*use);
      if (!problem.empty()) return fmt::format("{}; {}", problem, scene_.model.describe(*use));
    }
  }
  end_all(command, Effect::done);
  return problem;
}

std::string MemcachedDialect::judge_plain(Command& command, std::string_view line, Memory& memory) {
  scene_.report.reply("line");
  if (command.kind == Kind::version) {
    return line.starts_with("VERSION ") ? "" : "not the reply to version";
  }
  const Use& use = command.uses.front();
  Model& model = scene_.model;
  std::string problem;
  if (command.kind == Kind::increment) {
    if (line != "NOT_FOUND")
      problem = model.check_counter(use, line);
    else
      problem = model.check_missing(use);
    model.end(use, line == "NOT_FOUND" ? Effect::never : Effect::done);
  } else if (command.kind == Kind::add) {
    if (line == "STORED")
      problem = model.check_missing(use);
    else if (line != "NOT_STORED")
      problem = "not the reply to add";
    model.end(use, Effect::done);
  } else if (command.kind == Kind::del) {
    if (line == "NOT_FOUND")
      problem = model.check_missing(use);
    else if (line != "DELETED")
      problem = "not the reply to delete";
    else if (!model.may_be_there(use))
      problem = "deleted what cannot have been there";
    model.end(use, Effect::done);
  } else if (command.kind == Kind::cas && line != "STORED") {
    if (line == "NOT_FOUND")
      problem = model.check_missing(use);
    else if (line != "EXISTS")
      problem = "not the reply to cas";
    model.end(use, Effect::never);
  } else {
    if (line != "STORED") problem = "not the reply to a write";
    end_writes(command, memory);
  }
  return problem.empty() ? problem : fmt::format("{}; {}", problem, model.describe(use));
}

// One reply of a meta command that is not an error: its words, its mark, its data.
std::string MemcachedDialect::judge_meta(const Use& use, u64 mark, std::string_view line,
                                         std::string_view data) {
  Model& model = scene_.model;
  const Words words(line);
  if (words.flag('O') != fmt::format("{}", mark)) return "not this command's own mark";
  if (words.flag('k') != key_of(use)) return "not this command's key";
  const std::string_view code = words[0];
  const bool counts = use.op == Op::increment;
  scene_.report.reply(code);
  if (code == "VA" && counts) {
    std::string problem = model.check_counter(use, data);
    model.end(use, Effect::done);
    return problem;
  }
  if (code == "VA" && use.op == Op::read) {
    std::string problem = judge_data(use, words.flag('f'), data);
    model.end(use, Effect::done);
    return problem;
  }
  if (code == "HD" && (use.op == Op::write || use.op == Op::erase)) {
    const bool impossible = use.op == Op::erase && !model.may_be_there(use);
    model.end(use, Effect::done);
    return impossible ? "deleted what cannot have been there" : "";
  }
  if (code == (use.op == Op::read ? "EN" : "NF") && use.op != Op::write) {
    std::string problem = model.check_missing(use);
    model.end(use, counts ? Effect::never : Effect::done);
    return problem;
  }
  return "not a reply to this command";
}

// The members [from, to) of a group that nothing was said of.
std::string MemcachedDialect::judge_silence(Command& command, std::size_t from, std::size_t to,
                                            bool errors) {
  Model& model = scene_.model;
  for (std::size_t index = from; index < to; ++index) {
    const Use& use = command.uses[index];
    if (command.members[index].noreply) {
      model.end(use, Effect::unknown);  // failures are silent too
      continue;
    }
    scene_.report.reply("silence");
    std::string problem;
    if (!errors) {
      if (use.op == Op::read) problem = model.check_missing(use);
      if (use.op == Op::erase && !model.may_be_there(use)) problem = "silently deleted nothing";
      if (use.op == Op::increment) problem = "a reply is missing";
    }
    if (!problem.empty()) {
      return fmt::format("member {}: {}; {}", index, problem, model.describe(use));
    }
    model.end(use, errors ? Effect::unknown : Effect::done);
  }
  return {};
}

std::string MemcachedDialect::judge_group(Command& command, std::string_view in) {
  // Which reply an error line stands for cannot be told, so it is looked for first.
  bool errors = false;
  std::size_t next = 0;
  std::vector<MetaReply> replies = split_group(in);
  std::size_t error_count = 0;
  for (const MetaReply& reply : replies) {
    if (!is_own_error(reply.line)) continue;
    errors = true;
    ++error_count;
    std::string problem = judge_error_line(command, reply.line);
    if (!problem.empty()) return problem;
  }
  std::size_t answered = 0;
  for (const MetaReply& reply : replies) {
    if (is_own_error(reply.line)) continue;
    u64 mark = 0;
    if (!read_number(Words(reply.line).flag('O'), mark) || mark < command.mark + next ||
        mark >= command.mark + command.uses.size()) {
      return fmt::format("a reply that belongs to no command here, or out of order: {}",
                         printable(reply.line));
    }
    const std::size_t index = mark - command.mark;
    std::string problem = judge_silence(command, next, index, errors);
    if (!problem.empty()) return problem;
    if (command.members[index].noreply) return "a reply to a command with noreply";
    const Use use = command.uses[index];
    problem = judge_meta(use, mark, reply.line, reply.data);
    if (!problem.empty()) return fmt::format("{}; {}", problem, scene_.model.describe(use));
    next = index + 1;
    ++answered;
  }
  const auto silent_ones =
      static_cast<std::size_t>(std::count_if(command.members.begin(), command.members.end(),
                                             [](const Member& member) { return member.noreply; }));
  if (answered + error_count + silent_ones > command.uses.size())
    return "more replies than commands";
  return judge_silence(command, next, command.uses.size(), errors);
}

std::string MemcachedDialect::judge(Command& command, std::string_view reply, Memory& memory) {
  raise_floors(command, memory);
  if (command.kind == Kind::quiet_group) return judge_group(command, reply);
  std::string_view in = reply;
  if (command.kind == Kind::get || command.kind == Kind::gets || command.kind == Kind::mget) {
    return judge_get(command, in, memory);
  }
  const std::string_view line = take_line(in);
  if (is_own_error(line)) {
    std::string problem = judge_error_line(command, line);
    end_all(command, Effect::unknown);
    return problem;
  }
  if (command.kind != Kind::meta_get && command.kind != Kind::meta_set &&
      command.kind != Kind::meta_delete) {
    return judge_plain(command, line, memory);
  }
  const Use use = command.uses.front();
  const std::string_view data = in.substr(0, in.size() - std::min(in.size(), kEnd.size()));
  std::string problem = judge_meta(use, command.mark, line, data);
  return problem.empty() ? problem : fmt::format("{}; {}", problem, scene_.model.describe(use));
}

}  // namespace

std::unique_ptr<Dialect> memcached_dialect(Scene& scene) {
  return std::make_unique<MemcachedDialect>(scene);
}

}  // namespace ringfold::torture
