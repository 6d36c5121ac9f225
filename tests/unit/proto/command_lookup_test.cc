#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ringfold/base/prng.h"
#include "ringfold/proto/command.h"

using namespace ringfold;

namespace {

char fold(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte;
}

std::string folded(std::string_view name) {
  std::string result(name);
  for (char& byte : result) byte = fold(byte);
  return result;
}

bool is_top_level(const CommandSpec& row) {
  return row.name.find('|') == std::string_view::npos;
}

// The plain way, for comparison.
const CommandSpec* search(std::string_view name) {
  const std::string wanted = folded(name);
  for (const CommandSpec& row : resp::command_table()) {
    if (is_top_level(row) && row.name == wanted) return &row;
  }
  return nullptr;
}

// Looks a name up where it ends its allocation, so that a sanitizer sees a read behind it.
const CommandSpec* find_exact(std::string_view name) {
  const std::vector<char> exact(name.begin(), name.end());
  return resp::find_command({exact.data(), exact.size()});
}

std::string random_case(std::string_view name, Prng& prng) {
  std::string result(name);
  for (char& byte : result) {
    if (byte >= 'a' && byte <= 'z' && prng.chance(1, 2)) byte = static_cast<char>(byte - 32);
  }
  return result;
}

std::string mutated(std::string name, Prng& prng) {
  switch (prng.below(6)) {
    case 0:
      name[prng.below(name.size())] = static_cast<char>(prng.below(256));
      break;
    case 1:
      // The byte a careless fold would take for the letter: one bit away.
      name[prng.below(name.size())] ^= static_cast<char>(1u << prng.below(8));
      break;
    case 2:
      name.resize(prng.below(name.size()) + 1);
      break;
    case 3:
      name.insert(prng.below(name.size() + 1), 1, static_cast<char>(prng.below(256)));
      break;
    case 4:
      name.append(prng.below(30), '\0');
      break;
    default:
      break;
  }
  return name;
}

}  // namespace

TEST_CASE("every name is found in lower, upper and mixed case") {
  Prng prng(1);
  for (const CommandSpec& row : resp::command_table()) {
    if (!is_top_level(row)) continue;
    CAPTURE(row.name);
    std::string upper(row.name);
    for (char& byte : upper) {
      if (byte >= 'a' && byte <= 'z') byte = static_cast<char>(byte - 32);
    }
    CHECK(find_exact(row.name) == &row);
    CHECK(find_exact(upper) == &row);
    for (int i = 0; i < 10; ++i) CHECK(find_exact(random_case(row.name, prng)) == &row);
  }
}

TEST_CASE("random and mutated names agree with a linear search") {
  Prng prng(2);
  const auto table = resp::command_table();
  int found = 0;
  int missed = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string name;
    if (prng.chance(1, 4)) {
      for (u64 length = prng.below(30); name.size() < length;) {
        name += static_cast<char>(prng.below(256));
      }
    } else {
      name = mutated(random_case(table[prng.below(table.size())].name, prng), prng);
    }
    CAPTURE(name);
    const CommandSpec* const expected = search(name);
    REQUIRE(find_exact(name) == expected);
    expected != nullptr ? ++found : ++missed;
  }
  CHECK(found > 1000);
  CHECK(missed > 1000);
}

TEST_CASE("only letters have two cases") {
  CHECK(find_exact("get") == find_exact("GET"));
  CHECK(find_exact("ge\x54") == find_exact("get"));
  CHECK(find_exact("ge\x14") == nullptr);
  CHECK(find_exact("ge\xd4") == nullptr);
  CHECK(find_exact("ge\xf4") == nullptr);
  CHECK(find_exact("SORT_RO") != nullptr);
  CHECK(find_exact("SORT\x7fRO") == nullptr);  // '_' and 0x20
  CHECK(find_exact("RESTORE\x0d"
                   "ASKING") == nullptr);  // '-' less 0x20
  CHECK(find_exact("restore-asking") != nullptr);
}

TEST_CASE("names that are no command's are not found") {
  CHECK(find_exact("") == nullptr);
  CHECK(resp::find_command({}) == nullptr);
  CHECK(find_exact(std::string_view("get\0", 4)) == nullptr);
  CHECK(find_exact(std::string_view("\0get", 4)) == nullptr);
  CHECK(find_exact("object|encoding") == nullptr);
  CHECK(find_exact("georadiusbymember_ro") != nullptr);
  CHECK(find_exact("georadiusbymember_rox") == nullptr);
  CHECK(find_exact(std::string(100'000, 'g')) == nullptr);
}

TEST_CASE("subcommands are found in their container only") {
  int subcommands = 0;
  for (const CommandSpec& row : resp::command_table()) {
    const std::size_t bar = row.name.find('|');
    if (bar == std::string_view::npos) continue;
    CAPTURE(row.name);
    const CommandSpec* const container = resp::find_command(row.name.substr(0, bar));
    REQUIRE(container != nullptr);
    REQUIRE(container->route == Route::container);
    std::string name(row.name.substr(bar + 1));
    CHECK(resp::find_subcommand(*container, name) == &row);
    name[0] = static_cast<char>(name[0] - 32);
    CHECK(resp::find_subcommand(*container, name) == &row);
    CHECK(resp::find_subcommand(*container, name + "x") == nullptr);
    ++subcommands;
  }
  CHECK(subcommands == 128);
  const CommandSpec& object = *resp::find_command("OBJECT");
  CHECK(resp::find_subcommand(object, "") == nullptr);
  CHECK(resp::find_subcommand(object, "object|help") == nullptr);
  CHECK(resp::find_subcommand(object, "setname") == nullptr);
  // The last container of the table.
  CHECK(resp::find_subcommand(*resp::find_command("XINFO"), "nonsense") == nullptr);
}

TEST_CASE("arity is exact or a least number") {
  const CommandSpec& get = *resp::find_command("get");
  CHECK_FALSE(resp::arity_fits(get, 1));
  CHECK(resp::arity_fits(get, 2));
  CHECK_FALSE(resp::arity_fits(get, 3));
  const CommandSpec& mget = *resp::find_command("mget");
  CHECK_FALSE(resp::arity_fits(mget, 1));
  CHECK(resp::arity_fits(mget, 2));
  CHECK(resp::arity_fits(mget, 4'000'000'000u));
}
