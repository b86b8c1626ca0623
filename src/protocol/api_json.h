// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "protocol/api_requests.h"
#include "protocol/json_scanner.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace sanjay::protocol {

// The server API's requests as JSON. A body that is no request is refused as a whole, with a reason
// for a person to read, which belongs in an HTTP 400.

/// The body of one call: {"channel":"news","data":{"n":1},"tags":{"lang":"en"}}. `method` is an
/// index in kApiMethodNames.
core::Result<ApiRequest> decode_api_request(std::size_t method, std::string_view body,
                                            const JsonOptions& options = {});

/// {"commands":[{"publish":{"channel":"a","data":1}},{"info":{}}],"parallel":true}
core::Result<ApiBatchRequest> decode_api_batch(std::string_view body,
                                               const JsonOptions& options = {});

/// Commands one behind the other: {"id":1,"method":"publish","params":{"channel":"a","data":1}}.
/// Parameters that are not the method's own refuse their command only (error 107), and so does a
/// method that does not exist (104).
core::Result<std::vector<ApiStreamCommand>> decode_api_stream(std::string_view body,
                                                              const JsonOptions& options = {});

}  // namespace sanjay::protocol
