/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rooms of tcpx share: sockets, entries, tables and their locks.
 *
 * Locks, in the order in which they are taken:
 *
 *  1. lock_sock(sk), bh_lock_sock(sk): everything in struct tcpx_sock not marked
 *     otherwise. Process context owns the socket and lets segments go to the
 *     backlog; softirq holds the spinlock, or defers to release_cb.
 *     A listener is never locked in softirq: it is read under RCU.
 *  2. tcpx_synq_shard.lock (_bh): half-open entries, their hash and their FIFOs.
 *     Held while a completed entry is replaced by its child, so that a segment
 *     finds exactly one of the two.
 *  3. tcpx_port_bucket.lock (_bh): the sockets bound to ports.
 *  4. tcpx_hash lock (_bh): a bucket of connections and TIME-WAIT entries; or
 *     tcpx_listen_lock (_bh): the table of listeners and which of them are in a
 *     SO_REUSEPORT group, with the kernel's reuseport_lock inside.
 *  5. tcpx_lsn.accept_lock (_bh): the accept queue of a listener.
 *
 * A new child is locked while 2 is held: nobody else can know it yet.
 * Nothing is sent under 2 to 5: sending may loop back into the receive path.
 *
 * Lifetime: sockets are SOCK_RCU_FREE, TIME-WAIT entries and struct tcpx_lsn are
 * freed after an RCU grace period too, so a lookup under rcu_read_lock() may look
 * at what it found and must take a reference, or the lock that guards the object,
 * before it changes it. Half-open entries are freed at once: who looks at one
 * holds its shard's lock.
 */
#ifndef _TCPX_H
#define _TCPX_H

#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/ktime.h>
#include <linux/rbtree.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/sock.h>

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "tcpx_compat.h"
#include "tcpx_mib.h"
#include "tcpx_proto.h"
#include "tcpx_synq.h"

struct tcpx_synq;
struct tcpx_port;
struct ctl_table_header;

extern u8 tcpx_protocol;
extern unsigned int tcpx_net_id;
/* Pages that all sockets together may hold: no pressure, pressure, limit. */
extern long tcpx_mem[3];

/**
 * struct tcpx_tuple - the addresses of a connection, IPv4 ones mapped
 * @laddr: local address
 * @raddr: remote address, :: for a listener
 * @lport: local port
 * @rport: remote port, 0 for a listener
 */
struct tcpx_tuple {
	struct in6_addr laddr;
	struct in6_addr raddr;
	__be16 lport;
	__be16 rport;
};

/**
 * struct tcpx_net - tcpx in a network namespace
 * @net: the namespace
 * @ctl: raw socket of the kernel that sends what has no socket
 * @hash_key: connection and half-open tables; initial sequence numbers (RFC 6528)
 *	are made of other bits of the same hash
 * @cookie_key: SYN cookies. Constant, or those under way are lost
 * @prefix_key: multipliers for shares of source prefixes, odd
 * @ts_key: multiplier for timestamp offsets, odd
 * @port_key: ephemeral ports (RFC 6056)
 * @params: parameters, see tcpx_param()
 * @mib: counters
 * @synq: half-open queue, NULL until the first listen(). Written once.
 * @synq_mutex: serializes the creation of @synq
 * @sysctl: registered table
 * @sysctl_table: its copy for this namespace
 * @tw_count: TIME-WAIT entries, limit is max_tw_buckets
 * @orphans: closed sockets that still finish, limit is max_orphans
 */
struct tcpx_net {
	struct net *net;
	struct sock *ctl;
	siphash_key_t hash_key;
	siphash_key_t cookie_key;
	u64 prefix_key[TCPX_SKETCH_ROWS];
	u64 ts_key;
	siphash_key_t port_key;
	struct tcpx_params params;
	struct tcpx_mib __percpu *mib;
	struct tcpx_synq *synq;
	struct mutex synq_mutex;
	struct ctl_table_header *sysctl;
	struct ctl_table *sysctl_table;
	atomic_t tw_count;
	atomic_t orphans;
};

static inline struct tcpx_net *tcpx_net(const struct net *net)
{
	return net_generic(net, tcpx_net_id);
}

struct tcpx_sock;

/**
 * struct tcpx_path - where a segment without a socket goes
 * @tuple: from @tuple.laddr to @tuple.raddr
 * @ifindex: output device, 0 for any
 * @mark: SO_MARK of the listener or of the segment answered
 * @tos: type of service
 * @ttl: time to live, 0 for the default of the route
 */
