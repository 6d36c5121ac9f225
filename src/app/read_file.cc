#include "app/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "app/config_values.h"
#include "ringfold/base/ints.h"

namespace ringfold {
namespace {

// The longest file that is read. All limits used up (256 pools of 1024 servers) stay below it.
constexpr std::size_t kFileSizeMax = 64_MiB;

}  // namespace

Expected<std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(std::strerror(errno));
  std::string text;
  Expected<void> status;
  while (status) {
    char buffer[16_KiB];
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count == 0) break;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      status = fail(std::strerror(errno));
    } else {
      text.append(buffer, static_cast<std::size_t>(count));
      if (text.size() > kFileSizeMax) status = fail("larger than " + format_size(kFileSizeMax));
    }
  }
  ::close(fd);
  if (!status) return tl::unexpected(status.error());
  return text;
}

}  // namespace ringfold
