// SPDX-License-Identifier: GPL-2.0
/*
 * IPv4: what the IP layer and socket(AF_INET) see.
 */
#include <linux/icmp.h>
#include <linux/inetdevice.h>
#include <linux/module.h>
#include <net/icmp.h>
#include <net/inet_common.h>
#include <net/inet_ecn.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "tcpx.h"
#include "tcpx_timer.h"

/*
 * Routing and sending
 */

static __be32 v4_of(const struct in6_addr *a)
{
	return a->s6_addr32[3];
}

static int inet_route(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;

	rt = ip_route_output_ports(sock_net(sk), &inet->cork.fl.u.ip4, sk,
				   v4_of(&tp->tuple.raddr),
				   v4_of(&tp->tuple.laddr), tp->tuple.rport,
				   tp->tuple.lport, tcpx_protocol,
				   ip_sock_rt_tos(sk), sk->sk_bound_dev_if);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	sk_setup_caps(sk, &rt->dst);
	return 0;
}

static unsigned int inet_optlen(struct sock *sk)
{
	struct ip_options_rcu *opt;

	opt = rcu_dereference_protected(inet_sk(sk)->inet_opt,
					lockdep_sock_is_held(sk));
	return opt ? opt->opt.optlen : 0;
}

static int inet_xmit(struct sock *sk, struct sk_buff *skb)
{
	/* Fills in the flow again when the route was lost. */
	return ip_queue_xmit(sk, skb, &inet_sk(sk)->cork.fl);
}

static bool inet_csum_ok(struct sk_buff *skb)
{
	if (skb_checksum_init(skb, tcpx_protocol, inet_compute_pseudo))
		return false;
	return skb_csum_unnecessary(skb) || !__skb_checksum_complete(skb);
}

/* No route leads to a broadcast or multicast address (MUST-57, MUST-63). */
static struct dst_entry *inet_dst(struct tcpx_net *tn,
				  const struct tcpx_path *path)
{
	struct rtable *rt;
	struct flowi4 fl4;

	flowi4_init_output(&fl4, path->ifindex, path->mark, path->tos & 0x1c,
			   RT_SCOPE_UNIVERSE, tcpx_protocol, 0,
			   v4_of(&path->tuple.raddr), v4_of(&path->tuple.laddr),
			   path->tuple.rport, path->tuple.lport,
			   GLOBAL_ROOT_UID);
	security_skb_classify_flow(NULL, flowi4_to_flowi_common(&fl4));
	rt = ip_route_output_flow(tn->net, &fl4, NULL);
	if (IS_ERR(rt))
		return ERR_CAST(rt);
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-EACCES);
	}
	return &rt->dst;
}

/* IP ID 0 with DF: nobody can count our packets by it (RFC 6864 4.1). */
static int inet_send(struct tcpx_net *tn, const struct tcpx_path *path,
		     struct sk_buff *skb, struct dst_entry *dst)
{
	struct iphdr *iph;

	skb_dst_set(skb, dst);
	__skb_push(skb, sizeof(*iph)); /* room was left for it */
	skb_reset_network_header(skb);
	iph = ip_hdr(skb);
	*iph = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = path->tos,
		.frag_off = htons(IP_DF),
		.ttl = path->ttl ?: ip4_dst_hoplimit(dst),
		.protocol = tcpx_protocol,
		.saddr = v4_of(&path->tuple.laddr),
		.daddr = v4_of(&path->tuple.raddr),
	};
	skb->protocol = htons(ETH_P_IP);
	skb->mark = path->mark;
	return ip_local_out(tn->net, tn->ctl, skb);
}

static void inet_init_child(struct sock *sk, const struct tcpx_tuple *tuple)
{
	struct inet_sock *inet = inet_sk(sk);

	sk_daddr_set(sk, v4_of(&tuple->raddr));
	sk_rcv_saddr_set(sk, v4_of(&tuple->laddr));
	inet->inet_saddr = v4_of(&tuple->laddr);
	inet->inet_dport = tuple->rport;
	inet->inet_sport = tuple->lport;
	atomic_set(&inet->inet_id, get_random_u16());
}

