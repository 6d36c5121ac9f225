#include "app/admin/access.h"

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "app/endpoint.h"

namespace ringfold {
namespace {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Digest digest_of(std::string_view text) {
  Digest digest{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

bool is_same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// "name:port", "1.2.3.4" or "[::1]:port" without port and brackets.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.rfind(':'));
}

bool is_our_host(std::string_view authority, const AccessRules& rules) {
  const std::string host(host_of(authority));
  if (is_same_word(host, "localhost") || is_numeric_host(host)) return true;
  return std::ranges::any_of(rules.names,
                             [&](const auto& name) { return is_same_word(host, name); });
}

HttpResponse forbid(std::string why) {
  return {403, "text/plain; charset=utf-8", why.append("\n")};
}

HttpResponse want_token() {
  return {401,
          "text/plain; charset=utf-8",
          "this needs the token of the configuration (admin.token): send it as "
          "\"Authorization: Bearer TOKEN\"\n",
          {{"WWW-Authenticate", "Bearer realm=\"ringfold\""}}};
}

std::optional<HttpResponse> refuse_cross_site(const HttpRequest& request) {
  const std::string* const host = request.header("Host");
  const std::string* const origin = request.header("Origin");
  if (origin != nullptr && (host == nullptr || !is_same_word(*origin, "http://" + *host))) {
    return forbid(fmt::format("the request comes from a page of {}, which may change nothing here",
                              shown(*origin)));
  }
  const std::string* const site = request.header("Sec-Fetch-Site");
  if (site != nullptr && *site != "same-origin" && *site != "none") {
    return forbid("the request comes from a page of another site, which may change nothing here");
  }
  return std::nullopt;
}

}  // namespace

AccessRules access_rules(const Config& config) {
  AccessRules rules{config.admin_token, {}};
  if (!config.admin_listen.host.empty()) rules.names.push_back(config.admin_listen.host);
  char name[256] = {};
  // One byte less, so that a longer name is cut and still ends.
  if (::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0') rules.names.emplace_back(name);
  return rules;
}

bool has_token(const HttpRequest& request, const AccessRules& rules) {
  const std::string* const sent = request.header("Authorization");
  if (sent == nullptr || rules.token.empty()) return false;
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view text = *sent;
  if (!is_same_word(text.substr(0, kScheme.size()), kScheme)) return false;
  // Digests have one length, so that not even the token's length shows in the time.
  const Digest wanted = digest_of(rules.token);
  const Digest given = digest_of(text.substr(kScheme.size()));
  return ::CRYPTO_memcmp(wanted.data(), given.data(), wanted.size()) == 0;
}

std::optional<HttpResponse> refuse(const HttpRequest& request, Access access,
                                   const AccessRules& rules) {
  const bool is_trusted = has_token(request, rules);
  const std::string* const host = request.header("Host");
  const bool is_change = access == Access::change;
  const bool is_host_checked = !is_trusted && request.peer.address != kUnixPeer &&
                               (is_change || request.peer.is_local) && host != nullptr;
  if (is_host_checked && !is_our_host(*host, rules)) {
    return forbid(
        fmt::format("the Host header names {}, which is not this endpoint: use its "
                    "address, localhost or the machine's name",
                    shown(*host)));
  }
  if (is_change) {
    if (auto refusal = refuse_cross_site(request)) return refusal;
  }
  if (is_trusted || access == Access::read) return std::nullopt;
  if (is_change && !rules.token.empty()) return want_token();
  if (request.peer.is_local) return std::nullopt;
  if (is_change) {
    return forbid(
        "changes are taken from this machine only, because the configuration sets no admin.token");
  }
  if (!rules.token.empty()) return want_token();
  return std::nullopt;
}

}  // namespace ringfold