struct tcpx_path {
	struct tcpx_tuple tuple;
	int ifindex;
	u32 mark;
	u8 tos;
	u8 ttl;
};

/**
 * struct tcpx_spare - what a reply may use up
 * @dst: route of its path, NULL if it is not looked up yet
 * @skb: the segment it answers, NULL: there is none, or it was used
 */
struct tcpx_spare {
	struct dst_entry *dst;
	struct sk_buff *skb;
};

/* Index of tcpx_afs: the families register there when they are ready. */
enum tcpx_af_nr {
	TCPX_AF_V4,
	TCPX_AF_V6,
	TCPX_NAFS,
};

/**
 * struct tcpx_af - what IPv4 and IPv6 do differently
 * @family: AF_INET or AF_INET6
 * @hlen: length of the IP header
 * @route: route a connected socket by its tuple, 0 or errno; the result is the
 *	socket's dst. Socket locked.
 * @optlen: octets of options in the IP headers of a socket. Socket locked.
 * @xmit: send a segment of a socket: TCP header complete but for what IP adds.
 *	Consumes the skb. Socket locked.
 * @csum_ok: is the checksum of a received segment right? skb->data is the TCP
 *	header
 * @dst: route of a path, with a reference, or ERR_PTR. RCU read lock.
 * @send: send a segment without a socket by that route; consumes both. RCU read
 *	lock.
 * @init_child: copy what the family needs from a listener to its child
 */
struct tcpx_af {
	int family;
	unsigned int hlen;
	int (*route)(struct sock *sk);
	unsigned int (*optlen)(struct sock *sk);
	int (*xmit)(struct sock *sk, struct sk_buff *skb);
	bool (*csum_ok)(struct sk_buff *skb);
	struct dst_entry *(*dst)(struct tcpx_net *tn,
				 const struct tcpx_path *path);
	int (*send)(struct tcpx_net *tn, const struct tcpx_path *path,
		    struct sk_buff *skb, struct dst_entry *dst);
	void (*init_child)(struct sock *child, const struct tcpx_tuple *tuple);
};

/**
 * struct tcpx_lsn - the listening side of a socket
 * @sk: the listener. Valid under RCU as long as the lsn is.
 * @accept_lock: guards @accept_queue, @dead against completion
 * @accept_queue: children nobody accepted yet, tcpx_sock.accept_node
 * @dead: close() has begun: no child, no entry may be added any more
 * @qlen: half-open entries of this listener, at most @backlog
 * @acked: half-open entries that wait for a place in the accept queue
 * @acceptq: children in the accept queue and reserved places in it
 * @backlog: limit of half-open entries
 * @backlog_arg: what listen() was given, clamped: limit of the accept queue is
 *	one more, as native
 * @cookie: SO_COOKIE of @sk
 * @salt: random, for its shares of source prefixes
 * @highest: most half-open entries there ever were
 * @overflow: enum tcpx_overflow, negative: as the namespace says
 * @overflowed_at: low half of jiffies at the last SYN answered by a cookie or entry evicted,
 *	0 for never: only then is a cookie believed
 * @pressed_at: jiffies when its queue or that of the namespace was last found more
 *	than half full, 0 for never
 * @drops: SYNs refused
 * @refused: of these and of those answered by a cookie, for which enum
 *	tcpx_refused
 * @rcu: for kfree_rcu()
 */
struct tcpx_lsn {
	struct sock *sk;
	spinlock_t accept_lock;
	struct list_head accept_queue;
	bool dead;
	atomic_t qlen;
	atomic_t acked;
	atomic_t acceptq;
	u32 backlog;
	u32 backlog_arg;
	u64 cookie;
	u64 salt;
	atomic_t highest;
	s8 overflow;
	u32 overflowed_at;
	unsigned long pressed_at;
	atomic_t drops;
	atomic_t refused[TCPX_NREFUSED];
	struct rcu_head rcu;
};

enum tcpx_timer_kind {
	TCPX_TIMER_NONE,
	TCPX_TIMER_RTX,
	TCPX_TIMER_PERSIST,
};

/* bits of tcpx_sock.deferred: what release_cb has to run */
enum tcpx_deferred {
	TCPX_DEFER_RTX,
	TCPX_DEFER_DELACK,
	TCPX_DEFER_KEEP,
	TCPX_DEFER_MTU,
	TCPX_DEFER_ICMP,
	TCPX_NDEFER,
};

