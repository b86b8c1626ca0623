// SPDX-License-Identifier: Apache-2.0
#include "http/request_parser.h"

#include "core/assert.h"
#include "core/failpoint.h"
#include "http/chunked_decoder.h"
#include "http/head_buffer.h"
#include "http/target.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace sanjay::http {
namespace {

namespace beast = boost::beast;

std::string_view view_of(beast::string_view text) { return {text.data(), text.size()}; }

/// Beast's grammar of a request head. It is given the head whole, so what it finds are views of
/// the text; bodies it never sees.
class HeadParser final : public beast::http::basic_parser<true> {
 public:
  explicit HeadParser(RequestHead& head) : head_(head) { skip(true); }

  std::string_view target() const { return target_; }

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, beast::error_code&) override {
    head_.method = view_of(method);
    head_.version = version;
    target_ = view_of(target);
  }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     beast::error_code&) override {
    head_.headers.add(view_of(name), view_of(value));
  }
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view, beast::error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, beast::error_code&) override {
    return 0;
  }
  void on_finish_impl(beast::error_code&) override {}

  RequestHead& head_;
  std::string_view target_;
};

// Beast calls any fault of the last part of the request line a bad version. Only a well-formed one
// that we do not speak deserves 505.
bool names_other_version(std::string_view head) {
  const std::size_t method_end = head.find(' ');
  const std::string_view rest = head.substr(head.find(' ', method_end + 1) + 1);
  const std::string_view version = rest.substr(0, rest.find("\r\n"));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
         version[6] == '.' && is_digit(version[7]);
}

RequestError describe(const beast::error_code& code, std::string_view head) {
  using beast::http::error;
  switch (static_cast<error>(code.value())) {
    case error::bad_version:
      if (names_other_version(head)) return {505, "HTTP version not supported"};
      return {400, "malformed request line"};
    case error::bad_method:
    case error::bad_target:
      return {400, "malformed request line"};
    case error::bad_field:
    case error::bad_value:
      return {400, "malformed header"};
    case error::bad_content_length:
      return {400, "bad Content-Length"};
    case error::bad_transfer_encoding:
      return {400, "bad Transfer-Encoding"};
    default:
      return {400, "malformed request"};
  }
}

// RFC 9112 §3.2: one Host, made of the characters that a host and port can have.
bool has_valid_host(const RequestHead& head) {
  const std::size_t hosts = head.headers.count("Host");
  if (hosts == 0) return head.version == 10;
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=%:[]";
  const std::string_view host = head.headers.find("Host").value_or("");
  return hosts == 1 && host.find_first_not_of(kAllowed) == std::string_view::npos;
}

// RFC 9112 §6.1, §6.3: a coding we do not know deserves 501, but only where chunked, once and as
// the last, tells where the body ends; without that nobody can, and it is 400.
RequestError refuse_codings(std::string_view list) {
  std::size_t codings = 0;
  std::size_t chunked = 0;
  bool ends_chunked = false;
  while (const auto coding = take_list_element(list)) {
    ends_chunked = equals_ignoring_case(*coding, "chunked");
    chunked += ends_chunked ? 1 : 0;
    ++codings;
  }
  if (codings > 1 && chunked == 1 && ends_chunked) return {501, "transfer coding not implemented"};
  return {400, "bad Transfer-Encoding"};
}

// Where parsers disagree about the end of a body, requests can be smuggled (RFC 9112 §6.3, §11.2).
std::optional<RequestError> check_framing(const RequestHead& head) {
  const std::size_t lengths = head.headers.count("Content-Length");
  const std::size_t encodings = head.headers.count("Transfer-Encoding");
  if (lengths > 0 && encodings > 0) {
    return RequestError{400, "Content-Length together with Transfer-Encoding"};
  }
  if (lengths > 1 ||
      (lengths == 1 && head.headers.find("Content-Length").value_or("").contains(','))) {
    return RequestError{400, "Content-Length more than once"};
  }
  if (encodings == 0) return std::nullopt;
  if (encodings > 1 || head.version == 10) return RequestError{400, "bad Transfer-Encoding"};
  const std::string_view codings = head.headers.find("Transfer-Encoding").value_or("");
  if (!equals_ignoring_case(codings, "chunked")) return refuse_codings(codings);
  return std::nullopt;
}

