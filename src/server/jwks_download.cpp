// SPDX-License-Identifier: Apache-2.0
#include "server/jwks_download.h"

#include "core/failpoint.h"
#include "core/ip_address.h"
#include "server/json_text.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <string_view>
#include <utility>

namespace sanjay::server {
namespace {

using std::chrono::steady_clock;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

/// What of a URL says whom one talks to.
struct Origin {
  std::string scheme;
  std::string host;
  std::string port;

  bool operator==(const Origin&) const = default;
};

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

/// Null unless it is an absolute URL. Read by what will follow it, so that the two cannot disagree.
Url parse(const std::string& text) {
  Url url(curl_url());
  if (!url ||
      curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return nullptr;
  }
  return url;
}

Origin origin_of(CURLU* url) {
  std::string host = part_of(url, CURLUPART_HOST);
  std::ranges::transform(host, host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return {part_of(url, CURLUPART_SCHEME), std::move(host),
          part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT)};
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") && core::IpAddress::parse(host).has_value());
}

/// libcurl's own state, made once; all its functions are safe on any thread after.
bool init_curl() {
  static const bool done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return done;
}

}  // namespace

core::Status check_endpoint(const JwksEndpoint& endpoint) {
  constexpr std::string_view kExpected = "expected an https URL, without user and fragment, got ";
  const std::string got = json_string(endpoint.url);
  if (endpoint.url.find("{{") != std::string::npos && !FAILPOINT("jwks.template")) {
    return core::failure(
        "expected one fixed URL, got " + got +
        ": endpoints made of a token's claims are not supported, since whoever writes a token "
        "could then choose what this server connects to (GHSA-j77h-rr39-c552)");
  }
  const Url url = parse(endpoint.url);
  if (!url) return core::failure(std::string(kExpected) + got);
  const Origin origin = origin_of(url.get());
  if (origin.host.empty() || !part_of(url.get(), CURLUPART_USER).empty() ||
      !part_of(url.get(), CURLUPART_PASSWORD).empty() ||
      !part_of(url.get(), CURLUPART_FRAGMENT).empty()) {
    // A password is not for the log.
    return core::failure(std::string(kExpected) + "something else");
  }
  if (origin.scheme == "https" || FAILPOINT("jwks.scheme")) return {};
  if (origin.scheme != "http") return core::failure(std::string(kExpected) + got);
  if (endpoint.allow_http || is_loopback(origin.host)) return {};
  return core::failure(std::string(kExpected) + got +
                       "; keys that are fetched without encryption can be replaced on the way");
}

/// What lives as long as the download.
struct JwksDownload::Handles {
  std::unique_ptr<CURL, FreeEasy> easy{curl_easy_init()};
  std::unique_ptr<CURLM, FreeMulti> multi{curl_multi_init()};
  Origin origin;
  std::atomic<bool> is_stopped{false};
};

/// One request and what came of it.
struct JwksDownload::Transfer {
  const DownloadLimits& limits;
  std::string body{};
  std::size_t head_bytes = 0;
  bool is_too_large = false;
  std::array<char, CURL_ERROR_SIZE> reason{};

  static std::size_t on_body(const char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.body.size() + size > transfer.limits.body_bytes_max &&
        !FAILPOINT("jwks.body_bytes")) {
      transfer.is_too_large = true;
      return 0;
    }
    transfer.body.append(data, size);
    return size;
  }
  static std::size_t on_head(const char*, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.head_bytes += size;
    if (transfer.head_bytes <= transfer.limits.head_bytes_max || FAILPOINT("jwks.head_bytes")) {
      return size;
    }
    transfer.is_too_large = true;
    return 0;
  }
};

JwksDownload::JwksDownload(JwksEndpoint endpoint, const DownloadLimits& limits,
                           std::unique_ptr<Handles> handles)
    : endpoint_(std::move(endpoint)), limits_(limits), handles_(std::move(handles)) {}

JwksDownload::~JwksDownload() = default;

core::Result<std::unique_ptr<JwksDownload>> JwksDownload::create(JwksEndpoint endpoint,
                                                                 const DownloadLimits& limits) {
  if (!init_curl()) return core::failure("libcurl cannot be used");
  auto handles = std::make_unique<Handles>();
  const Url url = parse(endpoint.url);
  if (!handles->easy || !handles->multi || !url) return core::failure("libcurl is out of memory");
  handles->origin = origin_of(url.get());
  return std::unique_ptr<JwksDownload>(
      new JwksDownload(std::move(endpoint), limits, std::move(handles)));
}

