// dimd: a DIM/2023 station.
#include "server/commands.h"

int main(int argc, char** argv) { return dim::run_dimd(argc, argv); }