// Beast's grammar first, then what we ask beyond it. `text` is the whole head.
std::optional<RequestError> parse_head(std::string_view text, const RequestLimits& limits,
                                       RequestHead& head) {
  HeadParser parser(head);
  parser.header_limit(static_cast<std::uint32_t>(text.size()) + 1);
  beast::error_code code;
  parser.put(boost::asio::buffer(text.data(), text.size()), code);
  // The head is all there, so a wish for more is a fault of the head as well.
  if (code) return describe(code, text);

  if (parser.target().size() > limits.target_bytes_max && !FAILPOINT("http.target")) {
    return RequestError{414, "URI too long"};
  }
  if (head.headers.size() > limits.headers_max && !FAILPOINT("http.headers")) {
    return RequestError{431, "too many headers"};
  }
  const auto target = split_target(parser.target());
  if (!target) return RequestError{400, "malformed request target"};
  head.path = target->path;
  head.query = target->query;
  if (!has_valid_host(head)) return RequestError{400, "exactly one valid Host is required"};
  if (const auto error = check_framing(head)) return error;
  head.keep_alive = limits.keep_alive && parser.keep_alive();
  head.chunked = parser.chunked();
  if (const auto length = parser.content_length()) head.content_length = *length;
  if (head.content_length.value_or(0) > limits.body_bytes_max && !FAILPOINT("http.body")) {
    return RequestError{413, "body too large"};
  }
  if (const auto expected = head.headers.find("Expect")) {
    if (!equals_ignoring_case(*expected, "100-continue")) {
      return RequestError{417, "expectation not known"};
    }
    head.expects_continue = head.version == 11;
  }
  return std::nullopt;
}

}  // namespace

struct RequestParser::Request {
  enum class Phase : std::uint8_t { Head, Body, Complete, Failed };

  explicit Request(const RequestLimits& limits)
      : head_bytes(FAILPOINT("http.head") ? SIZE_MAX : limits.head_bytes_max),
        chunks(limits.body_bytes_max, limits.head_bytes_max) {}

  Phase phase = Phase::Head;
  HeadBuffer head_bytes;
  RequestHead head;
  ChunkedDecoder chunks;
  std::string body;
  RequestError error{};
};

RequestParser::RequestParser(const RequestLimits& limits) : limits_(limits) {}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

RequestParser::Progress RequestParser::feed(std::string_view bytes) {
  if (bytes.empty()) return {State::NeedMore, 0};
  if (request_ == nullptr) request_ = std::make_unique<Request>(limits_);
  ASSERT(request_->phase == Request::Phase::Head || request_->phase == Request::Phase::Body);
  return request_->phase == Request::Phase::Head ? feed_head(bytes) : feed_body(bytes);
}

RequestParser::Progress RequestParser::feed_head(std::string_view bytes) {
  HeadBuffer& head_bytes = request_->head_bytes;
  const auto [state, consumed] = head_bytes.feed(bytes);
  switch (state) {
    case HeadBuffer::State::NeedMore:
      return {State::NeedMore, consumed};
    case HeadBuffer::State::Malformed:
      return fail({400, "malformed line ending or folded line"}, consumed);
    case HeadBuffer::State::TooLarge:
      if (!head_bytes.has_first_line()) return fail({414, "URI too long"}, consumed);
      return fail({431, "head too large"}, consumed);
    case HeadBuffer::State::Complete:
      break;
  }
  if (const auto error = parse_head(head_bytes.text(), limits_, request_->head)) {
    return fail(*error, consumed);
  }
  const bool complete = !request_->head.has_body();
  request_->phase = complete ? Request::Phase::Complete : Request::Phase::Body;
  return {complete ? State::Complete : State::HeadComplete, consumed};
}

RequestParser::Progress RequestParser::feed_body(std::string_view bytes) {
  if (request_->head.chunked) return feed_chunks(bytes);
  std::string& body = request_->body;
  const std::uint64_t missing = request_->head.content_length.value_or(0) - body.size();
  const auto taken = std::min<std::uint64_t>(missing, bytes.size());
  body.append(bytes.substr(0, taken));
  if (taken < missing) return {State::NeedMore, taken};
  request_->phase = Request::Phase::Complete;
  return {State::Complete, taken};
}

RequestParser::Progress RequestParser::feed_chunks(std::string_view bytes) {
  const auto [state, consumed] = request_->chunks.feed(bytes, request_->body);
  switch (state) {
    case ChunkedDecoder::State::NeedMore:
      return {State::NeedMore, consumed};
    case ChunkedDecoder::State::Malformed:
      return fail({400, "malformed chunk"}, consumed);
    case ChunkedDecoder::State::TooLarge:
      return fail({413, "body too large"}, consumed);
    case ChunkedDecoder::State::Complete:
      break;
  }
  request_->phase = Request::Phase::Complete;
  return {State::Complete, consumed};
}

bool RequestParser::limit_body(std::size_t bytes_max) {
  ASSERT(request_ != nullptr && request_->phase == Request::Phase::Body);
  request_->chunks.limit_body(std::min(bytes_max, limits_.body_bytes_max));
  return request_->head.content_length.value_or(0) <= bytes_max || FAILPOINT("http.body");
}

RequestParser::Progress RequestParser::fail(RequestError error, std::size_t consumed) {
  request_->phase = Request::Phase::Failed;
  request_->error = error;
  return {State::Failed, consumed};
}

const RequestHead& RequestParser::head() const {
  ASSERT(request_ != nullptr && request_->phase != Request::Phase::Head);
  return request_->head;
}

std::string_view RequestParser::body() const {
  ASSERT(request_ != nullptr && request_->phase == Request::Phase::Complete);
  return request_->body;
}

const RequestError& RequestParser::error() const {
  ASSERT(request_ != nullptr && request_->phase == Request::Phase::Failed);
  return request_->error;
}

void RequestParser::next_request() { request_.reset(); }

}  // namespace sanjay::http
