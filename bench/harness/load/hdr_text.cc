#include "load/hdr_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace ringfold::load {
namespace {

// Lines per halving of the distance to 100 %, HdrHistogram's own default.
constexpr double kTicksPerHalf = 5;

double milliseconds(u64 nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e6;
}

// The next percentile to print: each time the distance to 100 % halves, the steps halve too.
double next_level(double level) {
  const double half_distances = std::floor(std::log2(100 / (100 - level))) + 1;
  return level + 100 / (kTicksPerHalf * std::exp2(half_distances));
}

}  // namespace

std::string to_hdr_text(const Histogram& histogram) {
  std::string text = fmt::format("{:>12} {:>12} {:>12} {:>12}\n\n", "Value", "Percentile",
                                 "TotalCount", "1/(1-Percentile)");
  const auto total = static_cast<double>(histogram.count());
  u64 seen = 0;
  double level = 0;
  histogram.for_each([&](u64 highest, u64 count) {
    seen += count;
    const double percentile = 100 * static_cast<double>(seen) / total;
    const double value = milliseconds(std::min(highest, histogram.max()));
    const bool is_last = seen == histogram.count();
    while (level <= percentile) {
      text += fmt::format("{:12.6f} {:.12f} {:>10} {:14.2f}\n", value, level / 100, seen,
                          1 / (1 - level / 100));
      level = next_level(level);
      if (is_last) break;  // there is no end of levels below 100 %
    }
    if (is_last) text += fmt::format("{:12.6f} {:.12f} {:>10}\n", value, 1.0, seen);
  });
  text += fmt::format("#[Mean    = {:12.6f}, StdDeviation   = {:12.6f}]\n", histogram.mean() / 1e6,
                      histogram.standard_deviation() / 1e6);
  text += fmt::format("#[Max     = {:12.6f}, Total count    = {:12}]\n",
                      milliseconds(histogram.max()), histogram.count());
  text += fmt::format("#[Buckets = {:12}, SubBuckets     = {:12}]\n", 32, 2 * Histogram::kParts);
  return text;
}

}  // namespace ringfold::load