/**
 * struct tcpx_sock - a connection or a listener
 * @inet: the generic part, must be first
 * @tcb: sequence variables, see struct tcpx_tcb. @tcb.state is sk_state.
 * @tuple: addresses; constant while the socket is hashed
 * @af: IPv4 or IPv6
 * @tn: the namespace
 * @hash: of @tuple, see tcpx_tuple_hash()
 * @hashed: in the connection table
 * @pins_module: holds the module by its struct proto: until close()
 * @port: bound port, see tcpx_port.c
 * @port_node: in @port's list of sockets, port bucket lock
 * @lsn: listening part, NULL unless LISTEN. RCU.
 * @lsn_node: in the listener table
 * @accept_node: in lsn->accept_queue of the parent
 * @parent: the lsn that counts this child in its accept queue, else NULL
 * @rto: retransmission timeout
 * @cong: congestion control
 * @write_seq: sequence number of the next octet the application writes
 * @rtx_nxt: in TCPX_CONG_LOSS: next sequence number to send again
 * @snd_sml: end of the last small segment sent (Nagle as Minshall)
 * @fin_wanted: a FIN is to be sent, but there was no memory for it yet
 * @syn_rtx: how often our SYN or SYN-ACK was sent again
 * @mss: effective send MSS without options, octets of text per segment
 * @peer_mss: MSS option of the peer
 * @user_mss: TCP_MAXSEG, 0 if not set
 * @pmtu: path MTU in use
 * @icmp_mtu: path MTU that an ICMP error reported last
 * @icmp_event: what another ICMP error was last, TCPX_EV_ICMP_*
 * @icmp_err: its errno
 * @ts_offset: added to the millisecond clock: TSval
 * @ts_recent_at: jiffies when TS.Recent was set
 * @rtx_first_at: jiffies of the first transmission of the segment that is being
 *	retransmitted, for R2 and TCP_USER_TIMEOUT
 * @sent_at: jiffies of the last segment with data
 * @rcv_at: jiffies of the last segment received that was good for something
 * @data_at: jiffies of the last segment with text
 * @retries: retransmissions of the oldest segment in a row
 * @probes: unanswered keepalive probes
 * @wnd_probes: unanswered probes of a closed window
 * @copied_seq: next sequence number the application reads
 * @rcv_wup: RCV.NXT at the last window update sent
 * @window_clamp: TCP_WINDOW_CLAMP, the largest window to advertise; 0: none
 * @rcv_mss: estimate of the peer's segment size
 * @ooo: segments out of order, by sequence number
 * @ooo_last: sequence number of the last one that was queued (RFC 2018 4)
 * @urg_seq: sequence number of the urgent octet
 * @urg_data: TCPX_URG_* and the octet
 * @ack_pending: an ACK is owed
 * @ack_now: it must be sent at once
 * @quick_acks: how many ACKs are still sent undelayed
 * @pingpong: TCP_QUICKACK was taken off: delay ACKs from the start
 * @challenge_at: jiffies of the last challenge ACK
 * @nonagle: TCP_NODELAY
 * @cork: TCP_CORK
 * @more: the last send() had MSG_MORE
 * @user_timeout_ms: TCP_USER_TIMEOUT, 0: off
 * @linger2_ms: TCP_LINGER2, 0: fin_timeout_ms, negative: none
 * @keep_time_s: TCP_KEEPIDLE, 0: default
 * @keep_intvl_s: TCP_KEEPINTVL, 0: default
 * @keep_probes: TCP_KEEPCNT, 0: default
 * @syn_retries: TCP_SYNCNT, 0: default
 * @defer_accept: TCP_DEFER_ACCEPT as a number of waits of a half-open entry
 * @rtx_timer: retransmission or persist, see @rtx_kind
 * @delack_timer: delayed ACK
 * @rtx_kind: enum tcpx_timer_kind
 * @rtx_when: jiffies when @rtx_timer is due; it may fire earlier
 * @keep_when: the same for sk_timer
 * @deferred: enum tcpx_deferred bits for release_cb
 * @last_reason: enum tcpx_reason of the last refusal
 * @bytes_acked: octets the peer acknowledged
 * @bytes_received: octets received in order
 * @segs_in: segments received
 * @segs_out: segments sent
 * @total_retrans: segments retransmitted
 *
 * sk->sk_timer is the keepalive timer of an open and the FIN-WAIT-2 timer of a
 * closed socket. sk->sk_write_queue holds what was never sent,
 * sk->tcp_rtx_queue what is not yet acknowledged.
 */
