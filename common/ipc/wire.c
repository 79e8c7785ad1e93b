/*
 * wire.c - see wire.h.
 */
#include "common/ipc/wire.h"

const char *
wire_role_name(int role)
{
	switch (role) {
	case NODE_ROLE_FOLLOWER:
		return "follower";
	case NODE_ROLE_CANDIDATE:
		return "candidate";
	case NODE_ROLE_LEADER:
		return "leader";
	case NODE_ROLE_LEARNER:
		return "learner";
	}
	return "unknown";
}
