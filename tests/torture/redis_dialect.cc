// RESP2: commands in array form, one reply each.
#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <utility>

#include "command.h"
#include "value.h"

namespace ringfold::torture {

namespace {

constexpr std::string_view kEnd = "\r\n";
constexpr std::string_view kOwnError = "ERR ringfold: ";

void append_bulk(std::string& out, std::string_view text) {
  fmt::format_to(std::back_inserter(out), "${}\r\n{}\r\n", text.size(), text);
}

void append_name(std::string& out, std::size_t words, std::string_view name) {
  fmt::format_to(std::back_inserter(out), "*{}\r\n", words);
  append_bulk(out, name);
}

// Takes a line off the front of in, without its end. Requires: there is one.
std::string_view take_line(std::string_view& in) {
  const std::size_t end = in.find(kEnd);
  const std::string_view line = in.substr(0, end);
  in.remove_prefix(end + kEnd.size());
  return line;
}

bool read_number(std::string_view text, i64& number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size();
}

class RedisDialect final : public Dialect {
 public:
  using Dialect::Dialect;

  Command compose(std::string& out, Memory& memory) override;
  Frame frame(const Command& command, std::string_view in) const override;
  std::string judge(Command& command, std::string_view reply, Memory& memory) override;

 private:
  void compose_keys(Command& command, std::string& out, std::string_view name, Op op,
                    std::size_t count);
  void compose_set(Command& command, std::string& out);
  void compose_mset(Command& command, std::string& out);
  void append_written(std::string& out, const Use& use);
  std::string judge_element(const Command& command, const Use& use, std::string_view& in);
};

void RedisDialect::append_written(std::string& out, const Use& use) {
  const std::string& key = scene_.model.name(use.key);
  const std::size_t size = scene_.model.pick_size(scene_.prng, use.key);
  append_bulk(out, key);
  fmt::format_to(std::back_inserter(out), "${}\r\n", size);
  append_value(out, key, use.began, size);
  out += kEnd;
}

void RedisDialect::compose_set(Command& command, std::string& out) {
  begin(command, Op::write, scene_.model.pick(scene_.prng, false));
  append_name(out, 3, "SET");
  append_written(out, command.uses.front());
}

void RedisDialect::compose_mset(Command& command, std::string& out) {
  const std::vector<u32> keys = pick_keys(2 + scene_.prng.below(19));
  append_name(out, 1 + 2 * keys.size(), "MSET");
  for (const u32 key : keys) {
    begin(command, Op::write, key);
    append_written(out, command.uses.back());
  }
}

void RedisDialect::compose_keys(Command& command, std::string& out, std::string_view name, Op op,
                                std::size_t count) {
  append_name(out, 1 + count, name);
  if (count == 1) {
    begin(command, op, scene_.model.pick(scene_.prng, op == Op::erase));
    append_bulk(out, scene_.model.name(command.uses.back().key));
    return;
  }
  for (const u32 key : pick_keys(count)) {
    begin(command, op, key);
    append_bulk(out, scene_.model.name(key));
  }
}

Command RedisDialect::compose(std::string& out, Memory&) {
  Command command;
  command.mark = ++scene_.marks;
  Prng& prng = scene_.prng;
  const u64 die = prng.below(100);
  if (die < 38) {
    command.kind = Kind::get;
    compose_keys(command, out, "GET", Op::read, 1);
  } else if (die < 66) {
    command.kind = Kind::set;
    compose_set(command, out);
  } else if (die < 72) {
    command.kind = Kind::mget;
    compose_keys(command, out, "MGET", Op::read, 2 + prng.below(prng.chance(1, 20) ? 199 : 19));
  } else if (die < 76) {
    command.kind = Kind::mset;
    compose_mset(command, out);
  } else if (die < 81) {
    command.kind = Kind::del;
    compose_keys(command, out, "DEL", Op::erase, 1 + prng.below(4));
  } else if (die < 84) {
    command.kind = Kind::exists;
    compose_keys(command, out, "EXISTS", Op::read, 2 + prng.below(5));
    command.may_break = false;
  } else if (die < 92) {
    command.kind = Kind::increment;
    begin(command, Op::increment, scene_.model.pick_counter(prng));
    append_name(out, 3, "INCRBY");
    append_bulk(out, scene_.model.name(command.uses.front().key));
    append_bulk(out, fmt::format("{}", scene_.model.step(command.uses.front().key)));
  } else if (die < 95) {
    command.kind = Kind::get;
    append_name(out, 2, "GET");
    begin(command, Op::read, scene_.model.pick_counter(prng));
    append_bulk(out, scene_.model.name(command.uses.front().key));
  } else {
    command.kind = Kind::echo;
    append_name(out, 2, "ECHO");
    append_bulk(out, fmt::format("mark-{}", command.mark));
  }
  return command;
}

Frame RedisDialect::frame(const Command&, std::string_view in) const {
  std::size_t at = 0;
  i64 left = 1;
  while (left-- > 0) {
    const std::size_t end = in.find(kEnd, at);
    if (end == std::string_view::npos) return {Frame::State::incomplete, in.size() + 1};
    const char type = in[at];
    const std::string_view rest = in.substr(at + 1, end - at - 1);
    at = end + kEnd.size();
    i64 number = 0;
    if (type == '$' || type == '*' || type == ':') {
      if (!read_number(rest, number)) return {Frame::State::malformed, 0};
    }
    if (type == '*') {
      left += number;
    } else if (type == '$' && number >= 0) {
      at += static_cast<std::size_t>(number) + kEnd.size();
      if (at > in.size()) return {Frame::State::incomplete, at};
      if (in.substr(at - kEnd.size(), kEnd.size()) != kEnd) return {Frame::State::malformed, 0};
    } else if (type != '+' && type != '-' && type != ':' && type != '$') {
      return {Frame::State::malformed, 0};
    }
  }
  return {Frame::State::whole, at};
}

// One element of the reply to MGET, or the whole one to GET.
std::string RedisDialect::judge_element(const Command& command, const Use& use,
                                        std::string_view& in) {
  const std::string_view line = take_line(in);
  if (line.starts_with('-') && line.substr(1).starts_with(kOwnError)) {
    scene_.report.reply("error element");
    return judge_error(command, line.substr(1));
  }
  i64 size = 0;
  if (!line.starts_with('$') || !read_number(line.substr(1), size)) return "not a value";
  if (size < 0) {
    scene_.report.reply("missing");
    return scene_.model.check_missing(use);
  }
  const std::string_view value = in.substr(0, static_cast<std::size_t>(size));
  in.remove_prefix(value.size() + kEnd.size());
  return judge_read(use, value);
}

std::string RedisDialect::judge(Command& command, std::string_view reply, Memory& memory) {
  raise_floors(command, memory);
  std::string_view in = reply;
  if (in.starts_with('-')) {
    const std::string_view text = take_line(in).substr(1);
    scene_.report.reply("error");
    std::string problem = "an error that is not the proxy's";
    if (text.starts_with(kOwnError)) problem = judge_error(command, text);
    end_all(command, Effect::unknown);
    return problem;
  }
  std::string problem;
  switch (command.kind) {
    case Kind::set:
    case Kind::mset:
      scene_.report.reply("stored");
      end_writes(command, memory);
      return reply == "+OK\r\n" ? "" : "not the reply to a write";
    case Kind::del:
    case Kind::exists:
      scene_.report.reply("count");
      if (in.front() != ':') return "not a count";
      return judge_count(command, take_line(in).substr(1));
    case Kind::increment:
      scene_.report.reply("number");
      if (in.front() != ':') return "not a number";
      problem = scene_.model.check_counter(command.uses.front(), take_line(in).substr(1));
      end_all(command, Effect::done);
      return problem;
    case Kind::echo:
      scene_.report.reply("echo");
      return reply == fmt::format("${1}\r\nmark-{0}\r\n", command.mark,
                                  5 + fmt::formatted_size("{}", command.mark))
                 ? ""
                 : "not the echo of this command's own mark";
    case Kind::mget:
      if (take_line(in) != fmt::format("*{}", command.uses.size())) return "not the right array";
      break;
    default:
      break;
  }
  for (const Use& use : command.uses) {
    problem = judge_element(command, use, in);
    if (!problem.empty()) return fmt::format("{}; {}", problem, scene_.model.describe(use));
  }
  if (!in.empty()) return "more than the reply";
  end_all(command, Effect::done);
  return {};
}

}  // namespace

std::unique_ptr<Dialect> redis_dialect(Scene& scene) {
  return std::make_unique<RedisDialect>(scene);
}

}  // namespace ringfold::torture
