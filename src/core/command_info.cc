#include "core/command_info.h"

#include <fnmatch.h>
#include <strings.h>

#include <optional>
#include <utility>
#include <vector>

#include "ringfold/base/assert.h"
#include "ringfold/base/limits.h"
#include "ringfold/proto/resp.h"

namespace ringfold {

namespace {

bool is_top_level(const CommandSpec& command) {
  return command.name.find('|') == std::string_view::npos;
}

std::vector<const CommandSpec*> subcommands_of(const CommandSpec& container) {
  std::vector<const CommandSpec*> found;
  if (container.route != Route::container) return found;
  for (const CommandSpec& command : resp::command_table()) {
    const std::size_t bar = command.name.find('|');
    if (bar == container.name.size() && command.name.starts_with(container.name))
      found.push_back(&command);
  }
  return found;
}

// The categories that follow from the flags; the others are a matter of the server's access lists.
std::vector<std::string_view> categories_of(const CommandSpec& command) {
  std::vector<std::string_view> names;
  if (command.flags & kWrite) names.push_back("@write");
  if (command.flags & kReadonly) names.push_back("@read");
  if (command.flags & kAdmin) names.push_back("@admin");
  if (command.flags & kAdmin) names.push_back("@dangerous");
  if (command.flags & kPubsub) names.push_back("@pubsub");
  names.push_back(command.flags & kFast ? "@fast" : "@slow");
  if (command.flags & kBlocking) names.push_back("@blocking");
  return names;
}

// How the proxy serves it, which is what a reader of its documentation wants to know here.
std::string_view summary_of(const CommandSpec& command) {
  switch (command.route) {
    case Route::by_key:
      return "Sent to the server that holds its keys, which must be on one server.";
    case Route::split_keys:
    case Route::split_pairs:
      return "Split over the servers that hold its keys; the answers are merged.";
    case Route::all_servers:
      return "Sent to all servers of the pool; the answers are merged.";
    case Route::any_server:
      return "Sent to the first server of the pool.";
    case Route::scan:
      return "Goes through the servers one after the other; the cursor says which.";
    case Route::local:
      return "Answered by the proxy.";
    case Route::container:
      return "A container of subcommands.";
    case Route::refused:
      return "Refused by the proxy.";
  }
  return "";
}

void encode_info(std::string& out, const CommandSpec& command) {
  resp::encode_number_line(out, '*', 10);
  resp::encode_bulk(out, command.name);
  resp::encode_number_line(out, ':', command.arity);
  i64 flag_count = 0;
  for (const auto& [flag, name] : resp::command_flag_names())
    flag_count += (command.flags & flag) != 0;
  resp::encode_number_line(out, '*', flag_count);
  for (const auto& [flag, name] : resp::command_flag_names()) {
    if (command.flags & flag) resp::encode_simple(out, name);
  }
  resp::encode_number_line(out, ':', command.first);
  resp::encode_number_line(out, ':', command.last);
  resp::encode_number_line(out, ':', command.step);
  const std::vector<std::string_view> categories = categories_of(command);
  resp::encode_number_line(out, '*', static_cast<i64>(categories.size()));
  for (const std::string_view category : categories) resp::encode_simple(out, category);
  resp::encode_number_line(out, '*', 0);  // tips
  resp::encode_number_line(out, '*', 0);  // key specifications
  const std::vector<const CommandSpec*> subcommands = subcommands_of(command);
  resp::encode_number_line(out, '*', static_cast<i64>(subcommands.size()));
  for (const CommandSpec* subcommand : subcommands) encode_info(out, *subcommand);
}

void encode_docs(std::string& out, const CommandSpec& command) {
  resp::encode_bulk(out, command.name);
  resp::encode_number_line(out, '*', 4);
  resp::encode_bulk(out, "summary");
  resp::encode_bulk(out, summary_of(command));
  resp::encode_bulk(out, "group");
  resp::encode_bulk(out, "generic");
}

// "object|encoding" or "get"; any case.
const CommandSpec* find_by_full_name(std::string_view name) {
  const std::size_t bar = name.find('|');
  const CommandSpec* command = resp::find_command(name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return command->route == Route::container ? resp::find_subcommand(*command, name.substr(bar + 1))
                                            : nullptr;
}

using Arguments = std::vector<std::string_view>;

Arguments collect(std::string_view bytes, const RequestFrame& frame) {
  Arguments arguments;
  resp::ArgumentCursor cursor(bytes, frame);
  Argument argument;
  while (cursor.next(argument)) arguments.push_back(bytes.substr(argument.offset, argument.length));
  return arguments;
}

void encode_all_infos(std::string& out) {
  i64 count = 0;
  for (const CommandSpec& command : resp::command_table()) count += is_top_level(command);
  resp::encode_number_line(out, '*', count);
  for (const CommandSpec& command : resp::command_table()) {
    if (is_top_level(command)) encode_info(out, command);
  }
}

// COMMAND INFO and COMMAND DOCS: of the named commands, or of all.
void encode_infos(std::string& out, const Arguments& arguments) {
  if (arguments.size() == 2) {
    encode_all_infos(out);
    return;
  }
  resp::encode_number_line(out, '*', static_cast<i64>(arguments.size()) - 2);
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    const CommandSpec* command = find_by_full_name(arguments[i]);
    if (command == nullptr) {
      out.append("*-1\r\n");
    } else {
      encode_info(out, *command);
    }
  }
}

void encode_all_docs(std::string& out, const Arguments& arguments) {
  std::vector<const CommandSpec*> commands;
  if (arguments.size() == 2) {
    for (const CommandSpec& command : resp::command_table()) {
      if (is_top_level(command)) commands.push_back(&command);
    }
  }
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    if (const CommandSpec* command = find_by_full_name(arguments[i])) commands.push_back(command);
  }
  resp::encode_number_line(out, '*', 2 * static_cast<i64>(commands.size()));
  for (const CommandSpec* command : commands) encode_docs(out, *command);
}

// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob]
void encode_list(std::string& out, const Arguments& arguments) {
  enum class Filter : u8 { none, module, category, pattern };
  Filter filter = Filter::none;
  std::string wanted;
  if (arguments.size() != 2) {
    const std::string kind = arguments.size() == 5 ? std::string(arguments[3]) : std::string();
    wanted = arguments.size() == 5 ? std::string(arguments[4]) : std::string();
    if (::strcasecmp(kind.c_str(), "module") == 0) filter = Filter::module;
    if (::strcasecmp(kind.c_str(), "aclcat") == 0) filter = Filter::category;
    if (::strcasecmp(kind.c_str(), "pattern") == 0) filter = Filter::pattern;
    if (filter == Filter::none ||
        ::strcasecmp(std::string(arguments[2]).c_str(), "filterby") != 0) {
      resp::encode_error(out, "ERR syntax error");
      return;
    }
  }
  std::vector<std::string_view> names;
  for (const CommandSpec& command : resp::command_table()) {
    bool fits = filter == Filter::none ? is_top_level(command) : false;
    if (filter == Filter::pattern) {
      fits = ::fnmatch(wanted.c_str(), std::string(command.name).c_str(), FNM_CASEFOLD) == 0;
    }
    if (filter == Filter::category) {
      for (const std::string_view category : categories_of(command))
        fits = fits || category.substr(1) == wanted;
    }
    if (fits) names.push_back(command.name);
  }
  resp::encode_number_line(out, '*', static_cast<i64>(names.size()));
  for (const std::string_view name : names) resp::encode_bulk(out, name);
}

// COMMAND GETKEYS command [argument ...]
void encode_keys(std::string& out, const Arguments& arguments) {
  std::string request;
  resp::encode_number_line(request, '*', static_cast<i64>(arguments.size()) - 2);
  for (std::size_t i = 2; i < arguments.size(); ++i) resp::encode_bulk(request, arguments[i]);
  const std::size_t length = request.size();
  request.append(kReadablePadding, '\0');
  const std::string_view bytes(request.data(), length);
  RequestFrame frame;
  const ParseStatus status = resp::parse_request(bytes, UINT64_MAX, frame);
  RINGFOLD_ASSERT(status == ParseStatus::complete);
  const CommandSpec* command = resp::find_command(arguments[2]);
  if (command != nullptr && command->route == Route::container && arguments.size() > 3) {
    command = resp::find_subcommand(*command, arguments[3]);
  }
  if (command == nullptr) {
    resp::encode_error(out, "ERR Invalid command specified");
    return;
  }
  if (command->keys == KeyRule::none) {
    resp::encode_error(out, "ERR The command has no key arguments");
    return;
  }
  if (!resp::arity_fits(*command, frame.argument_count)) {
    resp::encode_error(out, "ERR Invalid number of arguments specified for command");
    return;
  }
  std::vector<std::string_view> keys;
  resp::KeyCursor cursor(*command, bytes, frame);
  Argument key;
  while (cursor.next(key)) keys.push_back(bytes.substr(key.offset, key.length));
  if (cursor.error() != nullptr || keys.empty()) {
    resp::encode_error(out, "ERR Invalid arguments specified for command");
    return;
  }
  resp::encode_number_line(out, '*', static_cast<i64>(keys.size()));
  for (const std::string_view name : keys) resp::encode_bulk(out, name);
}

void encode_lines(std::string& out, std::initializer_list<std::string_view> lines) {
  resp::encode_number_line(out, '*', static_cast<i64>(lines.size()));
  for (const std::string_view line : lines) resp::encode_simple(out, line);
}

}  // namespace