struct tcpx_sock {
	struct inet_sock inet;
	struct tcpx_tcb tcb;
	struct tcpx_tuple tuple;
	const struct tcpx_af *af;
	struct tcpx_net *tn;
	u64 hash;
	bool hashed;
	bool pins_module;

	struct tcpx_port *port;
	struct hlist_node port_node;
	struct tcpx_lsn __rcu *lsn;
	struct hlist_node lsn_node;
	struct list_head accept_node;
	struct tcpx_lsn *parent;

	struct tcpx_rto rto;
	struct tcpx_cong cong;
	u32 write_seq;
	u32 rtx_nxt;
	u32 snd_sml;
	bool fin_wanted;
	u8 syn_rtx;
	u16 mss;
	u16 peer_mss;
	u16 user_mss;
	u32 pmtu;
	u32 icmp_mtu;
	u8 icmp_event;
	u8 icmp_err;
	u32 ts_offset;
	unsigned long ts_recent_at;
	unsigned long rtx_first_at;
	unsigned long sent_at;
	unsigned long rcv_at;
	unsigned long data_at;
	u8 retries;
	u8 probes;
	u8 wnd_probes;

	u32 copied_seq;
	u32 rcv_wup;
	u32 window_clamp;
	u16 rcv_mss;
	struct rb_root ooo;
	u32 ooo_last;
	u32 urg_seq;
	u16 urg_data;

	bool ack_pending;
	bool ack_now;
	u8 quick_acks;
	bool pingpong;
	unsigned long challenge_at;

	bool nonagle;
	bool cork;
	bool more;
	u32 user_timeout_ms;
	int linger2_ms;
	u16 keep_time_s;
	u16 keep_intvl_s;
	u8 keep_probes;
	u8 syn_retries;
	u8 defer_accept;

	struct timer_list rtx_timer;
	struct timer_list delack_timer;
	u8 rtx_kind;
	unsigned long rtx_when;
	unsigned long keep_when;
	unsigned long deferred;

	u8 last_reason;
	u64 bytes_acked;
	u64 bytes_received;
	u32 segs_in;
	u32 segs_out;
	u32 total_retrans;
};

static inline struct tcpx_sock *tcpx_sk(const struct sock *sk)
{
	return (struct tcpx_sock *)sk;
}

/* The largest window that may be advertised: what the field and the user allow. */
static inline u32 tcpx_max_window(const struct tcpx_sock *tp)
{
	return min_not_zero(READ_ONCE(tp->window_clamp),
			    65535U << READ_ONCE(tp->tcb.rcv_wscale));
}

/* urg_data: what is known of the urgent octet; the octet is in the low byte */
#define TCPX_URG_VALID	0x0100
#define TCPX_URG_NOTYET	0x0200
#define TCPX_URG_READ	0x0400

/**
 * struct tcpx_cb - our part of skb->cb
 * @ip: what the IP layer keeps there, must be first
 * @seq: first sequence number
 * @end: the one behind the last, SYN and FIN counted
 * @flags: enum tcpx_flags
 * @rtx: how often the segment was retransmitted
 * @sent_us: when it was sent last, microseconds
 */
struct tcpx_cb {
	union {
		struct inet_skb_parm ip4;
#if IS_ENABLED(CONFIG_IPV6)
		struct inet6_skb_parm ip6;
#endif
	} ip;
	u32 seq;
	u32 end;
	u8 flags;
	u8 rtx;
	u32 sent_us;
};

static inline struct tcpx_cb *tcpx_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct tcpx_cb) > sizeof(skb->cb));
	return (struct tcpx_cb *)skb->cb;
}

/* Account a verdict: hits of its cells, its reason. Any context. */
static inline void tcpx_mib_verdict(struct tcpx_net *tn,
				    const struct tcpx_verdict *v)
{
	int i;

	for (i = 0; i < v->ncells; i++)
		this_cpu_inc(tn->mib->cell[v->cells[i]]);
	if (v->reason)
		TCPX_REASON(tn, v->reason);
}

/*
 * Raise a counter unless it has reached its limit: exact, whoever races. Returns
 * the new value, or 0.
 */
static inline int tcpx_inc_below(atomic_t *v, int limit)
{
	int old = atomic_read(v);

	do {
		if (old >= limit)
			return 0;
	} while (!atomic_try_cmpxchg(v, &old, old + 1));
	return old + 1;
}

/* Remember the highest value of a counter. */
static inline void tcpx_note_highest(atomic_t *highest, int value)
{
	int old = atomic_read(highest);

	while (value > old && !atomic_try_cmpxchg(highest, &old, value))
		;
}

