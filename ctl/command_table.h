/*
 * command_table.h - the commands of etcdctl: COMMAND(name, function, usage, help)
 *
 * No guard: included many times; undefines its macro at the end.
 */
COMMAND("control", ctl_control,
    "control [-run-dir DIR | -data-dir DIR] status [-json] | reload | restart WHAT |\n"
    "            transfer [NAME] | stop [fast|graceful]",
    "the node on this machine; WHAT: raftd, peer, client, client N or all")
COMMAND("help", ctl_help, "help", "this text")
COMMAND("version", ctl_version, "version", "the version of this program")
#undef COMMAND
