// SPDX-License-Identifier: Apache-2.0
#include "core/random.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::protocol {

void fuzz_fossil_delta(const std::uint8_t* data, std::size_t size);
void fuzz_json_decoder(const std::uint8_t* data, std::size_t size);
void fuzz_json_scanner(const std::uint8_t* data, std::size_t size);
void fuzz_api_json(const std::uint8_t* data, std::size_t size);
void fuzz_emulation(const std::uint8_t* data, std::size_t size);
void fuzz_protobuf_decoder(const std::uint8_t* data, std::size_t size);

namespace {

struct Target {
  const char* name;
  void (*run)(const std::uint8_t*, std::size_t);
};

void run(const Target& target, const std::string& input) {
  target.run(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::vector<std::string> corpus_of(const Target& target) {
  std::vector<std::string> inputs;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(SANJAY_CORPUS_DIR "/") + target.name)) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

constexpr std::string_view kPieces[] = {
    "{",       "}",        "[",    "]",        ",",         ":",
    "\"",      "\\",       "\n",   "\r",       "0",         "-",
    "e9",      ".5",       "null", "true",     "\\u00e9",   "\\ud83d\\ude00",
    "\\ud83d", "\xC3\xA9", "\xFF", "\"id\":1", "\"data\":", "{}"};

/// One to four edits: pieces of JSON put in, bytes replaced, ranges removed or doubled.
std::string mutated(std::string input, core::Random& random) {
  for (std::uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
    const std::size_t at = random.below(input.size() + 1);
    const std::size_t length = random.below(input.size() - at + 1);
    switch (random.below(4)) {
      case 0:
        input.insert(at, kPieces[random.below(std::size(kPieces))]);
        break;
      case 1:
        input.replace(at, length != 0, 1, static_cast<char>(random.below(256)));
        break;
      case 2:
        input.erase(at, random.below(1 + length));
        break;
      default:
        input.insert(at, input.substr(at, length % 40));
        break;
    }
  }
  return input;
}

class FuzzTarget : public testing::TestWithParam<Target> {};

TEST_P(FuzzTarget, HoldsOnTheCorpusAndOnMutationsOfIt) {
  const std::vector<std::string> corpus = corpus_of(GetParam());
  ASSERT_GE(corpus.size(), 5u);
  core::Random random(20261124);
  for (const std::string& input : corpus) {
    run(GetParam(), input);
    for (int i = 0; i < 400; ++i) run(GetParam(), mutated(input, random));
  }
}

TEST_P(FuzzTarget, HoldsOnEveryPrefixOfTheCorpus) {
  for (const std::string& input : corpus_of(GetParam())) {
    for (std::size_t size = 0; size <= input.size(); ++size) run(GetParam(), input.substr(0, size));
  }
}

INSTANTIATE_TEST_SUITE_P(Json, FuzzTarget,
                         testing::Values(Target{"json_decoder", fuzz_json_decoder},
                                         Target{"json_scanner", fuzz_json_scanner},
                                         Target{"api_json", fuzz_api_json},
                                         Target{"emulation", fuzz_emulation}),
                         [](const auto& target) { return std::string(target.param.name); });
INSTANTIATE_TEST_SUITE_P(Delta, FuzzTarget,
                         testing::Values(Target{"fossil_delta", fuzz_fossil_delta}),
                         [](const auto& target) { return std::string(target.param.name); });
INSTANTIATE_TEST_SUITE_P(Protobuf, FuzzTarget,
                         testing::Values(Target{"protobuf_decoder", fuzz_protobuf_decoder}),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace sanjay::protocol
