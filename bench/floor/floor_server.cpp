// SPDX-License-Identifier: Apache-2.0
#include "bench/floor/floor_server.h"

#include "bench/floor/echo_floor.h"
#include "bench/floor/fan_floor.h"
#include "bench/floor/floor_listener.h"
#include "runtime/file_table.h"

namespace sanjay::bench {

core::Status run_floor_server(const FloorOptions& options) {
  runtime::raise_open_file_limit();
  SANJAY_TRY(const int listener, open_floor_listener(options.port));
  switch (options.mode) {
    case FloorMode::Echo:
      return run_echo_floor(listener);
    case FloorMode::Fan:
      return run_fan_floor(listener, options.sends_per_submit);
    case FloorMode::FanEpoll:
      return run_epoll_fan_floor(listener);
  }
  return {};
}

}  // namespace sanjay::bench
