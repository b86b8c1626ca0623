// SPDX-License-Identifier: Apache-2.0
#include "core/assert.h"
#include "protocol/protobuf_decoder.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>
#include <protocol/client.pb.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

namespace sanjay::protocol {

namespace {

bool same(const FilterNode& ours, const wire::FilterNode& theirs) {
  return ours.op == theirs.op() && ours.key == theirs.key() && ours.compare == theirs.cmp() &&
         ours.value == theirs.val() &&
         std::ranges::equal(ours.values, theirs.vals(), std::equal_to<std::string_view>()) &&
         std::ranges::equal(ours.nodes, theirs.nodes(),
                            [](const auto& a, const auto& b) { return same(a, b); });
}

/// All but the channel, which in a map of subscriptions is the key.
bool same_wish(const SubscribeRequest& ours, const wire::SubscribeRequest& theirs) {
  if ((ours.tags_filter != nullptr) != theirs.has_tf()) return false;
  if (ours.tags_filter && !same(*ours.tags_filter, theirs.tf())) return false;
  return ours.token == theirs.token() && ours.recover == theirs.recover() &&
         ours.epoch == theirs.epoch() && ours.offset == theirs.offset() &&
         ours.data == theirs.data() && ours.positioned == theirs.positioned() &&
         ours.recoverable == theirs.recoverable() && ours.join_leave == theirs.join_leave() &&
         ours.delta == theirs.delta() && ours.flags == theirs.flag() && ours.type == theirs.type();
}

bool same(const SubscribeRequest& ours, const wire::SubscribeRequest& theirs) {
  return ours.channel == theirs.channel() && same_wish(ours, theirs);
}

bool same(const ConnectRequest& ours, const wire::ConnectRequest& theirs) {
  // From the back: the last entry of a name is the one that counts.
  std::set<std::string_view> channels;
  for (std::size_t i = ours.subs.size(); i-- > 0;) {
    const SubscribeRequest& sub = ours.subs[i];
    if (!channels.insert(sub.channel).second) continue;
    const auto found = theirs.subs().find(std::string(sub.channel));
    if (found == theirs.subs().end() || !same_wish(sub, found->second)) return false;
  }
  std::set<std::string_view> names;
  for (std::size_t i = ours.headers.size(); i-- > 0;) {
    const EmulatedHeader& header = ours.headers[i];
    if (!names.insert(header.name).second) continue;
    const auto found = theirs.headers().find(std::string(header.name));
    if (found == theirs.headers().end() || header.value != found->second) return false;
  }
  return channels.size() == theirs.subs().size() && names.size() == theirs.headers().size() &&
         ours.token == theirs.token() && ours.data == theirs.data() && ours.name == theirs.name() &&
         ours.version == theirs.version();
}

bool same(const PublishRequest& ours, const wire::PublishRequest& theirs) {
  return ours.channel == theirs.channel() && ours.data == theirs.data() &&
         ours.type == theirs.type();
}
bool same(const HistoryRequest& ours, const wire::HistoryRequest& theirs) {
  return ours.channel == theirs.channel() && ours.limit == theirs.limit() &&
         ours.has_since == theirs.has_since() && ours.since_offset == theirs.since().offset() &&
         ours.since_epoch == theirs.since().epoch() && ours.reverse == theirs.reverse();
}
bool same(const RpcRequest& ours, const wire::RpcRequest& theirs) {
  return ours.method == theirs.method() && ours.data == theirs.data();
}
bool same(const SendRequest& ours, const wire::SendRequest& theirs) {
  return ours.data == theirs.data();
}
bool same(const RefreshRequest& ours, const wire::RefreshRequest& theirs) {
  return ours.token == theirs.token();
}
bool same(const SubRefreshRequest& ours, const wire::SubRefreshRequest& theirs) {
  return ours.channel == theirs.channel() && ours.token == theirs.token() &&
         ours.type == theirs.type();
}
bool same(const UnsubscribeRequest& ours, const wire::UnsubscribeRequest& theirs) {
  return ours.channel == theirs.channel();
}
bool same(const PresenceRequest& ours, const wire::PresenceRequest& theirs) {
  return ours.channel == theirs.channel();
}
bool same(const PresenceStatsRequest& ours, const wire::PresenceStatsRequest& theirs) {
  return ours.channel == theirs.channel();
}

template <class T>
bool holds(const Request& request, const auto& theirs) {
  const T* ours = std::get_if<T>(&request);
  return ours != nullptr && same(*ours, theirs);
}

/// Whether the request is the first of `theirs` in dispatch order, with the same values.
bool same_request(const Request& ours, const wire::Command& theirs) {
  if (theirs.has_connect()) return holds<ConnectRequest>(ours, theirs.connect());
  if (theirs.has_ping()) return false;
  if (theirs.has_subscribe()) return holds<SubscribeRequest>(ours, theirs.subscribe());
  if (theirs.has_unsubscribe()) return holds<UnsubscribeRequest>(ours, theirs.unsubscribe());
  if (theirs.has_publish()) return holds<PublishRequest>(ours, theirs.publish());
  if (theirs.has_presence()) return holds<PresenceRequest>(ours, theirs.presence());
  if (theirs.has_presence_stats()) {
    return holds<PresenceStatsRequest>(ours, theirs.presence_stats());
  }
  if (theirs.has_history()) return holds<HistoryRequest>(ours, theirs.history());
  if (theirs.has_rpc()) return holds<RpcRequest>(ours, theirs.rpc());
  if (theirs.has_send()) return holds<SendRequest>(ours, theirs.send());
  if (theirs.has_refresh()) return holds<RefreshRequest>(ours, theirs.refresh());
  if (theirs.has_sub_refresh()) return holds<SubRefreshRequest>(ours, theirs.sub_refresh());
  return std::holds_alternative<Pong>(ours);
}

/// libprotobuf's reading of the first command of `stream`; whether it is one.
bool parse(std::string_view stream, wire::Command& command, std::size_t& consumed) {
  const google::protobuf::LogSilencer quiet;  // it reports text that is not UTF-8
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(stream.data()),
                                            static_cast<int>(stream.size()));
  std::uint32_t length = 0;
  if (!in.ReadVarint32(&length)) return false;
  const auto prefix = static_cast<std::size_t>(in.CurrentPosition());
  if (length > stream.size() - prefix) return false;
  consumed = prefix + length;
  return command.ParseFromArray(stream.data() + prefix, static_cast<int>(length));
}

}  // namespace

