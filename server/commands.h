// The command line of dimd.
#pragma once

namespace dim {

/// Runs one command and returns the exit code (server/exit_codes.h).
int run_dimd(int argc, char** argv);

}  // namespace dim