static const struct tcpx_af tcpx_inet_af = {
	.family = AF_INET,
	.hlen = sizeof(struct iphdr),
	.route = inet_route,
	.optlen = inet_optlen,
	.xmit = inet_xmit,
	.csum_ok = inet_csum_ok,
	.dst = inet_dst,
	.send = inet_send,
	.init_child = inet_init_child,
};

/*
 * Receiving
 */

/* RFC 9293 3.9.2.3 (MUST-57, MUST-63): a connection has two unicast ends. */
static bool addresses_ok(const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (skb->pkt_type != PACKET_HOST)
		return false;
	if (skb_rtable(skb) &&
	    skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST))
		return false;
	/* 224.0.0.0/4 and what is reserved above it are nobody's address. */
	return ntohl(iph->saddr) < 0xe0000000 && !ipv4_is_zeronet(iph->saddr);
}

static int tcpx_inet_rcv(struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct net *net = dev_net(skb->dev);
	struct tcpx_pkt p = {
		.skb = skb,
		.tn = tcpx_net(net),
		.af = &tcpx_inet_af,
		.dif = inet_iif(skb),
		.sdif = inet_sdif(skb),
		/* The VRF that the segment came in by, if any */
		.path.ifindex = inet_sdif(skb) ? skb->skb_iif : 0,
		.path.mark = IP4_REPLY_MARK(net, skb->mark),
		/* What ECN says is of that packet only (RFC 3168 6.1). */
		.path.tos = iph->tos & ~INET_ECN_MASK,
	};

	ipv6_addr_set_v4mapped(iph->saddr, &p.path.tuple.raddr);
	ipv6_addr_set_v4mapped(iph->daddr, &p.path.tuple.laddr);
	/* A positive answer would make IP look for another protocol. */
	if (addresses_ok(skb))
		tcpx_rcv(&p);
	else
		tcpx_refuse(&p, TCPX_R_BAD_ADDR);
	return 0;
}

static int icmp_event(struct tcpx_icmp *e, u8 type, u8 code, u32 info)
{
	switch (type) {
	case ICMP_TIME_EXCEEDED:
		e->event = TCPX_EV_ICMP_SOFT;
		e->err = EHOSTUNREACH;
		return 0;
	case ICMP_PARAMETERPROB:
		e->event = TCPX_EV_ICMP_SOFT;
		e->err = EPROTO;
		return 0;
	case ICMP_DEST_UNREACH:
		break;
	default:
		/* Source quench is ignored (RFC 6633). */
		return -EINVAL;
	}
	if (code > NR_ICMP_UNREACH)
		return -EINVAL;
	e->err = icmp_err_convert[code].errno;
	e->event = TCPX_EV_ICMP_SOFT;
	if (code == ICMP_FRAG_NEEDED) {
		e->event = TCPX_EV_ICMP_PTB;
		e->mtu = info;
	} else if (code == ICMP_PROT_UNREACH || code == ICMP_PORT_UNREACH) {
		e->event = TCPX_EV_ICMP_HARD;
	}
	return 0;
}

/*
 * IP leaves redirects to the protocol, which knows what it has sent (RFC 5927
 * 4); IP judges the new router. One that comes while a call owns the socket is
 * lost, the next segment brings another.
 */
