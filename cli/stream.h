// `dim stream`: live sound and pictures of other programs, with one person or in a channel.
#pragma once
#include <string>

#include "cli/context.h"

namespace dim {

struct StreamOptions {
  std::string who;      ///< a person, or HUB/CHANNEL
  std::string send;     ///< file, "-": standard input; empty: nothing
  std::string receive;  ///< file, "-": standard output; empty: nothing
  bool video = false;
  std::string format;  ///< ogg, ivf, raw; empty: as the kind is
  std::string from;    ///< of whom to write what comes; empty: of who is heard first
  bool wait = false;   ///< send when somebody else is there
  bool end = false;    ///< end the stream for all
  int seconds = 0;     ///< after which it ends; 0: for ever
};

int verb_stream(const CommonOptions& common, const StreamOptions& options);

}  // namespace dim
