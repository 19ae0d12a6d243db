// The verbs of `dim`, each a function from options to an exit code.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/output.h"

namespace dim {

struct CommonOptions {
  std::string home;
  std::optional<std::string> passphrase_file;
  bool json = false;
  bool one_port = false;  ///< dial no port of the station but the first
};

struct JoinOptions {
  std::string link;  ///< of a station, or of a hub at one
  std::string name;
  bool lock =
      false;  ///< ask for a passphrase (or take --passphrase-file) and seal the home with it
};
struct SendOptions {
  std::string who;
  std::string text;      ///< "-": standard input; may be empty beside a file or a card
  std::string reply_to;  ///< last digits of the GUID of a message with WHO
  std::string thread;    ///< the same, of the message whose thread it goes into
  std::string file, as, thumbnail, url, sealed;
  bool upload = false;  ///< the file goes to the station whatever its size
  bool no_preview = false;
  double duration = 0;
  std::string card;            ///< whose name card to send
  std::string content;         ///< JSON of a content, "-": on standard input; nothing beside it
  std::string expires;         ///< a duration, of a text; empty: it stays
  std::string forward, title;  ///< digits of a message to pass on, from whatever conversation
  int timeout_s = 10;          ///< how long to try before the message is left in the outbox
  std::string until = "sent";  ///< or "delivered", "read"
};
struct ListenOptions {
  bool once = false;
  bool no_hubs = false;
  int timeout_s = -1;  ///< -1: for ever
  bool no_presence = false;
  bool ids = false;
};
struct ChatOptions {
  std::string who;
  bool no_presence = false;
  bool no_typing = false;
};
struct TuiOptions {
  std::string who;  ///< what is open at first; may be empty
  bool no_presence = false;
  bool no_typing = false;
  bool mouse = false;
};
struct HistoryOptions {
  std::string who;  ///< or HUB/CHANNEL
  int limit = 50;
  bool ids = false;
  std::optional<std::int64_t> before{}, after{};  ///< what `next` of a page says
  std::string message{};                          ///< whose earlier texts are wanted
};
struct ImportOptions {
  std::string folder;
  std::string account;  ///< ID or address; empty: the only one there
  bool lock = false;
};
struct SaveOptions {
  std::string who;
  std::string path = ".";  ///< a new file, or a folder
  std::string message;     ///< last digits of its GUID; empty: the newest with a file
  bool thumbnail = false;
  int timeout_s = 60;  ///< without anything moving, of a file at the station
};
struct PreviewOptions {
  std::string who;
  std::string message;  ///< last digits of its GUID; empty: the newest picture or film
  std::string output;   ///< a new file for it; empty: it is drawn
};
struct DraftOptions {
  std::string who;  ///< empty: all
  std::optional<std::string> text{};
  bool clear = false;
};
struct UploadOptions {
  std::string file;
  std::string to;  ///< whom to send it; empty: the link is printed
  std::string as, thumbnail;
  bool no_preview = false;
  double duration = 0;
  bool list = false;
  std::string erase;   ///< last digits of the GUID of one to delete at the station
  int timeout_s = 60;  ///< without anything moving
};
struct DownloadOptions {
  std::string what;        ///< a link to a file, or who has sent it
  std::string path = ".";  ///< a new file, or a folder
  std::string message;     ///< last digits of its GUID; empty: the newest with a file
  int timeout_s = 60;
};
struct GroupOptions {
  std::string verb;  ///< create, list, members, invite, expel, leave, join, promote, demote, rename
  std::string group, name;
  std::vector<std::string> who;
};
struct DeviceOptions {
  std::string verb;  ///< list, join, add, remove
  std::string name;  ///< of the device; with add: what it shows
  bool lock = false;
  bool yes = false;
  bool history = false;  ///< add: with what was said before
};
struct ContactsOptions {
  std::string who;  ///< empty: list
  std::string alias;
  bool mute = false;
  bool unmute = false;
};
struct PersonOptions {
  std::string who;
  bool off = false;  ///< block: let them write again
};
struct VerifyOptions {
  std::string who;
  bool confirm = false;
  int key = 0;  ///< which of several, as they were shown; 0: not said
};

int verb_join(const CommonOptions& common, const JoinOptions& options);
int verb_id(const CommonOptions& common);
int verb_send(const CommonOptions& common, const SendOptions& options);
int verb_listen(const CommonOptions& common, const ListenOptions& options);
int verb_chat(const CommonOptions& common, const ChatOptions& options);
int verb_tui(const CommonOptions& common, const TuiOptions& options);
int verb_history(const CommonOptions& common, const HistoryOptions& options);
int verb_import(const CommonOptions& common, const ImportOptions& options);
int verb_preview(const CommonOptions& common, const PreviewOptions& options);
int verb_save(const CommonOptions& common, const SaveOptions& options);
int verb_draft(const CommonOptions& common, const DraftOptions& options);
int verb_upload(const CommonOptions& common, const UploadOptions& options);
int verb_download(const CommonOptions& common, const DownloadOptions& options);
int verb_group(const CommonOptions& common, const GroupOptions& options);
int verb_device(const CommonOptions& common, const DeviceOptions& options);
int verb_contacts(const CommonOptions& common, const ContactsOptions& options);
int verb_requests(const CommonOptions& common);
int verb_accept(const CommonOptions& common, const PersonOptions& options);
int verb_block(const CommonOptions& common, const PersonOptions& options);
int verb_verify(const CommonOptions& common, const VerifyOptions& options);
int verb_status(const CommonOptions& common);

}  // namespace dim
