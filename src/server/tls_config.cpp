// SPDX-License-Identifier: Apache-2.0
#include "server/tls_config.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <utility>

namespace sanjay::server {
namespace {

using runtime::TlsConfigError;
using runtime::TlsContext;

constexpr std::string_view kPemBegin = "-----BEGIN ";
constexpr auto kExpiresSoon = std::chrono::days(14);

/// One of the texts of a section: given in place, or in a file.
struct PemSetting {
  std::string_view name;  // the other one's ends with _file
  const std::string& text;
  const std::string& file;
  bool required;
  bool is_secret = false;  // its text is never quoted, even if it may be a path
};

/// What a setting holds, and where it came from, for messages.
struct Pem {
  std::string text;
  std::string source;
};

class SectionReader {
 public:
  SectionReader(std::string_view section, std::vector<std::string>& errors)
      : section_(section), errors_(errors) {}

  Pem read(const PemSetting& setting) {
    const std::string key = fmt::format("{}.{}", section_, setting.name);
    const std::string file_key = key + "_file";
    if (!setting.file.empty()) {
      if (setting.text.empty()) return read_file(file_key, setting.file);
      errors_.push_back(fmt::format("{}: expected nothing, since {} is set", file_key, key));
      return {};
    }
    if (setting.text.empty()) {
      if (setting.required) {
        errors_.push_back(fmt::format("{}: expected a PEM text or a path, got nothing", key));
      }
      return {};
    }
    if (setting.text.find(kPemBegin) != std::string::npos) return {setting.text, key};
    // A key without its first line would be a path, and is not for the log.
    if (setting.text.find('\n') == std::string::npos) {
      return read_file(key, setting.text, setting.is_secret);
    }
    errors_.push_back(fmt::format(
        "{}: expected PEM or the path of a file with it, got several lines without {}...-----", key,
        kPemBegin));
    return {};
  }

 private:
  Pem read_file(const std::string& key, const std::string& path, bool is_secret = false) {
    auto file = read_config_file(path);
    if (file) return {std::move(file->text), fmt::format("{}: {}", key, path)};
    const std::string& reason = file.error().message;
    errors_.push_back(fmt::format(
        "{}: {}", key,
        is_secret ? "not PEM, and no file with it: " + reason.substr(path.size() + 2) : reason));
    return {};
  }

  std::string_view section_;
  std::vector<std::string>& errors_;
};

std::shared_ptr<const TlsContext> make_context(const Config::Tls& config, std::string_view section,
                                               const std::shared_ptr<runtime::TicketKeys>& keys,
                                               std::vector<std::string>& errors) {
  const std::size_t errors_before = errors.size();
  SectionReader reader(section, errors);
  const Pem certificate = reader.read({"cert_pem", config.cert_pem, config.cert_pem_file, true});
  const Pem key = reader.read({"key_pem", config.key_pem, config.key_pem_file, true, true});
  const Pem client_ca =
      reader.read({"client_ca_pem", config.client_ca_pem, config.client_ca_pem_file, false});
  if (errors.size() != errors_before) return nullptr;
  auto made = TlsContext::server({certificate.text, key.text, client_ca.text, keys});
  if (made) return *std::move(made);
  const TlsConfigError& error = made.error();
  const Pem& wrong = error.part == TlsConfigError::Part::Certificate ? certificate
                     : error.part == TlsConfigError::Part::Key       ? key
                                                                     : client_ca;
  errors.push_back(fmt::format("{}: {}", wrong.source, error.message));
  return nullptr;
}

void warn_of(const TlsContext& context, std::string_view section, core::WallTime now,
             std::vector<std::string>& warnings) {
  const auto day = [](core::WallTime time) {
    return fmt::format("{:%Y-%m-%d %H:%M} UTC", std::chrono::floor<std::chrono::seconds>(time));
  };
  if (now < context.not_before()) {
    warnings.push_back(fmt::format("the certificate of {} is not good before {}", section,
                                   day(context.not_before())));
  } else if (now >= context.not_after()) {
    warnings.push_back(
        fmt::format("the certificate of {} has expired: {}", section, day(context.not_after())));
  } else if (context.not_after() - now < kExpiresSoon) {
    warnings.push_back(
        fmt::format("the certificate of {} expires soon: {}", section, day(context.not_after())));
  }
}

}  // namespace

core::Result<TlsListeners> make_tls(const Config::HttpServer& config,
                                    std::shared_ptr<runtime::TicketKeys> ticket_keys) {
  TlsListeners tls;
  std::vector<std::string> errors;
  if (!ticket_keys) ticket_keys = std::make_shared<runtime::TicketKeys>();
  if (config.tls.enabled) {
    tls.external = make_context(config.tls, "http_server.tls", ticket_keys, errors);
  }
  if (config.internal_port != 0 && config.internal_tls.enabled) {
    tls.internal =
        make_context(config.internal_tls, "http_server.internal_tls", ticket_keys, errors);
  } else if (config.internal_port != 0 && !config.tls_external) {
    tls.internal = tls.external;
  }
  if (!errors.empty()) return core::failure(fmt::format("{}", fmt::join(errors, "\n")));
  return tls;
}

std::vector<std::string> tls_warnings(const TlsListeners& tls, core::WallTime now) {
  std::vector<std::string> warnings;
  if (tls.external) warn_of(*tls.external, "http_server.tls", now, warnings);
  if (tls.internal && tls.internal != tls.external) {
    warn_of(*tls.internal, "http_server.internal_tls", now, warnings);
  }
  return warnings;
}

}  // namespace sanjay::server
