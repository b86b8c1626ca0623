// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::protocol {

/// What a patch must be able to travel in.
enum class PatchForm : std::uint8_t {
  Bytes,  // anything
  Text,   // a JSON string: base, target and patch are UTF-8, no character is cut
};

/// Writes the difference between two payloads in Fossil's delta format
/// (https://fossil-scm.org/home/doc/trunk/www/delta_format.wiki). Keeps its tables from call to
/// call; owned by whoever encodes, one thread.
class FossilDelta {
 public:
  /// Appends to `out` the patch that makes `target` of `base`. False, with nothing appended, when
  /// no patch shorter than `target` was found, or Text is wanted and one of the two is not UTF-8.
  /// The time it takes is linear in their sizes whatever they hold: looking for common pieces stops
  /// when that much was spent, and what is left is inserted as it stands.
  bool create(std::string_view base, std::string_view target, PatchForm form, std::string& out);

  /// What the last patch took: bytes compared and candidates tried.
  std::int64_t effort() const { return effort_; }
  /// At most that for each byte of both payloads, and what one candidate takes.
  static constexpr std::int64_t kEffortPerByte = 16;

 private:
  struct Piece {
    std::size_t from = 0;    // in the base
    std::size_t to = 0;      // in the target
    std::size_t length = 0;  // 0: none
  };
  struct Search;

  void index(std::string_view base);
  Piece find(const Search& search, std::size_t from, std::size_t at, std::uint64_t hash);
  void append_middle(const Search& search, std::size_t from, std::string& out);

  // Block numbers + 1; 0: none. The newest block of each hash, and the one before each block.
  std::vector<std::uint32_t> newest_;
  std::vector<std::uint32_t> before_;
  std::int64_t effort_ = 0;
};

/// The target, or nothing when `patch` is not one of `base`, or makes more than `target_bytes_max`.
std::optional<std::string> apply_fossil_delta(std::string_view base, std::string_view patch,
                                              std::size_t target_bytes_max);

}  // namespace sanjay::protocol