static void redirect(const struct tcpx_icmp *icmp, struct sk_buff *skb)
{
	struct tcpx_net *tn = icmp->tn;
	struct dst_entry *dst;
	struct tcpx_tcb *t;
	struct sock *sk;

	TCPX_INC(tn, ICMP_IN);
	sk = tcpx_hash_lookup(tn->net, &icmp->tuple,
			      tcpx_tuple_hash(tn, &icmp->tuple), icmp->dif, 0);
	if (!sk) {
		TCPX_INC(tn, ICMP_IGNORED);
		return;
	}
	bh_lock_sock(sk);
	t = &tcpx_sk(sk)->tcb;
	dst = sock_owned_by_user(sk) ? NULL : __sk_dst_check(sk, 0);
	if (dst && tcpx_between(icmp->seq, t->snd_una, t->snd_nxt))
		dst->ops->redirect(dst, sk, skb);
	else
		TCPX_INC(tn, ICMP_IGNORED);
	bh_unlock_sock(sk);
	sock_put(sk);
}

static int tcpx_inet_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const u8 *th = skb->data + (iph->ihl << 2);
	struct tcpx_icmp e = {
		.tn = tcpx_net(dev_net(skb->dev)),
		.af = &tcpx_inet_af,
		.dif = inet_iif(skb),
	};

	/* The quoted header is guaranteed up to the sequence number. */
	ipv6_addr_set_v4mapped(iph->saddr, &e.tuple.laddr);
	ipv6_addr_set_v4mapped(iph->daddr, &e.tuple.raddr);
	memcpy(&e.tuple.lport, th, 2);
	memcpy(&e.tuple.rport, th + 2, 2);
	e.seq = get_unaligned_be32(th + 4);
	if (icmp_hdr(skb)->type == ICMP_REDIRECT)
		redirect(&e, skb);
	else if (icmp_event(&e, icmp_hdr(skb)->type, icmp_hdr(skb)->code, info))
		TCPX_INC(e.tn, ICMP_IGNORED);
	else
		tcpx_rcv_icmp(&e);
	return 0;
}

static const struct net_protocol tcpx_inet_protocol = {
	.handler = tcpx_inet_rcv,
	.err_handler = tcpx_inet_err,
	.no_policy = 1,
	.icmp_strict_tag_validation = 1,
};

/*
 * Sockets
 */

static int tcpx_inet_get_port(struct sock *sk, unsigned short snum)
{
	ipv6_addr_set_v4mapped(inet_sk(sk)->inet_rcv_saddr,
			       &tcpx_sk(sk)->tuple.laddr);
	return tcpx_port_bind(sk, snum);
}

/* The route gives the source address; no connection to a group (MUST-46). */
static int connect_route(struct sock *sk, const struct sockaddr_in *addr,
			 struct rtable **rtp)
{
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	struct rtable *rt;

	rt = ip_route_connect(fl4, addr->sin_addr.s_addr, inet->inet_saddr,
			      sk->sk_bound_dev_if, tcpx_protocol,
			      inet->inet_sport, addr->sin_port, sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)) {
		ip_rt_put(rt);
		return -ENETUNREACH;
	}
	*rtp = rt;
	return 0;
}

static void connect_undo(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	tcpx_hash_remove(sk);
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK)) {
		tcpx_port_release(sk);
		inet->inet_sport = 0;
		tcpx_sk(sk)->tuple.lport = 0;
	}
	tcpx_forget_addrs(sk);
	sk->sk_route_caps = 0;
}

