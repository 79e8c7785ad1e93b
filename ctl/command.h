/*
 * command.h - the commands that command_table.h names.
 *
 * Each gets the words after its name and returns the exit code of the program.
 */
#ifndef MOOTHALL_CTL_COMMAND_H
#define MOOTHALL_CTL_COMMAND_H

#define COMMAND(name, function, usage, help) int function(int argc, char **argv);
#include "ctl/command_table.h"

#endif
