#include "load/board.h"

namespace ringfold::load {

void Board::post(u64 second, const Histogram& latencies, u64 faults) {
  const std::lock_guard lock(mutex_);
  Open& open = open_[second];
  open.latencies.merge(latencies);
  open.faults += faults;
  if (++open.posts < threads_) return;
  add_row(second, open);
  open_.erase(second);
}

void Board::close() {
  const std::lock_guard lock(mutex_);
  for (const auto& [second, open] : open_) add_row(second, open);
  open_.clear();
  while (!rows_.empty() && rows_.back().requests == 0 && rows_.back().faults == 0) rows_.pop_back();
}

void Board::add_row(u64 second, const Open& open) {
  SecondRow row;
  row.second = second;
  row.requests = open.latencies.count();
  row.faults = open.faults;
  row.mean = open.latencies.mean();
  row.p50 = open.latencies.value_at(50);
  row.p90 = open.latencies.value_at(90);
  row.p99 = open.latencies.value_at(99);
  row.p999 = open.latencies.value_at(99.9);
  row.max = open.latencies.max();
  rows_.push_back(row);
}

std::vector<SecondRow> Board::rows() const {
  const std::lock_guard lock(mutex_);
  return rows_;
}

bool Board::latest(SecondRow& row) const {
  const std::lock_guard lock(mutex_);
  if (rows_.empty()) return false;
  row = rows_.back();
  return true;
}

}  // namespace ringfold::load
