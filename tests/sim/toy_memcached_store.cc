#include "toy_memcached_store.h"

#include <algorithm>
#include <cstdlib>

#include "toy_memcached_wire.h"

namespace ringfold::sim {

namespace {

constexpr const char* kError = "ERROR\r\n";
constexpr const char* kNotNumeric =
    "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";

std::string identity(const std::string& key) {
  return key.substr(0, key.rfind('#'));
}

i64 number_of(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 10);
}

std::string va(const std::string& value, const std::string& flags) {
  return "VA " + std::to_string(value.size()) + flags + "\r\n" + value + "\r\n";
}

// The answer without what a quiet request does not show.
std::string unless_quiet(const MetaFlags& flags, std::string answer, std::string_view hidden) {
  const std::string_view code = std::string_view(answer).substr(0, 2);
  const bool is_hidden = flags.has('q') && hidden.find(code) != std::string_view::npos;
  return is_hidden ? std::string() : answer;
}

}  // namespace

MetaFlags::MetaFlags(const std::vector<std::string>& words, std::size_t first)
    : words_(words), first_(first) {
  for (std::size_t i = first; i < words.size(); ++i) all_ += words[i][0];
}

std::string MetaFlags::argument(char flag, std::string otherwise) const {
  const std::size_t at = all_.find(flag);
  return at == std::string::npos ? std::move(otherwise) : words_[first_ + at].substr(1);
}

std::string MetaFlags::key() const {
  return has('b') ? toy::decode_base64(words_[1]) : words_[1];
}

std::string MetaFlags::echo(const std::map<char, std::string>& more, bool is_binary) const {
  std::string text;
  for (std::size_t i = first_; i < words_.size(); ++i) {
    const char flag = words_[i][0];
    if (flag == 'O') text += " " + words_[i];
    if (flag == 'k') text += " k" + (is_binary ? toy::encode_base64(key()) + " b" : key());
    if (const auto found = more.find(flag); found != more.end()) {
      text += std::string(" ") + flag + found->second;
    }
  }
  return text;
}

std::string ToyMemcachedStore::execute(const Words& words, std::string_view data) {
  const std::string& name = words[0];
  if (words.size() > 1 && words.back() == "noreply") {
    Words answered = words;
    answered.pop_back();
    execute(answered, data);
    return {};
  }
  if (name == "version") return "VERSION 1.6.18\r\n";
  if (name == "mn") return "MN\r\n";
  if (name == "verbosity") return "OK\r\n";
  if (name == "flush_all") {
    items_.clear();
    return "OK\r\n";
  }
  if (words.size() < 2) return kError;
  if (name == "get" || name == "gets" || name == "gat" || name == "gats") return execute_get(words);
  if (name == "mg") return meta_get(words);
  if (name == "ms") return meta_set(words, data);
  if (name == "md") return meta_delete(words);
  if (name == "ma") return meta_arithmetic(words);
  if (name == "me") return meta_debug(words);
  if (name == "delete") return items_.erase(identity(words[1])) ? "DELETED\r\n" : "NOT_FOUND\r\n";
  if (words.size() == 3) return execute_number(words);
  return words.size() > 4 ? execute_storage(words, data) : kError;
}

ToyMemcachedStore::Item* ToyMemcachedStore::find(const std::string& key) {
  const auto found = items_.find(identity(key));
  return found == items_.end() ? nullptr : &found->second;
}

void ToyMemcachedStore::put(const std::string& key, Item item, i64 time) {
  item.cas = ++last_cas_;
  item.time = time;
  if (time < 0) {
    items_.erase(identity(key));
  } else {
    items_[identity(key)] = std::move(item);
  }
}

std::string ToyMemcachedStore::value_of(const std::string& key, bool with_cas) const {
  const auto found = items_.find(identity(key));
  if (found == items_.end()) return {};
  const Item& item = found->second;
  std::string block = "VALUE " + key + " " + item.flags + " " + std::to_string(item.value.size());
  if (with_cas) block += " " + std::to_string(item.cas);
  return block + "\r\n" + item.value + "\r\n";
}

std::string ToyMemcachedStore::execute_get(const Words& words) {
  const bool touches = words[0].starts_with("gat");
  std::string answer;
  for (std::size_t i = touches ? 2 : 1; i < words.size(); ++i) {
    answer += value_of(words[i], words[0].ends_with('s'));
    if (!touches) continue;
    if (Item* item = find(words[i])) item->time = number_of(words[1]);
    if (number_of(words[1]) < 0) items_.erase(identity(words[i]));
  }
  return answer + "END\r\n";
}

std::string ToyMemcachedStore::execute_storage(const Words& words, std::string_view data) {
  const std::string& name = words[0];
  Item* old = find(words[1]);
  Item item;
  item.value = data;
  item.flags = words[2];
  if (name == "cas") {
    if (old == nullptr) return "NOT_FOUND\r\n";
    if (std::to_string(old->cas) != words[5]) return "EXISTS\r\n";
  } else if (name != "set" && (name == "add") != (old == nullptr)) {
    return "NOT_STORED\r\n";
  }
  if (name == "append" || name == "prepend") {
    item = *old;
    item.value = name == "append" ? old->value + std::string(data) : std::string(data) + old->value;
    put(words[1], item, old->time);
    return "STORED\r\n";
  }
  put(words[1], item, number_of(words[3]));
  return "STORED\r\n";
}

// False when the item is no number. A number that has become shorter keeps its length.
bool ToyMemcachedStore::count(Item& item, bool up, u64 delta, u64& number) {
  std::string text = item.value;
  while (text.ends_with(' ')) text.pop_back();
  const std::optional<u64> before = toy::unsigned_of(text);
  if (!before) return false;
  number = up ? *before + delta : *before - std::min(*before, delta);
  std::string after = std::to_string(number);
  while (after.size() < item.value.size()) after += ' ';
  item.value = after;
  item.cas = ++last_cas_;
  return true;
}

