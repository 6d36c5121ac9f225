#include "toy_store.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "ringfold/base/prng.h"
#include "toy_resp.h"

namespace ringfold::sim {

namespace {

std::string wrong_arity(const std::string& name) {
  return toy::error("ERR wrong number of arguments for '" + name + "' command");
}

i64 to_number(const std::string& text) {
  i64 number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size() ? number : -1;
}

// '*' at either end is all the pattern language the toy has.
bool matches(std::string_view pattern, std::string_view key) {
  if (pattern == "*") return true;
  const bool front = pattern.starts_with('*');
  const bool back = pattern.ends_with('*');
  if (front) pattern.remove_prefix(1);
  if (back) pattern.remove_suffix(1);
  if (front && back) return key.find(pattern) != std::string_view::npos;
  if (front) return key.ends_with(pattern);
  if (back) return key.starts_with(pattern);
  return key == pattern;
}

}  // namespace

std::string lower(std::string_view text) {
  std::string folded(text);
  for (char& byte : folded) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + 32);
  }
  return folded;
}

std::string script_name(std::string_view script) {
  u64 sum = script.size();
  for (const char byte : script) sum = Prng(sum ^ static_cast<unsigned char>(byte)).next();
  Prng prng(sum);
  std::string name;
  for (int i = 0; i < 5; ++i) {
    char part[16];
    std::snprintf(part, sizeof part, "%08x", static_cast<u32>(prng.next()));
    name += part;
  }
  return name;
}

std::string ToyStore::execute(u32 database, const Arguments& arguments) {
  Keys& keys = databases_[database];
  const std::string name = lower(arguments[0]);
  std::string reply = execute_string(keys, name, arguments);
  if (reply.empty()) reply = execute_several(keys, name, arguments);
  if (reply.empty()) reply = execute_keyspace(keys, name, arguments);
  if (reply.empty() && name == "script") reply = execute_script(arguments);
  if (reply.empty()) reply = toy::error("ERR unknown command '" + arguments[0] + "'");
  return reply;
}

std::string ToyStore::execute_string(Keys& keys, const std::string& name, const Arguments& a) {
  if (name == "get") {
    if (a.size() != 2) return wrong_arity(name);
    const auto found = keys.find(a[1]);
    return found == keys.end() ? toy::null_bulk() : toy::bulk(found->second);
  }
  if (name == "set") {
    if (a.size() < 3) return wrong_arity(name);
    keys[a[1]] = a[2];
    return toy::simple("OK");
  }
  if (name == "append") {
    if (a.size() != 3) return wrong_arity(name);
    std::string& value = keys[a[1]];
    value += a[2];
    return toy::integer(static_cast<i64>(value.size()));
  }
  if (name == "incr") {
    if (a.size() != 2) return wrong_arity(name);
    std::string& value = keys[a[1]];
    if (value.empty()) value.push_back('0');
    const i64 number = to_number(value);
    if (number < 0) return toy::error("ERR value is not an integer or out of range");
    value = std::to_string(number + 1);
    return toy::integer(number + 1);
  }
  return {};
}

std::string ToyStore::execute_several(Keys& keys, const std::string& name, const Arguments& a) {
  if (name == "mget") {
    if (a.size() < 2) return wrong_arity(name);
    std::vector<std::string> values;
    for (std::size_t i = 1; i < a.size(); ++i) {
      const auto found = keys.find(a[i]);
      values.push_back(found == keys.end() ? toy::null_bulk() : toy::bulk(found->second));
    }
    return toy::array(values);
  }
  if (name == "mset") {
    if (a.size() < 3 || a.size() % 2 == 0) return wrong_arity(name);
    for (std::size_t i = 1; i + 1 < a.size(); i += 2) keys[a[i]] = a[i + 1];
    return toy::simple("OK");
  }
  const bool removes = name == "del" || name == "unlink";
  if (removes || name == "exists" || name == "touch") {
    if (a.size() < 2) return wrong_arity(name);
    i64 count = 0;
    for (std::size_t i = 1; i < a.size(); ++i) {
      const auto found = keys.find(a[i]);
      if (found == keys.end()) continue;
      ++count;
      if (removes) keys.erase(found);
    }
    return toy::integer(count);
  }
  return {};
}

std::string ToyStore::execute_keyspace(Keys& keys, const std::string& name, const Arguments& a) {
  if (name == "ping") return a.size() > 1 ? toy::bulk(a[1]) : toy::simple("PONG");
  if (name == "dbsize") return toy::integer(static_cast<i64>(keys.size()));
  if (name == "flushall" || name == "flushdb") {
    keys.clear();
    return toy::simple("OK");
  }
  if (name == "randomkey") return keys.empty() ? toy::null_bulk() : toy::bulk(keys.begin()->first);
  if (name == "keys") {
    if (a.size() != 2) return wrong_arity(name);
    std::vector<std::string> list;
    for (const auto& [key, value] : keys) {
      if (matches(a[1], key)) list.push_back(toy::bulk(key));
    }
    return toy::array(list);
  }
  if (name == "scan") {
    // The cursor is the number of keys already shown; three at a time.
    if (a.size() < 2) return wrong_arity(name);
    const std::size_t from = static_cast<std::size_t>(std::max<i64>(0, to_number(a[1])));
    std::vector<std::string> list;
    std::size_t index = 0;
    for (const auto& [key, value] : keys) {
      if (index >= from && index < from + 3) list.push_back(toy::bulk(key));
      ++index;
    }
    const std::size_t next = from + 3 < keys.size() ? from + 3 : 0;
    return toy::array({toy::bulk(std::to_string(next)), toy::array(list)});
  }
  return {};
}

std::string ToyStore::execute_script(const Arguments& a) {
  const std::string verb = a.size() > 1 ? lower(a[1]) : std::string();
  if (verb == "load" && a.size() == 3) {
    scripts_.insert(script_name(a[2]));
    return toy::bulk(script_name(a[2]));
  }
  if (verb == "exists" && a.size() > 2) {
    std::vector<std::string> list;
    for (std::size_t i = 2; i < a.size(); ++i)
      list.push_back(toy::integer(scripts_.contains(a[i]) ? 1 : 0));
    return toy::array(list);
  }
  if (verb == "flush") {
    scripts_.clear();
    return toy::simple("OK");
  }
  return toy::error("ERR Unknown subcommand or wrong number of arguments for 'script'");
}

}  // namespace ringfold::sim
