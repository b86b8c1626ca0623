// SPDX-License-Identifier: Apache-2.0
#include "server/log.h"

#include "server/config_schema.h"
#include "server/json_text.h"

#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

namespace sanjay::server {
namespace {

using spdlog::details::thread_pool;

std::string_view name_of(telemetry::Level level) {
  return choice_names(level)[std::to_underlying(level)];
}

/// The log thread's end: adds the time, which spdlog took when the record was made, and reports
/// dropped records. Only one thread ever calls it.
class LineSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  LineSink(LineWriter write, thread_pool& pool)
      : base_sink(std::make_unique<spdlog::pattern_formatter>(
            R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})", spdlog::pattern_time_type::utc, "\n")),
        write_(std::move(write)),
        pool_(pool) {}

 private:
  void sink_it_(const spdlog::details::log_msg& record) override {
    const std::size_t dropped = pool_.overrun_counter();
    if (dropped != reported_) {
      const std::string payload = fmt::format(
          R"("level":"warn","message":"log records were dropped","count":{})", dropped - reported_);
      reported_ = dropped;
      write_line(spdlog::details::log_msg(record.time, {}, "", record.level, payload));
    }
    write_line(record);
  }

  void write_line(const spdlog::details::log_msg& record) {
    spdlog::memory_buf_t line;
    formatter_->format(record, line);
    write_(std::string_view(line.data(), line.size()));
  }

  void flush_() override {}

  LineWriter write_;
  thread_pool& pool_;
  std::size_t reported_ = 0;
};

void append_cut_string(std::string& out, std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return append_json_string(out, text);
  // Not inside a character: the bytes after the first of a UTF-8 sequence begin with 10.
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0) == 0x80) --bytes_max;
  append_json_string(out, std::string(text.substr(0, bytes_max)) + "…");
}

void append_value(std::string& out, const telemetry::Field& field, std::size_t bytes_max) {
  struct Append {
    std::string& out;
    std::size_t bytes_max;
    void operator()(std::string_view text) const { append_cut_string(out, text, bytes_max); }
    void operator()(bool flag) const { out += flag ? "true" : "false"; }
    void operator()(std::int64_t number) const { out += std::to_string(number); }
    void operator()(std::uint64_t number) const { out += std::to_string(number); }
    void operator()(double number) const {
      // JSON has no infinity and no NaN.
      out += std::isfinite(number) ? fmt::format("{}", number) : "null";
    }
  };
  std::visit(Append{out, bytes_max}, field.value);
}

}  // namespace

void write_to_stderr(std::string_view line) {
  // A log that cannot be written has nowhere to complain to.
  std::fwrite(line.data(), 1, line.size(), stderr);
}

/// The thread stands last, so that it goes first: it writes what is queued through the logger.
struct AsyncLogger::Pipeline {
  std::shared_ptr<spdlog::async_logger> logger;
  std::shared_ptr<thread_pool> thread;
};

AsyncLogger::AsyncLogger(Options options)
    : level_(options.level), string_bytes_max_(options.string_bytes_max) {
  auto thread = std::make_shared<thread_pool>(options.queue_records_max, 1);
  auto logger = std::make_shared<spdlog::async_logger>(
      "sanjay", std::make_shared<LineSink>(std::move(options.write), *thread), thread,
      spdlog::async_overflow_policy::overrun_oldest);
  logger->set_level(spdlog::level::trace);  // enabled() has decided already
  pipeline_ = std::make_unique<Pipeline>(Pipeline{std::move(logger), std::move(thread)});
}

AsyncLogger::~AsyncLogger() = default;

void AsyncLogger::log(telemetry::Level level, std::string_view message,
                      std::initializer_list<telemetry::Field> fields) {
  if (!enabled(level)) return;
  std::string payload = fmt::format(R"("level":"{}","message":)", name_of(level));
  append_cut_string(payload, message, string_bytes_max_);
  for (const telemetry::Field& field : fields) {
    payload += ',';
    append_json_string(payload, field.key);
    payload += ':';
    append_value(payload, field, string_bytes_max_);
  }
  pipeline_->logger->log(spdlog::level::info,
                         spdlog::string_view_t(payload.data(), payload.size()));
}

std::uint64_t AsyncLogger::dropped_records() const { return pipeline_->thread->overrun_counter(); }

}  // namespace sanjay::server
