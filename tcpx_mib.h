/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters, gauges and parameters: each list lives here once. /proc, netlink,
 * sysctl, the tools and the tests expand them.
 */
#ifndef _TCPX_MIB_H
#define _TCPX_MIB_H

#include <linux/percpu.h>
#include <linux/types.h>

#include "tcpx_proto.h"

/* X(id, name, help): counters, they only grow */
#define TCPX_MIB_LIST(X)						\
	X(IN_SEGS, "InSegs", "segments received, wrong ones included")	\
	X(OUT_SEGS, "OutSegs", "segments sent, retransmissions and RSTs included") \
	X(RETRANS_SEGS, "RetransSegs", "segments sent again by a connection") \
	X(OUT_RSTS, "OutRsts", "RSTs sent")				\
	X(ACTIVE_OPENS, "ActiveOpens", "connections begun by connect()")\
	X(PASSIVE_OPENS, "PassiveOpens", "connections made from a half-open entry") \
	X(ATTEMPT_FAILS, "AttemptFails",				\
	  "connections that went from SYN-SENT or SYN-RECEIVED to CLOSED") \
	X(ESTAB_RESETS, "EstabResets",					\
	  "connections that went from ESTABLISHED or CLOSE-WAIT to CLOSED") \
	X(RTX_TIMEOUTS, "RtxTimeouts", "retransmission timeouts of data, SYN or FIN") \
	X(FAST_RETRANS, "FastRetrans", "fast retransmits after three duplicate ACKs") \
	X(PARTIAL_ACKS, "PartialAcks", "retransmits after a partial ACK in fast recovery") \
	X(DUP_ACKS, "DupAcks", "duplicate ACKs received")		\
	X(CHALLENGE_ACKS, "ChallengeAcks", "challenge ACKs sent")	\
	X(CHALLENGE_LIMITED, "ChallengeLimited",			\
	  "challenge ACKs not sent because of the limit per connection") \
	X(DELAYED_ACKS, "DelayedAcks", "ACKs sent by the delayed ACK timer") \
	X(PERSIST_PROBES, "PersistProbes", "zero-window probes sent")	\
	X(KEEPALIVE_PROBES, "KeepaliveProbes", "keepalive probes sent")	\
	X(ZERO_WINDOWS, "ZeroWindows", "segments sent that closed our window") \
	X(OOO_QUEUED, "OooQueued", "segments queued out of order")	\
	X(OOO_PRUNED, "OooPruned",					\
	  "segments dropped from the out-of-order queue for lack of buffer") \
	X(RCV_COALESCED, "RcvCoalesced",				\
	  "segments merged into the one before in the receive queue")	\
	X(TIMEWAIT_FULL, "TimewaitFull", "TIME-WAIT skipped: max_tw_buckets reached or no memory") \
	X(TIMEWAIT_RESETS, "TimewaitResets", "TIME-WAITs ended by a RST")	\
	X(TIMEWAIT_REOPENS, "TimewaitReopens", "TIME-WAITs ended by a new SYN") \
	X(ORPHAN_FULL, "OrphanFull",					\
	  "orphans reset: max_orphans reached, or mem while they had much to send") \
	X(LISTEN_DROPS, "ListenDrops", "SYNs for a listener that were not answered") \
	X(ACCEPT_FULL, "AcceptFull", "final ACKs that found the accept queue full") \
	X(SYNQ_ADDED, "SynqAdded", "half-open entries created")		\
	X(SYNQ_COMPLETED, "SynqCompleted", "half-open entries that became connections") \
	X(SYNQ_RESET, "SynqReset", "half-open entries ended by a RST")	\
	X(SYNQ_NEW_SYN, "SynqNewSyn",					\
	  "half-open entries ended by a SYN with another ISN in the window") \
	X(SYNQ_EXPIRED, "SynqExpired", "half-open entries that outlived all waits") \
	X(SYNQ_CLOSED, "SynqClosed", "half-open entries ended by the close of the listener") \
	X(SYNQ_ICMP, "SynqIcmp", "half-open entries ended by ICMP errors") \
	X(SYNQ_REFUSED, "SynqRefused",					\
	  "half-open entries ended by a RST because the accept queue was full") \
	X(SYNQ_EVICTED, "SynqEvicted", "half-open entries that made room for another SYN") \
	X(SYNQ_PRESSED, "SynqPressed",					\
	  "half-open entries given up early because the queue was more than half full") \
	X(SYNQ_LIMITED, "SynqLimited", "SYN-ACKs not sent again because of synack_rate") \
	X(COOKIES_SENT, "CookiesSent", "SYN-ACKs sent without an entry, their number a cookie") \
	X(COOKIES_OK, "CookiesOk", "connections made from a cookie")	\
	X(COOKIES_BAD, "CookiesBad", "ACKs that carried no cookie although one was possible") \
	X(COOKIES_STALE, "CookiesStale", "ACKs with a cookie that was too old") \
	X(COOKIE_MISMATCH, "CookieMismatch",				\
	  "synq_oracle: entries whose cookie does not say what the entry says") \
	X(SYNQ_RETRANS, "SynqRetrans", "SYN-ACKs retransmitted by the timer") \
	X(SYNQ_DUP_SYN, "SynqDupSyn", "duplicate SYNs that had the SYN-ACK sent again") \
	X(SYNQ_ACKED, "SynqAcked",					\
	  "half-open entries kept acknowledged because the accept queue was full") \
	X(SYNQ_DEFERRED, "SynqDeferred", "timer runs that left expired entries to the next jiffy") \
	X(ICMP_IN, "IcmpIn", "ICMP errors received")			\
	X(ICMP_IGNORED, "IcmpIgnored", \
	  "ICMP errors that matched no connection or no sequence number in flight")

