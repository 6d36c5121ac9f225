// A proxy for one client and one memcached with nothing in it but the parsers: what the comparison
// with a live server (tools/memcached_check.py) talks to. Blocking, one request at a time.
//
//     memcached_relay PORT    answers on stdout to what comes on stdin, until its end
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "ringfold/proto/memcached.h"

using namespace ringfold;
using namespace ringfold::memcached;

namespace {

constexpr std::size_t kPadding = 64;
constexpr u64 kRequestMax = 16_MiB;

[[noreturn]] void give_up(const char* why) {
  static_cast<void>(!::write(STDERR_FILENO, why, std::char_traits<char>::length(why)));
  std::exit(1);
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written <= 0) give_up("write failed\n");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Appends what has come; false at the end of the stream.
bool read_some(int fd, std::string& bytes) {
  char chunk[4096];
  const ssize_t size = ::read(fd, chunk, sizeof chunk);
  if (size <= 0) return false;
  bytes.append(chunk, static_cast<std::size_t>(size));
  return true;
}

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // sockaddr is what the system call's interface asks for.
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    give_up("the server is not there\n");
  }
  return fd;
}

std::string read_reply(int server, ReplyShape shape) {
  ReplyFrame frame;
  std::string reply;
  std::string chunk;
  std::size_t scanned = 0;
  while (true) {
    if (!read_some(server, chunk)) give_up("the server has closed\n");
    const std::size_t size = chunk.size();
    chunk.append(kPadding, '\0');
    const ParseStatus status =
        parse_reply(std::string_view(chunk.data(), size), shape, frame, scanned);
    if (status == ParseStatus::invalid) give_up("the reply is none\n");
    reply.append(chunk, 0, scanned);
    if (status == ParseStatus::complete && scanned != size) give_up("more than one reply\n");
    if (status == ParseStatus::complete) return reply;
    chunk.clear();
  }
}

std::string local_answer(const CommandRow& row, Quiet quiet) {
  if (quiet == Quiet::noreply) return {};
  if (row.command == Command::version) return "VERSION 1.6.18\r\n";
  return row.command == Command::mn ? "MN\r\n" : "OK\r\n";
}

// False: the connection ends.
bool serve(int server, std::string_view bytes, const RequestFrame& frame, const CommandRow& row) {
  if (row.command == Command::quit) return false;
  if (row.route == Route::local) {
    write_all(STDOUT_FILENO, local_answer(row, quiet_of(row, bytes, frame)));
    return true;
  }
  std::string request;
  Quiet quiet = Quiet::none;
  encode_forward(request, row, bytes, frame, quiet);
  request.append(bytes.substr(frame.line_length, frame.offset - frame.line_length));
  write_all(server, request);
  const std::string reply = read_reply(server, row.reply);
  if (!is_hidden(quiet, reply)) write_all(STDOUT_FILENO, reply);
  return true;
}

// Answers what is whole in bytes and takes it away. False: the connection ends.
bool pump(int server, std::string& bytes, u64& to_skip) {
  while (true) {
    const u64 skipped = std::min<u64>(to_skip, bytes.size());
    bytes.erase(0, skipped);
    to_skip -= skipped;
    const std::size_t size = bytes.size();
    bytes.append(kPadding, '\0');
    const std::string_view in(bytes.data(), size);
    RequestFrame frame;
    const CommandRow* row = nullptr;
    const ParseStatus status = parse_request(in, kRequestMax, frame, row);
    bool goes_on = status != ParseStatus::invalid;
    if (frame.error != nullptr && *frame.error != '\0') {
      write_all(STDOUT_FILENO, std::string(frame.error) + "\r\n");
    }
    if (status == ParseStatus::complete && frame.error == nullptr) {
      goes_on = serve(server, in, frame, *row);
    }
    bytes.resize(size);
    if (!goes_on || status != ParseStatus::complete) return goes_on;
    to_skip = frame.offset;
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) give_up("usage: memcached_relay PORT\n");
  const int server = connect_to(std::atoi(arguments[1]));
  std::string bytes;
  u64 to_skip = 0;
  while (read_some(STDIN_FILENO, bytes)) {
    if (!pump(server, bytes, to_skip)) break;
  }
  ::close(server);
  return 0;
}