static int tcpx_inet_connect(struct sock *sk, struct tcpx_sockaddr *uaddr,
			     int addr_len)
{
	struct sockaddr_in *addr = (struct sockaddr_in *)uaddr;
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	struct tcpx_sock *tp = tcpx_sk(sk);
	__be16 sport = inet->inet_sport;
	struct rtable *rt;
	int err;

	if (addr_len < (int)sizeof(*addr))
		return -EINVAL;
	if (addr->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	err = connect_route(sk, addr, &rt);
	if (err)
		return err;

	if (!inet->inet_saddr) {
		inet->inet_saddr = fl4->saddr;
		sk_rcv_saddr_set(sk, fl4->saddr);
	}
	inet->inet_dport = addr->sin_port;
	sk_daddr_set(sk, fl4->daddr);
	ipv6_addr_set_v4mapped(inet->inet_saddr, &tp->tuple.laddr);
	ipv6_addr_set_v4mapped(fl4->daddr, &tp->tuple.raddr);
	tp->tuple.rport = addr->sin_port;

	err = tcpx_port_connect(sk);
	if (err)
		goto err_route;
	inet->inet_sport = tp->tuple.lport;
	rt = ip_route_newports(fl4, rt, sport, inet->inet_dport,
			       inet->inet_sport, inet->inet_dport, sk);
	if (IS_ERR(rt)) {
		err = PTR_ERR(rt);
		rt = NULL;
		goto err_route;
	}
	sk_setup_caps(sk, &rt->dst);
	tp->pmtu = dst_mtu(&rt->dst);
	atomic_set(&inet->inet_id, get_random_u16());
	tcpx_connect_start(sk);
	if (tcpx_rtx_head(sk))
		return 0;
	/* No memory for the SYN. */
	tcpx_state_set(sk, TCPX_CLOSED);
	connect_undo(sk);
	return -ENOBUFS;

err_route:
	ip_rt_put(rt);
	connect_undo(sk);
	return err;
}

/* sk_common_release(): a socket that socket() could not finish. */
static void tcpx_inet_destroy(struct sock *sk)
{
	tcpx_timer_disarm_all(sk);
	tcpx_port_release(sk);
	sk_sockets_allocated_dec(sk);
}

static void tcpx_inet_unhash(struct sock *sk)
{
	tcpx_hash_remove(sk);
}

TCPX_PROTO_ACCEPT(tcpx_inet_accept)
TCPX_PROTO_RECVMSG(tcpx_inet_recvmsg)
TCPX_PROTO_IOCTL(tcpx_inet_ioctl)

long tcpx_mem[3];
static atomic_long_t tcpx_memory_allocated;
static DEFINE_PER_CPU(int, tcpx_memory_per_cpu_fw_alloc);
static struct percpu_counter tcpx_sockets_allocated;
static unsigned long tcpx_memory_pressure;
static int tcpx_rmem[3] = { 4096, 131072, 6291456 };
static int tcpx_wmem[3] = { 4096, 87040, 4194304 };

static void enter_pressure(struct sock *sk)
{
	WRITE_ONCE(tcpx_memory_pressure, 1);
}

static void leave_pressure(struct sock *sk)
{
	WRITE_ONCE(tcpx_memory_pressure, 0);
}

static struct proto tcpx_inet_proto = {
	.name = "TCPX",
	.owner = THIS_MODULE,
	.close = tcpx_close,
	.connect = tcpx_inet_connect,
	.disconnect = tcpx_disconnect,
	.accept = tcpx_inet_accept,
	.ioctl = tcpx_inet_ioctl,
	.init = tcpx_init_sock,
	.destroy = tcpx_inet_destroy,
	.shutdown = tcpx_shutdown,
	.keepalive = tcpx_set_keepalive,
	.setsockopt = tcpx_setsockopt,
	.getsockopt = tcpx_getsockopt,
	.sendmsg = tcpx_sendmsg,
	.recvmsg = tcpx_inet_recvmsg,
	.backlog_rcv = tcpx_backlog_rcv,
	.release_cb = tcpx_release_cb,
	.unhash = tcpx_inet_unhash,
	.get_port = tcpx_inet_get_port,
	.put_port = tcpx_port_release,
	.enter_memory_pressure = enter_pressure,
	.leave_memory_pressure = leave_pressure,
	.memory_allocated = &tcpx_memory_allocated,
	.per_cpu_fw_alloc = &tcpx_memory_per_cpu_fw_alloc,
	.sockets_allocated = &tcpx_sockets_allocated,
	.memory_pressure = &tcpx_memory_pressure,
	.sysctl_mem = tcpx_mem,
	.sysctl_rmem = tcpx_rmem,
	.sysctl_wmem = tcpx_wmem,
	.max_header = L1_CACHE_ALIGN(128 + MAX_HEADER),
	.obj_size = sizeof(struct tcpx_sock),
	.no_autobind = true,
};

static const struct proto_ops tcpx_inet_ops = {
	.family = PF_INET,
	.owner = THIS_MODULE,
	.release = inet_release,
	.bind = inet_bind,
	.connect = inet_stream_connect,
	.socketpair = sock_no_socketpair,
	.accept = inet_accept,
	.getname = inet_getname,
	.poll = tcpx_poll,
	.ioctl = inet_ioctl,
	.gettstamp = sock_gettstamp,
	.listen = tcpx_listen,
	.shutdown = inet_shutdown,
	.setsockopt = sock_common_setsockopt,
	.getsockopt = sock_common_getsockopt,
	.sendmsg = inet_sendmsg,
	.recvmsg = inet_recvmsg,
	.mmap = sock_no_mmap,
	.set_peek_off = sk_set_peek_off,
};

static struct inet_protosw tcpx_inet_protosw = {
	.type = SOCK_STREAM,
	.prot = &tcpx_inet_proto,
	.ops = &tcpx_inet_ops,
};

/* As for native TCP: pressure at a sixteenth of memory, hard limit above it. */
static void size_memory(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 16, 128UL);

	tcpx_mem[0] = limit / 4 * 3;
	tcpx_mem[1] = limit;
	tcpx_mem[2] = tcpx_mem[0] * 2;
}

