// SPDX-License-Identifier: Apache-2.0
#include "protocol/delta_data.h"

#include "protocol/json_string.h"

namespace sanjay::protocol {

DeltaData::Written DeltaData::write(bool as_json, std::string_view base, std::string_view payload) {
  patch_.clear();
  const bool is_patch =
      !base.empty() &&
      delta_.create(base, payload, as_json ? PatchForm::Text : PatchForm::Bytes, patch_);
  const std::string_view data = is_patch ? std::string_view(patch_) : payload;
  if (!as_json) return {data, is_patch};
  text_.clear();
  append_json_string(text_, data);
  return {text_, is_patch};
}

}  // namespace sanjay::protocol
