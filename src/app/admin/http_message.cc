#include "app/admin/http_message.h"

#include <fmt/core.h>
#include <httplib.h>
#include <strings.h>

#include <algorithm>

namespace ringfold {
namespace {

// What the library reads from and writes to in place of a socket.
class MemoryStream : public httplib::Stream {
 public:
  MemoryStream(std::string_view input, const HttpPeer& peer) : input_(input), peer_(peer) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* out, std::size_t size) override {
    const std::size_t taken = input_.copy(out, size);
    input_.remove_prefix(taken);
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* text, std::size_t size) override {
    output_.append(text, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = peer_.address;
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  socket_t socket() const override { return 0; }

  std::string take() { return std::move(output_); }

 private:
  std::string_view input_;
  const HttpPeer& peer_;
  std::string output_;
};

HttpRequest translate(const httplib::Request& request, const HttpPeer& peer) {
  HttpRequest out{request.method, request.path, {}, {}, peer};
  out.parameters.insert(request.params.begin(), request.params.end());
  out.headers.assign(request.headers.begin(), request.headers.end());
  return out;
}

// The library for a single request. It would match regular expressions against paths; answering
// before it routes spares them, and leaves bodies unread.
class OneAnswer : public httplib::Server {
 public:
  OneAnswer(const HttpPeer& peer, const HttpHandler& handler) {
    set_pre_routing_handler(
        [&peer, &handler](const httplib::Request& request, httplib::Response& response) {
          HttpResponse answer = handler(translate(request, peer));
          response.status = answer.status;
          for (const auto& [name, value] : answer.headers) response.set_header(name, value);
          response.set_content(answer.body, answer.type);
          return HandlerResponse::Handled;
        });
  }

  std::string answer(std::string_view head, const HttpPeer& peer) {
    MemoryStream stream(head, peer);
    bool is_closed = false;
    process_request(stream, true, is_closed, [](httplib::Request& request) {
      // Compressing (brotli, at its highest level) would take longer than all else together.
      request.headers.erase("Accept-Encoding");
      request.ranges.clear();
    });
    return stream.take();
  }
};

}  // namespace

const std::string* HttpRequest::header(std::string_view name) const {
  const auto found = std::ranges::find_if(headers, [name](const auto& row) {
    return row.first.size() == name.size() &&
           ::strncasecmp(row.first.data(), name.data(), name.size()) == 0;
  });
  return found == headers.end() ? nullptr : &found->second;
}

const std::string* HttpRequest::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? nullptr : &found->second;
}

std::string answer_http(std::string_view head, const HttpPeer& peer, const HttpHandler& handler) {
  std::string bytes = OneAnswer(peer, handler).answer(head, peer);
  // The library says nothing to some of what is no HTTP.
  if (bytes.empty()) return plain_http_error(400, "Bad Request", "this is not an HTTP request\n");
  return bytes;
}

std::string plain_http_error(int status, std::string_view reason, std::string_view text) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Length: {}\r\n\r\n{}",
      status, reason, text.size(), text);
}

}  // namespace ringfold
