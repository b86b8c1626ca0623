// SPDX-License-Identifier: Apache-2.0
#include "protocol/api_json.h"

#include "core/assert.h"
#include "core/failpoint.h"
#include "protocol/api_json_readers.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace sanjay::protocol {

namespace {

constexpr std::size_t kMethods = kApiMethodNames.size();
constexpr std::string_view kTooManyCommands = "more than 1000 commands";
static_assert(kApiCommandsMax == 1000);

template <std::size_t method>
ApiRequest read_as(ApiReader& reader) {
  ApiRequest request(std::in_place_index<method>);
  read_request(reader, std::get<method>(request));
  return request;
}

using ReadMethod = ApiRequest (*)(ApiReader&);

constexpr auto kReaders = []<std::size_t... method>(std::index_sequence<method...>) {
  return std::array<ReadMethod, kMethods>{read_as<method>...};
}(std::make_index_sequence<kMethods>());

/// The method's index; kMethods if there is none of that name.
std::size_t find_method(std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(kApiMethodNames, name) -
                                  kApiMethodNames.begin());
}

// A stream may write "PUBLISH".
std::string lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

/// {"publish":{…}}
ApiRequest read_command(ApiReader& reader) {
  ApiRequest command = ApiRefusedRequest{};
  for (auto object = reader.in.enter_object(); reader.in.next_member(object);) {
    const std::size_t method = find_method(object.key);
    if (method <= command.index() && method < kMethods) {
      command = kReaders[method](reader);
    } else {
      reader.in.skip_value();
    }
  }
  return command;
}

void read_commands(ApiReader& reader, std::vector<ApiRequest>& commands) {
  commands.clear();
  for (auto array = reader.in.enter_array(); reader.in.next_element(array);) {
    if (commands.size() == kApiCommandsMax && !FAILPOINT("api_json.commands")) {
      return reader.in.refuse(kTooManyCommands);
    }
    commands.push_back(read_command(reader));
  }
}

/// {"id":1,"method":"publish","params":{…}}, whose parameters may stand before their method.
ApiStreamCommand read_stream_command(ApiReader& reader, const JsonOptions& options) {
  ApiStreamCommand command;
  std::string method;
  std::string_view parameters = "{}";
  JsonScanner& in = reader.in;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "id") {
      command.id = in.read_integer<std::uint32_t>();
    } else if (object.key == "method") {
      method = lower_case(in.read_string());
    } else if (object.key == "params") {
      parameters = in.read_value();
    } else {
      in.skip_value();
    }
  }
  const std::size_t found = find_method(method);
  if (found == kMethods || in.failed()) return command;
  std::string scratch;
  JsonScanner inner(parameters, options, scratch);
  ApiReader inner_reader{inner, reader.names_left};
  command.request = kReaders[found](inner_reader);
  reader.names_left = inner_reader.names_left;
  if (inner.failed()) command.request = ApiRefusedRequest{kErrorBadRequest};
  return command;
}

}  // namespace

core::Result<ApiRequest> decode_api_request(std::size_t method, std::string_view body,
                                            const JsonOptions& options) {
  ASSERT(method < kMethods);
  std::string scratch;
  JsonScanner in(body, options, scratch);
  ApiReader reader{in};
  ApiRequest request = kReaders[method](reader);
  in.expect_end();
  if (in.failed()) return core::failure(std::string(in.error()));
  return request;
}

core::Result<ApiBatchRequest> decode_api_batch(std::string_view body, const JsonOptions& options) {
  std::string scratch;
  JsonScanner in(body, options, scratch);
  ApiReader reader{in};
  ApiBatchRequest batch;
  for (auto object = in.enter_object(); in.next_member(object);) {
    if (object.key == "commands") {
      reader.names_left = kApiNamesMax;
      read_commands(reader, batch.commands);
    } else if (object.key == "parallel") {
      batch.parallel = in.read_bool();
    } else {
      in.skip_value();
    }
  }
  in.expect_end();
  if (in.failed()) return core::failure(std::string(in.error()));
  return batch;
}

core::Result<std::vector<ApiStreamCommand>> decode_api_stream(std::string_view body,
                                                              const JsonOptions& options) {
  std::string scratch;
  JsonScanner in(body, options, scratch);
  ApiReader reader{in};
  std::vector<ApiStreamCommand> commands;
  if (in.at_end()) in.refuse("object expected");
  while (!in.at_end()) {
    if (commands.size() == kApiCommandsMax && !FAILPOINT("api_json.commands")) {
      in.refuse(kTooManyCommands);
    } else {
      commands.push_back(read_stream_command(reader, options));
    }
  }
  if (in.failed()) return core::failure(std::string(in.error()));
  return commands;
}

}  // namespace sanjay::protocol
