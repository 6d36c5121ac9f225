// The loop: many visitors, one judge, and a line of words from whoever injects the faults.
//
// Words come on the standard input, one line each, and are answered with "ok" on the standard
// output, because their order with the replies matters: a key may be missing only once the kill of
// its server has been announced.
//
//   fault N    something is about to happen to server N     mended N   it is over
//   killing N  server N is about to be ended                killed N   it has ended
//   calm       no faults any more: everything must work now. The driver goes on until it has done
//              so for a while, and ends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pulse.h"
#include "visitor.h"

namespace ringfold::torture {

struct DriverOptions {
  std::string protocol = "redis";
  std::string address;  // 127.0.0.1:22121
  std::string homes;    // file: KEY<TAB>SERVER<TAB>anything, a line for each key
  std::vector<std::string> servers;
  u64 seed = 1;
  u32 keys = 2000;
  u32 connections = 400;
  u32 depth = 200;
  u32 rate = 40'000;  // commands a second at most
  u32 deadline_ms = 15'000;
  u32 aftermath_ms = 10'000;
  bool rehash = false;
  bool polite = false;
};

class Driver {
 public:
  explicit Driver(const DriverOptions& options);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // True: no violation.
  bool run();
  const Report& report() const { return report_; }

 private:
  void load_homes(const std::string& path);
  void take_time();
  void hold_still(Nanos passed);
  void serve_events();
  void serve_words();
  void obey(std::string_view line);
  void look_at_calm();
  u64 calm_error_count() const;

  DriverOptions options_;
  Pulse pulse_;
  Report report_;
  Model model_;
  Scene scene_;
  std::unique_ptr<Dialect> dialect_;
  Surroundings around_;
  std::vector<std::unique_ptr<Visitor>> visitors_;
  std::string words_;
  Nanos faultless_since_ = 0;
  u64 errors_seen_ = 0;
  bool words_ended_ = false;
};

}  // namespace ringfold::torture
