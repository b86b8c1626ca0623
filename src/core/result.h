// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace sanjay::core {

/// What went wrong, for a person to read. Modules whose callers decide by kind define their own,
/// smaller error (a close code, an HTTP status) and use Result<T, ThatError>.
struct Error {
  std::string message;
};

/// The value or the reason it is missing. Dropping one is a bug, which no compiler flag of g++ 12
/// finds for std::expected: clang-tidy's bugprone-unused-return-value and reviews look for it.
template <class T, class E = Error>
using Result = std::expected<T, E>;

using Status = Result<void>;

inline std::unexpected<Error> failure(std::string message) {
  return std::unexpected<Error>(Error{std::move(message)});
}

}  // namespace sanjay::core

#define SANJAY_TRY_JOIN_INNER(a, b) a##b
#define SANJAY_TRY_JOIN(a, b) SANJAY_TRY_JOIN_INNER(a, b)

/// SANJAY_TRY(auto value, parse(bytes)): binds the value, or returns the error to the caller.
#define SANJAY_TRY(declaration, expression) \
  SANJAY_TRY_IMPL(SANJAY_TRY_JOIN(sanjay_try_, __LINE__), declaration, expression)
#define SANJAY_TRY_IMPL(temporary, declaration, expression)             \
  auto temporary = (expression);                                        \
  if (!temporary) return std::unexpected(std::move(temporary).error()); \
  declaration = *std::move(temporary)
