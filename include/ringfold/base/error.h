// Operating errors of the control plane as values: Expected<T> is either a T or an Error whose text
// says what went wrong and what would be right. The data path uses small enums instead.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace ringfold {

struct Error {
  std::string text;
};

template <class T>
using Expected = tl::expected<T, Error>;

using Unexpected = tl::unexpected<Error>;

// Makes the error side of any Expected<T>.
[[nodiscard]] inline Unexpected fail(std::string text) {
  return Unexpected(Error{std::move(text)});
}

}  // namespace ringfold
