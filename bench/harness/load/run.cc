#include "load/run.h"

#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "load/progress.h"
#include "load/worker.h"

namespace ringfold::load {
namespace {

RunResult gather(const Plan& plan, const std::vector<std::unique_ptr<Worker>>& workers) {
  RunResult result;
  for (const Recipe& recipe : plan.recipes) result.recipes.push_back({recipe.name, {}});
  for (const auto& worker : workers) {
    const WorkerResult& part = worker->result();
    result.tally.merge(part.tally);
    result.seconds = std::max(result.seconds, part.seconds);
    result.cpu_seconds += part.cpu_seconds;
    for (std::size_t index = 0; index < part.latencies.size(); ++index) {
      result.recipes[index].latencies.merge(part.latencies[index]);
      result.latencies.merge(part.latencies[index]);
    }
  }
  return result;
}

}  // namespace

Expected<RunResult> run(const Plan& plan, std::atomic<bool>& stop, bool shows_progress) {
  StartLine start_line(plan.threads);
  Board board(plan.threads);
  std::vector<std::unique_ptr<Worker>> workers;
  std::atomic<u32> running{plan.threads};
  for (u32 thread = 0; thread < plan.threads; ++thread) {
    workers.push_back(std::make_unique<Worker>(plan, thread, start_line, board, stop));
  }
  std::vector<std::thread> threads;
  for (const auto& worker : workers) {
    threads.emplace_back([&running, &worker] {
      // A request is due at its time, not up to 50 us later, the kernel's default.
      ::prctl(PR_SET_TIMERSLACK, 1);
      worker->run();
      running.fetch_sub(1);
    });
  }
  Progress progress(plan, board, shows_progress);
  while (running.load() != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    progress.show();
  }
  for (std::thread& thread : threads) thread.join();
  progress.clear();
  board.close();
  if (start_line.is_called_off()) return fail(start_line.error());
  RunResult result = gather(plan, workers);
  result.rows = board.rows();
  result.was_interrupted = stop.load();
  return result;
}

}  // namespace ringfold::load
