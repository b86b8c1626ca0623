// SPDX-License-Identifier: Apache-2.0
#include "runtime/file_table.h"

#include "runtime/socket.h"

#include <linux/close_range.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace sanjay::runtime {

core::Status FileTable::enter() const {
  if (!private_to_thread_) return {};
  std::vector<int> kept = kept_;
  std::sort(kept.begin(), kept.end());
  // The copy is made by the first call; each call then closes one gap between kept descriptors.
  int flags = CLOSE_RANGE_UNSHARE;
  unsigned first = 0;
  for (std::size_t i = 0; i <= kept.size(); ++i) {
    const bool last_gap = i == kept.size();
    const unsigned next = last_gap ? ~0U : static_cast<unsigned>(kept[i]);
    if (last_gap || first < next) {
      if (close_range(first, last_gap ? next : next - 1, flags) != 0) {
        return core::failure(describe_error("close_range", errno));
      }
      flags = 0;
    }
    first = next + 1;
  }
  return {};
}

std::size_t raise_open_file_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace sanjay::runtime
