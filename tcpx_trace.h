/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: a state changed, a segment was dropped. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tcpx

#if !defined(_TCPX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TCPX_TRACE_H

#include <linux/tracepoint.h>

#include "tcpx.h"

#define X(id, nr, name) { nr, name },
#define tcpx_show_state(s) __print_symbolic(s, TCPX_STATE_LIST(X) { 0, "" })

TRACE_EVENT(tcpx_state,
	TP_PROTO(const struct net *net, const struct tcpx_tuple *t, u8 from, u8 to),
	TP_ARGS(net, t, from, to),
	TP_STRUCT__entry(
		__field(u64, net_cookie)
		__field(u16, lport)
		__field(u16, rport)
		__array(u8, laddr, 16)
		__array(u8, raddr, 16)
		__field(u8, from)
		__field(u8, to)
	),
	TP_fast_assign(
		__entry->net_cookie = net->net_cookie;
		__entry->lport = ntohs(t->lport);
		__entry->rport = ntohs(t->rport);
		memcpy(__entry->laddr, &t->laddr, 16);
		memcpy(__entry->raddr, &t->raddr, 16);
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("net=%llu %pI6c:%u %pI6c:%u %s -> %s", __entry->net_cookie,
		  __entry->laddr, __entry->lport,
		  __entry->raddr, __entry->rport,
		  tcpx_show_state(__entry->from), tcpx_show_state(__entry->to))
);
#undef X

TRACE_EVENT(tcpx_drop,
	TP_PROTO(const struct net *net, u8 reason),
	TP_ARGS(net, reason),
	TP_STRUCT__entry(
		__field(u64, net_cookie)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->net_cookie = net->net_cookie;
		__entry->reason = reason;
	),
	TP_printk("net=%llu reason=%s", __entry->net_cookie,
		  tcpx_reason_name(__entry->reason))
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE tcpx_trace
#include <trace/define_trace.h>
