#include "app/test_ring.h"

#include <fmt/core.h>

#include <array>
#include <bit>
#include <charconv>

namespace ringfold {
namespace {

struct Number {
  std::string_view name;
  u32 RingOptions::*option;
  u32 RingOptions::*classic;  // the same of a ring without incremental buffers
  u32 max;
};

// What the kernel takes at most; SO_SNDBUF is an int.
constexpr std::array kNumbers = {
    Number{"sq", &RingOptions::submission_entries, nullptr, 32768},
    Number{"cq", &RingOptions::completion_entries, nullptr, 65536},
    Number{"buffers", &RingOptions::buffer_count, &RingOptions::classic_buffer_count, 32768},
    Number{"buffer_bytes", &RingOptions::buffer_size, &RingOptions::classic_buffer_size, 1_MiB},
    Number{"send_buffer_bytes", &RingOptions::send_buffer_bytes, nullptr, 1u << 30},
};

struct Feature {
  std::string_view name;
  bool UringFeatures::*bit;
};

constexpr std::array kFeatures = {
    Feature{"defer_taskrun", &UringFeatures::defer_taskrun},
    Feature{"incremental_buffers", &UringFeatures::incremental_buffers},
    Feature{"silent_sends", &UringFeatures::send_skip_success},
    Feature{"vectorized_send", &UringFeatures::send_vectorized},
    Feature{"no_iowait", &UringFeatures::no_iowait},
    Feature{"registered_ring", &UringFeatures::registered_ring},
};

template <class Rows>
std::string names_of(const Rows& rows) {
  std::string names;
  for (const auto& row : rows) {
    if (!names.empty()) names += ", ";
    names += row.name;
  }
  return names;
}

Unexpected refusal(std::string_view what) {
  return fail(fmt::format("{}: {}; unset it, it is for tests only", kTestRingVariable, what));
}

// Cuts the part in front of separator, or all, off text.
std::string_view cut(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return part;
}

Expected<void> set_number(std::string_view name, std::string_view text, RingOptions& options) {
  for (const Number& number : kNumbers) {
    if (number.name != name) continue;
    u32 value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_whole = error == std::errc() && end == text.data() + text.size();
    if (!is_whole || value == 0 || value > number.max) {
      return refusal(
          fmt::format("{} must be a number from 1 to {}, not \"{}\"", name, number.max, text));
    }
    options.*number.option = value;
    if (number.classic != nullptr) options.*number.classic = value;
    return {};
  }
  return refusal(fmt::format("\"{}\" is not one of {}, without", name, names_of(kNumbers)));
}

Expected<void> take_features(std::string_view names, UringFeatures& features) {
  if (names.empty()) return refusal("without names no feature");
  for (bool is_last = false; !is_last;) {
    is_last = names.find('+') == std::string_view::npos;
    const std::string_view name = cut(names, '+');
    bool is_known = false;
    for (const Feature& feature : kFeatures) {
      if (feature.name != name) continue;
      features.*feature.bit = false;
      is_known = true;
    }
    if (!is_known) {
      return refusal(
          fmt::format("\"{}\" is not a feature to do without: {}", name, names_of(kFeatures)));
    }
  }
  return {};
}

// The rings would refuse these as well, but then io = "auto" would try epoll instead.
Expected<void> check(const RingOptions& options) {
  if (!std::has_single_bit(options.buffer_count)) {
    return refusal("buffers must be a power of two");
  }
  if (options.completion_entries < options.submission_entries) {
    return refusal("cq must not be smaller than sq");
  }
  return {};
}

}  // namespace

Expected<void> apply_test_ring(std::string_view value, IoChoice& choice) {
  if (value.empty()) return refusal("it is set and empty");
  while (!value.empty()) {
    std::string_view text = cut(value, ',');
    const std::string_view name = cut(text, '=');
    auto set = name == "without" ? take_features(text, choice.offer.uring)
                                 : set_number(name, text, choice.ring);
    if (!set) return set;
  }
  return check(choice.ring);
}

}  // namespace ringfold
