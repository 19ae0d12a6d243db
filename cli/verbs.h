// The verbs of `dim`, each a function from options to an exit code.
#pragma once
#include <optional>
#include <string>

#include "cli/output.h"

namespace dim {

struct CommonOptions {
  std::string home;
  std::optional<std::string> passphrase_file;
  bool json = false;
};

struct JoinOptions {
  std::string link;
  std::string name;
  bool lock =
      false;  ///< ask for a passphrase (or take --passphrase-file) and seal the home with it
};
struct SendOptions {
  std::string who;
  std::string text;            ///< "-": standard input
  int timeout_s = 10;          ///< how long to try before the message is left in the outbox
  std::string until = "sent";  ///< or "delivered", "read"
};
struct ListenOptions {
  bool once = false;
  int timeout_s = -1;  ///< -1: for ever
  bool no_presence = false;
};
struct ChatOptions {
  std::string who;
  bool no_presence = false;
  bool no_typing = false;
};
struct HistoryOptions {
  std::string who;
  int limit = 50;
};
struct ContactsOptions {
  std::string who;  ///< empty: list
  std::string alias;
};
struct VerifyOptions {
  std::string who;
  bool confirm = false;
};

int verb_join(const CommonOptions& common, const JoinOptions& options);
int verb_id(const CommonOptions& common);
int verb_send(const CommonOptions& common, const SendOptions& options);
int verb_listen(const CommonOptions& common, const ListenOptions& options);
int verb_chat(const CommonOptions& common, const ChatOptions& options);
int verb_history(const CommonOptions& common, const HistoryOptions& options);
int verb_contacts(const CommonOptions& common, const ContactsOptions& options);
int verb_verify(const CommonOptions& common, const VerifyOptions& options);
int verb_status(const CommonOptions& common);

}  // namespace dim
