#include "backend/store.h"

#include "ringfold/hash/hash.h"

namespace ringfold::backend {

u64 number_of_key(std::string_view key) {
  const char* const end = key.data() + key.size();
  const char* first = end;
  const char* const limit = key.size() < load::kKeyDigits ? key.data() : end - load::kKeyDigits;
  while (first != limit && first[-1] >= '0' && first[-1] <= '9') --first;
  if (first == end) return hash_key(HashKind::xxh3, key);
  u64 number = 0;
  for (; first != end; ++first) number = number * 10 + static_cast<u64>(*first - '0');
  return number;
}

}  // namespace ringfold::backend
