// Finds the keys of a request by the rule of its command's row. Options are read exactly as Redis
// 7.0 reads them, because a key overlooked here is a key looked up or written on the wrong server.
// Where Redis is sure to refuse the request before it looks at a key, error() has its words
// (checked against a live server by tools/commands_check.py).
#include <charconv>
#include <optional>

#include "ringfold/base/assert.h"
#include "ringfold/proto/command.h"

namespace ringfold::resp {

namespace {

constexpr const char* kSyntaxError = "ERR syntax error";
constexpr const char* kNotAnInteger = "ERR value is not an integer or out of range";
constexpr const char* kTooFewKeys = "ERR numkeys should be greater than 0";
constexpr const char* kNegativeKeys = "ERR Number of keys can't be negative";
constexpr const char* kTooManyKeys = "ERR Number of keys can't be greater than number of args";
constexpr const char* kNoScript = "NOSCRIPT No matching script. Please use EVAL.";

// What a command says about a bad number of keys.
struct NumkeysWords {
  std::string_view command;
  i64 least;                 // the smallest number it takes
  u32 behind;                // how many arguments have to follow the keys
  const char* not_a_number;  // nullptr: see KeyCursor::error() about FCALL
  const char* too_few;
  const char* too_many;
};

// A command that is not here speaks like the last row.
constexpr NumkeysWords kNumkeysWords[] = {
    {"eval", 0, 0, kNotAnInteger, kNegativeKeys, kTooManyKeys},
    {"eval_ro", 0, 0, kNotAnInteger, kNegativeKeys, kTooManyKeys},
    {"evalsha", 0, 0, kNotAnInteger, kNegativeKeys, kTooManyKeys},
    {"evalsha_ro", 0, 0, kNotAnInteger, kNegativeKeys, kTooManyKeys},
    {"fcall", 0, 0, nullptr, nullptr, nullptr},
    {"fcall_ro", 0, 0, nullptr, nullptr, nullptr},
    {"zdiff", 1, 0, kNotAnInteger, "ERR at least 1 input key is needed for 'zdiff' command",
     kSyntaxError},
    {"zdiffstore", 1, 0, kNotAnInteger,
     "ERR at least 1 input key is needed for 'zdiffstore' command", kSyntaxError},
    {"zinter", 1, 0, kNotAnInteger, "ERR at least 1 input key is needed for 'zinter' command",
     kSyntaxError},
    {"zintercard", 1, 0, kNotAnInteger,
     "ERR at least 1 input key is needed for 'zintercard' command", kSyntaxError},
    {"zinterstore", 1, 0, kNotAnInteger,
     "ERR at least 1 input key is needed for 'zinterstore' command", kSyntaxError},
    {"zunion", 1, 0, kNotAnInteger, "ERR at least 1 input key is needed for 'zunion' command",
     kSyntaxError},
    {"zunionstore", 1, 0, kNotAnInteger,
     "ERR at least 1 input key is needed for 'zunionstore' command", kSyntaxError},
    {"sintercard", 1, 0, kTooFewKeys, kTooFewKeys, kTooManyKeys},
    {"lmpop, zmpop, blmpop, bzmpop", 1, 1, kTooFewKeys, kTooFewKeys, kSyntaxError},
};

// A SHA1 in hex. Redis looks at the number of keys only when a script's name has this length.
constexpr u32 kScriptNameLength = 40;

// Only a request whose number is at fault or a rare command comes here more than a few rows deep.
const NumkeysWords& numkeys_words(std::string_view command) {
  const NumkeysWords* words = kNumkeysWords;
  const NumkeysWords* const last = std::end(kNumkeysWords) - 1;
  while (words != last && words->command != command) ++words;
  return *words;
}

// A number as Redis' string2ll() reads it: no plus sign, no leading zero, no "-0", no space.
std::optional<i64> parse_number(std::string_view text) {
  i64 value = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  const std::size_t first_digit = text[0] == '-' ? 1 : 0;
  if (text[first_digit] == '0' && text.size() > 1) return std::nullopt;
  return value;
}

// True when Redis takes the argument for this option. It compares options with strcasecmp(), for
// which an argument ends at its first zero byte: "STORE\0x" is STORE, and hides no key from us.
bool is_word(std::string_view argument, std::string_view lower) {
  if (argument.size() < lower.size()) return false;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const char byte = argument[i];
    const bool is_upper = byte >= 'A' && byte <= 'Z';
    if ((is_upper ? static_cast<char>(byte + ('a' - 'A')) : byte) != lower[i]) return false;
  }
  return argument.size() == lower.size() || argument[lower.size()] == '\0';
}

bool has_star(std::string_view pattern) {
  return pattern.find('*') != std::string_view::npos;
}

}  // namespace

