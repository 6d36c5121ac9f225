// ServiceTime: how long a server takes for a request, as a distribution with a known law.
//
//   fixed         200us                        always the same
//   exponential   exp:200us                    its mean
//   uniform       uniform:100us-300us          evenly between the two
//   lognormal     lognormal:200us,0.5          its median, and sigma of its logarithm
//   mix           mix:0.9*200us+0.1*exp:5ms    one of them, by weight
//
// Units: ns, us, ms, s.
#pragma once

#include <string_view>
#include <vector>

#include "ringfold/base/error.h"
#include "ringfold/base/ints.h"
#include "ringfold/base/prng.h"

namespace ringfold::backend {

class ServiceTime {
 public:
  // No time at all.
  ServiceTime() = default;

  // The error says what is wrong and what would be right.
  [[nodiscard]] static Expected<ServiceTime> parse(std::string_view text);

  [[nodiscard]] bool is_zero() const { return parts_.empty(); }

  [[nodiscard]] Nanos draw(Prng& prng) const;

  // The time below which a share p of all draws lies, 0 < p < 1, to within a nanosecond.
  [[nodiscard]] double quantile(double p) const;

 private:
  enum class Law : u8 { fixed, exponential, uniform, lognormal };
  struct Part {
    Law law = Law::fixed;
    double first = 0;   // nanoseconds: the time, the mean, the lower end, the median
    double second = 0;  // the upper end in nanoseconds; sigma
    double weight = 1;  // of all parts together: 1
  };

  [[nodiscard]] static Expected<Part> parse_part(std::string_view text);
  [[nodiscard]] static double draw_from(const Part& part, Prng& prng);
  [[nodiscard]] static double share_below(const Part& part, double time);
  [[nodiscard]] double share_below(double time) const;

  std::vector<Part> parts_;
};

}  // namespace ringfold::backend
