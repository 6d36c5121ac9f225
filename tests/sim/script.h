// The script language: client says, backend hears, backend says, client hears. A script states what
// is said, never in which pieces: the runner plays it whole, byte by byte, with every stream cut at
// each single byte, and with random dice of the ring's contract.
//
//   TEST_CASE("get goes to the server of its key") {
//     play_script([](Script& s) {
//       s.start(2);
//       s.client().says("*2\r\n$3\r\nget\r\n...");
//       s.backend(1).hears("...");
//       s.backend(1).says("$1\r\nv\r\n");
//       s.client().hears("$1\r\nv\r\n");
//     });
//   }
//
// Steps wait for what they name, at most kPatience of virtual time. When the body is through, all
// clients hang up, the worker is drained, and nothing may be left.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/hash/shard_map.h"
#include "stage.h"

namespace ringfold::sim {

class Script;

// One side of a scripted connection.
struct ScriptPeer final : EndOwner {
  explicit ScriptPeer(Universe& world) : universe(world) {}
  void on_arrival(End& arrived) override;
  void on_space(End&) override {}
  bool over() const { return end->finished() || end->broken(); }

  Universe& universe;
  End* end = nullptr;
  std::string unread;
  bool reading = true;
};

class ClientSteps {
 public:
  ClientSteps(Script& script, u32 index) : script_(script), index_(index) {}

  void connects(int line = __builtin_LINE());
  void says(std::string_view bytes, int line = __builtin_LINE());
  void hears(std::string_view bytes, int line = __builtin_LINE());
  // One line that is an error in the proxy's words ("-ERR ringfold: ...", "SERVER_ERROR ringfold:
  // ...") and contains the text.
  void hears_error(std::string_view text, int line = __builtin_LINE());
  // One line that begins and goes on so.
  void hears_line(std::string_view begin, std::string_view text = {}, int line = __builtin_LINE());
  // The text somewhere in what it hears; the rest of that does not matter.
  void hears_somewhere(std::string_view text, int line = __builtin_LINE());
  void hears_nothing(int line = __builtin_LINE());
  void hears_close(int line = __builtin_LINE());
  void stops_reading();
  void goes_on_reading();
  void closes();
  void resets();
  void half_closes();

 private:
  ScriptPeer& peer(int line);

  Script& script_;
  u32 index_;
};

class BackendSteps {
 public:
  BackendSteps(Script& script, u32 index) : script_(script), index_(index) {}

  // On the connection that has something to hear; it becomes the one that the other steps mean.
  void hears(std::string_view bytes, int line = __builtin_LINE());
  void hears_nothing(int line = __builtin_LINE());
  void hears_close(int line = __builtin_LINE());
  void is_connected(u32 times, int line = __builtin_LINE());  // since the start
  void says(std::string_view bytes, int line = __builtin_LINE());
  void closes();
  void resets();
  // For connections to come.
  void refuses();
  void is_silent();
  void accepts();

 private:
  ScriptPeer* current(int line);

  Script& script_;
  u32 index_;
};

class Script {
 public:
  static constexpr Nanos kPatience = 700 * kMillisecond;
  static constexpr Nanos kQuiet = 30 * kMillisecond;  // how long nothing has to be heard

  explicit Script(u64 seed) : stage(seed) {}

  // The pool's settings, for the body to change before start(): one request may take 2000 ms, so
  // that no step reaches a time limit by itself.
  PoolConfig pool;
  // Servers whose address comes from a name, and is not known before moves().
  std::vector<u32> named;
  void start(u32 servers, int line = __builtin_LINE());

  ClientSteps client(u32 index = 0) { return {*this, index}; }
  BackendSteps backend(u32 index = 0) { return {*this, index}; }
  void advance(u32 milliseconds);
  void drain() { stage.drain(); }
  void cut_off() { stage.cut_off(); }
  // The server's name points to where backend(to) is from now on.
  void moves(u32 server, u32 to);
  // The pool is as `pool` says from now on. Servers that are in it for the first time listen.
  void reloads();
  // Workers have asked so often whether a name has moved.
  void asked_for_lookup(u32 times, int line = __builtin_LINE());
  void finishes(int line = __builtin_LINE());  // the drain is complete

  // The n-th of the keys "k0", "k1", ... that the server holds.
  std::string key(u32 server, u32 n = 0) const;
  u32 owner(std::string_view key) const { return shards_->route(key, 0); }

  Stage stage;

 private:
  friend class ClientSteps;
  friend class BackendSteps;
  friend class ScriptRun;

  struct Backend final : Acceptor {
    explicit Backend(Universe& world) : universe(world) {}
    void on_incoming(End& end) override;
    Universe& universe;
    std::deque<ScriptPeer> connections;
    ScriptPeer* current = nullptr;
  };

  template <class Condition>
  bool wait_for(Condition condition, Nanos patience = kPatience);
  void hear(ScriptPeer& peer, const std::string& who, std::string_view bytes, int line);
  void wrong(int line, const std::string& text);
  Backend& backend_at(u32 index);
  void end();

  std::deque<ScriptPeer> clients_;
  std::deque<Backend> backends_;
  std::unique_ptr<ShardMap> shards_;
  bool started_ = false;
};

// Plays the body under all deliveries; reports the first failure to doctest.
void play_script(void (*body)(Script&));

// The same for tests of the runner itself: the first failure with its trace, or nothing.
[[nodiscard]] std::string script_failure(void (*body)(Script&));

}  // namespace ringfold::sim
