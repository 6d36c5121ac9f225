#include "load/tally.h"

#include <algorithm>

namespace ringfold::load {

void Tally::merge(const Tally& other) {
  requests += other.requests;
  in_time += other.in_time;
  hits += other.hits;
  misses += other.misses;
  unexpected_misses += other.unexpected_misses;
  errors += other.errors;
  mismatches += other.mismatches;
  lost += other.lost;
  unanswered += other.unanswered;
  unsent += other.unsent;
  connections_lost += other.connections_lost;
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  late_sum += other.late_sum;
  late_max = std::max(late_max, other.late_max);
  for (const Fault& fault : other.faults) add_fault(fault);
}

}  // namespace ringfold::load
