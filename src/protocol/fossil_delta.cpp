// SPDX-License-Identifier: Apache-2.0
#include "protocol/fossil_delta.h"

#include "core/failpoint.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace sanjay::protocol {

namespace {

constexpr std::size_t kBlock = 16;  // bytes that are looked up as one
constexpr int kCandidatesMax = 250;
constexpr std::size_t kLongEnough = 1024;  // no better piece is looked for
constexpr std::size_t kPayloadMax = std::size_t{1} << 30;
constexpr std::size_t kBlocksKept = 64 * 1024;  // a larger table is freed after use

constexpr std::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

constexpr std::array<std::int8_t, 256> kDigitValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

std::size_t digits_of(std::size_t value) {
  std::size_t digits = 1;
  while ((value >>= 6) != 0) ++digits;
  return digits;
}

void append_number(std::string& out, std::size_t value) {
  for (std::size_t digit = digits_of(value); digit > 0; --digit) {
    out.push_back(kDigits[(value >> (6 * (digit - 1))) & 63]);
  }
}

void append_copy(std::string& out, std::size_t from, std::size_t length) {
  append_number(out, length);
  out.push_back('@');
  append_number(out, from);
  out.push_back(',');
}

void append_insert(std::string& out, std::string_view literal) {
  if (literal.empty()) return;
  append_number(out, literal.size());
  out.push_back(':');
  out.append(literal);
}

/// Whether copying is shorter than standing in an insert that is there anyway.
bool pays(std::size_t from, std::size_t length) {
  return length > digits_of(length) + digits_of(from) + 2;
}

/// The sum of the bytes as 32-bit numbers, highest byte first, the last one filled up with zeros.
std::uint32_t checksum(std::string_view bytes) {
  std::array<std::uint32_t, 4> sums{};
  std::size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    for (std::size_t i = 0; i < 4; ++i) sums[i] += static_cast<unsigned char>(bytes[at + i]);
  }
  for (std::size_t i = 0; at < bytes.size(); ++at, ++i) {
    sums[i] += static_cast<unsigned char>(bytes[at]);
  }
  return (sums[0] << 24) + (sums[1] << 16) + (sums[2] << 8) + sums[3];
}

std::uint64_t word_at(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// How many of the first bytes are the same, at most `max`. Both have that many.
std::size_t common_prefix(const char* a, const char* b, std::size_t max) {
  static_assert(std::endian::native == std::endian::little);
  std::size_t same = 0;
  for (; same + 8 <= max; same += 8) {
    const std::uint64_t difference = word_at(a + same) ^ word_at(b + same);
    if (difference != 0) {
      return same + static_cast<std::size_t>(std::countr_zero(difference)) / 8;
    }
  }
  while (same < max && a[same] == b[same]) ++same;
  return same;
}

/// The same of the last bytes, which end before `a` and `b`.
std::size_t common_suffix(const char* a, const char* b, std::size_t max) {
  std::size_t same = 0;
  for (; same + 8 <= max; same += 8) {
    const std::uint64_t difference = word_at(a - same - 8) ^ word_at(b - same - 8);
    if (difference != 0) {
      return same + static_cast<std::size_t>(std::countl_zero(difference)) / 8;
    }
  }
  while (same < max &&
         a[-1 - static_cast<std::ptrdiff_t>(same)] == b[-1 - static_cast<std::ptrdiff_t>(same)]) {
    ++same;
  }
  return same;
}

bool cuts_character(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

/// The hash of kBlock bytes that moves on byte by byte: their polynomial modulo 2^64.
class BlockHash {
 public:
  explicit BlockHash(const char* bytes) {
    for (std::size_t i = 0; i < kBlock; ++i) value_ = value_ * kFactor + octet(bytes[i]);
  }
  void move(char out, char in) { value_ = (value_ - octet(out) * kOldest) * kFactor + octet(in); }
  std::uint64_t value() const { return value_ ^ (value_ >> 29); }

 private:
  static constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15ULL;
  static constexpr std::uint64_t kOldest = [] {
    std::uint64_t power = 1;
    for (std::size_t i = 1; i < kBlock; ++i) power *= kFactor;
    return power;
  }();
  static std::uint64_t octet(char c) { return static_cast<unsigned char>(c) + 1U; }

  std::uint64_t value_ = 0;
};

}  // namespace

struct FossilDelta::Search {
  std::string_view base;
  std::string_view target;
  std::size_t end;  // in the target: what follows is copied anyhow
  bool whole_characters;
  std::int64_t effort_max;
};

void FossilDelta::index(std::string_view base) {
  const std::size_t blocks = base.size() / kBlock;
  newest_.assign(std::bit_ceil(blocks), 0);
  before_.assign(blocks, 0);
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::uint64_t hash = BlockHash(base.data() + block * kBlock).value();
    std::uint32_t& newest = newest_[hash & (newest_.size() - 1)];
    before_[block] = newest;
    newest = static_cast<std::uint32_t>(block + 1);
  }
}

/// The longest piece of the base around `at` that begins at `from` or later and pays.
FossilDelta::Piece FossilDelta::find(const Search& search, std::size_t from, std::size_t at,
                                     std::uint64_t hash) {
  Piece best;
  std::uint32_t block = newest_[hash & (newest_.size() - 1)];
  for (int left = kCandidatesMax; block != 0 && left > 0 && effort_ < search.effort_max; --left) {
    const std::size_t source = std::size_t{block - 1} * kBlock;
    block = before_[block - 1];
    const std::size_t ahead = common_prefix(search.base.data() + source, search.target.data() + at,
                                            std::min(search.base.size() - source, search.end - at));
    const std::size_t behind = common_suffix(search.base.data() + source, search.target.data() + at,
                                             std::min(source, at - from));
    effort_ += static_cast<std::int64_t>(1 + ahead + behind);
    Piece piece{.from = source - behind, .to = at - behind, .length = behind + ahead};
    if (search.whole_characters) {
      for (; piece.length > 0 && cuts_character(search.target, piece.to); --piece.length) {
        ++piece.from;
        ++piece.to;
      }
      while (piece.length > 0 && cuts_character(search.target, piece.to + piece.length)) {
        --piece.length;
      }
    }
    if (piece.length > best.length && pays(piece.from, piece.length)) best = piece;
    if (best.length >= kLongEnough) break;
  }
  return best;
}

