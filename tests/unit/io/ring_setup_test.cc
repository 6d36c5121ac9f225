// Probing, opening, and what an operator is told when that fails.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdio>

#include "io/uring_buffers.h"
#include "io/uring_probe.h"
#include "ring_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the probe describes its features in one line") {
  REQUIRE(probed().available);
  CHECK(probed().multishot_recv);
  CHECK(probed().reason.empty());
  const std::string text = to_string(probed());
  CHECK(contains(text, "multishot recv"));
  CHECK_FALSE(contains(text, "\n"));

  UringFeatures oldest;
  oldest.available = true;
  CHECK(to_string(oldest) ==
        "coop_taskrun, multishot recv, classic buffers, announced sends, sendmsg");
  UringFeatures none;
  none.reason = "because";
  CHECK(to_string(none) == "not available: because");
}

TEST_CASE("opening fails with the probe's reason, and with sizes that cannot be") {
  UringFeatures none;
  none.reason = "because";
  const auto refused = open_uring(RingOptions(), none);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().text == "because");

  RingOptions odd;
  odd.buffer_count = odd.classic_buffer_count = 3;
  const auto bad = open_uring(odd, probed());
  REQUIRE_FALSE(bad.has_value());
  CHECK(contains(bad.error().text, "power of two"));

  RingOptions narrow;
  narrow.completion_entries = narrow.submission_entries / 2;
  const auto inverted = open_uring(narrow, probed());
  REQUIRE_FALSE(inverted.has_value());
  CHECK(contains(inverted.error().text, "completion queue"));

  for (const auto& [count, size] : {std::pair<u32, u32>(0, 64), std::pair<u32, u32>(8, 0),
                                    std::pair<u32, u32>(kNoBuffer, 64)}) {
    RingOptions none_at_all;
    none_at_all.buffer_count = count;
    none_at_all.buffer_size = size;
    const auto empty = open_epoll(none_at_all, probe_epoll());
    REQUIRE_FALSE(empty.has_value());
    CHECK(contains(empty.error().text, "receive buffers"));
  }
}

TEST_CASE("a thread can open rings one after another beyond the 16 it may register") {
  for (int i = 0; i < 40; ++i) {
    CAPTURE(i);
    TestRing ring(both_rings().front());
    CHECK(ring.quiet());
  }
}

TEST_CASE("each reason against io_uring comes with a remedy") {
  SetupCircumstances around;
  around.disabled = 2;
  around.memlock_limit = 8_MiB;
  CHECK(contains(describe_setup_failure(EPERM, around),
                 "disabled by kernel.io_uring_disabled=2: set it to 0"));
  around.disabled = 1;
  CHECK(contains(describe_setup_failure(EPERM, around), "kernel.io_uring_group"));
  around.disabled = 0;
  CHECK(contains(describe_setup_failure(EPERM, around), "seccomp"));
  CHECK(contains(describe_setup_failure(ENOSYS, around), "Linux 6.1 or later"));
  CHECK(contains(describe_setup_failure(EINVAL, around), "Linux 6.1 or later"));
  CHECK(contains(describe_setup_failure(ENOMEM, around), "8192 KiB"));
  CHECK(contains(describe_setup_failure(ENOMEM, around), "ulimit -l"));
  CHECK(contains(describe_setup_failure(EMFILE, around), "open files"));
  CHECK(contains(describe_setup_failure(EBADF, around), "io_uring_setup failed: "));
  CHECK(contains(describe_buffer_failure(ENOMEM, around), "8192 KiB"));
  CHECK(contains(describe_buffer_failure(EINVAL, around), "buffer rings"));
  CHECK(contains(describe_buffer_failure(EBADF, around), "receive buffers"));
  CHECK(contains(describe_descriptor_failure("an eventfd", EMFILE), "open files"));
  CHECK(contains(describe_descriptor_failure("an eventfd", ENODEV), "cannot open an eventfd: "));
  CHECK(setup_circumstances().memlock_limit > 0);
}

namespace {

// Lets a child of this process ask the probe behind a filter that answers one system call with
// action, as a container runtime does. The child's exit status says what the reason contained.
enum Verdict : int { kAvailable, kReasonMissing, kReasonGiven, kFilterFailed };

Verdict probe_behind_filter(long call, u32 action, std::string_view expected) {
  std::fflush(nullptr);  // or the child would print what is buffered a second time
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<u32>(call), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{4, instructions};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(kFilterFailed);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) ::_exit(kFilterFailed);
    const UringFeatures features = probe_uring();
    if (features.available) ::_exit(kAvailable);
    ::_exit(contains(features.reason, expected) ? kReasonGiven : kReasonMissing);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return static_cast<Verdict>(WEXITSTATUS(status));
}

u32 refuse(int error) {
  return SECCOMP_RET_ERRNO | static_cast<u32>(error);
}

}  // namespace

