// Finds the row of a command. A request's name is looked up once, so this is on the hot path.
#include "proto/command_index.h"
#include "ringfold/base/assert.h"
#include "ringfold/proto/command.h"

namespace ringfold::resp {

namespace {

// Byte by byte, because a subcommand's length is not bounded and it is looked up rarely.
bool equals_folded(std::string_view lower, std::string_view any_case) {
  if (lower.size() != any_case.size()) return false;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const char byte = any_case[i];
    const bool is_upper = byte >= 'A' && byte <= 'Z';
    if (lower[i] != (is_upper ? static_cast<char>(byte + ('a' - 'A')) : byte)) return false;
  }
  return true;
}

}  // namespace

const CommandSpec* find_command(std::string_view name) {
  if (name.empty() || name.size() > kFoldedLengthMax) return nullptr;
  const FoldedName folded = fold_name(name);
  const u64 hash = hash_folded(folded);
  const u32 displacement = kCommandIndex.displacements[CommandIndex::bucket_of(hash)];
  const auto& slot = kCommandIndex.slots[CommandIndex::slot_of(hash, displacement)];
  // One branch for the whole compare: a mismatch in any word is as rare as in all.
  const u64 difference = (slot.folded[0] ^ folded[0]) | (slot.folded[1] ^ folded[1]) |
                         (slot.folded[2] ^ folded[2]) | (slot.length ^ name.size());
  return difference == 0 ? &kCommandRows[slot.row] : nullptr;
}

const CommandSpec* find_subcommand(const CommandSpec& container, std::string_view name) {
  const std::span<const CommandSpec> table = command_table();
  const CommandSpec* const end = table.data() + table.size();
  RINGFOLD_ASSERT(&container >= table.data() && &container < end);
  RINGFOLD_ASSERT(container.route == Route::container);
  // The rows of a container's subcommands stand right behind its own (checked where the table is).
  const std::size_t prefix = container.name.size() + 1;
  for (const CommandSpec* row = &container + 1; row != end; ++row) {
    if (row->name.size() <= prefix || row->name[prefix - 1] != '|') break;
    if (equals_folded(row->name.substr(prefix), name)) return row;
  }
  return nullptr;
}

bool arity_fits(const CommandSpec& spec, u32 argument_count) {
  const i64 count = argument_count;
  return spec.arity >= 0 ? count == spec.arity : count >= -i64{spec.arity};
}

}  // namespace ringfold::resp
