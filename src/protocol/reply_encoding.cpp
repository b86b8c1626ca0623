// SPDX-License-Identifier: Apache-2.0
#include "protocol/reply_encoding.h"

#include "protocol/json_encoder.h"
#include "protocol/protobuf_encoder.h"

namespace sanjay::protocol {

const ReplyEncoding kJsonReplies{
    .separator = "\n",
    .carries_binary = false,
    .connect = append_connect_reply,
    .subscribe = append_subscribe_reply,
    .empty = append_empty_reply,
    .presence = append_presence_reply,
    .presence_stats = append_presence_stats_reply,
    .history = append_history_reply,
    .rpc = append_rpc_reply,
    .refresh = append_refresh_reply,
    .sub_refresh = append_sub_refresh_reply,
    .error = append_error_reply,
    .publication_push = append_publication_push,
    .join_push = append_join_push,
    .leave_push = append_leave_push,
    .unsubscribe_push = append_unsubscribe_push,
    .subscribe_push = append_subscribe_push,
    .refresh_push = append_refresh_push,
    .disconnect_push = append_disconnect_push,
    .ping = append_ping,
};

const ReplyEncoding kProtobufReplies{
    .separator = "",
    .carries_binary = true,
    .connect = protobuf::append_connect_reply,
    .subscribe = protobuf::append_subscribe_reply,
    .empty = protobuf::append_empty_reply,
    .presence = protobuf::append_presence_reply,
    .presence_stats = protobuf::append_presence_stats_reply,
    .history = protobuf::append_history_reply,
    .rpc = protobuf::append_rpc_reply,
    .refresh = protobuf::append_refresh_reply,
    .sub_refresh = protobuf::append_sub_refresh_reply,
    .error = protobuf::append_error_reply,
    .publication_push = protobuf::append_publication_push,
    .join_push = protobuf::append_join_push,
    .leave_push = protobuf::append_leave_push,
    .unsubscribe_push = protobuf::append_unsubscribe_push,
    .subscribe_push = protobuf::append_subscribe_push,
    .refresh_push = protobuf::append_refresh_push,
    .disconnect_push = protobuf::append_disconnect_push,
    .ping = protobuf::append_ping,
};

const ReplyEncoding kJsonPushes{
    .separator = "\n",
    .carries_binary = false,
    .connect = bare::append_connect_push,
    .publication_push = bare::append_publication_push,
    .join_push = bare::append_join_push,
    .leave_push = bare::append_leave_push,
    .unsubscribe_push = bare::append_unsubscribe_push,
    .subscribe_push = bare::append_subscribe_push,
    .refresh_push = bare::append_refresh_push,
    .disconnect_push = bare::append_disconnect_push,
    .ping = append_ping,
};

}  // namespace sanjay::protocol
