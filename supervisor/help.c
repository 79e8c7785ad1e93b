/*
 * help.c - see help.h.
 */
#include "supervisor/help.h"

#include "common/option.h"
#include "common/program.h"
#include "common/xmem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_OPTIONS_MAX 8
#define FLAG_COLUMNS 24
#define FLAG_COLUMNS_MAX 30	/* a longer one is shown without its argument */

static const struct help_group {
	const char *title;
	size_t count;
	enum option_id ids[GROUP_OPTIONS_MAX];
} groups[] = {
	{ "node", 4, { OPTION_name, OPTION_data_dir, OPTION_config, OPTION_user } },
	{ "cluster", 2, { OPTION_peers, OPTION_peers_file } },
	{ "addresses", 4, { OPTION_addr, OPTION_bind_addr, OPTION_peer_addr,
	    OPTION_peer_bind_addr } },
	{ "certificates", 6, { OPTION_cert_file, OPTION_key_file, OPTION_ca_file,
	    OPTION_peer_cert_file, OPTION_peer_key_file, OPTION_peer_ca_file } },
	{ "log and checks", 3, { OPTION_log_level, OPTION_log_output, OPTION_check_config } },
};

static void
print_examples(void)
{
	const char *own = program_own();

	printf("examples\n"
	    "  %s -name m1 -data-dir m1\n"
	    "  %s -name m2 -data-dir m2 -peers 127.0.0.1:7001 -addr 127.0.0.1:4002 \\\n"
	    "       -peer-addr 127.0.0.1:7002\n"
	    "  %s control -data-dir m1 status\n"
	    "\n"
	    "All options: %s -help=all, or %s(8). Each may also be ETCD_OPTION in the\n"
	    "environment, or stand in a file.\n",
	    own, own, program_etcdctl(), own, program_etcd());
}

static void
print_short(const struct option_row *row)
{
	char *flag = xasprintf("-%s %s", row->flag, row->argument);

	if (strlen(flag) > FLAG_COLUMNS_MAX) {
		free(flag);
		flag = xasprintf("-%s", row->flag);
	}
	printf("  %-*s %s\n", FLAG_COLUMNS, flag, row->help);
	free(flag);
}

void
help_print(void)
{
	printf("usage: %s [-OPTION VALUE | -OPTION=VALUE]...\n"
	    "Without options: a new one-node cluster on 127.0.0.1, ports 4001 and 7001.\n\n",
	    program_own());
	for (size_t i = 0; i < ARRAY_COUNT(groups); i++) {
		printf("%s\n", groups[i].title);
		for (size_t j = 0; j < groups[i].count; j++)
			print_short(&option_rows[groups[i].ids[j]]);
	}
	printf("\n");
	print_examples();
}

void
help_print_all(void)
{
	printf("usage: %s [-OPTION VALUE | -OPTION=VALUE]...\n\n", program_own());
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = &option_rows[id];

		if (row->flag == NULL)
			continue;
		printf("  -%s %s\n        %s", row->flag, row->argument, row->help);
		if (row->initial[0] != '\0' && strstr(row->help, "default:") == NULL)
			printf(" (default: %s)", row->initial);
		printf("\n");
	}
	printf("  -help, -help=all, -version\n\n"
	    "Nearly each option can be given as ETCD_OPTION in the environment and in a file\n"
	    "too; later wins: default, %s, file of -config, environment, flag.\n", SYSTEM_FILE);
}