/* The wildcard of either family; IPv4's is mapped like every IPv4 address. */
static inline bool tcpx_addr_any(const struct in6_addr *a)
{
	return ipv6_addr_any(a) ||
	       (ipv6_addr_v4mapped(a) && !a->s6_addr32[3]);
}

#define TCPX_PAWS_IDLE (24 * 24 * 3600UL * HZ)	/* RFC 7323 5.5: 24 days */

/* The millisecond clock of timestamps and the microsecond clock of RTTs. */
static inline u32 tcpx_ns_to_ms(u64 ns)
{
	return (u32)div_u64(ns, NSEC_PER_MSEC);
}

static inline u32 tcpx_now_ms(void)
{
	return tcpx_ns_to_ms(ktime_get_ns());
}

static inline u64 tcpx_now_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

/*
 * tcpx_hash.c: connections, TIME-WAIT entries and listeners
 */
struct tcpx_tw;

/**
 * struct tcpx_cursor - a place in a table that is being dumped
 * @table: 0 listeners, 1 connections, 2 TIME-WAIT; shard for half-open entries
 * @bucket: bucket within it
 * @pos: objects of the bucket already seen
 */
struct tcpx_cursor {
	u32 table;
	u32 bucket;
	u32 pos;
};

int tcpx_hash_init(void);
void tcpx_hash_exit(void);
u64 tcpx_tuple_hash(const struct tcpx_net *tn, const struct tcpx_tuple *tuple);
struct sock *tcpx_hash_lookup(struct net *net, const struct tcpx_tuple *tuple,
			      u64 hash, int dif, int sdif);
struct tcpx_tw *tcpx_hash_lookup_tw(struct net *net,
				    const struct tcpx_tuple *tuple, u64 hash,
				    int dif, int sdif);
int tcpx_hash_insert(struct sock *sk, u64 hash);
void tcpx_hash_remove(struct sock *sk);
void tcpx_hash_insert_tw(struct sock *sk, struct tcpx_tw *tw);
bool tcpx_hash_remove_tw(struct tcpx_tw *tw);
void tcpx_hash_purge_tw(struct tcpx_net *tn);
struct sock *tcpx_hash_any(void);
struct sock *tcpx_hash_listener(struct net *net, const struct tcpx_tuple *tuple,
				int dif, int sdif);
int tcpx_hash_listen(struct sock *sk);
void tcpx_hash_unlisten(struct sock *sk);
bool tcpx_hash_next(struct net *net, struct tcpx_cursor *c, struct sock **sk,
		    struct tcpx_tw **tw);

/*
 * tcpx_port.c: local ports
 */
#define TCPX_PERTURB_BITS	16	/* RFC 6056 3.3.4: table of algorithm 4 */
extern u16 *tcpx_port_perturb;
int tcpx_port_init(void);
void tcpx_port_exit(void);
int tcpx_port_bind(struct sock *sk, unsigned short snum);
int tcpx_port_connect(struct sock *sk);
int tcpx_port_listen(struct sock *sk);
void tcpx_port_inherit(struct sock *child, const struct sock *listener);
void tcpx_port_release(struct sock *sk);
void tcpx_port_to_tw(struct sock *sk, struct tcpx_tw *tw);
void tcpx_port_release_tw(struct tcpx_tw *tw);

/*
 * tcpx_timewait.c
 */

/**
 * struct tcpx_tw - a connection in TIME-WAIT
 * @node: in the TIME-WAIT chain of the connection table
 * @tuple: the connection
 * @hash: of @tuple
 * @tn: the namespace
 * @port: the local port it keeps in use
 * @port_node: in @port's list
 * @timer: 2MSL, softirq
 * @when: jiffies when @timer is due; it may fire earlier. Lock: @lock
 * @dead: taken from the table, @timer must not be armed again. Lock: @lock
 * @refcnt: the table and the timer hold one each
 * @rcu: for the delayed free
 * @tcb: the sequence variables; lock: @lock
 * @lock: guards @tcb and @challenge_at
 * @challenge_at: jiffies of the last ACK sent
 * @ts_offset: as in struct tcpx_sock
 * @ts_recent_at: as in struct tcpx_sock
 * @af: IPv4 or IPv6
 * @ifindex: bound device
 * @mark: SO_MARK
 * @tos: type of service
 * @uid: owner, for dumps and bind()
 * @reuse: SO_REUSEADDR was set
 * @reuseport: SO_REUSEPORT was set
 */
