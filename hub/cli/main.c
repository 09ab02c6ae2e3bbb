/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - finds the subcommand and runs it. */
#include "base/base.h"

int main(int argc, char **argv)
{
    fprintf(stderr, "usage: kinward COMMAND [OPTIONS]\n");
    return 2;
}