/* X(id, name, help): gauges, objects alive now */
#define TCPX_GAUGE_LIST(X)						\
	X(SOCKETS, "Sockets", "sockets, listeners and orphans included")	\
	X(ORPHANS, "Orphans", "sockets that were closed and still finish their connection") \
	X(LISTENERS, "Listeners", "listening sockets")			\
	X(HALF_OPEN, "HalfOpen", "half-open entries")			\
	X(TIME_WAIT, "TimeWait", "TIME-WAIT entries")			\
	X(PORTS, "Ports", "local ports in use")				\
	X(OOO_SKBS, "OooSegs", "segments waiting out of order")

enum tcpx_mib_id {
#define X(id, name, help) TCPX_MIB_##id,
	TCPX_MIB_LIST(X)
#undef X
	TCPX_NMIB,
};

enum tcpx_gauge_id {
#define X(id, name, help) TCPX_GAUGE_##id,
	TCPX_GAUGE_LIST(X)
#undef X
	TCPX_NGAUGES,
};

/*
 * X(name, default, min, max, help): parameters of a network namespace: sysctl
 * net.tcpx.<name> and a netlink attribute each. The unit is in the name.
 */
#define TCPX_PARAM_LIST(X)						\
	X(rto_init_ms, 1000, 10, 120000,				\
	  "retransmission timeout before the first round-trip sample (RFC 6298 2.1)") \
	X(rto_min_ms, 200, 1, 120000, "smallest retransmission timeout (RFC 6298 2.4 says 1000)") \
	X(rto_max_ms, 120000, 1000, 240000, "largest retransmission timeout (RFC 6298 2.5)") \
	X(syn_retries, 6, 0, 15, "retransmissions of a SYN before connect() fails") \
	X(synack_retries, 5, 0, 15,					\
	  "retransmissions of a SYN-ACK before a half-open entry expires") \
	X(retries1, 3, 1, 255, "retransmissions before the route is doubted (R1, RFC 9293 3.8.3)") \
	X(retries2, 15, 1, 255,						\
	  "retransmissions of data before a connection fails (R2, RFC 9293 3.8.3)") \
	X(orphan_retries, 8, 1, 255, "the same for a closed socket")	\
	X(timewait_ms, 60000, 1, 240000, "2MSL: how long TIME-WAIT lasts (RFC 9293 3.4.2)") \
	X(fin_timeout_ms, 60000, 1, 240000, "how long a closed socket stays in FIN-WAIT-2") \
	X(max_tw_buckets, 16384, 0, 1048576, "TIME-WAIT entries at most")	\
	X(max_orphans, 8192, 0, 1048576, "closed sockets at most that still finish") \
	X(keepalive_time_s, 7200, 1, 32767,				\
	  "idle time before the first keepalive probe (RFC 9293 3.8.4)") \
	X(keepalive_intvl_s, 75, 1, 32767, "time between keepalive probes") \
	X(keepalive_probes, 9, 1, 127, "unanswered keepalive probes before a connection fails") \
	X(initial_cwnd, 10, 1, 64, "initial congestion window in segments (RFC 6928)") \
	X(slow_start_after_idle, 1, 0, 1,				\
	  "restart the congestion window after an idle RTO (RFC 5681 4.1)") \
	X(min_snd_mss, 48, 48, 65535, "smallest MSS a peer can impose")	\
	X(min_adv_mss, 88, 88, 65535, "smallest MSS advertised")		\
	X(min_pmtu, 552, 68, 65535, "smallest path MTU an ICMP error can impose") \
	X(delack_min_ms, 40, 1, 499, "delay of a delayed ACK")	\
	X(delack_max_ms, 200, 1, 499,					\
	  "longest delay of a delayed ACK, whatever delack_min_ms is (MUST-40)") \
	X(challenge_ms, 500, 0, 60000,					\
	  "smallest gap between two challenge ACKs of a connection (RFC 5961 7)") \
	X(timestamps, 1, 0, 1, "offer timestamps (RFC 7323)")		\
	X(window_scaling, 1, 0, 1, "offer window scaling (RFC 7323)")	\
	X(sack, 1, 0, 1, "offer SACK (RFC 2018)")			\
	X(rfc1337, 0, 0, 1, "a RST does not end TIME-WAIT (RFC 1337)")	\
	X(abort_on_overflow, 0, 0, 1, "RST when the accept queue is full at the final ACK") \
	X(somaxconn, 4096, 1, 4194304, "largest backlog of a listener")	\
	X(synq_max, 65536, 1, 4194304, "half-open entries at most")	\
	X(synq_overflow, 0, 0, 4,					\
	  "full half-open queue: 0 cookie, 1 evict, 2 recycle oldest, 3 random, 4 drop SYN") \
	X(synq_prefix, 1, 0, 1,						\
	  "a queue above 3/4 refuses SYNs of a prefix (/24, /64) that holds an eighth of it") \
	X(syncookies, 1, 0, 2, "SYN cookies: 0 never, 1 when a queue overflows, 2 always") \
	X(cookies_require_ts, 0, 0, 1,					\
	  "a cookie counts only with the timestamp of its SYN-ACK: harder to guess") \
	X(synack_rate, 10000, 0, 1000000, "SYN-ACKs sent again per second at most, 0: no limit") \
	X(syn_strict, 0, 0, 1,						\
	  "a SYN with another number for a half-open entry is challenged, not obeyed") \
	X(rst_strict, 1, 0, 1,						\
	  "a RST must be exact, another one in the window is challenged (RFC 5961 3.2)") \
	X(synq_oracle, 0, 0, 1, "debug: check the cookie of every entry that completes") \
	X(rmem_default, 131072, 4096, 268435456, "receive buffer of a new socket in bytes") \
	X(rmem_max, 6291456, 4096, 268435456,				\
	  "receive buffer that the window scale allows for, bytes")	\
	X(wmem_default, 87040, 4096, 268435456, "send buffer of a new socket in bytes") \
	X(lab_isn, 0, INT_MIN, INT_MAX, \
	  "laboratory: every initial sequence number is this one (as s32); 0: RFC 6528") \
	X(lab_cookie_key, 0, INT_MIN, INT_MAX,				\
	  "laboratory: the key of cookies is this number; 0: secret")	\
	X(lab_hash_seed, 0, INT_MIN, INT_MAX,				\
	  "laboratory: the key of all tables is this number; 0: secret")

