// Who may do what at the admin endpoint, the bytes of HTTP, and the way to the supervisor and back.
#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "app/admin/access.h"
#include "app/admin/admin_requests.h"
#include "app/admin/http_message.h"

using namespace ringfold;

namespace {

const std::string kToken = "0123456789abcdef";

HttpRequest from(bool is_local, std::vector<std::pair<std::string, std::string>> headers = {}) {
  return {
      "POST", "/log", {}, std::move(headers), {is_local ? "127.0.0.1:1" : "10.1.2.3:1", is_local}};
}

int status(const HttpRequest& request, Access access, const AccessRules& rules) {
  const auto refusal = refuse(request, access, rules);
  return refusal ? refusal->status : 200;
}

HttpResponse echo(const HttpRequest& request) {
  std::string text = request.method + " " + request.path;
  for (const auto& [name, value] : request.parameters) text += " " + name + "=" + value;
  return {200, "text/plain", text};
}

std::string answer(std::string_view head) {
  return answer_http(head, {"127.0.0.1:1", true}, echo);
}

}  // namespace

TEST_CASE("without a token, changes are this machine's") {
  const AccessRules rules{"", {"proxy1"}};
  CHECK(status(from(true), Access::change, rules) == 200);
  CHECK(status(from(false), Access::change, rules) == 403);
  CHECK(status(from(false, {{"Authorization", "Bearer "}}), Access::change, rules) == 403);
  CHECK(status(from(false), Access::read, rules) == 200);
  CHECK(status(from(false), Access::read_keys, rules) == 200);
}

TEST_CASE("with a token, changes need it from everywhere, and keys from other machines") {
  const AccessRules rules{kToken, {"proxy1"}};
  const std::pair<std::string, std::string> right = {"Authorization", "Bearer " + kToken};
  CHECK(status(from(true), Access::change, rules) == 401);
  CHECK(status(from(false), Access::change, rules) == 401);
  CHECK(status(from(true, {right}), Access::change, rules) == 200);
  CHECK(status(from(false, {{"authorization", "bearer " + kToken}}), Access::change, rules) == 200);
  for (const std::string wrong : {"0123456789abcde", "0123456789abcdeff", "0123456789abcdeF", ""}) {
    CHECK(status(from(true, {{"Authorization", "Bearer " + wrong}}), Access::change, rules) == 401);
  }
  CHECK(status(from(true, {{"Authorization", kToken}}), Access::change, rules) == 401);
  CHECK(status(from(true), Access::read_keys, rules) == 200);
  CHECK(status(from(false), Access::read_keys, rules) == 401);
  CHECK(status(from(false, {right}), Access::read_keys, rules) == 200);
  CHECK(status(from(false), Access::read, rules) == 200);
}

TEST_CASE("a name that leads here by DNS rebinding is refused") {
  const AccessRules rules{"", {"proxy1"}};
  for (const char* const good : {"127.0.0.1:22222", "localhost", "LOCALHOST:1", "[::1]:22222",
                                 "10.0.0.1", "proxy1:22222", "Proxy1"}) {
    CHECK(status(from(true, {{"Host", good}}), Access::change, rules) == 200);
    CHECK(status(from(true, {{"Host", good}}), Access::read, rules) == 200);
  }
  for (const char* const bad : {"evil.example", "evil.example:22222", "127.0.0.1.evil.example",
                                "localhost.evil.example:1", "[evil]:1", "[", "]", ":", ""}) {
    CHECK(status(from(true, {{"Host", bad}}), Access::change, rules) == 403);
    CHECK(status(from(true, {{"Host", bad}}), Access::read, rules) == 403);
  }
  // A scraper on another machine may well know us by a name of its own.
  CHECK(status(from(false, {{"Host", "metrics.example:1"}}), Access::read, rules) == 200);
  HttpRequest unix_request = from(true, {{"Host", "anything"}});
  unix_request.peer.address = kUnixPeer;
  CHECK(status(unix_request, Access::change, rules) == 200);
}

