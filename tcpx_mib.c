// SPDX-License-Identifier: GPL-2.0
/*
 * The counters and parameters of a network namespace: memory, sums and names.
 * The lists are in tcpx_mib.h. What is shown where is not known here.
 *
 * A counter is a u64 per CPU. Where a u64 is two words, a sum may be off by 2^32
 * for the moment in which a CPU carries over; 64-bit machines have no such moment.
 */
#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/string.h>

#include "tcpx.h"

/**
 * tcpx_mib_init - allocate the counters of a namespace
 * @tn: the namespace
 *
 * Context: process.
 * Return: 0 or -ENOMEM
 */
int tcpx_mib_init(struct tcpx_net *tn)
{
	tn->mib = alloc_percpu(struct tcpx_mib);
	return tn->mib ? 0 : -ENOMEM;
}

/**
 * tcpx_mib_exit - free the counters of a namespace
 * @tn: the namespace
 *
 * Context: process, when nobody counts any more.
 */
void tcpx_mib_exit(struct tcpx_net *tn)
{
	free_percpu(tn->mib);
	tn->mib = NULL;
}

/* The sum over all CPUs of the 64-bit value at @offset in struct tcpx_mib. */
static u64 mib_sum(const struct tcpx_net *tn, size_t offset)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*(u64 *)((void *)per_cpu_ptr(tn->mib, cpu) +
					  offset));
	return sum;
}

/**
 * tcpx_mib_read - value of a counter
 * @tn: the namespace
 * @id: the counter
 *
 * Return: the sum over all CPUs
 */
u64 tcpx_mib_read(const struct tcpx_net *tn, enum tcpx_mib_id id)
{
	return mib_sum(tn, offsetof(struct tcpx_mib, ctr[id]));
}

/**
 * tcpx_gauge_read - value of a gauge
 * @tn: the namespace
 * @id: the gauge
 *
 * Return: the sum over all CPUs; while objects come and go it may be off by a
 *	few, even below 0
 */
s64 tcpx_gauge_read(const struct tcpx_net *tn, enum tcpx_gauge_id id)
{
	return mib_sum(tn, offsetof(struct tcpx_mib, gauge[id]));
}

/**
 * tcpx_state_read - how many connections are in a state
 * @tn: the namespace
 * @state: enum tcpx_state
 *
 * Return: the sum over all CPUs, as exact as tcpx_gauge_read()
 */
s64 tcpx_state_read(const struct tcpx_net *tn, u8 state)
{
	return mib_sum(tn, offsetof(struct tcpx_mib, state[state]));
}

/**
 * tcpx_reason_read - how often a reason was given
 * @tn: the namespace
 * @reason: enum tcpx_reason
 *
 * Return: the sum over all CPUs
 */
u64 tcpx_reason_read(const struct tcpx_net *tn, u8 reason)
{
	return mib_sum(tn, offsetof(struct tcpx_mib, reason[reason]));
}

/**
 * tcpx_cell_read - how often a cell of the state table was applied
 * @tn: the namespace
 * @cell: tcpx_cell_id()
 *
 * Return: the sum over all CPUs
 */
u64 tcpx_cell_read(const struct tcpx_net *tn, u16 cell)
{
	return mib_sum(tn, offsetof(struct tcpx_mib, cell[cell]));
}

/**
 * tcpx_time_read - how many entries were in the half-open queue how long
 * @tn: the namespace
 * @nr: class of struct tcpx_mib.synq_time
 *
 * Return: the sum over all CPUs
 */
u64 tcpx_time_read(const struct tcpx_net *tn, unsigned int nr)
{
	return mib_sum(tn, offsetof(struct tcpx_mib, synq_time[nr]));
}

/**
 * tcpx_chain_read - how many lookups passed how many half-open entries
 * @tn: the namespace
 * @nr: class of struct tcpx_mib.synq_chain
 *
 * Return: the sum over all CPUs
 */
u64 tcpx_chain_read(const struct tcpx_net *tn, unsigned int nr)
{
	return mib_sum(tn, offsetof(struct tcpx_mib, synq_chain[nr]));
}

/* Can the cell bring something into a table or out of it? */
static bool cell_moves(u8 state, const struct tcpx_cell_info *info)
{
	return info->possible &&
	       (info->next & ~(1U << state) || info->acts & TCPX_ACT_ENTRY_NEW);
}

/**
 * tcpx_mib_generation - a number that differs when the tables have changed
 * @tn: the namespace
 *
 * What enters or leaves a table does so with a change of its state, or is a new
 * half-open entry, so the hits of the cells that can do that tell. Data and ACKs
 * do not count. It may differ though nothing changed: such a cell can also
 * refuse.
 *
 * Context: process, this reads much.
 * Return: the number
 */
u32 tcpx_mib_generation(const struct tcpx_net *tn)
{
	struct tcpx_cell_info info;
	u8 state, event;
	u32 sum = 0;

	for (event = 0; event < TCPX_NEVENTS; event++) {
		for (state = 1; state < TCPX_NSTATES; state++) {
			tcpx_fsm_cell(state, event, &info);
			if (cell_moves(state, &info))
				sum += tcpx_cell_read(tn, tcpx_cell_id(state, event));
		}
	}
	return sum;
}