std::string ToyMemcachedStore::execute_number(const Words& words) {
  Item* item = find(words[1]);
  if (item == nullptr) return "NOT_FOUND\r\n";
  if (words[0] == "touch") {
    if (number_of(words[2]) < 0) {
      items_.erase(identity(words[1]));
    } else {
      item->time = number_of(words[2]);
    }
    return "TOUCHED\r\n";
  }
  if (words[0] != "incr" && words[0] != "decr") return kError;
  u64 number = 0;
  if (!count(*item, words[0] == "incr", toy::unsigned_of(words[2]).value_or(0), number)) {
    return kNotNumeric;
  }
  return std::to_string(number) + "\r\n";
}

std::string ToyMemcachedStore::meta_get(const Words& words) {
  const MetaFlags flags(words, 2);
  const std::string key = flags.key();
  Item* item = find(key);
  std::string invitation;
  if (item == nullptr) {
    if (!flags.has('N')) return unless_quiet(flags, "EN" + flags.echo() + "\r\n", "EN");
    Item fresh;
    fresh.is_binary = flags.has('b');
    fresh.is_invited = true;
    put(key, fresh, std::max<i64>(0, number_of(flags.argument('N', "0"))));
    item = find(key);
    invitation = " W";
  } else if (item->is_invited) {
    invitation = " Z";
  }
  if (flags.has('T')) item->time = number_of(flags.argument('T', "0"));
  const std::string time = item->time == 0 ? "-1" : std::to_string(item->time);
  const std::string echo = flags.echo({{'f', item->flags},
                                       {'c', std::to_string(item->cas)},
                                       {'s', std::to_string(item->value.size())},
                                       {'t', time}},
                                      item->is_binary) +
                           invitation;
  return flags.has('v') ? va(item->value, echo) : "HD" + echo + "\r\n";
}

std::string ToyMemcachedStore::meta_set(const Words& words, std::string_view data) {
  const MetaFlags flags(words, 3);
  const std::string key = flags.key();
  Item* old = find(key);
  const auto answer = [&](const std::string& code) {
    const std::string cas = std::to_string(old == nullptr ? 0 : old->cas);
    const std::map<char, std::string> more =
        code == "HD" ? std::map<char, std::string>{{'c', cas}} : std::map<char, std::string>{};
    return unless_quiet(flags, code + flags.echo(more, flags.has('b')) + "\r\n", "HD");
  };
  if (flags.has('C')) {
    if (old == nullptr) return answer("NF");
    if (std::to_string(old->cas) != flags.argument('C', "")) return answer("EX");
  }
  const char mode = flags.argument('M', "S")[0];
  if (mode == 'E' ? old != nullptr : mode != 'S' && old == nullptr) return answer("NS");
  Item item;
  item.flags = flags.argument('F', "0");
  item.is_binary = flags.has('b');
  item.value = data;
  i64 time = number_of(flags.argument('T', "0"));
  if (mode == 'A' || mode == 'P') {
    item = *old;
    item.value = mode == 'A' ? old->value + std::string(data) : std::string(data) + old->value;
    time = old->time;
  }
  put(key, item, time);
  old = find(key);
  return answer("HD");
}

std::string ToyMemcachedStore::meta_delete(const Words& words) {
  const MetaFlags flags(words, 2);
  const Item* item = find(flags.key());
  std::string code = "HD";
  if (item == nullptr) {
    code = "NF";
  } else if (flags.has('C') && std::to_string(item->cas) != flags.argument('C', "")) {
    code = "EX";
  } else {
    items_.erase(identity(flags.key()));
  }
  return unless_quiet(flags, code + flags.echo() + "\r\n", "HD");
}

std::string ToyMemcachedStore::meta_arithmetic(const Words& words) {
  const MetaFlags flags(words, 2);
  const std::string key = flags.key();
  Item* item = find(key);
  u64 number = 0;
  if (item == nullptr) {
    if (!flags.has('N')) return "NF" + flags.echo() + "\r\n";
    Item fresh;
    fresh.value = flags.argument('J', "0");
    fresh.is_binary = flags.has('b');
    put(key, fresh, number_of(flags.argument('N', "0")));
    item = find(key);
    if (item == nullptr) return "NS" + flags.echo() + "\r\n";
    number = toy::unsigned_of(fresh.value).value_or(0);
  } else {
    const std::string mode = flags.argument('M', "I");
    const bool up = mode != "D" && mode != "d" && mode != "-";
    const u64 delta = toy::unsigned_of(flags.argument('D', "1")).value_or(1);
    if (!count(*item, up, delta, number)) return kNotNumeric;
  }
  const std::string time = item->time == 0 ? "-1" : std::to_string(item->time);
  const std::string echo =
      flags.echo({{'t', time}, {'c', std::to_string(item->cas)}}, flags.has('b'));
  const std::string answer =
      flags.has('v') ? va(std::to_string(number), echo) : "HD" + echo + "\r\n";
  return unless_quiet(flags, answer, "HD VA");
}

std::string ToyMemcachedStore::meta_debug(const Words& words) const {
  const MetaFlags flags(words, 2);
  const auto found = items_.find(identity(flags.key()));
  if (found == items_.end()) return "EN\r\n";
  const Item& item = found->second;
  const std::string time = item.time == 0 ? "-1" : std::to_string(item.time);
  return "ME " + (item.is_binary ? words[1] : flags.key()) + " exp=" + time +
         " la=0 cas=" + std::to_string(item.cas) + " fetch=no cls=1 size=64\r\n";
}

}  // namespace ringfold::sim
