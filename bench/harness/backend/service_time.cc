#include "backend/service_time.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "backend/numbers.h"
#include "load/numbers.h"

namespace ringfold::backend {

using load::parse_decimal;

namespace {

// In (0, 1): both ends would have no logarithm.
double draw_unit(Prng& prng) {
  return (static_cast<double>(prng.next() >> 11) + 0.5) * 0x1p-53;
}

// A standard normal deviate. Algorithm: Box and Muller, "A note on the generation of random normal
// deviates", 1958; the second deviate is not kept, so that a draw depends on nothing before it.
double draw_normal(Prng& prng) {
  const double radius = std::sqrt(-2 * std::log(draw_unit(prng)));
  return radius * std::cos(2 * std::numbers::pi * draw_unit(prng));
}

Unexpected bad_time(std::string_view text, std::string_view remedy) {
  return fail(fmt::format("\"{}\" is no service time: {}", text, remedy));
}

constexpr std::string_view kForms =
    "write 200us, exp:200us, uniform:100us-300us, lognormal:200us,0.5 or "
    "mix:0.9*200us+0.1*exp:5ms (units: ns us ms s)";

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Splits text at the first mark; nothing if there is none.
std::optional<std::string_view> take_until(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at + 1);
  return head;
}

}  // namespace

Expected<ServiceTime::Part> ServiceTime::parse_part(std::string_view text) {
  const std::string_view whole = text;
  Part part;
  if (take_prefix(text, "exp:")) {
    part.law = Law::exponential;
  } else if (take_prefix(text, "uniform:")) {
    part.law = Law::uniform;
    const auto lower = take_until(text, '-');
    const auto upper = parse_duration(text);
    if (!lower || !upper) return bad_time(whole, kForms);
    part.second = *upper;
    text = *lower;
  } else if (take_prefix(text, "lognormal:")) {
    part.law = Law::lognormal;
    const auto median = take_until(text, ',');
    const auto sigma = parse_decimal(text);
    if (!median || !sigma || *sigma < 0 || *sigma > 10) return bad_time(whole, kForms);
    part.second = *sigma;
    text = *median;
  }
  const auto first = parse_duration(text);
  if (!first) return bad_time(whole, kForms);
  part.first = *first;
  if (part.law == Law::uniform && part.second < part.first) {
    return bad_time(whole, "its upper end lies below its lower end");
  }
  return part;
}

Expected<ServiceTime> ServiceTime::parse(std::string_view text) {
  ServiceTime time;
  std::string_view rest = text;
  if (!take_prefix(rest, "mix:")) {
    const auto part = parse_part(rest);
    if (!part) return tl::unexpected(part.error());
    time.parts_.push_back(*part);
    return time;
  }
  double total = 0;
  while (true) {
    std::string_view entry = rest;
    const auto head = take_until(rest, '+');
    if (head) entry = *head;
    const auto weight_text = take_until(entry, '*');
    const auto weight = weight_text ? parse_decimal(*weight_text) : std::nullopt;
    if (!weight || *weight <= 0) return bad_time(text, kForms);
    auto part = parse_part(entry);
    if (!part) return tl::unexpected(part.error());
    part->weight = *weight;
    total += *weight;
    time.parts_.push_back(*part);
    if (!head) break;
  }
  for (Part& part : time.parts_) part.weight /= total;
  return time;
}

double ServiceTime::draw_from(const Part& part, Prng& prng) {
  switch (part.law) {
    case Law::fixed:
      return part.first;
    case Law::exponential:
      return -part.first * std::log(draw_unit(prng));
    case Law::uniform:
      return part.first + (part.second - part.first) * draw_unit(prng);
    case Law::lognormal:
      return part.first * std::exp(part.second * draw_normal(prng));
  }
  return 0;
}

Nanos ServiceTime::draw(Prng& prng) const {
  if (parts_.empty()) return 0;
  const Part* part = parts_.data();
  if (parts_.size() > 1) {
    double ticket = draw_unit(prng);
    // The last part takes what rounding leaves over.
    while (part != &parts_.back() && ticket >= part->weight) ticket -= (part++)->weight;
  }
  return static_cast<Nanos>(std::min(draw_from(*part, prng), kDurationMax));
}

double ServiceTime::share_below(const Part& part, double time) {
  switch (part.law) {
    case Law::fixed:
      return time >= part.first ? 1 : 0;
    case Law::exponential:
      return part.first == 0 ? 1 : 1 - std::exp(-time / part.first);
    case Law::uniform:
      if (time >= part.second) return 1;
      return std::max(0.0, (time - part.first) / (part.second - part.first));
    case Law::lognormal:
      if (time <= 0) return 0;
      if (part.second == 0 || part.first == 0) return time >= part.first ? 1 : 0;
      return 0.5 * std::erfc(-std::log(time / part.first) / (part.second * std::numbers::sqrt2));
  }
  return 0;
}

double ServiceTime::share_below(double time) const {
  double share = 0;
  for (const Part& part : parts_) share += part.weight * share_below(part, time);
  return share;
}

double ServiceTime::quantile(double p) const {
  double low = 0;
  double high = kDurationMax;
  while (high - low > 0.5) {
    const double middle = (low + high) / 2;
    (share_below(middle) < p ? low : high) = middle;
  }
  return high;
}

}  // namespace ringfold::backend
