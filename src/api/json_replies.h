// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/replies.h"

#include <span>
#include <string>
#include <string_view>

namespace sanjay::api {

// Replies of the server API as JSON on one line, with the members that Centrifugo writes, in its
// order. What is empty or 0 is left out, except what it always writes too. Payloads that are no
// JSON stand in base64 in a member of the name with "b64" before it, as they do in requests.

/// {"code":107,"message":"bad request"}
void append_error(std::string& out, const protocol::Error& error);

/// The result alone: {"offset":12,"epoch":"xyzw"}
void append_result(std::string& out, const Result& result);

/// {"result":{…}} or {"error":{…}}
void append_reply(std::string& out, const Reply& reply);

/// A command's reply within those of a batch: {"publish":{…}} or {"error":{…}}
void append_batch_reply(std::string& out, std::string_view method, const Reply& reply);

}  // namespace sanjay::api
