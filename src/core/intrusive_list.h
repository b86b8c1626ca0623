// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/assert.h"

#include <cstddef>

namespace sanjay::core {

/// Base of anything that can stand in one IntrusiveList. Unlinks itself when destroyed.
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return next_ != this; }

  void unlink() {
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = this;
  }

 private:
  template <class T>
  friend class IntrusiveList;

  void link_before(ListNode& position) {
    ASSERT(!linked());
    previous_ = position.previous_;
    next_ = &position;
    previous_->next_ = this;
    position.previous_ = this;
  }

  ListNode* next_ = this;
  ListNode* previous_ = this;
};

/// Doubly linked list of T (which derives from ListNode); owns nothing, allocates nothing, every
/// operation O(1). One thread.
template <class T>
class IntrusiveList {
 public:
  bool empty() const { return !head_.linked(); }
  void push_back(T& item) { static_cast<ListNode&>(item).link_before(head_); }
  void push_front(T& item) { static_cast<ListNode&>(item).link_before(*head_.next_); }

  T& front() {
    ASSERT(!empty());
    return static_cast<T&>(*head_.next_);
  }

  T& pop_front() {
    T& item = front();
    static_cast<ListNode&>(item).unlink();
    return item;
  }

  /// Calls `visit(item)` for every item; it may unlink that item, but no other.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (ListNode* node = head_.next_; node != &head_;) {
      ListNode* const next = node->next_;
      visit(static_cast<T&>(*node));
      node = next;
    }
  }

  /// Moves every item of `other` to the end of this list, in order, leaving `other` empty.
  void take_all(IntrusiveList& other) {
    if (other.empty()) return;
    ListNode* first = other.head_.next_;
    ListNode* last = other.head_.previous_;
    other.head_.next_ = other.head_.previous_ = &other.head_;
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
  }

 private:
  ListNode head_;
};

}  // namespace sanjay::core
