#include "load/recipe.h"

#include <fmt/core.h>

#include <algorithm>

#include "load/numbers.h"
#include "load/texts.h"

namespace ringfold::load {
namespace {

constexpr u64 kKeysMax = 10'000;
constexpr u64 kWeightMax = 1'000'000;

// Puts a key's name at the end of the recipe's last piece.
void add_key(Recipe& recipe, u32 key) {
  Piece& piece = recipe.pieces.back();
  piece.text += recipe.key_prefix;
  piece.slots.push_back({static_cast<u32>(piece.text.size()), key});
  piece.text.append(kKeyDigits, '0');
}

void add_bulk_key(Recipe& recipe, u32 key) {
  recipe.pieces.back().text += fmt::format("${}\r\n", recipe.key_prefix.size() + kKeyDigits);
  add_key(recipe, key);
  recipe.pieces.back().text += "\r\n";
}

void add_keys(Recipe& recipe, Protocol protocol) {
  for (u32 key = 0; key < recipe.key_count; ++key) {
    if (protocol == Protocol::redis) {
      add_bulk_key(recipe, key);
    } else {
      recipe.pieces.back().text += ' ';
      add_key(recipe, key);
    }
  }
  if (protocol == Protocol::memcached) recipe.pieces.back().text += "\r\n";
}

Recipe read_recipe(Protocol protocol, u32 keys, std::string_view key_prefix) {
  Recipe recipe;
  recipe.key_prefix = key_prefix;
  recipe.key_count = keys;
  recipe.is_read = true;
  recipe.check = keys == 1 ? Check::value : Check::values;
  recipe.shape = memcached::ReplyShape::values;
  recipe.pieces.resize(1);
  std::string& text = recipe.pieces[0].text;
  if (protocol == Protocol::memcached) {
    text = "get";
  } else if (keys == 1) {
    text = "*2\r\n$3\r\nGET\r\n";
  } else {
    text = fmt::format("*{}\r\n$4\r\nMGET\r\n", keys + 1);
  }
  add_keys(recipe, protocol);
  return recipe;
}

Recipe set_recipe(Protocol protocol, std::string_view key_prefix) {
  Recipe recipe;
  recipe.key_prefix = key_prefix;
  recipe.key_count = 1;
  recipe.check = Check::stored;
  recipe.pieces.resize(1);
  Piece& piece = recipe.pieces[0];
  if (protocol == Protocol::redis) {
    piece.text = "*3\r\n$3\r\nSET\r\n";
    add_bulk_key(recipe, 0);
    piece.text += '$';
  } else {
    piece.text = "set ";
    add_key(recipe, 0);
    piece.text += " 0 0 ";
  }
  piece.value_of = 0;
  return recipe;
}

Recipe one_key_recipe(Protocol protocol, std::string_view redis_name,
                      std::string_view memcached_name, std::string_view key_prefix) {
  Recipe recipe;
  recipe.key_prefix = key_prefix;
  recipe.key_count = 1;
  recipe.pieces.resize(1);
  if (protocol == Protocol::redis) {
    recipe.pieces[0].text = fmt::format("*2\r\n${}\r\n{}\r\n", redis_name.size(), redis_name);
  } else {
    recipe.pieces[0].text = memcached_name;
  }
  add_keys(recipe, protocol);
  return recipe;
}

std::string counter_prefix(std::string_view key_prefix) {
  return fmt::format("{}counter:", key_prefix);
}

}  // namespace

u64 Recipe::size_max(const Values& values) const {
  u64 size = 0;
  for (const Piece& piece : pieces) {
    size += piece.text.size();
    if (piece.value_of != kNoValue) size += u64{values.sizes().most()} + 16;
  }
  return size;
}

Expected<Recipe> builtin_recipe(Protocol protocol, std::string_view name,
                                std::string_view key_prefix) {
  Recipe recipe;
  const std::size_t letters = std::min(name.find_first_of("0123456789"), name.size());
  const std::string_view word = name.substr(0, letters);
  if (name == "set") {
    recipe = set_recipe(protocol, key_prefix);
  } else if (name == "incr") {
    recipe = one_key_recipe(protocol, "INCR", "incr", counter_prefix(key_prefix));
    if (protocol == Protocol::memcached) {
      std::string& text = recipe.pieces[0].text;
      text.replace(text.size() - 2, 2, " 1\r\n");
    }
    recipe.check = Check::counter;
  } else if (name == "del") {
    recipe = one_key_recipe(protocol, "DEL", "delete", key_prefix);
    recipe.check = Check::deleted;
  } else if (word == "get" || word == "mget") {
    const auto keys = name == "get" ? u64{1} : parse_count(name.substr(letters));
    if (!keys || *keys == 0 || *keys > kKeysMax) {
      return fail(
          fmt::format("\"{}\": the number of keys belongs behind the word, as in mget10, "
                      "at most {}",
                      name, kKeysMax));
    }
    recipe = read_recipe(protocol, static_cast<u32>(*keys), key_prefix);
  } else {
    return fail(
        fmt::format("\"{}\" is not in the list of get, set, mgetK, incr, del; any other "
                    "command is for --command",
                    name));
  }
  recipe.name = name;
  return recipe;
}

Expected<std::vector<Recipe>> parse_mix(Protocol protocol, std::string_view mix,
                                        std::string_view key_prefix) {
  std::vector<Recipe> recipes;
  for (const std::string_view item : split(mix, ',')) {
    const std::size_t colon = item.find(':');
    auto recipe = builtin_recipe(protocol, item.substr(0, colon), key_prefix);
    if (!recipe) return fail(recipe.error().text);
    if (colon != std::string_view::npos) {
      const auto weight = parse_count(item.substr(colon + 1));
      if (!weight || *weight > kWeightMax) {
        return fail(fmt::format("\"{}\": a weight is a number from 0 to {}", item, kWeightMax));
      }
      recipe->weight = static_cast<u32>(*weight);
    }
    if (recipe->weight != 0) recipes.push_back(std::move(*recipe));
  }
  if (recipes.empty()) return fail(fmt::format("\"{}\": every weight is 0", mix));
  return recipes;
}

Recipe counter_fill_recipe(Protocol protocol, std::string_view key_prefix) {
  Recipe recipe = set_recipe(protocol, counter_prefix(key_prefix));
  recipe.name = "counter";
  Piece& piece = recipe.pieces[0];
  piece.text += "1\r\n0\r\n";
  piece.value_of = kNoValue;
  return recipe;
}

}  // namespace ringfold::load