TEST_CASE("a page of another site changes nothing, even with the token") {
  const AccessRules rules{kToken, {}};
  const auto with = [](const char* name, const char* value) {
    return from(true,
                {{"Host", "127.0.0.1:2"}, {"Authorization", "Bearer " + kToken}, {name, value}});
  };
  CHECK(status(with("Origin", "http://127.0.0.1:2"), Access::change, rules) == 200);
  for (const char* const bad :
       {"http://127.0.0.1:3", "https://127.0.0.1:2", "http://evil.example", "null", ""}) {
    CHECK(status(with("Origin", bad), Access::change, rules) == 403);
    CHECK(status(with("Origin", bad), Access::read, rules) == 200);
  }
  CHECK(status(with("Sec-Fetch-Site", "same-origin"), Access::change, rules) == 200);
  CHECK(status(with("Sec-Fetch-Site", "none"), Access::change, rules) == 200);
  CHECK(status(with("Sec-Fetch-Site", "cross-site"), Access::change, rules) == 403);
  CHECK(status(with("Sec-Fetch-Site", "same-site"), Access::change, rules) == 403);
}

TEST_CASE("a request is taken apart, and what is none is refused") {
  const std::string good = answer("GET /route?pool=a%20b&key=%00x HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(good.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(good.find("Connection: close\r\n") != std::string::npos);
  const std::string body = good.substr(good.find("\r\n\r\n") + 4);
  CHECK(body == std::string("GET /route key=") + '\0' + "x pool=a b");
  const std::string head = answer("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(head.find("Content-Length: 6\r\n") != std::string::npos);
  for (const char* const bad :
       {"HELLO\r\n\r\n", "\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/7\r\n\r\n", "GET\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n", "NOSUCH / HTTP/1.1\r\n\r\n", "*1\r\n$4\r\nPING\r\n\r\n"}) {
    INFO(bad);
    CHECK(answer(bad).starts_with("HTTP/1.1 4"));
  }
  const std::string long_path = "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n";
  CHECK(answer(long_path).starts_with("HTTP/1.1 414"));
}

TEST_CASE("neither a range nor a compression changes what is answered") {
  const std::string text = answer(
      "GET /abc HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\nAccept-Encoding: gzip, br\r\n\r\n");
  CHECK(text.starts_with("HTTP/1.1 200"));
  CHECK(text.ends_with("\r\n\r\nGET /abc"));
}

TEST_CASE("what is asked reaches the supervisor, and its answer the asker") {
  AdminRequests requests;
  std::thread supervisor([&requests] {
    std::optional<AdminRequest> request;
    while (!request) request = requests.take();
    CHECK(request->kind == AdminRequest::Kind::reload);
    requests.answer(request->ticket + 1000, {});  // nobody's
    AdminAnswer answer;
    answer.reload = {true, {"+ server"}, {}};
    requests.answer(request->ticket, std::move(answer));
  });
  const auto answer = requests.ask({AdminRequest::Kind::reload}, 20 * kSecond);
  supervisor.join();
  REQUIRE(answer.has_value());
  CHECK(answer->reload.is_applied);
  CHECK(answer->reload.lines == std::vector<std::string>{"+ server"});
}

TEST_CASE("who is not answered in time does not wait for ever, nor take a place") {
  AdminRequests requests;
  for (std::size_t i = 0; i < 2 * AdminRequests::kWaitingMax; ++i) {
    const auto answer = requests.ask({}, kMillisecond);
    REQUIRE(!answer.has_value());
    CHECK(answer.error() == (i < AdminRequests::kWaitingMax ? AskFailure::late : AskFailure::full));
  }
  // Those nobody waits for any more are still done: a reload may be what was wanted.
  std::size_t taken = 0;
  while (requests.take()) ++taken;
  CHECK(taken == AdminRequests::kWaitingMax);
  requests.close();
  CHECK(requests.ask({}, 20 * kSecond).error() == AskFailure::ends);
}

TEST_CASE("the end of the process releases those who wait") {
  AdminRequests requests;
  std::thread asker(
      [&requests] { CHECK(requests.ask({}, 60 * kSecond).error() == AskFailure::ends); });
  while (!requests.take()) std::this_thread::yield();
  requests.close();
  asker.join();
}
