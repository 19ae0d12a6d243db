#include <sys/prctl.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdlib>

#include "cli/verbs.h"

namespace {

std::string default_home() {
  if (const char* home = std::getenv("DIM_HOME"); home != nullptr && *home != '\0') return home;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0')
    return std::string(data) + "/dim-home";
  const char* user = std::getenv("HOME");
  return std::string(user != nullptr ? user : ".") + "/.dim-home";
}

}  // namespace

int main(int argc, char** argv) {
  // Keys are in this process: no core dumps, no ptrace by others of the same user.
  ::prctl(PR_SET_DUMPABLE, 0);
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app{
      "dim: messages that you own. Identity is a key; every message is end-to-end encrypted."};
  app.set_version_flag("--version", "dim 0.1.0");
  app.require_subcommand(1);
  app.fallthrough();

  dim::CommonOptions common;
  common.home = default_home();
  std::string passphrase_file;
  app.add_option("--home", common.home,
                 "folder with your keys and history (default: $DIM_HOME, else ~/.dim-home)");
  app.add_option("--passphrase-file", passphrase_file, "first line of FILE opens a locked home");
  app.add_flag("--json", common.json, "one JSON object a line (docs/cli-json.md)");

  dim::JoinOptions join;
  auto* join_verb =
      app.add_subcommand("join", "make an identity and join a station by its invite link");
  join_verb
      ->add_option("link", join.link,
                   "dim:station:… as printed by `dimd invite`, or dimchat://HOST:PORT?station=ID")
      ->required();
  join_verb
      ->add_option(
          "--name", join.name,
          "how others see you; registered at the station when it has 5 to 32 of a-z 0-9 _ .")
      ->required();
  join_verb->add_flag("--lock", join.lock, "seal this home with a passphrase");

  auto* id_verb = app.add_subcommand("id", "your ID, fingerprint and QR code");

  dim::SendOptions send;
  auto* send_verb = app.add_subcommand("send", "send a text");
  send_verb->add_option("who", send.who, "ID, dim:user:… link, registered name, or your alias")
      ->required();
  send_verb->add_option("text", send.text, "the text; - reads standard input")->required();
  send_verb
      ->add_option("--timeout", send.timeout_s, "seconds to try before it is left in the outbox")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  send_verb->add_option("--until", send.until, "wait until it is sent, delivered or read")
      ->check(CLI::IsMember({"sent", "delivered", "read"}))
      ->capture_default_str();

  dim::ListenOptions listen;
  auto* listen_verb =
      app.add_subcommand("listen", "print messages as they come, first those that nobody has seen");
  listen_verb->add_flag("--once", listen.once, "end after one message");
  listen_verb
      ->add_option("--timeout", listen.timeout_s,
                   "end after so many seconds (exit 3 when nothing came)")
      ->check(CLI::Range(0, 86'400 * 365));

  constexpr const char* kNoPresence =
      "do not tell the people you have written to that you are here, nor show when they are";
  listen_verb->add_flag("--no-presence", listen.no_presence, kNoPresence);

  dim::ChatOptions chat;
  auto* chat_verb = app.add_subcommand("chat", "talk with one person, line by line");
  chat_verb->add_option("who", chat.who, "ID, link, registered name, or alias")->required();
  chat_verb->add_flag("--no-presence", chat.no_presence, kNoPresence);
  chat_verb->add_flag("--no-typing", chat.no_typing,
                      "neither tell when you write nor show when they do");

  dim::HistoryOptions history;
  auto* history_verb = app.add_subcommand("history", "what was said with one person");
  history_verb->add_option("who", history.who, "ID, link, registered name, or alias")->required();
  history_verb->add_option("--limit", history.limit, "newest messages to print")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();

  dim::ContactsOptions contacts;
  auto* contacts_verb =
      app.add_subcommand("contacts", "people you know; with WHO: add one, with --alias: name one");
  contacts_verb->add_option("who", contacts.who, "ID, link, registered name, or alias");
  contacts_verb->add_option("--alias", contacts.alias, "your own name for WHO");

  dim::VerifyOptions verify;
  auto* verify_verb =
      app.add_subcommand("verify", "safety number and words to compare with one person");
  verify_verb->add_option("who", verify.who, "ID, link, registered name, or alias")->required();
  verify_verb->add_flag("--confirm", verify.confirm, "you have compared them and they are equal");

  auto* status_verb = app.add_subcommand("status", "connection, outbox and unread messages");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(dim::Exit::usage);
  }
  if (!passphrase_file.empty()) common.passphrase_file = passphrase_file;

  if (*join_verb) return dim::verb_join(common, join);
  if (*id_verb) return dim::verb_id(common);
  if (*send_verb) return dim::verb_send(common, send);
  if (*listen_verb) return dim::verb_listen(common, listen);
  if (*chat_verb) return dim::verb_chat(common, chat);
  if (*history_verb) return dim::verb_history(common, history);
  if (*contacts_verb) return dim::verb_contacts(common, contacts);
  if (*verify_verb) return dim::verb_verify(common, verify);
  if (*status_verb) return dim::verb_status(common);
  return static_cast<int>(dim::Exit::usage);
}