/// Whatever decodes is what libprotobuf reads, what is cut off or not UTF-8 is so for libprotobuf
/// too (it takes more than we do: groups, numbers out of range), and stopping after any command and
/// going on with the saved rest gives the same commands.
void fuzz_protobuf_decoder(const std::uint8_t* data, std::size_t size) {
  const std::string message(reinterpret_cast<const char*>(data), size);
  ProtobufDecoder whole;
  ProtobufDecoder resumed;
  whole.begin(message);
  std::string saved = message;
  while (auto command = whole.next()) {
    resumed.begin(saved);
    const auto again = resumed.next();
    wire::Command theirs;
    std::size_t consumed = 0;
    const bool parsed = parse(saved, theirs, consumed);
    if (!*command) {
      const std::string_view reason = command->error().reason;
      ASSERT(!reason.empty() && whole.rest().empty() && !whole.next());
      ASSERT(reason == "too many commands" || !again->has_value());
      ASSERT(!parsed || (reason != "message is cut off" && reason != "text is not UTF-8"));
      return;
    }
    ASSERT(parsed && again && again->has_value());
    ASSERT((*again)->id == (*command)->id && (*command)->id == theirs.id());
    ASSERT(same_request((*command)->request, theirs));
    ASSERT(same_request((*again)->request, theirs));
    ASSERT(resumed.rest() == whole.rest() && saved.size() - consumed == whole.rest().size());
    saved = std::string(whole.rest());
  }
  ASSERT(saved.empty());
}

}  // namespace sanjay::protocol

#ifdef SANJAY_FUZZ_MAIN
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sanjay::protocol::fuzz_protobuf_decoder(data, size);
  return 0;
}
#endif