struct tcpx_tw {
	struct hlist_nulls_node node;
	struct tcpx_tuple tuple;
	u64 hash;
	struct tcpx_net *tn;
	struct tcpx_port *port;
	struct hlist_node port_node;
	struct timer_list timer;
	unsigned long when;
	bool dead;
	refcount_t refcnt;
	struct rcu_head rcu;
	struct tcpx_tcb tcb;
	spinlock_t lock;
	unsigned long challenge_at;
	u32 ts_offset;
	unsigned long ts_recent_at;
	const struct tcpx_af *af;
	int ifindex;
	u32 mark;
	u8 tos;
	kuid_t uid;
	bool reuse;
	bool reuseport;
};

int tcpx_tw_init(void);
void tcpx_tw_exit(void);
bool tcpx_tw_enter(struct sock *sk);
void tcpx_tw_restart(struct tcpx_tw *tw);
void tcpx_tw_kill(struct tcpx_tw *tw);
void tcpx_tw_put(struct tcpx_tw *tw);
void tcpx_tw_purge(struct tcpx_net *tn);

/*
 * tcpx_number.c: numbers that a stranger must not guess
 */
u32 tcpx_pick_isn(const struct tcpx_net *tn, u64 hash, u64 now_ns);
u32 tcpx_pick_cookie(const struct tcpx_net *tn, u64 hash, u32 irs, u8 index);
int tcpx_check_cookie(const struct tcpx_net *tn, u64 hash, u32 irs, u32 iss);
u32 tcpx_pick_ts_offset(const struct tcpx_net *tn, u64 hash);

/*
 * tcpx_reply.c: segments without a socket
 */
void tcpx_entry_way(const struct tcpx_entry *e, struct tcpx_path *path);
void tcpx_entry_path(const struct tcpx_entry *e, struct tcpx_path *path);
u32 tcpx_entry_tsval(const struct tcpx_entry *e, u32 clock);
void tcpx_send_synack(struct tcpx_net *tn, const struct tcpx_entry *e, u64 hash,
		      const struct tcpx_af *af, const struct tcpx_path *path,
		      struct tcpx_spare *spare);
void tcpx_reply(struct tcpx_net *tn, const struct tcpx_af *af,
		const struct tcpx_path *path, struct tcpx_seg *seg,
		struct tcpx_spare *spare);
void tcpx_reply_rst(struct tcpx_net *tn, const struct tcpx_af *af,
		    const struct tcpx_path *path, const struct tcpx_seg *in,
		    u32 acts, struct tcpx_spare *spare);

/*
 * tcpx_output.c: segments of sockets go out
 */
#define TCPX_HEADROOM L1_CACHE_ALIGN(128 + MAX_HEADER)

extern const struct tcpx_af *tcpx_afs[TCPX_NAFS];
void tcpx_build_segment(struct sk_buff *skb, const struct tcpx_tuple *t,
			const struct tcpx_seg *seg);
void tcpx_send_syn(struct sock *sk);
void tcpx_resend_syn(struct sock *sk, bool ack);
void tcpx_push(struct sock *sk, bool force);
void tcpx_send_fin(struct sock *sk);
void tcpx_send_ack(struct sock *sk);
void tcpx_send_probe(struct sock *sk);
void tcpx_send_rst(struct sock *sk);
void tcpx_retransmit(struct sock *sk);
void tcpx_queue_skb(struct sock *sk, struct sk_buff *skb);
void tcpx_free_skb(struct sock *sk, struct sk_buff *skb);
u32 tcpx_flight(const struct sock *sk);
u32 tcpx_new_window(const struct sock *sk);
void tcpx_sync_mss(struct sock *sk, u32 pmtu);
u16 tcpx_advertised_mss(struct tcpx_net *tn, const struct tcpx_af *af,
			unsigned int mtu);
struct sk_buff *tcpx_skb_alloc(struct sock *sk, gfp_t gfp);
void tcpx_rtx_purge(struct sock *sk);
u8 tcpx_pick_wscale(const struct tcpx_net *tn, const struct sock *sk);

static inline bool tcpx_entry_v6(const struct tcpx_entry *e)
{
	return e->flags & TCPX_ENTRY_V6;
}

static inline const struct tcpx_af *tcpx_af_of(const struct tcpx_entry *e)
{
	return tcpx_afs[e->flags & TCPX_ENTRY_V6 ? TCPX_AF_V6 : TCPX_AF_V4];
}

