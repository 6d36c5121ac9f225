// The percentile file of HdrHistogram, which its plotters read
// (https://hdrhistogram.github.io/HdrHistogram/plotFiles.html).
#pragma once

#include <string>

#include "load/histogram.h"

namespace ringfold::load {

// Values are written in milliseconds; the histogram's are nanoseconds.
[[nodiscard]] std::string to_hdr_text(const Histogram& histogram);

}  // namespace ringfold::load
