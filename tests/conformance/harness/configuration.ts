// SPDX-License-Identifier: Apache-2.0
// The configuration that the sessions share. Both servers read it: the keys are the same.
import type { Configuration } from "./target.ts";

export const SECRET = "conformance-secret-of-32-characters";
export const API_KEY = "conformance-api-key-of-some-length";

const open = { allow_subscribe_for_client: true, allow_publish_for_client: true };
const stored = { ...open, history_size: 1000, history_ttl: "300s" };
const deltas = { ...stored, force_recovery: true, allowed_delta_types: ["fossil"] };

export const BASE: Configuration = {
  client: { token: { hmac_secret_key: SECRET } },
  http_api: { key: API_KEY },
  node: { name: "node" },
  channel: {
    without_namespace: { ...open },
    namespaces: [
      { name: "closed" },
      { name: "subscriber", allow_subscribe_for_client: true, allow_publish_for_subscriber: true },
      {
        name: "anonymous",
        ...open,
        allow_subscribe_for_anonymous: true,
        allow_publish_for_anonymous: true,
      },
      { name: "history", ...stored, history_size: 10, allow_history_for_client: true },
      { name: "history_subscriber", ...stored, allow_history_for_subscriber: true },
      { name: "history_hidden", ...stored },
      { name: "allowed", ...stored, allow_recovery: true, allow_positioning: true },
      { name: "positioned", ...stored, force_positioning: true },
      { name: "recovery", ...stored, force_recovery: true, allow_history_for_client: true },
      { name: "small", ...stored, history_size: 3, force_recovery: true },
      {
        name: "cache",
        ...stored,
        history_size: 1,
        force_recovery: true,
        force_recovery_mode: "cache",
      },
      {
        name: "auto_cache",
        ...stored,
        history_size: 1,
        force_recovery: true,
        force_recovery_mode: "cache",
        auto_cache_recover: true,
      },
      { name: "delta", ...deltas, delta_publish: true },
      { name: "delta_asked", ...deltas },
      { name: "delta_plain", ...open, allowed_delta_types: ["fossil"], delta_publish: true },
      {
        name: "delta_filtered",
        ...deltas,
        delta_publish: true,
        allow_history_for_client: true,
        allow_tags_filter: true,
      },
      {
        name: "filtered",
        ...stored,
        force_recovery: true,
        allow_history_for_client: true,
        allow_tags_filter: true,
      },
      {
        name: "filtered_cache",
        ...stored,
        force_recovery: true,
        force_recovery_mode: "cache",
        allow_tags_filter: true,
      },
      { name: "filtered_plain", ...open, allow_tags_filter: true },
      { name: "presence", ...open, presence: true, allow_presence_for_client: true },
      {
        name: "presence_subscriber",
        ...open,
        presence: true,
        allow_presence_for_subscriber: true,
      },
      { name: "presence_hidden", ...open, presence: true },
      { name: "joins", ...open, join_leave: true, force_push_join_leave: true },
      {
        name: "joins_asked",
        ...open,
        join_leave: true,
        presence: true,
        allow_presence_for_client: true,
      },
      { name: "limited", allow_user_limited_channels: true, history_size: 10, history_ttl: "300s" },
      { name: "letters", ...open, channel_regex: "^[a-z]+$" },
      { name: "objects", ...open, publication_data_format: "json_object" },
    ],
  },
};
