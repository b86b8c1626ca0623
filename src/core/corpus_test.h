// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace sanjay::core {

/// For tests only: one to four edits of an input, as a fuzzer makes them.
inline std::string mutated(std::string input, Random& random) {
  for (std::uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
    const std::size_t at = random.below(input.size() + 1);
    const std::size_t left = input.size() - at;
    switch (random.below(4)) {
      case 0:
        input.insert(at, 1, static_cast<char>(random.below(256)));
        break;
      case 1:
        if (left > 0) input[at] = static_cast<char>(random.below(256));
        break;
      case 2:
        input.erase(at, random.below(1 + left));
        break;
      default:
        input.insert(at, input.substr(at, random.below(40)));
        break;
    }
  }
  return input;
}

/// For tests only: runs a fuzzer's body on every file of its corpus and on `mutations` seeded
/// mutations of each. Answers how many files there were.
template <class Body>
std::size_t run_corpus(const std::string& folder, int mutations, Body&& body) {
  Random random(1);
  std::size_t files = 0;
  const auto run = [&](const std::string& input) {
    body(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  };
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string seed(std::istreambuf_iterator<char>(file), {});
    run(seed);
    for (int i = 0; i < mutations; ++i) run(mutated(seed, random));
    ++files;
  }
  return files;
}

}  // namespace sanjay::core