TEST_CASE("where a filter forbids io_uring, or the kernel has none, the probe says so") {
  const char* const forbidden =
      setup_circumstances().disabled > 0 ? "kernel.io_uring_disabled" : "seccomp";
  CHECK(probe_behind_filter(SYS_io_uring_setup, refuse(EPERM), forbidden) == kReasonGiven);
  CHECK(probe_behind_filter(SYS_io_uring_setup, refuse(ENOSYS), "Linux 6.1 or later") ==
        kReasonGiven);
  CHECK(probe_behind_filter(SYS_io_uring_setup, refuse(ENOMEM), "locked memory") == kReasonGiven);
}

TEST_CASE("a filter that forbids one of the other calls, or kills, is noticed by the probe") {
  const char* const forbidden =
      setup_circumstances().disabled > 0 ? "kernel.io_uring_disabled" : "seccomp";
  for (const long call : {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register}) {
    CAPTURE(call);
    CHECK(probe_behind_filter(call, refuse(EPERM), forbidden) == kReasonGiven);
    CHECK(probe_behind_filter(call, SECCOMP_RET_KILL_PROCESS, "kills") == kReasonGiven);
    CHECK(probe_behind_filter(call, SECCOMP_RET_TRAP, "kills") == kReasonGiven);
  }
  CHECK(survives_uring_calls());
}

namespace {

// A buffer ring with a receive armed on one end of a pair, below Ring, where the flags of a
// completion can be made up.
struct BareBuffers {
  explicit BareBuffers(bool incremental) {
    REQUIRE(queue.open({.submission_entries = 8,
                        .completion_entries = 16,
                        .defer_taskrun = probed().defer_taskrun}) == 0);
    REQUIRE(buffers.open(queue, {.count = 2, .size = 64, .incremental = incremental}) == 0);
    io_uring_sqe* const entry = queue.next_entry();
    io_uring_prep_recv_multishot(entry, pair.ours.get(), nullptr, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = UringBuffers::kGroup;
  }
  struct Arrival {
    i32 res = 0;
    u32 flags = 0;
  };
  Arrival receive(std::string_view bytes) {
    pair.peer.write(bytes);
    Arrival out;
    queue.submit_and_wait(kSecond);
    queue.take_completions([&out](const io_uring_cqe& completion) {
      out = {completion.res, completion.flags};
    });
    return out;
  }

  Pair pair = unix_pair();
  UringBuffers buffers;
  UringQueue queue;
};

u32 flags_of(u16 buffer, u32 more) {
  return u32{buffer} << IORING_CQE_BUFFER_SHIFT | IORING_CQE_F_BUFFER | more;
}

}  // namespace

TEST_CASE("an end of stream that names a buffer still in use does not take it from the kernel") {
  if (!probed().incremental_buffers) return;
  BareBuffers bare(/*incremental=*/true);
  const BareBuffers::Arrival first = bare.receive("abc");
  REQUIRE(first.res == 3);
  const UringBuffers::Received data = bare.buffers.take(first.res, first.flags);
  REQUIRE(data.buffer != kNoBuffer);
  // What kernels of the 6.19 time were seen to do, and what a correct one may do.
  for (const u32 more : {u32{0}, uring::kCompletionBufferMore}) {
    const UringBuffers::Received end = bare.buffers.take(0, flags_of(data.buffer, more));
    CHECK(end.buffer == kNoBuffer);
    CHECK(end.data == nullptr);
    CHECK(bare.buffers.lent() == 2);
  }
  const BareBuffers::Arrival second = bare.receive("defg");
  REQUIRE(second.res == 4);
  const UringBuffers::Received behind = bare.buffers.take(second.res, second.flags);
  CHECK(behind.buffer == data.buffer);
  CHECK(behind.data == data.data + 3);
  CHECK(std::string(data.data, 7) == "abcdefg");
  CHECK(bare.buffers.held() == 2);
  bare.buffers.release(data.buffer);
  bare.buffers.release(behind.buffer);
  CHECK(bare.buffers.held() == 0);
}

TEST_CASE("a classic buffer that an end of stream names goes back") {
  BareBuffers bare(/*incremental=*/false);
  const BareBuffers::Arrival first = bare.receive("abc");
  REQUIRE(first.res == 3);
  CHECK((first.flags & IORING_CQE_F_BUFFER) != 0);
  // As if the receive had brought nothing.
  CHECK(bare.buffers.take(0, first.flags).buffer == kNoBuffer);
  CHECK(bare.buffers.held() == 0);
  CHECK(bare.buffers.lent() == 2);
  for (int i = 0; i < 5; ++i) {
    const BareBuffers::Arrival next = bare.receive("xyz");
    REQUIRE(next.res == 3);
    const UringBuffers::Received data = bare.buffers.take(next.res, next.flags);
    CHECK(std::string(data.data, 3) == "xyz");
    CHECK(bare.buffers.lent() == 1);
    bare.buffers.release(data.buffer);
  }
  CHECK(bare.buffers.lent() == 2);
}
