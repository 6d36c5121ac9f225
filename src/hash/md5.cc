#include "hash/md5.h"

// The plain MD5 functions and not EVP, although OpenSSL 3 calls them deprecated. EVP of OpenSSL 3.0
// takes memory at every start of a digest, even in a context that is used again, and route() must
// not allocate; and it obeys the machine's openssl.cnf, so that on a machine in FIPS mode there
// would be no MD5 and no ketama ring.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>

#include "hash/key_hashes.h"

namespace ringfold {

Md5Digest md5_digest(std::string_view bytes) {
  Md5Digest digest;
  static_assert(sizeof digest == MD5_DIGEST_LENGTH);
  // These return 1 always: hashing in memory has no way to fail.
  MD5_CTX context;
  MD5_Init(&context);
  MD5_Update(&context, bytes.data(), bytes.size());
  MD5_Final(digest.data(), &context);
  return digest;
}

namespace key_hashes {

u32 md5(std::string_view key) {
  const Md5Digest digest = md5_digest(key);
  return load_u32(reinterpret_cast<const char*>(digest.data()));
}

}  // namespace key_hashes

}  // namespace ringfold
