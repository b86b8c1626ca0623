// SPDX-License-Identifier: Apache-2.0
#include "server/config_commands.h"

#include "auth/base64url.h"
#include "runtime/entropy.h"
#include "server/channel_settings.h"
#include "server/config_schema.h"
#include "server/config_write.h"
#include "server/tls_config.h"
#include "server/token_keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <span>
#include <system_error>

namespace sanjay::server {
namespace {

CommandOutput failed(const std::string& message) { return {kExitBadUsage, "", message + "\n"}; }

std::string random_secret() {
  std::string bytes(32, '\0');
  runtime::fill_random(std::as_writable_bytes(std::span(bytes)));
  return auth::base64url_encode(bytes);
}

/// Only for its owner to read, and never over a file that is there.
core::Status write_new_file(const std::string& path, const std::string& text) {
  const auto failure = [&](int error_number) {
    return core::failure(path + ": " + std::generic_category().message(error_number));
  };
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return failure(errno);
  const bool is_written = write(file, text.data(), text.size()) == std::ssize(text);
  const int error_number = errno;
  close(file);
  if (!is_written) return failure(error_number);
  return {};
}

std::string starting_toml() {
  return fmt::format(
      "# Every key with its help: sanjay configdoc\n\n"
      "[client]\n"
      "# Origins of the pages that may connect, such as \"https://example.com\".\n"
      "allowed_origins = []\n\n"
      "[client.token]\n"
      "hmac_secret_key = \"{}\"\n\n"
      "[channel.without_namespace]\n"
      "allow_subscribe_for_client = true\n\n"
      "# Channels of one kind have a namespace with options of their own.\n"
      "{}\n"
      "[http_api]\n"
      "key = \"{}\"\n",
      random_secret(), commented(kExampleNamespace), random_secret());
}

/// The same without its comments.
SourceValue starting_tree() {
  using Table = SourceValue::Table;
  return {
      Table{{"client",
             {Table{{"allowed_origins", {SourceValue::List{}, 0}},
                    {"token", {Table{{"hmac_secret_key", {random_secret(), 0}}}, 0}}},
              0}},
            {"channel",
             {Table{{"without_namespace", {Table{{"allow_subscribe_for_client", {true, 0}}}, 0}}},
              0}},
            {"http_api", {Table{{"key", {random_secret(), 0}}}, 0}}},
      0};
}

/// Where no file is named, as with Centrifugo.
std::string path_or_default(const std::string& path) {
  return path.empty() ? std::string(kDefaultConfigPath) : path;
}

}  // namespace

CommandOutput generate_config(const CommandLine& line) {
  const std::string path = path_or_default(line.config_path);
  const auto format = config_format_of(path);
  if (!format) return failed(path + ": " + std::string(kConfigFormats));
  const std::string text =
      *format == ConfigFormat::Toml ? starting_toml() : write_config(*format, starting_tree());
  if (const auto written = write_new_file(path, text); !written) {
    return failed(written.error().message);
  }
  return {0, fmt::format("{} written; start with: sanjay serve --config {}\n", path, path), ""};
}

CommandOutput check_configuration(const CommandLine& line, const Config& config,
                                  core::WallTime now) {
  if (const auto good = check_token_keys(config.client); !good) {
    return failed(good.error().message);
  }
  const auto tls = make_tls(config.http_server);
  if (!tls) return failed(tls.error().message);
  CommandOutput output{0, write_toml(config, TomlDetail::ValuesOnly), ""};
  for (const std::string& notice : config.notices) output.err += "note: " + notice + "\n";
  for (const std::string& warning : config.warnings) output.err += "warning: " + warning + "\n";
  for (const std::string& warning : tls_warnings(*tls, now)) {
    output.err += "warning: " + warning + "\n";
  }
  output.err += path_or_default(line.config_path) + ": the configuration is good\n";
  return output;
}

CommandOutput write_default_config(const CommandLine& line, const Config& config) {
  const std::string path = path_or_default(line.config_path);
  const auto format = config_format_of(path);
  if (!format) return failed(path + ": " + std::string(kConfigFormats));
  std::string text = write_config(*format, config_tree(config));
  if (line.is_dry_run) return {0, std::move(text), ""};
  const auto written = write_new_file(path, text);
  return written ? CommandOutput{} : failed(written.error().message);
}

CommandOutput write_default_environment(const CommandLine& line, const Config& config) {
  return {0,
          write_environment(config, line.is_changed_only ? Variables::ChangedOnly : Variables::All),
          ""};
}

CommandOutput document_config(const CommandLine& line) {
  if (line.is_centrifugo) return {0, write_centrifugo_markdown(), ""};
  if (!line.is_markdown) return {0, write_toml(Config{}, TomlDetail::Documented), ""};
  std::string text = write_markdown(line.section);
  if (text.empty()) return failed("--section: there is no section \"" + line.section + "\"");
  return {0, std::move(text), ""};
}

}  // namespace sanjay::server
