/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tcpx_fsm_kunit.c uses of <kunit/test.h>, for a user-space program: that
 * defines kunit_failed() and runs what kunit_suites lists.
 */
#ifndef _LAW_KUNIT_TEST_H
#define _LAW_KUNIT_TEST_H

#include "tcpx_user.h"

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit {
	const void *param_value;
};

struct kunit_case {
	void (*run)(struct kunit *test);
	const void *(*next)(const void *prev, char *desc);
	const char *name;
};

struct kunit_suite {
	const char *name;
	const struct kunit_case *test_cases;
};

extern const struct kunit_suite *const kunit_suites[];

__printf(3, 4)
void kunit_failed(const char *file, int line, const char *fmt, ...);

#define kunit_test_suites(...)						\
	const struct kunit_suite *const kunit_suites[] = { __VA_ARGS__, NULL }

#define KUNIT_CASE(fn)		{ .run = fn, .name = #fn }
#define KUNIT_CASE_PARAM(fn, gen) { .run = fn, .next = gen, .name = #fn }

#define KUNIT_ARRAY_PARAM(id, array, describe)				\
static const void *id##_gen_params(const void *prev, char *desc)	\
{									\
	const typeof((array)[0]) *p = prev;				\
									\
	p = p ? p + 1 : (array);					\
	if (p == (array) + ARRAY_SIZE(array))				\
		return NULL;						\
	describe(p, desc);						\
	return p;							\
}

#define kunit_skip(test, why)	do { (void)(test); return; } while (0)

#define KUNIT_THAT(test, cond, ...) do {				\
	(void)(test);							\
	if (!(cond))							\
		kunit_failed(__FILE__, __LINE__, __VA_ARGS__);		\
} while (0)

#define KUNIT_EXPECT_TRUE_MSG(t, a, ...)	KUNIT_THAT(t, a, __VA_ARGS__)
#define KUNIT_EXPECT_FALSE_MSG(t, a, ...)	KUNIT_THAT(t, !(a), __VA_ARGS__)
#define KUNIT_EXPECT_EQ_MSG(t, a, b, ...)	KUNIT_THAT(t, (a) == (b), __VA_ARGS__)
#define KUNIT_EXPECT_NE_MSG(t, a, b, ...)	KUNIT_THAT(t, (a) != (b), __VA_ARGS__)
#define KUNIT_EXPECT_STREQ_MSG(t, a, b, ...)	KUNIT_THAT(t, !strcmp(a, b), __VA_ARGS__)
#define KUNIT_EXPECT_TRUE(t, a)			KUNIT_THAT(t, a, "%s", #a)
#define KUNIT_EXPECT_EQ(t, a, b)		KUNIT_THAT(t, (a) == (b), "%s == %s", #a, #b)
#define KUNIT_ASSERT_TRUE_MSG			KUNIT_EXPECT_TRUE_MSG

#endif /* _LAW_KUNIT_TEST_H */