/**
 * tcpx_admit_policy - what a full queue does
 * @tn: the namespace
 * @lsn: the listener, its own policy counts first
 *
 * Return: the policy; drop_new where cookies are wanted but switched off
 */
static inline enum tcpx_overflow tcpx_admit_policy(const struct tcpx_net *tn,
						   const struct tcpx_lsn *lsn)
{
	int policy = READ_ONCE(lsn->overflow);

	if (policy < 0)
		policy = tcpx_param(tn, synq_overflow);
	if (policy == TCPX_OVERFLOW_COOKIE && !tcpx_param(tn, syncookies))
		policy = TCPX_OVERFLOW_DROP_NEW;
	return policy;
}

/* TCP_DEFER_ACCEPT of a listener, in waits of a half-open entry */
static inline u8 tcpx_defer_accept(const struct tcpx_lsn *lsn)
{
	return READ_ONCE(tcpx_sk(lsn->sk)->defer_accept);
}

static inline struct sk_buff *tcpx_rtx_head(const struct sock *sk)
{
	return skb_rb_first(&sk->tcp_rtx_queue);
}

/*
 * tcpx_input.c: segments come in
 */

/**
 * struct tcpx_pkt - a segment on its way through the receive path
 * @skb: the packet
 * @tn: the namespace
 * @af: the family
 * @path: the way back: local is where the segment went, remote whence it came
 * @dif: device it came in by
 * @sdif: its L3 slave, else 0
 * @hash: tcpx_tuple_hash()
 * @seg: the segment, parsed
 * @now_ms: tcpx_now_ms() and
 * @ts_offset: tcpx_pick_ts_offset(), once an entry was found for the segment
 * @lsk: of a SYN, the listener at its port, else NULL
 * @changes: of its half-open shard when no entry was found there
 * @reopen: it may start a connection in place of one in TIME-WAIT,
 * @min_iss: whose sequence numbers must lie above this one
 */
struct tcpx_pkt {
	struct sk_buff *skb;
	struct tcpx_net *tn;
	const struct tcpx_af *af;
	struct tcpx_path path;
	int dif;
	int sdif;
	u64 hash;
	struct tcpx_seg seg;
	struct sock *lsk;
	u32 now_ms;
	u32 ts_offset;
	u32 changes;
	bool reopen;
	u32 min_iss;
};

/**
 * struct tcpx_icmp - an ICMP error
 * @tn: the namespace
 * @af: the family
 * @tuple: the connection whose segment it quotes
 * @dif: device it came in by
 * @seq: sequence number of the quoted segment
 * @event: TCPX_EV_ICMP_*
 * @err: errno
 * @mtu: next-hop MTU of a PTB
 */
struct tcpx_icmp {
	struct tcpx_net *tn;
	const struct tcpx_af *af;
	struct tcpx_tuple tuple;
	int dif;
	u32 seq;
	enum tcpx_event event;
	u8 err;
	u32 mtu;
};

void tcpx_drop(struct tcpx_net *tn, struct sk_buff *skb, u8 reason);
void tcpx_rcv(struct tcpx_pkt *p);
void tcpx_refuse(struct tcpx_pkt *p, u8 reason);
void tcpx_rcv_sock(struct sock *sk, struct tcpx_pkt *p);
bool tcpx_filtered(struct sock *sk, struct tcpx_pkt *p);
void tcpx_rcv_icmp(const struct tcpx_icmp *icmp);
void tcpx_mtu_reduced(struct sock *sk);
void tcpx_icmp_due(struct sock *sk);
int tcpx_backlog_rcv(struct sock *sk, struct sk_buff *skb);

/*
 * tcpx_execute.c: verdicts are carried out
 */
void tcpx_execute(struct sock *sk, struct sk_buff *skb,
		  const struct tcpx_seg *seg, struct tcpx_verdict *v);
u32 tcpx_ctx(const struct sock *sk);

/* RFC 5961 3.2 can be switched off, for whatever takes a RST. */
static inline u32 tcpx_ctx_rst(const struct tcpx_net *tn)
{
	return tcpx_param(tn, rst_strict) ? 0 : TCPX_CTX_RST_LOOSE;
}

int tcpx_event(struct sock *sk, enum tcpx_event event, u32 ctx, u8 err);
void tcpx_done(struct sock *sk);
void tcpx_free_dead(struct sock *sk);
void tcpx_state_set(struct sock *sk, u8 state);
bool tcpx_challenge_allowed(struct tcpx_net *tn, unsigned long *last);

