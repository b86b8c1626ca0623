// SPDX-License-Identifier: Apache-2.0
#include "hub/following.h"

#include "core/failpoint.h"

#include <algorithm>
#include <utility>

namespace sanjay::hub {

Recovery recover_all(const StreamPosition& since, const StreamPosition& top, const History& history,
                     const std::vector<PublicationRef>& captured) {
  const bool same_history = history.epoch_matches && history.top.epoch == top.epoch &&
                            (since.epoch.empty() || since.epoch == top.epoch);
  if (!same_history || since.offset > top.offset) return {};
  Recovery recovery;
  std::uint64_t last = since.offset;
  const auto append = [&](const PublicationRef& publication) {
    if (publication->offset() <= last && !FAILPOINT("hub.recovery_merge")) return true;
    if (publication->offset() > top.offset) return true;
    if (publication->offset() != last + 1) return false;  // a hole: it is no longer kept
    recovery.publications.push_back(publication);
    ++last;
    return true;
  };
  for (const auto* list : {&history.publications, &captured}) {
    for (const PublicationRef& publication : *list) {
      if (!append(publication) && !FAILPOINT("hub.recovery_hole")) return {};
    }
  }
  if (last != top.offset && !FAILPOINT("hub.recovery_hole")) return {};
  recovery.recovered = true;
  return recovery;
}

Recovery recover_newest(const StreamPosition& since, const StreamPosition& top,
                        const History& history, const std::vector<PublicationRef>& captured,
                        const TagsFilter* filter) {
  const bool captured_newest = !captured.empty() && captured.back()->offset() == top.offset;
  const bool same_history = history.top.epoch == top.epoch;
  PublicationRef newest;
  if (captured_newest) {
    newest = captured.back();
  } else if (same_history && !history.publications.empty()) {
    newest = history.publications.front();
  }
  PublicationRef wanted = newest;
  if (filter != nullptr) {
    const auto fits = [&](const PublicationRef& one) { return filter->matches(one->view().tags); };
    wanted = nullptr;
    if (captured_newest) {
      const auto found = std::ranges::find_if(captured.rbegin(), captured.rend(), fits);
      if (found != captured.rend()) wanted = *found;
    }
    if (!wanted && same_history) {
      const auto found = std::ranges::find_if(history.publications, fits);
      if (found != history.publications.end()) wanted = *found;
    }
  }
  const bool up_to_date = since.offset == top.offset && since.epoch == top.epoch;
  if (!wanted) return {up_to_date, {}};
  if (newest->offset() != top.offset) return {};
  if (up_to_date) return {true, {}};
  return {true, {std::move(wanted)}};
}

}  // namespace sanjay::hub