void JwksDownload::stop() {
  handles_->is_stopped.store(true, std::memory_order_release);
  curl_multi_wakeup(handles_->multi.get());
}

core::Status JwksDownload::prepare(Transfer& transfer, const std::string& url,
                                   core::Duration left) {
  CURL* easy = handles_->easy.get();
  curl_easy_reset(easy);
  bool good = true;
  const auto set = [&](CURLoption option, auto value) {
    good = good && curl_easy_setopt(easy, option, value) == CURLE_OK;
  };
  const char* schemes = handles_->origin.scheme == "http" ? "http" : "https";
  const long verify = FAILPOINT("jwks.verify_tls") ? 0 : 1;
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, FAILPOINT("jwks.redirect") ? "http,https" : schemes);
  set(CURLOPT_FOLLOWLOCATION, 0L);  // get() follows, and looks where to
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(CURLOPT_SSL_VERIFYPEER, verify);
  set(CURLOPT_SSL_VERIFYHOST, 2 * verify);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!endpoint_.ca_file.empty()) {
    set(CURLOPT_CAINFO, endpoint_.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // instead of the system's
  }
  if (is_loopback(handles_->origin.host)) set(CURLOPT_PROXY, "");
  set(CURLOPT_TIMEOUT_MS, std::max<long>(1, core::to_milliseconds(left)));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(core::to_milliseconds(limits_.connect)));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // not held up by a name that is still being resolved
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_USERAGENT, "sanjay");
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_head);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_ERRORBUFFER, transfer.reason.data());
  if (!good) return core::failure("libcurl cannot be used");
  return {};
}

core::Status JwksDownload::perform(Transfer& transfer) {
  CURLM* multi = handles_->multi.get();
  const auto failed = [&](std::string_view by_default) {
    const std::string_view said = transfer.reason.data();
    if (transfer.is_too_large) return core::failure("the answer is too large");
    return core::failure(std::string(said.empty() ? by_default : said));
  };
  if (curl_multi_add_handle(multi, handles_->easy.get()) != CURLM_OK) {
    return failed("libcurl cannot be used");
  }
  core::Status result;
  for (int running = 1; running > 0;) {
    if (handles_->is_stopped.load(std::memory_order_acquire)) {
      result = core::failure("the server is ending");
      break;
    }
    if (curl_multi_perform(multi, &running) != CURLM_OK ||
        (running > 0 && curl_multi_poll(multi, nullptr, 0, 1000, nullptr) != CURLM_OK)) {
      result = failed("libcurl cannot be used");
      break;
    }
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg == CURLMSG_DONE && message->data.result != CURLE_OK && result) {
      result = failed(curl_easy_strerror(message->data.result));
    }
  }
  curl_multi_remove_handle(multi, handles_->easy.get());
  return result;
}

core::Result<std::string> JwksDownload::get() {
  const auto deadline = steady_clock::now() + limits_.total;
  std::string url = endpoint_.url;
  for (int redirects = 0;; ++redirects) {
    Transfer transfer{limits_};
    if (auto prepared = prepare(transfer, url, deadline - steady_clock::now()); !prepared) {
      return std::unexpected(std::move(prepared).error());
    }
    if (auto performed = perform(transfer); !performed) {
      return std::unexpected(std::move(performed).error());
    }
    long status = 0;
    char* location = nullptr;
    curl_easy_getinfo(handles_->easy.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handles_->easy.get(), CURLINFO_REDIRECT_URL, &location);
    if (status == 200) return std::move(transfer.body);
    if (location == nullptr) return core::failure(fmt::format("the answer's status is {}", status));
    const Url next = parse(location);
    const bool stays = next && origin_of(next.get()) == handles_->origin;
    if (!stays && !FAILPOINT("jwks.redirect")) {
      return core::failure("the answer sends us to another host");
    }
    if (redirects == limits_.redirects_max && !FAILPOINT("jwks.redirects")) {
      return core::failure("the answers send us on and on");
    }
    url = location;
  }
}

}  // namespace sanjay::server
