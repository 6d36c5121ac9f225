#include "app/process_numbers.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace ringfold {

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// proc(5): the second number of /proc/self/statm is the resident set in pages.
u64 resident_bytes() {
  std::ifstream file("/proc/self/statm");
  u64 total = 0;
  u64 resident = 0;
  if (!(file >> total >> resident)) return 0;
  return resident * static_cast<u64>(::sysconf(_SC_PAGESIZE));
}

u64 open_descriptors() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return 0;
  u64 count = 0;
  for (; entries != std::filesystem::directory_iterator{} && !error; entries.increment(error)) {
    ++count;
  }
  return count > 0 ? count - 1 : 0;  // one of them is what reads the folder
}

}  // namespace

ProcessView process_numbers() {
  ProcessView view;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    view.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) view.descriptors_max = limit.rlim_cur;
  view.resident_bytes = resident_bytes();
  view.open_descriptors = open_descriptors();
  return view;
}

double unix_seconds() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count();
}

std::string host_name() {
  std::array<char, 256> name = {};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

}  // namespace ringfold
