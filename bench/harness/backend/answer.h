// What a request is answered with: functions from a parsed request to the bytes of its reply.
#pragma once

#include <string>
#include <string_view>

#include "backend/store.h"
#include "ringfold/base/ints.h"
#include "ringfold/mem/batch.h"
#include "ringfold/proto/memcached.h"
#include "ringfold/proto/protocol.h"

namespace ringfold::backend {

// Where a reply is written: straight into the batch that is sent, or, when something is to be done
// to it first, into a string.
class Output {
 public:
  Output(Batch& batch, BlockPool& pool) : batch_(&batch), pool_(&pool) {}
  explicit Output(std::string& text) : text_(&text) {}

  void append(std::string_view bytes) {
    if (batch_ != nullptr) [[likely]] {
      batch_->append(*pool_, bytes);
    } else {
      text_->append(bytes);
    }
  }

 private:
  Batch* batch_ = nullptr;
  BlockPool* pool_ = nullptr;
  std::string* text_ = nullptr;
};

// What kind of request it was.
struct Answered {
  bool is_data = true;  // it is about keys; what clients say when they start is not
  bool is_error = false;
  bool closes = false;  // the connection ends behind the reply
};

// Requires: frame is complete for bytes and has at least one argument.
Answered answer_redis(const Store& store, std::string_view bytes, const RequestFrame& frame,
                      Output& out);

// Requires: frame is complete for bytes and has no error. Writes nothing where the request wants no
// reply.
Answered answer_memcached(const Store& store, std::string_view bytes, const RequestFrame& frame,
                          const memcached::CommandRow& row, Output& out);

}  // namespace ringfold::backend
