// SPDX-License-Identifier: GPL-2.0
/*
 * The state table with one thing wrong at a time, each time judged by the KUnit
 * suite of the state machine. Prints who survives, and the score.
 *
 *	law_mutants [-v]
 *
 * mutable_fsm.c is tcpx_fsm.c with a table that can be written, see Makefile.
 * Some survivors are as good as the original: what an ACK has ordered, a later
 * cell of the same segment orders again.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kunit/test.h>

#include "mutable_fsm.c"

static bool verbose;
static unsigned int mutants, killed;

/* In the child: one failure is enough. */
void kunit_failed(const char *file, int line, const char *fmt, ...)
{
	(void)file;
	(void)line;
	(void)fmt;
	_exit(EXIT_FAILURE);
}

static void case_run(const struct kunit_case *c)
{
	char desc[KUNIT_PARAM_DESC_SIZE];
	struct kunit test = { NULL };

	if (!c->next) {
		c->run(&test);
		return;
	}
	while ((test.param_value = c->next(test.param_value, desc)))
		c->run(&test);
}

static void suites_run(void)
{
	const struct kunit_suite *const *suite;
	const struct kunit_case *c;

	for (suite = kunit_suites; *suite; suite++)
		for (c = (*suite)->test_cases; c->run; c++)
			case_run(c);
}

static bool suites_pass(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		alarm(60);
		suites_run();
		_exit(EXIT_SUCCESS);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

/* The table has been changed at @state and @event: does anybody notice? */
static void judge(u8 state, u8 event, const char *what, const char *detail)
{
	bool survives = suites_pass();

	mutants++;
	killed += !survives;
	if (survives || verbose)
		printf("%s: %s in %s (%u): %s %s\n", survives ? "survives" : "killed",
		       tcpx_event_name(event), tcpx_state_name(state), state, what, detail);
}

static const char *const act_names[] = {
#define X(id, text) #id,
	TCPX_ACT_LIST(X)
#undef X
};

static void mutate_acts(struct tcpx_cell *cell, u8 state, u8 event)
{
	const struct tcpx_cell good = *cell;
	unsigned int i;

	for (i = 0; i < TCPX_NACTS; i++) {
		cell->order.acts ^= 1U << i;
		judge(state, event, good.order.acts & 1U << i ? "without" : "with",
		      act_names[i]);
		*cell = good;
	}
}

/* Does the handler of @cell choose the state without looking at the data? */
static bool state_is_chosen(const struct tcpx_cell *cell)
{
	return cell->decide && cell->decide != close_unread && cell->decide != fin_acked &&
	       cell->decide != icmp_error && cell->decide != time_wait_ack;
}

static void mutate_state(struct tcpx_cell *cell, u8 state, u8 event)
{
	const struct tcpx_cell good = *cell;
	u8 to;

	for (to = 0; to < TCPX_NSTATES; to++) {
		if (to != good.order.state && to != state && !state_is_chosen(cell)) {
			cell->order.state = to;
			judge(state, event, "leads to", tcpx_state_name(to));
			*cell = good;
		}
		if (good.next & 1U << to) {
			cell->next ^= 1U << to;
			judge(state, event, "may not lead to",
			      to ? tcpx_state_name(to) : "itself");
			*cell = good;
		}
	}
}

static void mutate_refusal(struct tcpx_cell *cell, u8 state, u8 event)
{
	const struct tcpx_cell good = *cell;

	cell->possible = !good.possible;
	judge(state, event, good.possible ? "not" : "", "possible");
	*cell = good;
	if (!good.possible)
		return;
	cell->order.reason = good.order.reason ? TCPX_R_NONE : TCPX_R_STATE;
	judge(state, event, "reason", tcpx_reason_name(cell->order.reason));
	cell->order.reason = (good.order.reason + 1) % TCPX_NREASONS;
	judge(state, event, "reason", tcpx_reason_name(cell->order.reason));
	*cell = good;
	if (good.order.err || !good.decide) {
		cell->order.err ^= EPERM;
		judge(state, event, "another", "errno");
		*cell = good;
	}
	if (good.decide) {
		cell->decide = NULL;
		judge(state, event, "without", good.name);
		*cell = good;
	}
}

int main(int argc, char **argv)
{
	struct tcpx_cell *cell;
	u8 state, event;

	(void)argv;
	verbose = argc > 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!suites_pass()) {
		puts("the suite fails without a mutation");
		return EXIT_FAILURE;
	}
	for (event = 0; event < TCPX_NEVENTS; event++) {
		for (state = 1; state < TCPX_NSTATES; state++) {
			cell = &tcpx_table[event][state];
			mutate_refusal(cell, state, event);
			if (!cell->possible)
				continue;
			mutate_acts(cell, state, event);
			mutate_state(cell, state, event);
		}
	}
	printf("%u of %u mutants killed\n", killed, mutants);
	return EXIT_SUCCESS;
}
