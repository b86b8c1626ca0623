// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one place for io_uring constants newer than the liburing 2.3 headers of Debian 12. Values
// from Linux's include/uapi/linux/io_uring.h; each is used only after a probe, or where a kernel
// that does not know it merely never sets it.

#include <liburing.h>

#ifndef IORING_CQE_F_SOCK_NONEMPTY
#define IORING_CQE_F_SOCK_NONEMPTY (1U << 2)  // 5.19: more bytes wait in the socket
#endif
