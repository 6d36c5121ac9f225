// Who may do what at the admin endpoint. Pure functions over a request.
//
//   reading (numbers)          whoever reaches the address that the operator chose
//   reading keys, /config      the same; where admin.token is set, peers on other machines need it
//   changing (reload, log)     without admin.token: peers on this machine only (loopback, unix
//                              socket); with admin.token: whoever sends it, and nobody else
//
// A browser on this machine may be made to ask on behalf of a page from elsewhere. Against that:
//   - DNS rebinding (the page's own name leads here): a request from this machine, and every
//     change, must name us in its Host header: an IP address, localhost, this machine's name or the
//     host of admin.listen. Who sends the token, or comes through a unix socket, is no such
//     browser.
//   - cross-site requests: a change whose Origin is not http://Host, or whose Sec-Fetch-Site is
//     neither same-origin nor none, is refused. Nothing here ever allows another origin to read.
// What is no browser sends neither Origin nor Sec-Fetch-Site.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/admin/http_message.h"
#include "ringfold/config.h"

namespace ringfold {

struct AccessRules {
  std::string token;               // empty: there is none
  std::vector<std::string> names;  // host names that are ours besides localhost
};

// The rules of a configuration, on this machine.
[[nodiscard]] AccessRules access_rules(const Config& config);

enum class Access : u8 { read, read_keys, change };

// The refusal (401 or 403, saying why), or nothing when the request may pass.
[[nodiscard]] std::optional<HttpResponse> refuse(const HttpRequest& request, Access access,
                                                 const AccessRules& rules);

// True when "Authorization: Bearer" brings the token. Takes as long for a wrong one as for the
// right one. False when there is none.
[[nodiscard]] bool has_token(const HttpRequest& request, const AccessRules& rules);

}  // namespace ringfold
