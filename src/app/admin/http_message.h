// One HTTP request and its response as plain values, and their bytes. The only file that includes
// the HTTP library is http_message.cc: it parses and writes there, and never sees a socket, so that
// neither a slow peer nor a descriptor above select()'s limit can trouble it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringfold/base/ints.h"

namespace ringfold {

// Who asks. Local: through loopback or a unix socket, so from this machine.
inline constexpr std::string_view kUnixPeer = "unix";
struct HttpPeer {
  std::string address;  // kUnixPeer: a unix socket
  bool is_local = false;
};

struct HttpRequest {
  std::string method;
  std::string path;                                    // decoded, without the query
  std::multimap<std::string, std::string> parameters;  // of the query, decoded
  std::vector<std::pair<std::string, std::string>> headers;
  HttpPeer peer;

  // The first of that name (case does not matter for headers), or nullptr.
  [[nodiscard]] const std::string* header(std::string_view name) const;
  [[nodiscard]] const std::string* parameter(const std::string& name) const;
};

struct HttpResponse {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// The bytes of the response to the bytes of a request, of which the body, if there is one, is not
// looked at. What is no HTTP is answered with 400 and its like without asking the handler. Never
// empty. Requires: head ends with an empty line.
[[nodiscard]] std::string answer_http(std::string_view head, const HttpPeer& peer,
                                      const HttpHandler& handler);

// The bytes of a response to what is not even a request.
[[nodiscard]] std::string plain_http_error(int status, std::string_view reason,
                                           std::string_view text);

}  // namespace ringfold
