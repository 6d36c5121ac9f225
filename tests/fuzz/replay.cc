// Runs a fuzz target over the files of the folders (or the files) named on the command line, in
// place of libFuzzer's own main: so any compiler replays the corpora in every test run.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "ringfold/base/ints.h"

extern "C" int LLVMFuzzerTestOneInput(const ringfold::u8* data, std::size_t size);

namespace {

bool replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return false;
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  // Named before the run, so that a target that aborts leaves the name of its input behind.
  std::printf("%s\n", path.c_str());
  std::fflush(stdout);
  const std::vector<ringfold::u8> bytes(text.begin(), text.end());
  return LLVMFuzzerTestOneInput(bytes.data(), bytes.size()) == 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  std::vector<std::filesystem::path> paths;
  for (int i = 1; i < argument_count; ++i) {
    if (!std::filesystem::is_directory(arguments[i])) {
      paths.emplace_back(arguments[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  bool good = !paths.empty();  // an empty corpus tests nothing
  for (const std::filesystem::path& path : paths) good = replay(path) && good;
  std::printf("%zu inputs\n", paths.size());
  return good ? 0 : 1;
}
