// Prints what tools/commands_check.py compares with a live server.
//   command_table_print         the whole table, as JSON
//   command_table_print --keys  for each line of stdin (a request: its arguments in hex, parted by
//                               spaces, an empty one as "-") one line: "keys" and its keys in the
//                               same form, or "error" and the text
#include <cstdio>
#include <iostream>
#include <string>

#include "request_builder.h"
#include "ringfold/proto/command.h"

using namespace ringfold;

namespace {

void print_row(const CommandSpec& row) {
  std::printf("{\"name\": \"%.*s\", \"arity\": %d, \"flags\": [", static_cast<int>(row.name.size()),
              row.name.data(), row.arity);
  const char* separator = "";
  for (const resp::CommandFlagName& flag : resp::command_flag_names()) {
    if ((row.flags & flag.flag) == 0) continue;
    std::printf("%s\"%.*s\"", separator, static_cast<int>(flag.name.size()), flag.name.data());
    separator = ", ";
  }
  std::printf("], \"first\": %d, \"last\": %d, \"step\": %d, \"keyed\": %s}", row.first, row.last,
              row.step, row.keys == KeyRule::none ? "false" : "true");
}

void print_table() {
  const char* separator = "[\n";
  for (const CommandSpec& row : resp::command_table()) {
    std::fputs(separator, stdout);
    print_row(row);
    separator = ",\n";
  }
  std::puts("\n]");
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  if (hex == "-") return bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

void print_hex(std::string_view bytes) {
  std::fputs(bytes.empty() ? " -" : " ", stdout);
  for (const char byte : bytes) std::printf("%02x", static_cast<unsigned char>(byte));
}

const CommandSpec* find_row(const std::vector<std::string>& arguments) {
  const CommandSpec* spec = arguments.empty() ? nullptr : resp::find_command(arguments[0]);
  if (spec == nullptr || spec->route != Route::container || arguments.size() == 1) return spec;
  return resp::find_subcommand(*spec, arguments[1]);
}

bool print_keys(std::string_view line) {
  std::vector<std::string> arguments = split_words(line);
  for (std::string& argument : arguments) argument = from_hex(argument);
  const BuiltRequest request = build_request(arguments);
  const CommandSpec* const spec = find_row(arguments);
  if (spec == nullptr || !resp::arity_fits(*spec, request.frame.argument_count)) return false;
  resp::KeyCursor cursor(*spec, request.bytes, request.frame);
  if (cursor.error() != nullptr) {
    std::printf("error %s\n", cursor.error());
    return true;
  }
  std::fputs("keys", stdout);
  Argument key;
  while (cursor.next(key)) {
    print_hex(std::string_view(request.bytes).substr(key.offset, key.length));
  }
  std::puts("");
  return true;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count == 1) {
    print_table();
    return 0;
  }
  if (std::string_view(arguments[1]) != "--keys") return 2;
  std::string line;
  while (std::getline(std::cin, line)) {
    if (!print_keys(line)) {
      std::fprintf(stderr, "no such command, or a wrong number of arguments: %s\n", line.c_str());
      return 1;
    }
  }
  return 0;
}
