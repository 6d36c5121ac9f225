// OutputFile: a file that may not be wanted.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "ringfold/base/error.h"

namespace ringfold::load {

class OutputFile {
 public:
  OutputFile() = default;
  ~OutputFile() { static_cast<void>(close()); }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Empties or makes the file, so that a run is not measured in vain. With an empty path nothing is
  // written.
  [[nodiscard]] Expected<void> open(const std::string& path) {
    if (path.empty()) return {};
    file_ = std::fopen(path.c_str(), "w");
    if (file_ == nullptr) return fail(path + ": " + std::strerror(errno));
    return {};
  }

  void write(std::string_view text) {
    if (file_ == nullptr) return;
    is_good_ &= std::fwrite(text.data(), 1, text.size(), file_) == text.size();
  }

  // True when everything was written.
  [[nodiscard]] bool close() {
    if (file_ != nullptr) is_good_ &= std::fclose(file_) == 0;
    file_ = nullptr;
    return is_good_;
  }

 private:
  std::FILE* file_ = nullptr;
  bool is_good_ = true;
};

}  // namespace ringfold::load
