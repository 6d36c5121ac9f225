#include "load/command_template.h"

#include <fmt/core.h>

#include <algorithm>

#include "load/request_words.h"
#include "load/texts.h"

namespace ringfold::load {
namespace {

constexpr std::string_view kKey = "{key}";
constexpr std::string_view kValue = "{value}";

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// Appends a text to the last piece, with keys in place of {key}.
void add_text(Recipe& recipe, std::string_view text) {
  Piece& piece = recipe.pieces.back();
  for (std::size_t at = text.find(kKey); at != std::string_view::npos; at = text.find(kKey)) {
    piece.text += text.substr(0, at);
    piece.text += recipe.key_prefix;
    piece.slots.push_back({static_cast<u32>(piece.text.size()), recipe.key_count++});
    piece.text.append(kKeyDigits, '0');
    text.remove_prefix(at + kKey.size());
  }
  piece.text += text;
}

void add_value(Recipe& recipe) {
  recipe.pieces.back().value_of = recipe.key_count == 0 ? 0 : recipe.key_count - 1;
  recipe.pieces.emplace_back();
}

std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + what.size())) {
    ++count;
  }
  return count;
}

void choose_redis_check(Recipe& recipe, const std::vector<std::string>& words) {
  const std::string_view types = reply_types_of(words[0]);
  recipe.reply_types = types;
  const bool all_keys = std::all_of(words.begin() + 1, words.end(),
                                    [](const std::string& word) { return word == kKey; });
  std::string name = words[0];
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  if (name == "get" && words.size() == 2 && all_keys) {
    recipe.check = Check::value;
    recipe.is_read = true;
  } else if (name == "mget" && words.size() > 1 && all_keys) {
    recipe.check = Check::values;
    recipe.is_read = true;
  } else if (name == "set" && words.size() == 3 && words[1] == kKey && words[2] == kValue) {
    recipe.check = Check::stored;
  }
}

Expected<Recipe> redis_template(std::string_view text, Recipe recipe) {
  const auto words = split_words(text);
  if (!words) return fail(words.error().text);
  if (breaks_the_line((*words)[0])) {
    return fail(
        fmt::format("{} does not leave its connection as it was, so its replies cannot be "
                    "told apart",
                    (*words)[0]));
  }
  recipe.pieces.back().text = fmt::format("*{}\r\n", words->size());
  for (const std::string& word : *words) {
    if (word == kValue) {
      recipe.pieces.back().text += '$';
      add_value(recipe);
      continue;
    }
    if (word.find(kValue) != std::string::npos) {
      return fail(fmt::format("{{value}} must be a word of its own, not a part of \"{}\"", word));
    }
    const std::size_t keys = count_of(word, kKey);
    const std::size_t size =
        word.size() - keys * kKey.size() + keys * (recipe.key_prefix.size() + kKeyDigits);
    recipe.pieces.back().text += fmt::format("${}\r\n", size);
    add_text(recipe, word);
    recipe.pieces.back().text += "\r\n";
  }
  choose_redis_check(recipe, *words);
  return recipe;
}

Expected<Recipe> memcached_template(std::string_view text, Recipe recipe) {
  const std::size_t value_at = text.find(kValue);
  if (value_at != std::string_view::npos && value_at + kValue.size() != text.size()) {
    return fail("{value} stands for the length and the data block, so nothing may follow it");
  }
  add_text(recipe, text.substr(0, value_at));
  if (value_at == std::string_view::npos) {
    recipe.pieces.back().text += "\r\n";
  } else {
    add_value(recipe);
  }
  // What the server will make of it is seen from a request with keys and a value in their places.
  Recipe sample = recipe;
  sample.key_count = std::max(sample.key_count, 1u);
  const Values values(*Sizes::parse("8"), 0);
  std::string request;
  append_request(request, sample, values, [](u32) { return u64{0}; });
  const auto shape = memcached_shape(request);
  if (!shape) return fail(shape.error().text);
  recipe.shape = *shape;
  const bool is_get = text.starts_with("get ") && recipe.key_count > 0 &&
                      text.size() == 3 + recipe.key_count * (kKey.size() + 1);
  if (is_get) {
    recipe.check = recipe.key_count == 1 ? Check::value : Check::values;
    recipe.is_read = true;
  } else if (text == "set {key} 0 0 {value}") {
    recipe.check = Check::stored;
  }
  return recipe;
}

}  // namespace

Expected<Recipe> parse_template(Protocol protocol, std::string_view text,
                                std::string_view key_prefix) {
  const std::string plain =
      replace_all(replace_all(std::string(text), "__key__", kKey), "__data__", kValue);
  Recipe recipe;
  recipe.name = text;
  recipe.key_prefix = key_prefix;
  recipe.pieces.resize(1);
  auto made = protocol == Protocol::redis ? redis_template(plain, std::move(recipe))
                                          : memcached_template(plain, std::move(recipe));
  if (!made) return fail(fmt::format("--command \"{}\": {}", text, made.error().text));
  // A value without any key in the command is still some key's value.
  if (made->key_count == 0 && plain.find(kValue) != std::string::npos) made->key_count = 1;
  return made;
}

}  // namespace ringfold::load
