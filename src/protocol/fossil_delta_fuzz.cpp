// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "protocol/fossil_delta.h"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sanjay::protocol {

/// First octet: where the base ends and the target begins, in 256ths of the rest. Then the target
/// is taken for a patch too.
void fuzz_fossil_delta(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = rest.size() * data[0] / 256;
  const std::string_view base = rest.substr(0, cut);
  const std::string_view target = rest.substr(cut);
  const auto is_utf8 = [](std::string_view text) {
    return simdjson::validate_utf8(text.data(), text.size());
  };

  FossilDelta delta;
  for (const PatchForm form : {PatchForm::Bytes, PatchForm::Text}) {
    std::string out = "before";
    if (!delta.create(base, target, form, out)) {
      ASSERT(out == "before");
      continue;
    }
    const std::string_view patch = std::string_view(out).substr(6);
    ASSERT(patch.size() < target.size());
    ASSERT(apply_fossil_delta(base, patch, target.size()) == target);
    ASSERT(!apply_fossil_delta(base, patch, target.size() - 1));
    if (form == PatchForm::Text) ASSERT(is_utf8(base) && is_utf8(target) && is_utf8(patch));
  }
  constexpr std::size_t kMost = 4096;
  const auto made = apply_fossil_delta(base, target, kMost);
  ASSERT(!made || made->size() <= kMost);
}

}  // namespace sanjay::protocol

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::protocol::fuzz_fossil_delta(data, size);
  return 0;
}
#endif