/// Writes what makes target[from, search.end).
void FossilDelta::append_middle(const Search& search, std::size_t from, std::string& out) {
  if (search.base.size() >= kBlock && search.end - from >= kBlock) {
    index(search.base);
    std::size_t at = from;
    BlockHash hash(search.target.data() + at);
    while (effort_ < search.effort_max) {
      const Piece piece = find(search, from, at, hash.value());
      if (piece.length > 0) {
        append_insert(out, search.target.substr(from, piece.to - from));
        append_copy(out, piece.from, piece.length);
        from = piece.to + piece.length;
        at = from;
        if (at + kBlock > search.end) break;
        hash = BlockHash(search.target.data() + at);
        continue;
      }
      if (at + kBlock >= search.end) break;
      hash.move(search.target[at], search.target[at + kBlock]);
      ++at;
    }
    if (before_.size() > kBlocksKept) {
      newest_ = {};
      before_ = {};
    }
  }
  append_insert(out, search.target.substr(from, search.end - from));
}

bool FossilDelta::create(std::string_view base, std::string_view target, PatchForm form,
                         std::string& out) {
  effort_ = 0;
  if (base.empty() || target.empty()) return false;
  if (base.size() > kPayloadMax || target.size() > kPayloadMax) return false;
  const bool text = form == PatchForm::Text;
  if (text && (!is_utf8(base) || !is_utf8(target))) return false;
  const bool whole_characters = text && !FAILPOINT("delta.characters");

  // Most payloads differ in one place: what they begin and end with alike needs no table.
  const std::size_t shorter = std::min(base.size(), target.size());
  std::size_t begin = common_prefix(base.data(), target.data(), shorter);
  if (whole_characters) {
    while (cuts_character(target, begin)) --begin;
  }
  if (!pays(0, begin)) begin = 0;
  std::size_t tail =
      common_suffix(base.data() + base.size(), target.data() + target.size(), shorter - begin);
  if (whole_characters) {
    while (cuts_character(target, target.size() - tail)) --tail;
  }
  if (!pays(base.size() - tail, tail)) tail = 0;

  const std::int64_t effort_max =
      FAILPOINT("delta.effort")
          ? std::numeric_limits<std::int64_t>::max()
          : static_cast<std::int64_t>(base.size() + target.size()) * kEffortPerByte;

  const std::size_t start = out.size();
  append_number(out, target.size());
  out.push_back('\n');
  if (begin > 0) append_copy(out, 0, begin);
  append_middle({.base = base,
                 .target = target,
                 .end = target.size() - tail,
                 .whole_characters = whole_characters,
                 .effort_max = effort_max},
                begin, out);
  if (tail > 0) append_copy(out, base.size() - tail, tail);
  append_number(out, checksum(target));
  out.push_back(';');
  if (out.size() - start < target.size()) return true;
  out.resize(start);
  return false;
}

namespace {

/// Reads a patch from front to back.
class PatchReader {
 public:
  explicit PatchReader(std::string_view patch) : left_(patch) {}

  /// At least one digit, and no more than 32 bits hold.
  std::optional<std::uint32_t> number() {
    std::uint64_t value = 0;
    std::size_t digits = 0;
    for (; digits < left_.size(); ++digits) {
      const std::int8_t digit = kDigitValues[static_cast<unsigned char>(left_[digits])];
      if (digit < 0) break;
      value = value << 6 | static_cast<std::uint64_t>(digit);
      if (value > UINT32_MAX) return std::nullopt;
    }
    if (digits == 0) return std::nullopt;
    left_.remove_prefix(digits);
    return static_cast<std::uint32_t>(value);
  }

  /// The next byte; 0 at the end.
  char next() {
    if (left_.empty()) return '\0';
    const char c = left_.front();
    left_.remove_prefix(1);
    return c;
  }

  std::optional<std::string_view> take(std::size_t bytes) {
    if (bytes > left_.size()) return std::nullopt;
    const std::string_view taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return taken;
  }

  bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
};

}  // namespace

std::optional<std::string> apply_fossil_delta(std::string_view base, std::string_view patch,
                                              std::size_t target_bytes_max) {
  PatchReader in(patch);
  const auto size = in.number();
  if (!size || *size > target_bytes_max || in.next() != '\n') return std::nullopt;
  std::string target;
  for (;;) {
    const auto count = in.number();
    if (!count) return std::nullopt;
    const char instruction = in.next();
    if (instruction == ';') {
      if (target.size() != *size || *count != checksum(target) || !in.at_end()) return std::nullopt;
      return target;
    }
    if (*count > *size - target.size()) return std::nullopt;
    if (instruction == '@') {
      const auto from = in.number();
      if (!from || in.next() != ',') return std::nullopt;
      if (*from > base.size() || *count > base.size() - *from) return std::nullopt;
      target.append(base.substr(*from, *count));
    } else if (instruction == ':') {
      const auto literal = in.take(*count);
      if (!literal) return std::nullopt;
      target.append(*literal);
    } else {
      return std::nullopt;
    }
  }
}

}  // namespace sanjay::protocol
