#include "app/version.h"

#include <fmt/core.h>
#include <link.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <string_view>

#include "app/io_choice.h"

namespace ringfold {
namespace {

// liburing 2.3 has no call that tells its version, but its file name does: liburing.so.2.3.
std::string loaded_liburing() {
  std::string version = "linked statically";
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        constexpr std::string_view kName = "/liburing.so.";
        char* path = ::realpath(info->dlpi_name, nullptr);
        if (path == nullptr) return 0;
        const std::string_view text(path);
        const std::size_t at = text.rfind(kName);
        const bool is_found = at != std::string_view::npos;
        if (is_found) *static_cast<std::string*>(out) = text.substr(at + kName.size());
        std::free(path);
        return is_found ? 1 : 0;
      },
      &version);
  return version;
}

std::string kernel_release() {
  utsname names{};
  return ::uname(&names) == 0 ? names.release : "unknown";
}

}  // namespace

std::string describe_version() {
  // As at start-up: a ring of full size is tried as well.
  IoOffer offer = probe_io();
  if (offer.uring.available) {
    if (const auto ring = open_uring(RingOptions(), offer.uring); !ring) {
      offer.uring.available = false;
      offer.uring.reason = ring.error().text;
    }
  }
  return fmt::format(
      "ringfold {}\n"
      "liburing {} (compiled), {} (loaded)\n"
      "kernel {}\n"
      "io_uring: {}\n"
      "epoll: {}\n"
      "io = \"auto\" takes {} here\n",
      RINGFOLD_VERSION, RINGFOLD_LIBURING_VERSION, loaded_liburing(), kernel_release(),
      to_string(offer.uring), to_string(offer.epoll), offer.uring.available ? "io_uring" : "epoll");
}

}  // namespace ringfold