bool ArgumentWalk::next(Argument& argument) {
  if (index >= frame->argument_count) return false;
  if (index < RequestFrame::kInlineArguments) {
    argument = frame->arguments[index];
  } else {
    // "$length\r\n": the parser has found it well formed, or the frame were not complete.
    u64 at = u64{position} + 1;
    u64 length = 0;
    for (; at < bytes.size() && bytes[at] != '\r'; ++at) {
      length = length * 10 + static_cast<u64>(bytes[at] - '0');
    }
    at += 2;
    RINGFOLD_ASSERT(at + length + 2 <= bytes.size());
    argument = {static_cast<u32>(at), static_cast<u32>(length)};
  }
  ++index;
  position = argument.offset + argument.length + 2;
  return true;
}

KeyCursor::KeyCursor(const CommandSpec& spec, std::string_view bytes, const RequestFrame& frame)
    : walk_{bytes, &frame} {
  RINGFOLD_DEBUG_ASSERT(arity_fits(spec, frame.argument_count));
  switch (spec.keys) {
    case KeyRule::none:
      break;
    case KeyRule::range:
      find_range(spec);
      break;
    case KeyRule::numkeys:
    case KeyRule::dest_numkeys:
      find_counted(spec);
      break;
    case KeyRule::streams:
      find_streams(spec);
      break;
    case KeyRule::store_option:
      find_store_option(spec);
      break;
    case KeyRule::sort:
      find_sort(spec);
      break;
    case KeyRule::migrate:
      find_migrate();
      break;
  }
  if (error_ != nullptr) lead_ = left_ = 0;
}

bool KeyCursor::next(Argument& key) {
  if (lead_ != 0) {
    key = walk_.frame->arguments[lead_];
    lead_ = 0;
    return true;
  }
  if (left_ == 0) return false;
  if (!walk_.next(key)) return false;
  if (--left_ == 0) return true;
  Argument skipped;
  for (u32 i = 1; i < step_; ++i) {
    if (!walk_.next(skipped)) break;
  }
  return true;
}

std::string_view KeyCursor::text(const Argument& argument) const {
  return walk_.bytes.substr(argument.offset, argument.length);
}

void KeyCursor::find_range(const CommandSpec& spec) {
  const i64 count = walk_.frame->argument_count;
  const i64 last = spec.last >= 0 ? spec.last : count + spec.last;
  if (last < spec.first) return;
  // MSET and MSETNX take pairs; a key without its value is the one mistake a range can show.
  if (spec.step == 2 && (count - spec.first) % 2 != 0) {
    error_ = spec.name == "mset" ? "ERR wrong number of arguments for 'mset' command"
                                 : "ERR wrong number of arguments for 'msetnx' command";
    return;
  }
  walk_.go_to(static_cast<u32>(spec.first));
  step_ = static_cast<u32>(spec.step);
  left_ = static_cast<u32>((last - spec.first) / spec.step) + 1;
}

void KeyCursor::find_counted(const CommandSpec& spec) {
  const RequestFrame& frame = *walk_.frame;
  const auto at = static_cast<u32>(spec.numkeys_at);
  const NumkeysWords& words = numkeys_words(spec.name);
  const std::optional<i64> number = parse_number(text(frame.arguments[at]));
  const i64 room = i64{frame.argument_count} - at - 1 - words.behind;
  if (!number) {
    error_ = words.not_a_number;
  } else if (*number < words.least) {
    error_ = words.too_few;
  } else if (*number > room) {
    error_ = words.too_many;
  } else {
    if (spec.keys == KeyRule::dest_numkeys) lead_ = 1;
    walk_.go_to(at + 1);
    left_ = static_cast<u32>(*number);
  }
  const bool names_script = spec.name == "evalsha" || spec.name == "evalsha_ro";
  if (error_ != nullptr && names_script && frame.arguments[1].length != kScriptNameLength) {
    error_ = kNoScript;
  }
}

