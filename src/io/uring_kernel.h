// What io_uring offers beyond the headers of liburing 2.3. Names and values are from the kernel's
// include/uapi/linux/io_uring.h; the version is the first kernel that has it. No structure of the
// interface changed its size for any of these.
#pragma once

#include "ringfold/base/ints.h"

namespace ringfold::uring {

// IORING_ENTER_NO_IOWAIT and IORING_FEAT_NO_IOWAIT, Linux 6.15: a waiting worker is idle time, not
// iowait.
inline constexpr u32 kEnterNoIowait = 1u << 7;
inline constexpr u32 kFeatureNoIowait = 1u << 17;

// IOU_PBUF_RING_INC, Linux 6.12: receives share a buffer one behind the other.
inline constexpr u16 kBufferRingIncremental = 2;

// IORING_CQE_F_BUF_MORE, Linux 6.12: the kernel goes on using the buffer of this completion.
inline constexpr u32 kCompletionBufferMore = 1u << 4;

// IORING_SEND_VECTORIZED (in ioprio), Linux 6.17: a plain SEND whose address is an iovec array.
inline constexpr u16 kSendVectorized = 1u << 5;

// struct io_uring_buf_reg as of Linux 6.12; liburing 2.3 calls the flags a padding.
struct BufferRingRegistration {
  u64 ring_address = 0;
  u32 ring_entries = 0;
  u16 group = 0;
  u16 flags = 0;
  u64 reserved[3] = {};
};
static_assert(sizeof(BufferRingRegistration) == 40);

// IORING_REGISTER_PBUF_STATUS and struct io_uring_buf_status, Linux 6.8: how many entries of a
// buffer ring the kernel has used up, modulo 2^16.
inline constexpr u32 kRegisterBufferStatus = 26;
struct BufferRingStatus {
  u32 group = 0;
  u32 head = 0;
  u32 reserved[8] = {};
};
static_assert(sizeof(BufferRingStatus) == 40);

}  // namespace ringfold::uring
