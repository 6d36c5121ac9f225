// The table of words against the parser: what memcached 1.6.18 answers to a request, recorded from
// a live server, must be what is answered here, or must be left to a server.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "memcached_check.h"

using namespace ringfold;
using namespace ringfold::memcached;
using namespace ringfold::memcached::testing;

namespace {

// \r, \n, \t, \x41 and <text*3>, as tools/memcached_check.py reads them.
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') {
      const std::size_t star = text.find('*', i);
      const std::size_t end = text.find('>', i);
      REQUIRE(end != std::string::npos);
      const std::string unit = text.substr(i + 1, star - i - 1);
      for (int left = std::atoi(text.c_str() + star + 1); left != 0; --left) out += unit;
      i = end;
    } else if (text[i] != '\\') {
      out += text[i];
    } else if (text[++i] == 'x') {
      out += static_cast<char>(std::strtol(text.substr(i + 1, 2).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == 'r' ? '\r' : text[i] == 't' ? '\t' : '\n';
    }
  }
  return out;
}

// The first answer that is given here, with how the connection goes on; "server" when the first
// request is left to a server.
std::string answered_here(const std::string& in) {
  RequestFrame frame;
  const CommandRow* row = nullptr;
  const PaddedCopy piece(in, 0, in.size(), Fill::crlf);
  const ParseStatus status = parse_request(piece.view(), 16_MiB, frame, row);
  REQUIRE(status != ParseStatus::incomplete);
  if (frame.error == nullptr) return "server";
  if (status == ParseStatus::invalid) return std::string(frame.error) + "\r\n<closed>";
  if (*frame.error == '\0') return "";
  return std::string(frame.error) + "\r\n";
}

}  // namespace

TEST_CASE("what is answered here is what memcached answers") {
  std::ifstream file(RINGFOLD_MEMCACHED_WORDS);
  REQUIRE(file.is_open());
  std::string line;
  int here = 0;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    CAPTURE(line);
    std::vector<std::string> fields(1);
    for (const char byte : line) {
      if (byte == '\t') {
        fields.emplace_back();
      } else {
        fields.back() += byte;
      }
    }
    REQUIRE(fields.size() > 1);
    const std::string is = answered_here(unescape(fields[0]));
    if (is == "server") continue;
    ++here;
    const std::string should = unescape(fields.back());
    // What follows the first answer belongs to the bytes behind the first request.
    CHECK(should.substr(0, is.size()) == is);
    CHECK((!is.empty() || should.empty() || should == "END\r\n" || should == "ERROR\r\n"));
  }
  CHECK(here > 100);
}
