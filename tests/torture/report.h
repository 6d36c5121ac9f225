// What was done and seen, for the summary.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold::torture {

struct Report {
  using Counts = std::map<std::string, u64, std::less<>>;

  std::array<u64, 32> commands = {};  // by Kind
  Counts replies;                     // by what they were
  Counts errors;                      // by text
  Counts calm_errors;                 // of commands that began when all faults were over
  Counts disconnects;                 // by who and how
  Nanos stood_still = 0;              // the machine, or one of its processors
  u64 unexplained_timeouts = 0;       // at a server without a fault: the machine was busy
  u64 bytes_out = 0;
  u64 bytes_in = 0;
  u64 connections = 0;
  std::string violation;  // empty: none

  static void count(Counts& counts, std::string_view what) {
    const auto entry = counts.find(what);
    if (entry == counts.end()) {
      counts.emplace(what, 1);
    } else {
      ++entry->second;
    }
  }
  void reply(std::string_view what) { count(replies, what); }

  // One line of JSON.
  std::string json() const;
};

}  // namespace ringfold::torture
