#include "universe.h"

#include <cstdio>

namespace ringfold::sim {

void Universe::after(Nanos delay, EventTarget& target, u32 kind, u64 argument) {
  events_.push({now_ + delay, sequence_++, &target, argument, kind});
}

bool Universe::step(Nanos limit) {
  if (events_.empty() || events_.top().when > limit) {
    if (limit != kNever && limit > now_) now_ = limit;
    return false;
  }
  const Event event = events_.top();
  events_.pop();
  now_ = event.when;
  event.target->on_event(event.kind, event.argument);
  return true;
}

void Universe::fail(std::string text) {
  if (failed()) return;
  trace("FAILURE", text);
  failure_ = std::move(text);
  interrupted = true;
}

void Universe::trace(std::string_view who, std::string_view what, std::string_view bytes) {
  if (!tracing()) return;
  char time[32];
  std::snprintf(time, sizeof time, "%12.3f us  ", static_cast<double>(now_) / 1000.0);
  std::string line = time;
  line.append(who).append(" ").append(what);
  if (!bytes.empty()) line.append(" ").append(printable(bytes));
  if (print_trace_) std::fprintf(stderr, "%s\n", line.c_str());
  if (trace_.size() < trace_max_) {
    trace_.push_back(std::move(line));
  } else {
    trace_[trace_next_] = std::move(line);
    trace_next_ = (trace_next_ + 1) % trace_max_;
  }
}

std::string Universe::trace_text() const {
  std::string text;
  for (std::size_t i = 0; i < trace_.size(); ++i) {
    text += trace_[(trace_next_ + i) % trace_.size()];
    text += '\n';
  }
  return text;
}

std::string printable(std::string_view bytes, std::size_t limit) {
  std::string text = "\"";
  for (const char byte : bytes.substr(0, limit)) {
    const auto code = static_cast<unsigned char>(byte);
    if (byte == '\r') {
      text += "\\r";
    } else if (byte == '\n') {
      text += "\\n";
    } else if (byte == '"' || byte == '\\') {
      text += '\\';
      text += byte;
    } else if (code < 0x20 || code >= 0x7f) {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", code);
      text += hex;
    } else {
      text += byte;
    }
  }
  text += '"';
  if (bytes.size() > limit) text += " (" + std::to_string(bytes.size()) + " bytes)";
  return text;
}

}  // namespace ringfold::sim