// An option in front of STREAMS; walk stands behind it and is moved behind its values. The words
// for what is wrong with it, or nullptr.
const char* KeyCursor::check_stream_option(const CommandSpec& spec, std::string_view word,
                                           bool& has_group, ArgumentWalk& walk) {
  const u32 more = walk.frame->argument_count - walk.index;
  const bool reads_group = spec.name == "xreadgroup";
  Argument value;
  if (is_word(word, "block") && more >= 1) {
    walk.next(value);
    const std::optional<i64> timeout = parse_number(text(value));
    if (!timeout) return "ERR timeout is not an integer or out of range";
    if (*timeout < 0) return "ERR timeout is negative";
    is_blocking_ = true;
    return nullptr;
  }
  if (is_word(word, "count") && more >= 1) {
    walk.next(value);
    return parse_number(text(value)) ? nullptr : kNotAnInteger;
  }
  if (is_word(word, "group") && more >= 2) {
    walk.next(value);
    walk.next(value);
    has_group = true;
    return reads_group ? nullptr
                       : "ERR The GROUP option is only supported by XREADGROUP. You called XREAD "
                         "instead.";
  }
  if (is_word(word, "noack")) {
    return reads_group ? nullptr
                       : "ERR The NOACK option is only supported by XREADGROUP. You called XREAD "
                         "instead.";
  }
  return kSyntaxError;
}

void KeyCursor::find_streams(const CommandSpec& spec) {
  ArgumentWalk walk = walk_;
  walk.go_to(1);
  bool has_group = false;
  Argument argument;
  while (walk.next(argument)) {
    const std::string_view word = text(argument);
    const u32 more = walk.frame->argument_count - walk.index;
    if (is_word(word, "streams") && more >= 1) {
      if (more % 2 != 0) {
        error_ =
            "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be "
            "specified.";
      } else if (spec.name == "xreadgroup" && !has_group) {
        error_ = "ERR Missing GROUP option for XREADGROUP";
      }
      walk_ = walk;
      left_ = more / 2;
      return;
    }
    error_ = check_stream_option(spec, word, has_group, walk);
    if (error_ != nullptr) return;
  }
  error_ = kSyntaxError;
}

// GEORADIUS and GEORADIUSBYMEMBER: options start where the arguments that must be there end. Of
// several stores the last one counts, as in Redis.
void KeyCursor::find_store_option(const CommandSpec& spec) {
  lead_ = 1;
  ArgumentWalk walk = walk_;
  Argument argument;
  walk.go_to(0);
  while (walk.index < static_cast<u32>(-spec.arity)) {
    if (!walk.next(argument)) return;
  }
  while (walk.next(argument)) {
    const std::string_view word = text(argument);
    const bool is_store = is_word(word, "store") || is_word(word, "storedist");
    if (!is_store && !is_word(word, "count")) continue;
    const ArgumentWalk value = walk;
    Argument skipped;
    if (!walk.next(skipped) || !is_store) continue;
    walk_ = value;
    left_ = 1;
  }
}

// SORT and SORT_RO. GET # is the element itself; a pattern without '*' names no key.
void KeyCursor::find_sort(const CommandSpec& spec) {
  lead_ = 1;
  const bool may_store = (spec.flags & kReadonly) == 0;
  ArgumentWalk walk = walk_;
  walk.go_to(2);
  Argument argument;
  while (walk.next(argument)) {
    const std::string_view word = text(argument);
    const u32 more = walk.frame->argument_count - walk.index;
    if (is_word(word, "limit") && more >= 2) {
      walk.next(argument);
      walk.next(argument);
    } else if (may_store && is_word(word, "store") && more >= 1) {
      walk_ = walk;
      left_ = 1;
      walk.next(argument);
    } else if ((is_word(word, "by") || is_word(word, "get")) && more >= 1) {
      walk.next(argument);
      has_patterns_ = has_patterns_ || has_star(text(argument));
    }
  }
}

// MIGRATE host port key|"" database timeout [COPY] [REPLACE] [AUTH password]
// [AUTH2 username password] [KEYS key ...]
void KeyCursor::find_migrate() {
  const bool has_key = walk_.frame->arguments[3].length > 0;
  ArgumentWalk walk = walk_;
  Argument argument;
  walk.go_to(3);
  for (int i = 0; i < 3; ++i) walk.next(argument);
  while (walk.next(argument)) {
    const std::string_view word = text(argument);
    if (is_word(word, "keys")) {
      if (has_key) {
        error_ =
            "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string";
      }
      walk_ = walk;
      left_ = walk.frame->argument_count - walk.index;
      return;
    }
    int values = is_word(word, "auth") ? 1 : is_word(word, "auth2") ? 2 : 0;
    for (; values > 0; --values) walk.next(argument);
  }
  walk_.go_to(3);
  left_ = 1;
}

}  // namespace ringfold::resp
