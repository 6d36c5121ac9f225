// ErrorRules: which errors in the proxy's own words are right in a world: those that its settings
// and its faults can bring about, each about a server that exists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ringfold/base/ints.h"

namespace ringfold::sim {

class ErrorRules {
 public:
  explicit ErrorRules(u32 server_count) : server_count_(server_count) {}

  // How the reason begins, behind `server "s0" ` where there is a server. A limit may be reached in
  // a world where nothing is broken; all else has its cause in a fault. before_all: any command may
  // hear it, whatever it asks for.
  void permit_fault(std::string_view reason) { reasons_.push_back({std::string(reason)}); }
  void permit_limit(std::string_view reason, bool before_all = false) {
    reasons_.push_back({std::string(reason), true, before_all});
  }

  // What has its cause in a fault is wrong from now on.
  void end_faults() {
    std::erase_if(reasons_, [](const Reason& reason) { return !reason.is_limit; });
  }
  // No command runs into a limit from now on either.
  void end_limits() { reasons_.clear(); }

  // line: "-ERR ringfold: ..." or "SERVER_ERROR ringfold: ...".
  [[nodiscard]] bool permits(std::string_view line) const { return find(line) != nullptr; }
  [[nodiscard]] bool permits_for_any(std::string_view line) const {
    const Reason* reason = find(line);
    return reason != nullptr && reason->is_before_all;
  }

 private:
  struct Reason {
    std::string text;
    bool is_limit = false;
    bool is_before_all = false;
  };

  const Reason* find(std::string_view line) const;

  u32 server_count_;
  std::vector<Reason> reasons_;
};

}  // namespace ringfold::sim
