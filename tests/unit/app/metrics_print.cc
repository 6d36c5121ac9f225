// Prints the metrics of a process that never was, for promtool.
#include <cstdio>

#include "app/metrics.h"
#include "stats_sample.h"

int main() {
  ringfold::StatsSample sample;
  std::fputs(ringfold::metrics_text(sample.registry.gather()).c_str(), stdout);
  return 0;
}
