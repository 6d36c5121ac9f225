// The virtual network: byte streams between two ends, and the addresses they are dialled at. Bytes
// travel and arrive in pieces as the dice and the cut policy say; order is kept, a FIN comes behind
// the bytes, a reset may swallow those still on the way.
//
//   End::write -> wire -> (deliveries) -> arrived -> End::consume of the other end
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ringfold/io/address.h"
#include "universe.h"

namespace ringfold::sim {

// A string that is consumed from its front.
class ByteQueue {
 public:
  std::size_t size() const { return bytes_.size() - head_; }
  bool empty() const { return size() == 0; }
  std::string_view view() const { return std::string_view(bytes_).substr(head_); }
  void append(std::string_view bytes) { bytes_.append(bytes); }
  void truncate(std::size_t size) { bytes_.resize(head_ + size); }
  void clear() {
    bytes_.clear();
    head_ = 0;
  }
  void consume(std::size_t count) {
    head_ += count;
    if (head_ == bytes_.size()) {
      clear();
    } else if (head_ > 64_KiB && head_ * 2 > bytes_.size()) {
      bytes_.erase(0, head_);
      head_ = 0;
    }
  }

 private:
  std::string bytes_;
  std::size_t head_ = 0;
};

class End;

// Who holds an end.
class EndOwner {
 public:
  // Bytes, a FIN or a reset arrived.
  virtual void on_arrival(End& end) = 0;
  // The other end took bytes off the wire: room() has grown.
  virtual void on_space(End& end) = 0;

 protected:
  ~EndOwner() = default;
};

class Connection;

class End {
 public:
  // Takes all bytes, whatever room() says; bytes to a broken or closed connection are lost.
  void write(std::string_view bytes);
  // How many bytes a socket with a real send buffer would take now.
  std::size_t room() const;

  std::string_view arrived() const;
  void consume(std::size_t count);
  bool finished() const;  // a FIN arrived and everything before it was consumed
  bool broken() const;    // a reset arrived; what arrived before it can still be read
  bool writable() const;  // neither shut, closed nor broken

  void shutdown();  // a FIN behind what was written
  void close();     // and no more reading: unread bytes turn it into a reset
  // Ends both directions at once. lose: bytes on the wire may never arrive.
  void reset(bool lose);
  bool closed() const { return closed_; }

  EndOwner* owner = nullptr;
  u32 tag = 0;  // the owner's business

 private:
  friend class Connection;
  Connection* connection_ = nullptr;
  u32 side_ = 0;
  bool closed_ = false;
};

// How all streams of a world are cut, besides the dice.
struct CutPolicy {
  bool byte_by_byte = false;
  u64 cut_at = 0;  // every stream is cut before its byte of this number; 0: no such cut
  std::size_t window = 64_KiB;  // bytes on the wire, and bytes arrived but not consumed
};

class Connection final : public EventTarget {
 public:
  Connection(Universe& universe, const CutPolicy& policy);

  End& end(u32 side) { return ends_[side]; }
  u64 delivered(u32 from) const { return streams_[from].delivered; }
  void on_event(u32 kind, u64 side) override;

 private:
  friend class End;
  // The stream written by ends_[i] is streams_[i].
  struct Stream {
    ByteQueue wire;
    ByteQueue arrived;
    u64 delivered = 0;
    bool fin_written = false;
    bool fin_arrived = false;
    bool reset_written = false;
    bool reset_arrived = false;
    bool delivery_pending = false;
  };

  void schedule(u32 from, Nanos delay);
  Nanos latency();
  std::size_t piece(const Stream& stream, std::size_t limit);
  void deliver(u32 from);
  void write_reset(u32 from, bool lose);

  Universe& universe_;
  const CutPolicy& policy_;
  End ends_[2];
  Stream streams_[2];
};

// Whoever waits for connections at an address.
class Acceptor {
 public:
  virtual void on_incoming(End& end) = 0;

 protected:
  ~Acceptor() = default;
};

enum class Reach : u8 { open, refusing, silent };

class Network {
 public:
  explicit Network(Universe& universe) : universe_(universe) {}

  // Several acceptors at one address share it, as SO_REUSEPORT listeners do.
  void listen(const Address& address, Acceptor& acceptor);
  void unlisten(const Address& address, Acceptor& acceptor);
  bool has_listener(const Address& address) const;

  void set_reach(const Address& address, Reach reach) { reach_[key(address)] = reach; }
  Reach reach(const Address& address) const;

  // Connects to the address: the caller's end, or nullptr when nobody listens or it refuses.
  End* dial(const Address& address, EndOwner& owner, u32 tag);

  // A connection between two owners, with nobody dialling.
  Connection& pair() { return connections_.emplace_back(universe_, policy); }

  // Bytes that the longest stream so far has carried.
  u64 longest_stream() const;

  CutPolicy policy;

 private:
  static std::string key(const Address& address);

  Universe& universe_;
  std::deque<Connection> connections_;
  std::map<std::string, std::vector<Acceptor*>> acceptors_;
  std::map<std::string, Reach> reach_;
};

// 10.0.0.host:port, without asking any resolver.
[[nodiscard]] Address virtual_address(u8 host, u16 port);

}  // namespace ringfold::sim
