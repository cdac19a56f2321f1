/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What floor 1 and its tests use of the kernel's headers, for user space.
 * tcpx_proto.h includes this when __KERNEL__ is not defined.
 */
#ifndef _TCPX_USER_H
#define _TCPX_USER_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;
typedef u16 __be16;
typedef u32 __be32;

#define U8_MAX			((u8)~0U)
#define U16_MAX			((u16)~0U)
#define U32_MAX			((u32)~0U)
#define U64_MAX			((u64)~0ULL)
#define S32_MAX			((s32)(U32_MAX >> 1))
#define S32_MIN			(-S32_MAX - 1)

#define BIT(nr)			(1UL << (nr))
#define BIT_ULL(nr)		(1ULL << (nr))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define BUILD_BUG_ON(cond)	static_assert(!(cond), #cond)
#define fallthrough		__attribute__((__fallthrough__))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define __printf(fmt, args)	__attribute__((__format__(printf, fmt, args)))
#define __must_check		__attribute__((__warn_unused_result__))

/* Like the kernel's, min() and max() refuse two different types. */
#define USER_PICK(a, b, op) ({						\
	__auto_type pick_a = (a);					\
	__auto_type pick_b = (b);					\
	static_assert(__builtin_types_compatible_p(typeof(pick_a),	\
						   typeof(pick_b)),	\
		      "two types");					\
	pick_a op pick_b ? pick_a : pick_b; })

#define USER_PICK_T(type, a, b, op) ({					\
	type pick_ta = (a);						\
	type pick_tb = (b);						\
	pick_ta op pick_tb ? pick_ta : pick_tb; })

#define min(a, b)		USER_PICK(a, b, <)
#define max(a, b)		USER_PICK(a, b, >)
#define min_t(type, a, b)	USER_PICK_T(type, a, b, <)
#define max_t(type, a, b)	USER_PICK_T(type, a, b, >)
#define clamp_t(type, val, lo, hi)					\
	min_t(type, max_t(type, val, lo), hi)
#define clamp(val, lo, hi)						\
	clamp_t(typeof((val) + 0), val, lo, hi)

/* How many characters went into @buf, not how many would have */
__printf(3, 4)
static inline int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return min_t(int, n, size ? (int)size - 1 : 0);
}

#define strscpy(to, from, size)	scnprintf(to, size, "%s", from)

#endif /* _TCPX_USER_H */
