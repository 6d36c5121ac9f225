#include "app/admin/admin_requests.h"

#include <sys/eventfd.h>

#include <chrono>
#include <utility>

namespace ringfold {

AdminRequests::AdminRequests() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

tl::expected<AdminAnswer, AskFailure> AdminRequests::ask(AdminRequest request, Nanos patience) {
  std::unique_lock lock(mutex_);
  if (is_closed_) return tl::unexpected(AskFailure::ends);
  if (outstanding_.size() >= kWaitingMax || queue_.size() >= kWaitingMax) {
    return tl::unexpected(AskFailure::full);
  }
  request.ticket = next_ticket_++;
  const auto place = outstanding_.emplace(request.ticket, std::nullopt).first;
  queue_.push_back(request);
  const u64 one = 1;
  // Fails only when the counter is full, and then the supervisor is awake already.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  answered_.wait_for(lock, std::chrono::nanoseconds(patience),
                     [&] { return is_closed_ || place->second.has_value(); });
  std::optional<AdminAnswer> answer = std::move(place->second);
  outstanding_.erase(place);
  if (answer) return std::move(*answer);
  return tl::unexpected(is_closed_ ? AskFailure::ends : AskFailure::late);
}

std::optional<AdminRequest> AdminRequests::take() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) {
    u64 count = 0;
    [[maybe_unused]] const ssize_t size = ::read(wake_.get(), &count, sizeof count);
    return std::nullopt;
  }
  const AdminRequest request = queue_.front();
  queue_.pop_front();
  return request;
}

void AdminRequests::answer(u64 ticket, AdminAnswer answer) {
  const std::lock_guard lock(mutex_);
  const auto place = outstanding_.find(ticket);
  if (place == outstanding_.end()) return;
  place->second = std::move(answer);
  answered_.notify_all();
}

void AdminRequests::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  answered_.notify_all();
}

}  // namespace ringfold
