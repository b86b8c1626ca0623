// SPDX-License-Identifier: Apache-2.0
#include "protocol/fossil_delta.h"

#include "core/random.h"
#include "protocol/delta_data.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sanjay::protocol {
namespace {

std::optional<std::string> patch_of(std::string_view base, std::string_view target,
                                    PatchForm form = PatchForm::Text) {
  FossilDelta delta;
  std::string out;
  if (!delta.create(base, target, form, out)) return std::nullopt;
  EXPECT_EQ(apply_fossil_delta(base, out, target.size()), target);
  EXPECT_LT(out.size(), target.size());
  return out;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

constexpr std::string_view kQuote = R"({"price":100,"symbol":"AAPL","exchange":"NASDAQ"})";

TEST(FossilDelta, WritesTheKnownVector) {
  EXPECT_EQ(patch_of(kQuote, R"({"price":101,"symbol":"AAPL","exchange":"NASDAQ"})"),
            "m\nB@0,1:1a@C,3rHTAY;");
}

TEST(FossilDelta, CopiesWhatStaysTheSame) { EXPECT_EQ(patch_of(kQuote, kQuote), "m\nm@0,3rHTAX;"); }

TEST(FossilDelta, FindsPiecesThatMoved) {
  const std::string a = "The quick brown fox jumps over the lazy dog. ";
  const std::string b = "Pack my box with five dozen liquor jugs, sir! ";
  const auto patch = patch_of(a + b, b + a);
  ASSERT_TRUE(patch);
  EXPECT_LT(patch->size(), 30u);
}

TEST(FossilDelta, IsRefusedWhereItWouldNotBeShorter) {
  EXPECT_FALSE(patch_of("", "target"));
  EXPECT_FALSE(patch_of("base", ""));
  EXPECT_FALSE(patch_of("{}", "[]"));
  EXPECT_FALSE(patch_of(kQuote, R"({"nothing":"is alike"})"));
}

TEST(FossilDelta, LeavesWhatStandsInTheOutput) {
  FossilDelta delta;
  std::string out = "head";
  EXPECT_FALSE(delta.create("abc", "xyz", PatchForm::Text, out));
  EXPECT_EQ(out, "head");
  EXPECT_TRUE(delta.create(kQuote, kQuote, PatchForm::Text, out));
  EXPECT_EQ(out, "headm\nm@0,3rHTAX;");
}

TEST(FossilDelta, NeverCutsACharacterOfText) {
  // The two letters share their first byte; so do the two emoji their first three.
  for (const auto& [before, after] : {std::pair{"о", "а"}, std::pair{"😀", "😁"}}) {
    const std::string head = "{\"text\":\"Съешь же ещё этих мягких французских бул";
    const std::string tail = "к, да выпей же чаю 🍵\"}";
    const std::string base = head + before + tail;
    const std::string target = head + after + tail;
    const auto text = patch_of(base, target, PatchForm::Text);
    ASSERT_TRUE(text);
    EXPECT_TRUE(is_utf8(*text));
    const auto bytes = patch_of(base, target, PatchForm::Bytes);
    ASSERT_TRUE(bytes);
    EXPECT_FALSE(is_utf8(*bytes)) << "this pair proves nothing";
  }
}

TEST(FossilDelta, TextMustBeUtf8OnBothSides) {
  const std::string good(100, 'a');
  std::string bad = good;
  bad[50] = '\xff';
  EXPECT_FALSE(patch_of(bad, good, PatchForm::Text));
  EXPECT_FALSE(patch_of(good, bad, PatchForm::Text));
  EXPECT_TRUE(patch_of(bad, good, PatchForm::Bytes));
  EXPECT_TRUE(patch_of(good, bad, PatchForm::Bytes));
}

/// A text of the letters given, which are whole characters.
std::string random_text(core::Random& random, const std::vector<std::string>& letters,
                        std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += letters[random.below(letters.size())];
  return text;
}

TEST(FossilDelta, AppliedToItsBaseIsTheTargetWhateverTheEdits) {
  const std::vector<std::vector<std::string>> alphabets = {
      {"a", "b"}, {"а", "б", "в", "п", "р", "с"}, {"😀", "😁", "е", "x"}, {"0", "1", ",", "\n"}};
  core::Random random(7);
  int patches = 0;
  for (int round = 0; round < 4000; ++round) {
    const auto& letters = alphabets[random.below(alphabets.size())];
    std::vector<std::string> pieces;
    for (std::size_t i = random.below(12); i > 0; --i) {
      pieces.push_back(random_text(random, letters, random.below(40)));
    }
    std::string base;
    std::string target;
    for (const auto& piece : pieces) base += piece;
    for (const auto& piece : pieces) {
      const auto edit = random.below(8);
      if (edit == 0) target += random_text(random, letters, 1 + random.below(4));
      if (edit == 1) continue;
      target += edit == 2 && !pieces.empty() ? pieces[random.below(pieces.size())] : piece;
    }
    for (const PatchForm form : {PatchForm::Bytes, PatchForm::Text}) {
      const auto patch = patch_of(base, target, form);
      if (!patch) continue;
      ++patches;
      EXPECT_TRUE(form == PatchForm::Bytes || is_utf8(*patch));
    }
  }
  EXPECT_GT(patches, 3000);
}

TEST(FossilDelta, HostilePayloadsTakeBoundedEffort) {
  // Blocks that are alike but for their ends make every candidate worth a look, none worth taking.
  constexpr std::size_t kSize = 1 << 20;
  std::string base;
  std::string target;
  core::Random random(3);
  for (std::size_t i = 0; base.size() < kSize; ++i) {
    base += "aaaaaaaaaaaaaaaa" + std::string(1, static_cast<char>('b' + random.below(20)));
    target += "aaaaaaaaaaaaaaaaa" + std::string(1, static_cast<char>('A' + random.below(20)));
  }
  FossilDelta delta;
  for (const auto& [from, to] : {std::pair{&base, &target}, std::pair{&target, &base}}) {
    std::string out;
    if (delta.create(*from, *to, PatchForm::Bytes, out)) {
      EXPECT_EQ(apply_fossil_delta(*from, out, to->size()), *to);
    }
    const auto bytes = static_cast<std::int64_t>(from->size() + to->size());
    EXPECT_GT(delta.effort(), bytes) << "this pair proves nothing";
    EXPECT_LE(delta.effort(), (FossilDelta::kEffortPerByte + 1) * bytes);
  }
}

TEST(ApplyFossilDelta, RefusesWhatIsNoPatchOfTheBase) {
  const std::string patch = "m\nB@0,1:1a@C,3rHTAY;";
  EXPECT_TRUE(apply_fossil_delta(kQuote, patch, 49));
  EXPECT_FALSE(apply_fossil_delta(kQuote, patch, 48));                     // too large
  EXPECT_FALSE(apply_fossil_delta("short", patch, 49));                    // beyond the base
  EXPECT_FALSE(apply_fossil_delta(kQuote, "m\nB@0,1:2a@C,3rHTAY;", 49));   // checksum
  EXPECT_FALSE(apply_fossil_delta(kQuote, "m\nB@0,1:1a@C,3rHTAY", 49));    // no end
  EXPECT_FALSE(apply_fossil_delta(kQuote, patch + "x", 49));               // more behind it
  EXPECT_FALSE(apply_fossil_delta(kQuote, "m\nB@0,1:1b@C,3rHTAY;", 49));   // more than it says
  EXPECT_FALSE(apply_fossil_delta(kQuote, "n\nB@0,1:1a@C,3rHTAY;", 100));  // less than it says
  EXPECT_FALSE(apply_fossil_delta(kQuote, "~~~~~~~~~~\n0;", ~std::size_t{0}));
  EXPECT_FALSE(apply_fossil_delta(kQuote, "m\n~:1", 49));
  EXPECT_FALSE(apply_fossil_delta(kQuote, "", 49));
  for (std::size_t cut = 0; cut < patch.size(); ++cut) {
    EXPECT_FALSE(apply_fossil_delta(kQuote, patch.substr(0, cut), 49));
  }
}

TEST(DeltaData, IsAStringInJsonWhetherPatchOrWhole) {
  DeltaData data;
  const auto whole = data.write(true, {}, kQuote);
  EXPECT_FALSE(whole.is_patch);
  EXPECT_EQ(whole.data, R"("{\"price\":100,\"symbol\":\"AAPL\",\"exchange\":\"NASDAQ\"}")");
  const auto patch =
      data.write(true, kQuote, R"({"price":101,"symbol":"AAPL","exchange":"NASDAQ"})");
  EXPECT_TRUE(patch.is_patch);
  EXPECT_EQ(patch.data, R"("m\nB@0,1:1a@C,3rHTAY;")");
  const auto other = data.write(true, "[]", "{}");
  EXPECT_FALSE(other.is_patch);
  EXPECT_EQ(other.data, R"("{}")");
}

TEST(DeltaData, StandsAsItIsInProtobuf) {
  DeltaData data;
  EXPECT_EQ(data.write(false, {}, kQuote).data, kQuote);
  const auto patch =
      data.write(false, kQuote, R"({"price":101,"symbol":"AAPL","exchange":"NASDAQ"})");
  EXPECT_TRUE(patch.is_patch);
  EXPECT_EQ(patch.data, "m\nB@0,1:1a@C,3rHTAY;");
}

}  // namespace
}  // namespace sanjay::protocol