void encode_command_reply(std::string& out, LocalCommand local, std::string_view bytes,
                          const RequestFrame& frame) {
  const Arguments arguments = collect(bytes, frame);
  switch (local) {
    case LocalCommand::command:
      encode_all_infos(out);
      return;
    case LocalCommand::command_info:
      encode_infos(out, arguments);
      return;
    case LocalCommand::command_docs:
      encode_all_docs(out, arguments);
      return;
    case LocalCommand::command_list:
      encode_list(out, arguments);
      return;
    case LocalCommand::command_getkeys:
      encode_keys(out, arguments);
      return;
    case LocalCommand::command_count: {
      i64 count = 0;
      for (const CommandSpec& command : resp::command_table()) count += is_top_level(command);
      resp::encode_number_line(out, ':', count);
      return;
    }
    case LocalCommand::command_help:
      encode_lines(
          out, {"COMMAND <subcommand> [<arg> ...]. Answered by the proxy from its own table. "
                "Subcommands are:",
                "(no subcommand)", "COUNT", "DOCS [<command-name> ...]", "GETKEYS <full-command>",
                "INFO [<command-name> ...]",
                "LIST [FILTERBY (MODULE <module-name>|ACLCAT <cat>|PATTERN <pattern>)]", "HELP"});
      return;
    case LocalCommand::client_help:
      encode_lines(out,
                   {"CLIENT <subcommand> [<arg> ...]. Answered by the proxy. Subcommands are:",
                    "GETNAME", "ID", "INFO", "NO-EVICT (ON|OFF)", "NO-TOUCH (ON|OFF)", "REPLY ON",
                    "SETINFO (LIB-NAME|LIB-VER) <value>", "SETNAME <name>", "HELP"});
      return;
    default:
      RINGFOLD_ASSERT(local == LocalCommand::command);
  }
}

}  // namespace ringfold
