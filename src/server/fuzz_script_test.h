// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// For tests only: the scripts of the whole-server fuzzer, one step a line: a letter, a digit that
// says whose peer or how much, and a text in which \r \n \\ and \xHH stand for bytes. After a step
// each shard turns once, unless the letter is a capital. What the letters mean: server_fuzz.cpp.

namespace sanjay::server {

inline constexpr std::size_t kStepsMax = 400;

struct Step {
  char letter = 0;
  unsigned number = 0;
  bool turns = true;
  std::string text;
};

inline std::string unescaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("\\n")) {
      out += '\n';
      ++i;
    } else if (rest.starts_with("\\r")) {
      out += '\r';
      ++i;
    } else if (rest.starts_with("\\\\")) {
      out += '\\';
      ++i;
    } else if (rest.size() >= 4 && rest.starts_with("\\x") && kHex.find(rest[2]) != kHex.npos &&
               kHex.find(rest[3]) != kHex.npos) {
      out += static_cast<char>(kHex.find(rest[2]) * 16 + kHex.find(rest[3]));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// The steps of a script, repetitions written out.
inline std::vector<Step> parse(std::string_view script) {
  std::vector<Step> steps;
  while (!script.empty() && steps.size() < kStepsMax) {
    const std::string_view line = script.substr(0, script.find('\n'));
    script.remove_prefix(std::min(line.size() + 1, script.size()));
    if (line.empty() || line[0] == '#') continue;
    Step step;
    const auto letter = static_cast<unsigned char>(line[0]);
    step.letter = static_cast<char>(std::tolower(letter));
    step.turns = std::isupper(letter) == 0;
    if (line.size() > 1) step.number = static_cast<unsigned char>(line[1]) % 16;
    if (line.size() > 2) step.text = unescaped(line.substr(2));
    if (step.letter != '*') {
      steps.push_back(std::move(step));
    } else if (!steps.empty()) {
      const Step last = steps.back();
      const std::size_t room = kStepsMax - steps.size();
      steps.insert(steps.end(), std::min<std::size_t>(room, step.number * step.number), last);
    }
  }
  return steps;
}

}  // namespace sanjay::server
