#include "load/sizes.h"

#include <fmt/core.h>

#include <algorithm>

#include "load/numbers.h"
#include "load/texts.h"
#include "ringfold/base/prng.h"

namespace ringfold::load {
namespace {

constexpr u64 kWeightMax = 1'000'000'000;

Unexpected bad_size(std::string_view text) {
  return fail(
      fmt::format("\"{}\" is no size: 32, 16-1024 or 32:70,1024:25,4096-65536:5 would be, "
                  "in bytes, at most {}",
                  text, kValueSizeMax));
}

}  // namespace

Expected<Sizes> Sizes::parse(std::string_view text) {
  Sizes sizes;
  u64 weight_sum = 0;
  for (const std::string_view item : split(text, ',')) {
    const std::size_t colon = item.find(':');
    const std::string_view range = item.substr(0, colon);
    const std::size_t dash = range.find('-');
    const auto least = parse_count(range.substr(0, dash));
    const auto most = dash == std::string_view::npos ? least : parse_count(range.substr(dash + 1));
    const auto weight =
        colon == std::string_view::npos ? u64{1} : parse_count(item.substr(colon + 1));
    if (!least || !most || *most > kValueSizeMax || *least > *most) return bad_size(text);
    if (!weight || *weight == 0 || *weight > kWeightMax) return bad_size(text);
    weight_sum += *weight;
    sizes.ranges_.push_back({static_cast<u32>(*least), static_cast<u32>(*most), weight_sum});
  }
  return sizes;
}

u32 Sizes::least() const {
  return std::ranges::min_element(ranges_, {}, &Range::least)->least;
}

u32 Sizes::most() const {
  return std::ranges::max_element(ranges_, {}, &Range::most)->most;
}

u32 Sizes::pick(u64 hash) const {
  Prng prng(hash);
  const u64 at = prng.below(ranges_.back().weight_up_to);
  const auto range = std::ranges::upper_bound(ranges_, at, {}, &Range::weight_up_to);
  return range->least + static_cast<u32>(prng.below(u64{range->most} - range->least + 1));
}

}  // namespace ringfold::load
