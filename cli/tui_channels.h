// Channels of public hubs for the full-screen chat: exact unread counts of all of them, messages of
// those that were opened, in order and without gaps while a session lasts. Only what was seen is
// marked as read.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/context.h"
#include "client/hub_names.h"
#include "client/mentions.h"
#include "client/post_files.h"
#include "tui/model.h"

namespace dim {

/// The beginning of a text, in one line.
std::string beginning(std::string_view text);

class TuiChannels {
 public:
  /// `changed` is called when the model is another.
  TuiChannels(Context& context, tui::Model& model, std::function<void()> changed);

  /// What the home remembers of hubs, before there is a station.
  void load_kept();
  /// A session is ready: reads hubs, counts, and what was missed.
  void begin();
  /// Something that came without being asked for.
  void pushed(const Packet& push);
  /// Every second or so.
  void tick();
  /// The conversation is looked at: its messages are read.
  void open(tui::Conversation& one);
  void load_older(tui::Conversation& one);
  /// All that is there of it was seen.
  void see(tui::Conversation& one);
  void send(tui::Conversation& one, const std::string& text, const std::optional<Guid>& reply);
  /// Called for what is shown of a message with files.
  std::function<void(const Post& post, const PostText& text, tui::Message& message)> files{};
  /// The station has answered a message of this program.
  void posted(const Guid& guid, const Packet& answer);
  /// Something in a hub was changed by oneself.
  void hub_changed(const std::string& hub);
  void channel_changed(const Guid& channel);
  /// As it is known here; nullptr when it is not.
  const Post* post(std::string_view guid) const;
  const std::vector<HubView>& hubs() const { return hubs_; }
  std::function<void(const std::string& conversation, const std::string& name, bool on)> typing{};

 private:
  struct Flow {
    Cursor seen = 0;      ///< all changes up to here are shown; 0: nothing is loaded
    Cursor oldest = 0;    ///< the first message that is loaded
    Cursor marked = 0;    ///< read, as the station knows
    Cursor marking = 0;   ///< a mark up to here is on its way
    Cursor newest = 0;    ///< the newest message that came
    bool behind = false;  ///< changes have to be asked for
    bool asking = false;
    NotifyLevel level = NotifyLevel::all;  ///< of what the person wants to be told here
    bool wants_mark = true;                ///< the count of unread messages has to be asked for
    bool wants_page = false, wants_older = false;
  };

  void take_hubs(std::vector<HubView> hubs);
  void ask_hubs();
  void next();
  void done_asking(const Guid& channel);
  void ask_mark(const Guid& channel);
  void ask_page(const Guid& channel, bool older);
  void ask_changes(const Guid& channel);
  void take_posts(const Guid& channel, const std::vector<Post>& posts);
  void take_post(const Guid& channel, const Post& post);
  void trouble(const HubRefusal& why);
  tui::Message message_of(const Post& post);
  void learn(const std::string& author);
  static std::int64_t counted(const Flow& flow, const ReadMark& mark);
  bool for_me(const Post& post) const;
  std::vector<Mentionable> mentionable(const Guid& channel) const;
  void drop_old();
  void rename();
  tui::Conversation* conversation(const Guid& channel);
  std::string hub_of(const Guid& channel) const;

  Context& context_;
  tui::Model& model_;
  std::function<void()> changed_;
  std::vector<HubView> hubs_;
  std::map<Guid, Flow> flows_;
  std::map<std::string, Post> posts_;   ///< by GUID: those that are shown
  std::set<std::string> asked_people_;  ///< whose names were asked for in this session
  bool hubs_wanted_ = false, busy_ = false;
  Millis wait_until_ = 0;
  Millis dropped_at_ = 0;  ///< monotonic
  std::uint64_t session_ = 0;
};

}  // namespace dim