struct mib_text {
	const char *name;
	const char *help;
};

#define X(id, name, help)						\
	[TCPX_MIB_##id] = { name, help },
static const struct mib_text mib_texts[] = { TCPX_MIB_LIST(X) };
#undef X
#define X(id, name, help)						\
	[TCPX_GAUGE_##id] = { name, help },
static const struct mib_text gauge_texts[] = { TCPX_GAUGE_LIST(X) };
#undef X

/**
 * tcpx_mib_name - name of a counter
 * @id: the counter
 *
 * Return: one word
 */
const char *tcpx_mib_name(enum tcpx_mib_id id)
{
	return mib_texts[id].name;
}

/**
 * tcpx_mib_help - what a counter counts
 * @id: the counter
 *
 * Return: a part of a sentence
 */
const char *tcpx_mib_help(enum tcpx_mib_id id)
{
	return mib_texts[id].help;
}

/**
 * tcpx_gauge_name - name of a gauge
 * @id: the gauge
 *
 * Return: one word
 */
const char *tcpx_gauge_name(enum tcpx_gauge_id id)
{
	return gauge_texts[id].name;
}

/**
 * tcpx_gauge_help - what a gauge shows
 * @id: the gauge
 *
 * Return: a part of a sentence
 */
const char *tcpx_gauge_help(enum tcpx_gauge_id id)
{
	return gauge_texts[id].help;
}

const struct tcpx_param_info tcpx_param_info[TCPX_NPARAMS] = {
#define X(name, def, min, max, help)					\
	[TCPX_PARAM_##name] = {						\
		#name, help, offsetof(struct tcpx_params, name),	\
		def, min, max						\
	},
	TCPX_PARAM_LIST(X)
#undef X
};

/**
 * tcpx_params_init - set the defaults of a new namespace
 * @p: the parameters
 *
 * The waits of half-open entries double from rto_init_ms up to rto_max_ms, as a
 * retransmission timeout does (RFC 6298 5.5).
 *
 * Context: process, before anybody reads them.
 */
void tcpx_params_init(struct tcpx_params *p)
{
	unsigned int i;
	int wait;

	for (i = 0; i < TCPX_NPARAMS; i++)
		*tcpx_param_ptr(p, i) = tcpx_param_info[i].def;
	wait = p->rto_init_ms;
	for (i = 0; i < TCPX_WAITS; i++) {
		p->synack_waits_ms[i] = wait;
		wait = min(2 * wait, p->rto_max_ms);
	}
}

/* Of a laboratory: a key that everybody may know. */
static void lab_key(siphash_key_t *key, int value)
{
	if (value)
		*key = (siphash_key_t){ { (u32)value } };
	else
		get_random_bytes(key, sizeof(*key));
}

static bool tables_in_use(const struct tcpx_net *tn)
{
	return tcpx_gauge_read(tn, TCPX_GAUGE_SOCKETS) ||
	       tcpx_gauge_read(tn, TCPX_GAUGE_TIME_WAIT);
}

/**
 * tcpx_param_set - set a parameter of a namespace
 * @tn: the namespace
 * @id: enum tcpx_param_id
 * @value: within its limits, the caller has checked that
 *
 * What weakens a defence on purpose is not done silently.
 *
 * Context: process.
 * Return: 0, or -EBUSY for a key of tables that hold something
 */
int tcpx_param_set(struct tcpx_net *tn, unsigned int id, int value)
{
	const struct tcpx_param_info *info = &tcpx_param_info[id];
	int *p = tcpx_param_ptr(&tn->params, id);

	if (id == TCPX_PARAM_lab_hash_seed && value != *p) {
		if (tables_in_use(tn))
			return -EBUSY;
		lab_key(&tn->hash_key, value);
	}
	if (id == TCPX_PARAM_lab_cookie_key && value != *p)
		lab_key(&tn->cookie_key, value);
	if (value != *p && value != info->def && strstarts(info->name, "lab_"))
		pr_warn_ratelimited("netns %u: %s = %d: a laboratory, not safe from forged segments\n",
				    tn->net->ns.inum, info->name, value);
	WRITE_ONCE(*p, value);
	return 0;
}

/**
 * tcpx_params_set_waits - set the first waits of half-open entries
 * @tn: the namespace
 * @waits: milliseconds, TCPX_WAIT_MIN_MS to TCPX_WAIT_MAX_MS each
 * @n: how many, at most TCPX_WAITS; the others stay as they are
 *
 * Context: process.
 */
void tcpx_params_set_waits(struct tcpx_net *tn, const int *waits,
			   unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		WRITE_ONCE(tn->params.synack_waits_ms[i], waits[i]);
	if (READ_ONCE(tn->synq))
		tcpx_synq_waits_changed(tn, (u32)jiffies);
}
