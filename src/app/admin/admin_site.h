// AdminSite: what there is to see and to do at the admin endpoint, by path. Every function may be
// called from any thread; it reads copies and atomics, and asks the supervisor for what changes
// something.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "app/admin/access.h"
#include "app/admin/admin_requests.h"
#include "app/admin/admin_state.h"
#include "app/admin/http_message.h"
#include "app/stats_view.h"

namespace ringfold {

class AdminSite {
 public:
  // gather: all numbers of this moment; called from any thread. Requires: state and requests
  // outlive this.
  AdminSite(const AdminState& state, AdminRequests& requests, std::function<StatsView()> gather);

  // Never throws.
  [[nodiscard]] HttpResponse answer(const HttpRequest& request);

 private:
  struct Page;
  static const Page kPages[];

  HttpResponse dashboard(const HttpRequest& request);
  HttpResponse metrics(const HttpRequest& request);
  HttpResponse stats(const HttpRequest& request);
  HttpResponse config(const HttpRequest& request);
  HttpResponse healthz(const HttpRequest& request);
  HttpResponse readyz(const HttpRequest& request);
  HttpResponse route(const HttpRequest& request);
  HttpResponse hot_keys(const HttpRequest& request);
  HttpResponse slow_log(const HttpRequest& request);
  HttpResponse reload(const HttpRequest& request);
  HttpResponse log(const HttpRequest& request);

  AccessRules rules() const;
  HttpResponse part_of_stats(const char* name) const;

  const AdminState& state_;
  AdminRequests& requests_;
  std::function<StatsView()> gather_;
  AccessRules machine_;  // of the first configuration; the token is looked up each time
  std::atomic<bool> is_changing_{false};
};

}  // namespace ringfold
