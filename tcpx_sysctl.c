// SPDX-License-Identifier: GPL-2.0
/*
 * net.tcpx.*: the parameters of a namespace as sysctls. They belong to the root
 * user of the namespace. Their list is in tcpx_mib.h.
 */
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "tcpx.h"

enum {
	SYSCTL_WAITS = TCPX_NPARAMS,
	SYSCTL_LIFETIME,
	SYSCTL_PROTOCOL,
	SYSCTL_MEM,
	NSYSCTLS,
};

/* The limits are in the entry; its place in the table is the parameter's id. */
static int sysctl_param(TCPX_CTL_TABLE *ctl, int write, void *buffer,
			size_t *lenp, loff_t *ppos)
{
	struct tcpx_net *tn = ctl->data;
	unsigned int id = ctl - tn->sysctl_table;
	int value = READ_ONCE(*tcpx_param_ptr(&tn->params, id));
	TCPX_CTL_TABLE table = {
		.procname = ctl->procname,
		.data = &value,
		.maxlen = sizeof(value),
		.mode = ctl->mode,
		.extra1 = ctl->extra1,
		.extra2 = ctl->extra2,
	};
	int err = proc_dointvec_minmax(&table, write, buffer, lenp, ppos);

	return err || !write ? err : tcpx_param_set(tn, id, value);
}

/* All values are good, or none is stored. */
static int sysctl_waits(TCPX_CTL_TABLE *ctl, int write, void *buffer,
			size_t *lenp, loff_t *ppos)
{
	static int min = TCPX_WAIT_MIN_MS, max = TCPX_WAIT_MAX_MS;
	struct tcpx_net *tn = ctl->data;
	int waits[TCPX_WAITS];
	TCPX_CTL_TABLE table = {
		.procname = ctl->procname,
		.data = waits,
		.maxlen = sizeof(waits),
		.mode = ctl->mode,
		.extra1 = &min,
		.extra2 = &max,
	};
	unsigned int i;
	int err;

	for (i = 0; i < TCPX_WAITS; i++)
		waits[i] = READ_ONCE(tn->params.synack_waits_ms[i]);
	err = proc_dointvec_minmax(&table, write, buffer, lenp, ppos);
	if (!err && write)
		tcpx_params_set_waits(tn, waits, TCPX_WAITS);
	return err;
}

static int sysctl_lifetime(TCPX_CTL_TABLE *ctl, int write, void *buffer,
			   size_t *lenp, loff_t *ppos)
{
	unsigned int ms = tcpx_synq_lifetime_ms(ctl->data);
	TCPX_CTL_TABLE table = {
		.procname = ctl->procname,
		.data = &ms,
		.maxlen = sizeof(ms),
		.mode = ctl->mode,
	};

	return proc_douintvec(&table, write, buffer, lenp, ppos);
}

static void fill_params(struct ctl_table *table, struct tcpx_net *tn)
{
	const struct tcpx_param_info *info = tcpx_param_info;
	unsigned int i;

	for (i = 0; i < TCPX_NPARAMS; i++) {
		table[i].procname = info[i].name;
		table[i].data = tn;
		table[i].maxlen = sizeof(int);
		table[i].mode = 0644;
		table[i].proc_handler = sysctl_param;
		table[i].extra1 = (void *)&info[i].min;
		table[i].extra2 = (void *)&info[i].max;
	}
}

static void fill_others(struct ctl_table *table, struct tcpx_net *tn)
{
	table[SYSCTL_WAITS] = (struct ctl_table) {
		.procname = "synack_waits_ms",
		.data = tn,
		.maxlen = sizeof(tn->params.synack_waits_ms),
		.mode = 0644,
		.proc_handler = sysctl_waits,
	};
	table[SYSCTL_LIFETIME] = (struct ctl_table) {
		.procname = "synq_lifetime_ms",
		.data = tn,
		.maxlen = sizeof(int),
		.mode = 0444,
		.proc_handler = sysctl_lifetime,
	};
	table[SYSCTL_PROTOCOL] = (struct ctl_table) {
		.procname = "protocol",
		.data = &tcpx_protocol,
		.maxlen = sizeof(tcpx_protocol),
		.mode = 0444,
		.proc_handler = proc_dou8vec_minmax,
	};
	/* One for all namespaces, so it belongs to the first one. */
	table[SYSCTL_MEM] = (struct ctl_table) {
		.procname = "mem",
		.data = tcpx_mem,
		.maxlen = sizeof(tcpx_mem),
		.mode = net_eq(tn->net, &init_net) ? 0644 : 0444,
		.proc_handler = proc_doulongvec_minmax,
	};
}

/**
 * tcpx_sysctl_net_init - register the sysctls of a namespace
 * @tn: the namespace
 *
 * Context: process.
 * Return: 0 or -ENOMEM
 */
int tcpx_sysctl_net_init(struct tcpx_net *tn)
{
	if (!IS_ENABLED(CONFIG_SYSCTL))
		return 0;
	/* one more: up to 6.5 an empty entry ends a table */
	tn->sysctl_table = kcalloc(NSYSCTLS + 1, sizeof(*tn->sysctl_table),
				   GFP_KERNEL);
	if (!tn->sysctl_table)
		return -ENOMEM;
	fill_params(tn->sysctl_table, tn);
	fill_others(tn->sysctl_table, tn);
	tn->sysctl = tcpx_register_sysctl(tn->net, "net/tcpx",
					  tn->sysctl_table, NSYSCTLS);
	if (tn->sysctl)
		return 0;
	kfree(tn->sysctl_table);
	tn->sysctl_table = NULL;
	return -ENOMEM;
}

/**
 * tcpx_sysctl_net_exit - remove the sysctls of a namespace
 * @tn: the namespace
 *
 * Context: process. No handler runs afterwards.
 */
void tcpx_sysctl_net_exit(struct tcpx_net *tn)
{
	if (tn->sysctl)
		unregister_net_sysctl_table(tn->sysctl);
	kfree(tn->sysctl_table);
	tn->sysctl_table = NULL;
}