/**
 * tcpx_inet_init - register with IPv4
 *
 * Context: process, after the namespaces are ready.
 * Return: 0 or a negative errno
 */
int tcpx_inet_init(void)
{
	int err;

	size_memory();
	err = percpu_counter_init(&tcpx_sockets_allocated, 0, GFP_KERNEL);
	if (err)
		return err;
	err = proto_register(&tcpx_inet_proto, 1);
	if (err)
		goto err_counter;

	tcpx_afs[TCPX_AF_V4] = &tcpx_inet_af;
	if (!inet_add_protocol(&tcpx_inet_protocol, tcpx_protocol)) {
		/* Last: from here on there may be sockets. */
		tcpx_inet_protosw.protocol = tcpx_protocol;
		inet_register_protosw(&tcpx_inet_protosw);
		return 0;
	}
	pr_err("IP protocol %u is taken\n", tcpx_protocol);
	err = -EADDRINUSE;
	proto_unregister(&tcpx_inet_proto);
err_counter:
	percpu_counter_destroy(&tcpx_sockets_allocated);
	return err;
}

/**
 * tcpx_inet_stop - no segment and no socket() comes in any more
 *
 * Context: process. No socket is open: each holds the module.
 */
void tcpx_inet_stop(void)
{
	inet_del_protocol(&tcpx_inet_protocol, tcpx_protocol);
	inet_unregister_protosw(&tcpx_inet_protosw);
}

/**
 * tcpx_inet_exit - undo the rest of tcpx_inet_init()
 *
 * Context: process, when all objects are freed.
 */
void tcpx_inet_exit(void)
{
	proto_unregister(&tcpx_inet_proto);
	percpu_counter_destroy(&tcpx_sockets_allocated);
}

/**
 * tcpx_inet_net_init - make the socket that sends what has no socket
 * @tn: the namespace
 *
 * A raw one: a socket of our own would hold the module for ever.
 *
 * Context: process.
 * Return: 0 or a negative errno
 */
int tcpx_inet_net_init(struct tcpx_net *tn)
{
	return inet_ctl_sock_create(&tn->ctl, PF_INET, SOCK_RAW, tcpx_protocol,
				    tn->net);
}

/**
 * tcpx_inet_net_exit - undo tcpx_inet_net_init()
 * @tn: the namespace
 *
 * Context: process.
 */
void tcpx_inet_net_exit(struct tcpx_net *tn)
{
	inet_ctl_sock_destroy(tn->ctl);
}
