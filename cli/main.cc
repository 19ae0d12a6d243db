#include <sys/prctl.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdlib>

#include "cli/hub_options.h"
#include "cli/stream.h"
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
      "dim: messages that you own. Identity is a key; every message is end-to-end encrypted.",
      "dim"};
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
  app.add_flag("--one-port", common.one_port,
               "use only the first port of the station; `join` remembers it for this home");

  dim::JoinOptions join;
  auto* join_verb =
      app.add_subcommand("join", "make an identity and join a station by its invite link");
  join_verb
      ->add_option("link", join.link,
                   "dim:station:… as printed by `dimd invite`, dim:hub:… of `dim hub invite`, or "
                   "dimchat://HOST:PORT?station=ID")
      ->required();
  join_verb
      ->add_option(
          "--name", join.name,
          "how others see you; registered at the station when it has 5 to 32 of a-z 0-9 _ .")
      ->required();
  join_verb->add_flag("--lock", join.lock, "seal this home with a passphrase");

  dim::ImportOptions import;
  auto* import_verb = app.add_subcommand("import", "take over an account of another program");
  import_verb
      ->add_option("--from-dimples", import.folder,
                   "folder with the database of a dimchat reference client, often .dim")
      ->required();
  import_verb->add_option("--account", import.account, "ID or address, where there are several");
  import_verb->add_flag("--lock", import.lock, "seal this home with a passphrase");

  auto* id_verb = app.add_subcommand("id", "your ID, fingerprint and QR code");

  dim::SendOptions send;
  auto* send_verb = app.add_subcommand("send", "send a text, a file, a name card");
  send_verb
      ->add_option("who", send.who,
                   "ID, dim:user:… link, registered name, your alias, or group:NAME")
      ->required();
  send_verb->add_option("text", send.text, "the text; - reads standard input");
  send_verb->add_option("--reply-to", send.reply_to,
                        "the text answers the message whose ID ends with these digits (--ids)");
  send_verb->add_option("--thread", send.thread,
                        "into the thread about the message whose ID ends with these digits");
  send_verb->add_option(
      "--file", send.file,
      "send this file too: in the message up to 300 KiB, through the station above");
  send_verb->add_option("--as", send.as, "what the file is, when its name does not say it")
      ->check(CLI::IsMember({"file", "image", "audio", "video"}));
  send_verb->add_option("--thumbnail", send.thumbnail, "small picture of a picture or film");
  send_verb->add_flag("--no-preview", send.no_preview, "send a picture without a small one");
  send_verb->add_option("--duration", send.duration, "seconds, of a sound or film")
      ->check(CLI::Range(0.0, 1e6));
  send_verb->add_option("--url", send.url, "where the receiver will find the encrypted file");
  send_verb->add_option("--sealed", send.sealed,
                        "write the encrypted file here, for you to put behind --url");
  send_verb->add_option("--card", send.card, "send the name card of this person or group");
  send_verb->add_option("--expires", send.expires,
                        "the text disappears, there too, after: 90s, 30m, 12h, 7d");
  send_verb->add_option(
      "--content", send.content,
      "send this content, a JSON object with its type (docs/protocol/contents.md; "
      "no command); - reads standard input");
  dim::SendOptions forward;
  auto* forward_verb =
      app.add_subcommand("forward", "pass a message on, with who wrote it; a file as it is");
  forward_verb
      ->add_option("message", forward.forward, "the last digits of its ID (--ids), in any history")
      ->required()
      ->check([](const std::string& digits) {
        return digits.empty() ? std::string("a message is named by the last digits of its ID") : "";
      });
  forward_verb
      ->add_option("who", forward.who,
                   "ID, dim:user:… link, registered name, your alias, or group:NAME")
      ->required();
  forward_verb->add_option("--title", forward.title, "what it is called")
      ->default_val("Forwarded message");
  for (auto [verb, options] : {std::pair{send_verb, &send}, {forward_verb, &forward}}) {
    verb->add_option("--timeout", options->timeout_s,
                     "seconds to try before it is left in the outbox")
        ->check(CLI::Range(0, 86'400))
        ->capture_default_str();
    verb->add_option("--until", options->until, "wait until it is sent, delivered or read")
        ->check(CLI::IsMember({"sent", "delivered", "read"}))
        ->capture_default_str();
  }

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
  listen_verb->add_flag("--no-hubs", listen.no_hubs,
                        "do not tell what happens in public hubs, nor mark it as read");

  constexpr const char* kIds = "show the digits that name each message to other verbs";
  listen_verb->add_flag("--ids", listen.ids, kIds);

  dim::ChatOptions chat;
  auto* chat_verb =
      app.add_subcommand("chat", "talk with one person, or in a channel of a hub, line by line");
  chat_verb->add_option("who", chat.who, "ID, link, registered name, or alias; or HUB/CHANNEL")
      ->required();
  chat_verb->add_flag("--no-presence", chat.no_presence, kNoPresence);
  chat_verb->add_flag("--no-typing", chat.no_typing,
                      "neither tell when you write nor show when they do");

  dim::TuiOptions tui;
  auto* tui_verb = app.add_subcommand(
      "tui", "full-screen chat with everybody, in groups and in channels; F1 shows its keys");
  tui_verb->add_option("who", tui.who, "whom to begin with: as for chat");
  tui_verb->add_flag("--no-presence", tui.no_presence, kNoPresence);
  tui_verb->add_flag("--no-typing", tui.no_typing,
                     "neither tell when you write nor show when they do");
  tui_verb->add_flag("--mouse", tui.mouse,
                     "click on conversations, turn the wheel; selecting text needs Shift then");

  dim::HistoryOptions history;
  auto* history_verb =
      app.add_subcommand("history", "what was said with one person, or in a channel of a hub");
  history_verb
      ->add_option("who", history.who, "ID, link, registered name, or alias; or HUB/CHANNEL")
      ->required();
  history_verb->add_option("--before", history.before, "the page before, where the last one ended")
      ->check(CLI::NonNegativeNumber);
  history_verb
      ->add_option("--after", history.after,
                   "newer ones than this, oldest first: 0 is the beginning")
      ->check(CLI::NonNegativeNumber);
  history_verb->add_option("--message", history.message, "this message with its earlier texts");
  history_verb->add_option("--limit", history.limit, "newest messages to print")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();

  history_verb->add_flag("--ids", history.ids, kIds);

  dim::SaveOptions save;
  auto* save_verb = app.add_subcommand("save", "write a file that somebody has sent to your disk");
  save_verb->add_option("who", save.who, "in which conversation: ID, link, name, alias, group:NAME")
      ->required();
  save_verb->add_option("path", save.path, "a new file, or a folder: nothing is overwritten")
      ->capture_default_str();
  save_verb->add_option("--message", save.message,
                        "of the message whose ID ends with these digits, not of the newest");
  save_verb->add_flag("--thumbnail", save.thumbnail, "the small picture that came with it");

  dim::PreviewOptions preview;
  auto* preview_verb = app.add_subcommand(
      "preview", "show the small picture that came with a picture or film, before it is fetched");
  preview_verb
      ->add_option("who", preview.who, "in which conversation: ID, link, name, alias, group:NAME")
      ->required();
  preview_verb->add_option("--message", preview.message,
                           "of the message whose ID ends with these digits, not of the newest");
  preview_verb->add_option("-o,--output", preview.output,
                           "write it, as a JPEG made anew here, to this new file");

  dim::DraftOptions draft;
  auto* draft_verb =
      app.add_subcommand("draft", "texts that were begun and not sent, in this home");
  draft_verb->add_option("who", draft.who, "person, group, or HUB/CHANNEL; without it: all");
  auto* draft_text =
      draft_verb->add_option("text", draft.text, "keep this; - reads standard input");
  draft_verb->add_flag("--clear", draft.clear, "keep it no longer")->excludes(draft_text);

  dim::UploadOptions upload;
  auto* upload_verb = app.add_subcommand(
      "upload", "keep a file, encrypted, at the station; a run that was cut goes on where it was");
  upload_verb->add_option("file", upload.file, "the file");
  upload_verb->add_option("--to", upload.to,
                          "send it to this person or group; without, a link is printed");
  upload_verb->add_option("--as", upload.as, "what the file is, when its name does not say it")
      ->check(CLI::IsMember({"file", "image", "audio", "video"}));
  upload_verb->add_option("--thumbnail", upload.thumbnail, "small picture of a picture or film");
  upload_verb->add_flag("--no-preview", upload.no_preview, "send a picture without a small one");
  upload_verb->add_option("--duration", upload.duration, "seconds, of a sound or film")
      ->check(CLI::Range(0.0, 1e6));
  upload_verb->add_flag("--list", upload.list, "the files that you have at the station");
  upload_verb->add_option("--delete", upload.erase,
                          "delete the one whose ID ends with these digits (--list)");
  constexpr const char* kStall = "seconds to try again while nothing moves";
  upload_verb->add_option("--timeout", upload.timeout_s, kStall)
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();

  dim::DownloadOptions download;
  auto* download_verb = app.add_subcommand(
      "download", "get a file from the station; a run that was cut goes on where it was");
  download_verb
      ->add_option(
          "what", download.what,
          "a link to a file (- reads it from standard input), or in which conversation it came")
      ->required();
  download_verb
      ->add_option("path", download.path, "a new file, or a folder: nothing is overwritten")
      ->capture_default_str();
  download_verb->add_option("--message", download.message,
                            "of the message whose ID ends with these digits, not of the newest");
  download_verb->add_option("--timeout", download.timeout_s, kStall)
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();

  dim::StreamOptions stream;
  auto* stream_verb = app.add_subcommand(
      "stream", "live sound or pictures of other programs, with one person or in a channel");
  stream_verb->add_option("who", stream.who, "ID, link, registered name, or alias; or HUB/CHANNEL")
      ->required();
  auto* stream_send = stream_verb->add_option(
      "--send", stream.send,
      "Opus in Ogg, or VP8 and VP9 in IVF, in real time; - is standard input");
  stream_verb->add_option("--receive", stream.receive,
                          "write what comes to this new file; - is standard output");
  stream_verb->add_flag("--video", stream.video, "pictures, not sound");
  stream_verb->add_option("--format", stream.format, "of both files")
      ->check(CLI::IsMember({"ogg", "ivf", "raw"}));
  stream_verb->add_option("--from", stream.from,
                          "write what this person sends, not who is heard first");
  stream_verb->add_flag("--wait", stream.wait, "send when somebody else is there")
      ->needs(stream_send);
  stream_verb->add_option("--for", stream.seconds, "end after so many seconds")
      ->check(CLI::Range(1, 86'400));
  stream_verb->add_flag("--end", stream.end, "end the stream for all")->excludes(stream_send);

  dim::GroupOptions group;
  auto* group_verb = app.add_subcommand("group", "groups: found them, see and change who is in");
  group_verb->require_subcommand(1);
  const auto group_does = [&](const char* verb, const char* what) {
    auto* sub = group_verb->add_subcommand(verb, what);
    sub->callback([&group, verb] { group.verb = verb; });
    return sub;
  };
  const auto takes_group = [&](CLI::App* sub) {
    sub->add_option("group", group.group, "your alias, its name, or its ID")->required();
    return sub;
  };
  const auto takes_people = [&](CLI::App* sub) {
    return sub->add_option("who", group.who, "ID, link, registered name, or alias");
  };
  auto* create_verb = group_does("create", "found a group with these people in it");
  create_verb->add_option("name", group.name, "what it is called")->required();
  takes_people(create_verb);
  group_does("list", "the groups that you know");
  takes_group(group_does("members", "who is in it, who leads it, who wants to come in"));
  takes_people(takes_group(group_does("invite", "take people in, or ask the leaders to")))
      ->required();
  takes_people(takes_group(group_does("expel", "put people out")))->required();
  takes_group(group_does("leave", "go out yourself"));
  takes_people(takes_group(group_does("join", "ask one of its leaders to be taken in")))
      ->required()
      ->expected(1);
  takes_people(takes_group(group_does("promote", "make members administrators")))->required();
  takes_people(takes_group(group_does("demote", "make administrators members again")))->required();
  takes_group(group_does("rename", "give it another name"))
      ->add_option("name", group.name, "the new name")
      ->required();

  dim::DeviceOptions device;
  auto* device_verb = app.add_subcommand("device", "further devices of yours");
  device_verb->require_subcommand(1);
  const auto device_does = [&](const char* verb, const char* what) {
    auto* sub = device_verb->add_subcommand(verb, what);
    sub->callback([&device, verb] { device.verb = verb; });
    return sub;
  };
  device_does("list", "those that you have, and had");
  auto* device_join =
      device_does("join", "on the new one: show a key, read the answer from standard input");
  device_join->add_option("name", device.name, "what it is called: 1 to 32 of A-Z a-z 0-9 . _ -")
      ->required();
  device_join->add_flag("--lock", device.lock, "seal the new home with a passphrase");
  auto* device_add = device_does("add", "where your identity was made: let a new one in");
  device_add->add_option("request", device.name, "the line that the new device shows")->required();
  device_add->add_flag("--yes", device.yes, "the number was compared already");
  device_add->add_flag("--history", device.history, "hand over what was said before");
  auto* device_remove = device_does("remove", "where your identity was made: put one out");
  device_remove->add_option("name", device.name, "what it is called")->required();
  device_remove->add_flag("--yes", device.yes, "do not ask");

  dim::ContactsOptions contacts;
  auto* contacts_verb =
      app.add_subcommand("contacts", "people you know; with WHO: add one, with --alias: name one");
  contacts_verb->add_option("who", contacts.who, "ID, link, registered name, or alias");
  contacts_verb->add_option("--alias", contacts.alias, "your own name for WHO");
  auto* contacts_mute = contacts_verb->add_flag(
      "--mute", contacts.mute, "what WHO writes counts as read when it comes; history has it");
  contacts_verb->add_flag("--unmute", contacts.unmute, "the other way round")
      ->excludes(contacts_mute);

  auto* requests_verb =
      app.add_subcommand("requests", "people who are new to you and have written");
  dim::PersonOptions accept, block;
  auto* accept_verb = app.add_subcommand("accept", "somebody who is new becomes a contact");
  accept_verb->add_option("who", accept.who, "ID, link, registered name, or alias")->required();
  auto* block_verb = app.add_subcommand("block", "hear nothing of somebody any more");
  block_verb->add_option("who", block.who, "ID, link, registered name, or alias")->required();
  block_verb->add_flag("--off", block.off, "let them write again");

  dim::VerifyOptions verify;
  auto* verify_verb =
      app.add_subcommand("verify", "safety number and words to compare with one person");
  verify_verb->add_option("who", verify.who, "ID, link, registered name, or alias")->required();
  verify_verb->add_flag("--confirm", verify.confirm, "you have compared them and they are equal");
  verify_verb->add_option("--key", verify.key,
                          "which of two keys that both have signed as this person");

  dim::HubOptions hub;
  dim::add_hub_verbs(app, hub);

  auto* status_verb = app.add_subcommand("status", "connection, outbox and unread messages");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(dim::Exit::usage);
  }
  if (!passphrase_file.empty()) common.passphrase_file = passphrase_file;

  if (*join_verb) return dim::verb_join(common, join);
  if (*import_verb) return dim::verb_import(common, import);
  if (*id_verb) return dim::verb_id(common);
  if (*send_verb) return dim::verb_send(common, send);
  if (*forward_verb) return dim::verb_send(common, forward);
  if (*listen_verb) return dim::verb_listen(common, listen);
  if (*chat_verb) return dim::verb_chat(common, chat);
  if (*tui_verb) return dim::verb_tui(common, tui);
  if (*history_verb) return dim::verb_history(common, history);
  if (*save_verb) return dim::verb_save(common, save);
  if (*preview_verb) return dim::verb_preview(common, preview);
  if (*draft_verb) return dim::verb_draft(common, draft);
  if (*upload_verb) return dim::verb_upload(common, upload);
  if (*download_verb) return dim::verb_download(common, download);
  if (*stream_verb) return dim::verb_stream(common, stream);
  if (*group_verb) return dim::verb_group(common, group);
  if (*device_verb) return dim::verb_device(common, device);
  if (*contacts_verb) return dim::verb_contacts(common, contacts);
  if (*requests_verb) return dim::verb_requests(common);
  if (*accept_verb) return dim::verb_accept(common, accept);
  if (*block_verb) return dim::verb_block(common, block);
  if (*verify_verb) return dim::verb_verify(common, verify);
  if (*status_verb) return dim::verb_status(common);
  if (!hub.verb.empty()) return dim::verb_hub(common, hub);
  return static_cast<int>(dim::Exit::usage);
}
