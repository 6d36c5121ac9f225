// What the rows of resp_commands.cc are written with: one small function for each kind of row, so
// that a row says what is particular about its command and nothing else. Included there only.
#pragma once

#include <string_view>

#include "ringfold/proto/command.h"

namespace ringfold::resp::rows {

// Name, arity, first, last, step and flags are always what COMMAND says.

constexpr CommandSpec with_rule(std::string_view name, i16 arity, KeyRule rule, i8 first, i8 last,
                                i8 step, u32 flags) {
  CommandSpec spec;
  spec.name = name;
  spec.arity = arity;
  spec.route = Route::by_key;
  spec.keys = rule;
  spec.first = first;
  spec.last = last;
  spec.step = step;
  spec.flags = flags;
  return spec;
}

constexpr CommandSpec keyed(std::string_view name, i16 arity, i8 first, i8 last, i8 step,
                            u32 flags) {
  return with_rule(name, arity, KeyRule::range, first, last, step, flags);
}

// Keys behind their number, which is argument numkeys_at.
constexpr CommandSpec counted(std::string_view name, i16 arity, i8 numkeys_at, u32 flags) {
  CommandSpec spec = with_rule(name, arity, KeyRule::numkeys, 0, 0, 0, flags);
  spec.numkeys_at = numkeys_at;
  return spec;
}

constexpr CommandSpec dest_counted(std::string_view name, i16 arity, u32 flags) {
  CommandSpec spec = with_rule(name, arity, KeyRule::dest_numkeys, 1, 1, 1, flags);
  spec.numkeys_at = 2;
  return spec;
}

constexpr CommandSpec streams(std::string_view name, i16 arity, u32 flags) {
  return with_rule(name, arity, KeyRule::streams, 0, 0, 0, flags);
}

constexpr CommandSpec store_option(std::string_view name, i16 arity, u32 flags) {
  return with_rule(name, arity, KeyRule::store_option, 1, 1, 1, flags);
}

constexpr CommandSpec sorting(std::string_view name, i16 arity, u32 flags) {
  return with_rule(name, arity, KeyRule::sort, 1, 1, 1, flags);
}

constexpr CommandSpec migrating(std::string_view name, i16 arity, u32 flags) {
  return with_rule(name, arity, KeyRule::migrate, 3, 3, 1, flags);
}

// COMMAND gives the places of shard channels as if they were keys; they are not.
constexpr CommandSpec channels(std::string_view name, i16 arity, i8 first, i8 last, i8 step,
                               u32 flags) {
  return with_rule(name, arity, KeyRule::none, first, last, step, flags);
}

constexpr CommandSpec split(std::string_view name, i16 arity, Route route, i8 step, Merge merge,
                            u32 flags) {
  CommandSpec spec = keyed(name, arity, 1, -1, step, flags);
  spec.route = route;
  spec.merge = merge;
  return spec;
}

constexpr CommandSpec without_keys(std::string_view name, i16 arity, Route route, u32 flags) {
  CommandSpec spec = with_rule(name, arity, KeyRule::none, 0, 0, 0, flags);
  spec.route = route;
  return spec;
}

constexpr CommandSpec all_servers(std::string_view name, i16 arity, Merge merge, u32 flags) {
  CommandSpec spec = without_keys(name, arity, Route::all_servers, flags);
  spec.merge = merge;
  return spec;
}

constexpr CommandSpec scan(std::string_view name, i16 arity, u32 flags) {
  CommandSpec spec = without_keys(name, arity, Route::scan, flags);
  spec.merge = Merge::scan;
  return spec;
}

constexpr CommandSpec any_server(std::string_view name, i16 arity, u32 flags) {
  return without_keys(name, arity, Route::any_server, flags);
}

constexpr CommandSpec local(std::string_view name, i16 arity, LocalCommand command, u32 flags) {
  CommandSpec spec = without_keys(name, arity, Route::local, flags);
  spec.local = command;
  return spec;
}

constexpr CommandSpec container(std::string_view name, i16 arity, u32 flags = 0,
                                LocalCommand alone = LocalCommand::none) {
  CommandSpec spec = without_keys(name, arity, Route::container, flags);
  spec.local = alone;
  return spec;
}

// A refused command keeps its key rule: COMMAND GETKEYS answers for it all the same.
constexpr CommandSpec refused(Refusal refusal, CommandSpec spec) {
  spec.route = Route::refused;
  spec.refusal = refusal;
  return spec;
}

constexpr CommandSpec refused(Refusal refusal, std::string_view name, i16 arity, u32 flags) {
  return refused(refusal, without_keys(name, arity, Route::refused, flags));
}

}  // namespace ringfold::resp::rows
