// The encoders declared in resp.h.
#pragma once

#include <charconv>
#include <string_view>

#include "ringfold/base/ints.h"

namespace ringfold::resp {

template <class Out>
void encode_number_line(Out& out, char type, i64 number) {
  char buffer[24];
  buffer[0] = type;
  char* end = std::to_chars(buffer + 1, buffer + sizeof buffer - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(std::string_view(buffer, static_cast<std::size_t>(end - buffer)));
}

template <class Out>
void encode_bulk(Out& out, std::string_view bytes) {
  encode_number_line(out, '$', static_cast<i64>(bytes.size()));
  out.append(bytes);
  out.append(std::string_view("\r\n"));
}

template <class Out>
void encode_null_bulk(Out& out) {
  out.append(std::string_view("$-1\r\n"));
}

template <class Out>
void encode_simple(Out& out, std::string_view text) {
  out.append(std::string_view("+"));
  out.append(text);
  out.append(std::string_view("\r\n"));
}

template <class Out>
void encode_error(Out& out, std::string_view text) {
  out.append(std::string_view("-"));
  while (true) {
    const std::size_t bad = text.find_first_of(std::string_view("\r\n\0", 3));
    out.append(text.substr(0, bad));
    if (bad == std::string_view::npos) break;
    out.append(std::string_view(" "));
    text.remove_prefix(bad + 1);
  }
  out.append(std::string_view("\r\n"));
}

}  // namespace ringfold::resp
