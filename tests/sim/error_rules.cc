#include "error_rules.h"

#include <algorithm>

namespace ringfold::sim {

const ErrorRules::Reason* ErrorRules::find(std::string_view line) const {
  constexpr std::string_view kOurs = "ringfold: ";
  const std::size_t begin = line.find(kOurs);
  if (begin == std::string_view::npos) return nullptr;
  line.remove_prefix(begin + kOurs.size());
  if (line.starts_with("server \"")) {
    bool is_known = false;
    for (u32 server = 0; server < server_count_ && !is_known; ++server) {
      const std::string name = std::string("server \"s").append(std::to_string(server)) + "\" ";
      is_known = line.starts_with(name);
      if (is_known) line.remove_prefix(name.size());
    }
    if (!is_known) return nullptr;
  }
  const auto found = std::find_if(reasons_.begin(), reasons_.end(), [&](const Reason& reason) {
    return line.starts_with(reason.text);
  });
  return found == reasons_.end() ? nullptr : &*found;
}

}  // namespace ringfold::sim