/*
 * The parameters of a network namespace: TCPX_PARAM_LIST, and in synack_waits_ms
 * the waits after the first SYN-ACK and each retransmission; the half-open
 * lifetime is the sum of the first synack_retries + 1. Written by sysctl and
 * netlink at any time: readers use tcpx_param().
 */
struct tcpx_params {
#define X(name, def, min, max, help) int name;
	TCPX_PARAM_LIST(X)
#undef X
	int synack_waits_ms[TCPX_WAITS];
};

#define tcpx_param(tn, name) READ_ONCE((tn)->params.name)

enum tcpx_param_id {
#define X(name, def, min, max, help) TCPX_PARAM_##name,
	TCPX_PARAM_LIST(X)
#undef X
	TCPX_NPARAMS,
};

#define TCPX_WAIT_MIN_MS 1
#define TCPX_WAIT_MAX_MS 3600000

/**
 * struct tcpx_param_info - a line of TCPX_PARAM_LIST
 * @name: name in sysctl and netlink
 * @help: what it does
 * @offset: of the value in struct tcpx_params
 * @def: default
 * @min: smallest value
 * @max: largest value
 */
struct tcpx_param_info {
	const char *name;
	const char *help;
	size_t offset;
	int def;
	int min;
	int max;
};

extern const struct tcpx_param_info tcpx_param_info[TCPX_NPARAMS];

