#include "dice.h"

namespace ringfold::sim {

namespace {

constexpr const char* kNames[] = {
    "cut_tiny",
    "cut_random",
    "network_slow",
    "receive_partly",
    "receive_late",
    "receive_ends",
    "accept_ends",
    "accept_fails",
    "send_short",
    "send_slow",
    "send_completes_late",
    "completions_shuffled",
    "completions_deferred",
    "cancel_late",
    "doorbell_late",
    "wait_returns_nothing",
    "connect_refused",
    "connect_slow",
    "connect_never",
    "connect_fails",
    "socket_fails",
    "server_resets_before",
    "server_resets_after",
    "server_cuts_reply",
    "server_closes",
    "server_stalls",
    "server_dies",
    "server_vanishes",
    "server_freezes",
    "server_moves",
    "client_leaves",
    "client_resets",
    "client_half_closes",
    "client_reads_slowly",
    "client_stops_reading",
    "client_drips",
    "client_sleeps",
};
static_assert(sizeof kNames / sizeof kNames[0] == static_cast<u32>(Die::count));

}  // namespace

const char* name_of(Die die) {
  return kNames[static_cast<u32>(die)];
}

void Dice::pick(Die first, Die end, const u32 (&loads)[4]) {
  for (u32 die = static_cast<u32>(first); die < static_cast<u32>(end); ++die) {
    load_[die] = chance(1, 3) ? loads[below(4)] : 0;
  }
}

void Dice::pick_freedoms() {
  pick(static_cast<Die>(0), Die::first_fault, {20, 100, 300, 700});
  // An accept or a wait that fails nearly always is no world but a dead end.
  if (load(Die::accept_fails) > 300) set(Die::accept_fails, 300);
  if (load(Die::wait_returns_nothing) > 300) set(Die::wait_returns_nothing, 300);
}

void Dice::pick_faults() {
  pick(Die::first_fault, Die::first_client_die, {5, 20, 60, 150});
}

void Dice::pick_client_dice() {
  pick(Die::first_client_die, Die::count, {5, 20, 60, 200});
}

void Dice::stop_faults() {
  for (u32 die = static_cast<u32>(Die::first_fault); die < kCount; ++die) load_[die] = 0;
}

void Dice::stop_freedoms() {
  for (u32 die = 0; die < static_cast<u32>(Die::first_fault); ++die) load_[die] = 0;
}

bool Dice::has_faults() const {
  for (u32 die = static_cast<u32>(Die::first_fault); die < static_cast<u32>(Die::first_client_die);
       ++die) {
    if (load_[die] != 0) return true;
  }
  return false;
}

std::string Dice::describe() const {
  std::string text;
  for (u32 die = 0; die < kCount; ++die) {
    if (load_[die] == 0) continue;
    if (!text.empty()) text += ' ';
    text += kNames[die];
    text += '=';
    text += std::to_string(load_[die]);
  }
  return text;
}

}  // namespace ringfold::sim
