#include "app/top/stats_client.h"

#include <fmt/core.h>
#include <httplib.h>

#include "app/endpoint.h"

namespace ringfold::top {

std::string Place::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Expected<Place> parse_place(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = url;
  if (rest.starts_with(kScheme)) rest.remove_prefix(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::string text(rest);
  const bool has_port = !text.ends_with(']') && text.find(':') != std::string::npos;
  if (!has_port) text += ":22222";
  const auto endpoint = parse_endpoint(text);
  if (!endpoint || endpoint->is_unix() || rest.find('/') != std::string_view::npos) {
    return fail(fmt::format("{} is no address of an admin endpoint; right is http://host:port",
                            shown(url)));
  }
  return Place{endpoint->host, endpoint->port};
}

Expected<std::string> fetch_stats(const Place& place, const std::string& token) {
  constexpr int kPatienceSeconds = 3;
  httplib::Client client(place.host, place.port);
  client.set_connection_timeout(kPatienceSeconds);
  client.set_read_timeout(kPatienceSeconds);
  httplib::Headers headers;
  if (!token.empty()) headers.emplace("Authorization", "Bearer " + token);
  const auto result = client.Get("/stats", headers);
  if (!result) {
    return fail(fmt::format("no answer from {}: {}", place.text(), to_string(result.error())));
  }
  if (result->status != 200) {
    std::string why = result->body;
    while (why.ends_with('\n')) why.pop_back();
    return fail(fmt::format("{} answers with status {}: {}", place.text(), result->status, why));
  }
  return result->body;
}

}  // namespace ringfold::top
