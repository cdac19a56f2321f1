// SPDX-License-Identifier: GPL-2.0
/*
 * tcpx: TCP (RFC 9293) as IP protocol 253. Only the order in which the rooms
 * open and close.
 */
#include <linux/module.h>

#include "tcpx.h"

u8 tcpx_protocol = 253;
unsigned int tcpx_net_id;

static int protocol_set(const char *val, const struct kernel_param *kp)
{
	u8 nr;
	int err = kstrtou8(val, 0, &nr);

	if (err)
		return err;
	/* RFC 3692: the two numbers for experiments */
	if (nr != 253 && nr != 254) {
		pr_err("protocol %u refused: 253 and 254 are for experiments (RFC 3692)\n",
		       nr);
		return -EINVAL;
	}
	tcpx_protocol = nr;
	return 0;
}

static const struct kernel_param_ops protocol_ops = {
	.set = protocol_set,
	.get = param_get_byte,
};
module_param_cb(protocol, &protocol_ops, &tcpx_protocol, 0444);
MODULE_PARM_DESC(protocol, "IP protocol number, 253 (default) or 254");

static int __net_init tcpx_net_start(struct net *net)
{
	struct tcpx_net *tn = tcpx_net(net);
	int err;

	tn->net = net;
	mutex_init(&tn->synq_mutex);
	get_random_bytes(&tn->hash_key, sizeof(tn->hash_key));
	get_random_bytes(&tn->ts_key, sizeof(tn->ts_key));
	get_random_bytes(&tn->cookie_key, sizeof(tn->cookie_key));
	get_random_bytes(tn->prefix_key, sizeof(tn->prefix_key));
	get_random_bytes(&tn->port_key, sizeof(tn->port_key));
	tcpx_params_init(&tn->params);

	err = tcpx_mib_init(tn);
	if (err)
		return err;
	err = tcpx_inet_net_init(tn);
	if (err)
		goto err_mib;
	err = tcpx_sysctl_net_init(tn);
	if (err)
		goto err_inet;
	err = tcpx_proc_net_init(tn);
	if (err)
		goto err_sysctl;
	return 0;

err_sysctl:
	tcpx_sysctl_net_exit(tn);
err_inet:
	tcpx_inet_net_exit(tn);
err_mib:
	tcpx_mib_exit(tn);
	return err;
}

static void __net_exit tcpx_nets_stop(struct list_head *nets)
{
	struct tcpx_net *tn;
	struct net *net;

	list_for_each_entry(net, nets, exit_list) {
		tn = tcpx_net(net);
		tcpx_proc_net_exit(tn);
		tcpx_sysctl_net_exit(tn);
		tcpx_synq_destroy(tn);
		tcpx_tw_purge(tn);
	}
	/* A TIME-WAIT timer may be on its way out. */
	synchronize_rcu();
	list_for_each_entry(net, nets, exit_list) {
		tn = tcpx_net(net);
		tcpx_inet_net_exit(tn);
		tcpx_mib_exit(tn);
	}
}

static struct pernet_operations tcpx_net_ops = {
	.init = tcpx_net_start,
	.exit_batch = tcpx_nets_stop,
	.id = &tcpx_net_id,
	.size = sizeof(struct tcpx_net),
};

static int __init tcpx_init(void)
{
	int err;

	err = tcpx_hash_init();
	if (err)
		return err;
	err = tcpx_port_init();
	if (err)
		goto err_hash;
	err = tcpx_synq_cache_init();
	if (err)
		goto err_port;
	err = tcpx_tw_init();
	if (err)
		goto err_synq;
	/* Before the protocol: the first segment looks for its namespace. */
	err = register_pernet_subsys(&tcpx_net_ops);
	if (err)
		goto err_tw;
	err = tcpx_nl_init();
	if (err)
		goto err_net;
	/* Last: from here on there may be sockets. */
	err = tcpx_inet_init();
	if (err)
		goto err_nl;
	pr_info("TCP as IP protocol %u\n", tcpx_protocol);
	return 0;

err_nl:
	tcpx_nl_exit();
err_net:
	unregister_pernet_subsys(&tcpx_net_ops);
err_tw:
	tcpx_tw_exit();
err_synq:
	tcpx_synq_cache_exit();
err_port:
	tcpx_port_exit();
err_hash:
	tcpx_hash_exit();
	return err;
}

static void __exit tcpx_exit(void)
{
	tcpx_nl_exit();
	tcpx_inet_stop();
	tcpx_sock_exit();
	unregister_pernet_subsys(&tcpx_net_ops);
	/* Sockets and TIME-WAIT entries are freed by RCU callbacks of ours. */
	rcu_barrier();
	tcpx_inet_exit();
	tcpx_tw_exit();
	tcpx_synq_cache_exit();
	tcpx_port_exit();
	tcpx_hash_exit();
}

module_init(tcpx_init);
module_exit(tcpx_exit);

MODULE_AUTHOR("The tcpx authors");
MODULE_DESCRIPTION("TCP (RFC 9293) as an IP protocol of its own");
MODULE_LICENSE("GPL");
/* socket(AF_INET, SOCK_STREAM, 253) and 254 load the module. */
MODULE_ALIAS("net-pf-2-proto-253-type-1");
MODULE_ALIAS("net-pf-2-proto-254-type-1");