static inline int *tcpx_param_ptr(struct tcpx_params *p, unsigned int id)
{
	return (void *)p + tcpx_param_info[id].offset;
}

#define TCPX_NTIMES	18	/* classes of time in the half-open queue */
#define TCPX_NCHAINS	16	/* classes of chain length there */

/**
 * struct tcpx_mib - the counters of a network namespace, one per CPU
 * @ctr: TCPX_MIB_LIST
 * @gauge: TCPX_GAUGE_LIST; only the sum over the CPUs means anything
 * @state: sockets, half-open and TIME-WAIT entries per state; only the sum counts
 * @reason: how often each TCPX_REASON_LIST was given
 * @cell: how often each cell of the state table was applied
 * @synq_time: half-open entries that left the queue by how long they were in it:
 *	class 0 below 1 ms, class n below 2^n ms, the last one longer
 * @synq_chain: lookups of half-open entries that found none, by how many others
 *	they passed
 */
struct tcpx_mib {
	u64 ctr[TCPX_NMIB];
	s64 gauge[TCPX_NGAUGES];
	s64 state[TCPX_NSTATES];
	u64 reason[TCPX_NREASONS];
	u64 cell[TCPX_NCELLS];
	u64 synq_time[TCPX_NTIMES];
	u64 synq_chain[TCPX_NCHAINS];
};

/* @tn is a struct tcpx_net; any context */
#define TCPX_INC(tn, id) this_cpu_inc((tn)->mib->ctr[TCPX_MIB_##id])
#define TCPX_GAUGE_INC(tn, id) this_cpu_inc((tn)->mib->gauge[TCPX_GAUGE_##id])
#define TCPX_GAUGE_DEC(tn, id) this_cpu_dec((tn)->mib->gauge[TCPX_GAUGE_##id])
#define TCPX_REASON(tn, nr) this_cpu_inc((tn)->mib->reason[nr])

struct tcpx_net;

/* tcpx_mib.c */
int tcpx_mib_init(struct tcpx_net *tn);
void tcpx_mib_exit(struct tcpx_net *tn);
u64 tcpx_mib_read(const struct tcpx_net *tn, enum tcpx_mib_id id);
s64 tcpx_gauge_read(const struct tcpx_net *tn, enum tcpx_gauge_id id);
s64 tcpx_state_read(const struct tcpx_net *tn, u8 state);
u64 tcpx_reason_read(const struct tcpx_net *tn, u8 reason);
u64 tcpx_cell_read(const struct tcpx_net *tn, u16 cell);
const char *tcpx_mib_name(enum tcpx_mib_id id);
const char *tcpx_mib_help(enum tcpx_mib_id id);
const char *tcpx_gauge_name(enum tcpx_gauge_id id);
const char *tcpx_gauge_help(enum tcpx_gauge_id id);
u32 tcpx_mib_generation(const struct tcpx_net *tn);
u64 tcpx_time_read(const struct tcpx_net *tn, unsigned int nr);
u64 tcpx_chain_read(const struct tcpx_net *tn, unsigned int nr);
void tcpx_params_init(struct tcpx_params *p);
int tcpx_param_set(struct tcpx_net *tn, unsigned int id, int value);
void tcpx_params_set_waits(struct tcpx_net *tn, const int *waits,
			   unsigned int n);

#endif /* _TCPX_MIB_H */
