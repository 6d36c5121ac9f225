// AdminEndpoint: the admin HTTP server as a whole, and the supervisor's view of it. Owner: whoever
// runs the supervisor; it ends after the workers, so that it can be asked until the last moment.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/admin/admin_requests.h"
#include "app/admin/admin_site.h"
#include "app/admin/admin_state.h"
#include "app/admin/http_server.h"
#include "ringfold/base/error.h"
#include "ringfold/io/ring.h"

namespace ringfold {

class AdminEndpoint {
 public:
  // gather: see AdminSite.
  AdminEndpoint(const Config& config, std::function<StatsView()> gather);
  ~AdminEndpoint();
  AdminEndpoint(const AdminEndpoint&) = delete;
  AdminEndpoint& operator=(const AdminEndpoint&) = delete;

  // Listens on admin.listen, if there is one, and starts the threads. A listening socket for it
  // among those that the service manager has opened is taken out of inherited and used. The error
  // says why it cannot and what to do. Requires: called once.
  [[nodiscard]] Expected<void> open(std::vector<SharedListener>& inherited);

  bool is_open() const { return server_.has_value(); }

  AdminState& state() { return state_; }
  AdminRequests& requests() { return requests_; }

  // The listening socket, for a successor of this process; negative: none.
  int listener() const { return server_ ? server_->listener() : -1; }

  // The successor has the listening socket, and its file: nobody is accepted here any more.
  void leave_to_successor();

  // The file of an inherited unix socket is ours from now on.
  void take_file();

  // Removes the file of its unix socket, unless another process has put its own in its place.
  void remove_socket_file();

 private:
  [[nodiscard]] Expected<int> open_listener_of(const Config& config,
                                               std::vector<SharedListener>& inherited);

  struct SocketFile {
    std::string path;
    dev_t device;
    ino_t inode;
  };

  AdminState state_;
  AdminRequests requests_;
  AdminSite site_;
  std::optional<SocketFile> file_;
  std::optional<HttpServer> server_;  // last: its threads use the others
};

}  // namespace ringfold