/*
 * tcpx_text.c: text comes in
 */
bool tcpx_cut(struct sk_buff *skb, u32 hlen, struct tcpx_seg *seg, u32 len);
bool tcpx_fit(struct sock *sk, struct sk_buff *skb, struct tcpx_seg *seg);
bool tcpx_text_next(struct sock *sk, struct sk_buff *skb);
void tcpx_text_later(struct sock *sk, struct sk_buff *skb);
void tcpx_text_urgent(struct sock *sk, struct sk_buff *skb,
		      const struct tcpx_seg *seg);
void tcpx_text_end(struct sock *sk);
void tcpx_text_forget(struct sock *sk);

/*
 * tcpx_syn.c: SYN to half-open entry
 */
u16 tcpx_first_window(const struct sock *lsk);
void tcpx_entry_name(struct tcpx_entry *e, const struct sock *lsk,
		     struct tcpx_lsn *lsn, const struct tcpx_pkt *p);
void tcpx_answer_syn(struct tcpx_pkt *p, const struct tcpx_entry *e,
		     struct dst_entry *dst);
u8 tcpx_syn_hopeless(struct tcpx_pkt *p);
u8 tcpx_take_syn(struct sock *lsk, struct tcpx_lsn *lsn, struct tcpx_pkt *p);

/*
 * From when the wait of an entry counts: the current jiffy may be over at once,
 * and no SYN-ACK is to be sent again too early (RFC 6298 5.5).
 */
static inline u32 tcpx_next_jiffy(void)
{
	return (u32)jiffies + 1;
}

/*
 * tcpx_passive.c: entry to connection
 */
bool tcpx_rcv_half_open(struct tcpx_pkt *p);
void tcpx_rcv_listener(struct sock *sk, struct tcpx_pkt *p);
void tcpx_promote(struct tcpx_net *tn, struct tcpx_lsn *lsn);
bool tcpx_icmp_half_open(const struct tcpx_icmp *icmp, u64 hash);

/*
 * tcpx_timer.c, arming in tcpx_timer.h
 */
void tcpx_timer_init(struct sock *sk);
void tcpx_release_cb(struct sock *sk);
void tcpx_synq_due(struct timer_list *t);

/*
 * tcpx_sock.c, tcpx_stream.c, tcpx_sockopt.c: the faces of a socket
 */
int tcpx_init_sock(struct sock *sk);
void tcpx_destroy_sock(struct sock *sk);
void tcpx_sock_count(struct sock *sk);
void tcpx_sock_exit(void);
void tcpx_connect_start(struct sock *sk);
int tcpx_listen(struct socket *sock, int backlog);
struct sock *tcpx_accept(struct sock *sk, int flags, int *err);
void tcpx_listen_stop(struct sock *sk);
void tcpx_close(struct sock *sk, long timeout);
void tcpx_forget_addrs(struct sock *sk);
int tcpx_disconnect(struct sock *sk, int flags);
void tcpx_shutdown(struct sock *sk, int how);
__poll_t tcpx_poll(struct file *file, struct socket *sock,
		   struct poll_table_struct *wait);
void tcpx_write_space(struct sock *sk);
int tcpx_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);
int tcpx_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags);
void tcpx_window_opened(struct sock *sk);
int tcpx_inq(struct sock *sk);
int tcpx_ioctl(struct sock *sk, int cmd, int *arg);
struct tcp_info;
void tcpx_get_info(struct sock *sk, struct tcp_info *info);
void tcpx_set_keepalive(struct sock *sk, int val);
int tcpx_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		    unsigned int optlen);
int tcpx_getsockopt(struct sock *sk, int level, int optname,
		    char __user *optval, int __user *optlen);

/*
 * tcpx_inet.c: IPv4
 */
int tcpx_inet_init(void);
void tcpx_inet_stop(void);
void tcpx_inet_exit(void);
int tcpx_inet_net_init(struct tcpx_net *tn);
void tcpx_inet_net_exit(struct tcpx_net *tn);

/*
 * tcpx_proc.c, tcpx_sysctl.c, tcpx_nl.c: the faces of a namespace
 */
int tcpx_proc_net_init(struct tcpx_net *tn);
void tcpx_proc_net_exit(struct tcpx_net *tn);
int tcpx_sysctl_net_init(struct tcpx_net *tn);
void tcpx_sysctl_net_exit(struct tcpx_net *tn);
int tcpx_nl_init(void);
void tcpx_nl_exit(void);

#endif /* _TCPX_H */
