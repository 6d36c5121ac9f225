#include "load/key_chooser.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "load/numbers.h"

namespace ringfold::load {
namespace {

constexpr double kZipfDefault = 0.99;
constexpr double kGaussianDefault = 1.0 / 6;

// A number in [0, 1), of 53 random bits.
double unit(Prng& prng) {
  return static_cast<double>(prng.next() >> 11) * 0x1p-53;
}

// (e^x - 1) / x and log(1 + x) / x, also where x is so small that the quotients lose their digits.
double expm1_ratio(double x) {
  return std::abs(x) > 1e-8 ? std::expm1(x) / x : 1 + x / 2;
}
double log1p_ratio(double x) {
  return std::abs(x) > 1e-8 ? std::log1p(x) / x : 1 - x / 2;
}

}  // namespace

Expected<DistributionSpec> parse_distribution(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const bool has_parameter = colon != std::string_view::npos;
  DistributionSpec spec;
  if (name == "zipf") {
    spec = {Distribution::zipf, kZipfDefault};
  } else if (name == "gaussian") {
    spec = {Distribution::gaussian, kGaussianDefault};
  } else if (name == "sequential") {
    spec.kind = Distribution::sequential;
  } else if (name != "uniform") {
    return fail(
        fmt::format("no distribution is called \"{}\": there are uniform, zipf[:s], "
                    "gaussian[:sigma] and sequential",
                    name));
  }
  if (!has_parameter) return spec;
  const auto parameter = parse_decimal(text.substr(colon + 1));
  const bool takes_one = spec.kind == Distribution::zipf || spec.kind == Distribution::gaussian;
  if (!takes_one || !parameter || *parameter <= 0 || *parameter > 100) {
    return fail(
        fmt::format("\"{}\" is no distribution: a number above 0 may follow zipf: (the "
                    "exponent) and gaussian: (sigma, as a share of the key space)",
                    text));
  }
  spec.parameter = *parameter;
  return spec;
}

KeyChooser::KeyChooser(const DistributionSpec& spec, u64 keyspace, u32 thread, u32 threads)
    : spec_(spec), keyspace_(keyspace), position_(thread % keyspace), step_(threads) {
  if (spec.kind != Distribution::zipf) return;
  area_first_ = area(1.5) - 1;
  area_last_ = area(static_cast<double>(keyspace) + 0.5);
  sure_ = 2 - area_inverse(area(2.5) - height(2));
}

// The curve x^-s, the area under it from 1 to x, and that area's inverse.
double KeyChooser::height(double x) const {
  return std::exp(-spec_.parameter * std::log(x));
}
double KeyChooser::area(double x) const {
  const double log_x = std::log(x);
  return expm1_ratio((1 - spec_.parameter) * log_x) * log_x;
}
double KeyChooser::area_inverse(double y) const {
  const double t = std::max(y * (1 - spec_.parameter), -1.0);
  return std::exp(log1p_ratio(t) * y);
}

// Exact for any size of the key space, without a table. Algorithm: Hörmann and Derflinger,
// "Rejection-inversion to generate variates from monotone discrete distributions", 1996.
u64 KeyChooser::next_zipf(Prng& prng) const {
  while (true) {
    const double y = area_last_ + unit(prng) * (area_first_ - area_last_);
    const double x = area_inverse(y);
    const double rank = std::clamp(std::floor(x + 0.5), 1.0, static_cast<double>(keyspace_));
    if (rank - x <= sure_ || y >= area(rank + 0.5) - height(rank)) {
      return static_cast<u64>(rank) - 1;
    }
  }
}

// Box and Muller, "A note on the generation of random normal deviates", 1958. What falls outside
// the key space is drawn again.
u64 KeyChooser::next_gaussian(Prng& prng) const {
  const auto space = static_cast<double>(keyspace_);
  while (true) {
    const double radius = std::sqrt(-2 * std::log(1 - unit(prng)));
    const double normal = radius * std::cos(2 * std::numbers::pi * unit(prng));
    const double key = std::floor(space / 2 + normal * spec_.parameter * space);
    if (key >= 0 && key < space) return static_cast<u64>(key);
  }
}

}  // namespace ringfold::load
