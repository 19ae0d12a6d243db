#include "server/commands.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "dim/base/hex.h"
#include "dim/base/json.h"
#include "dim/base/utf8.h"
#include "dim/packet/uri.h"
#include "net/system_clock.h"
#include "server/admin_channel.h"
#include "server/admin_command.h"
#include "server/backup_command.h"
#include "server/check.h"
#include "server/config.h"
#include "server/daemon.h"
#include "server/dimples.h"
#include "server/disk_use_command.h"
#include "server/invitation.h"
#include "server/key_file.h"
#include "server/passphrase.h"
#include "server/root_rights.h"
#include "server/store_failure.h"
#include "sqlite/folder_lock.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_copy.h"
#include "terminal/qr.h"

namespace dim {
namespace {

constexpr rlim_t kFewestFiles = 256;

struct Options {
  std::string data;
  std::string config_file;
  std::string listen;
  std::optional<std::string> port_base;
  std::optional<std::string> dimchat;
  std::optional<std::string> web;
  std::string host;
  std::uint16_t shown_port = 0;  ///< 0: the one that is bound
  bool one_port = false;
  bool over_web = false;
  std::string from_dimples;
  std::string backup_file;
  bool verify = false;
  std::string passphrase_file;
  std::string new_passphrase_file;
  bool remove_passphrase = false;
  bool allow_root = false;
  bool json = false;
};

/// Where the web gateway is when nothing else is said: ten above the control lane.
std::uint16_t web_port(const DaemonConfig& config) {
  return static_cast<std::uint16_t>(config.port_base + (kWebPort - 8800));
}

int fail_with(const Failure& failure) {
  fmt::print(stderr, "dimd: {}\n", failure.text);
  return static_cast<int>(failure.code);
}

/// The configuration file, then what the command line says.
std::expected<DaemonConfig, Failure> configure(const Options& options) {
  DaemonConfig config;
  config.data = options.data;
  std::string file = options.config_file;
  if (file.empty() && !options.data.empty()) {
    const std::string usual = options.data + "/dimd.toml";
    if (::access(usual.c_str(), F_OK) == 0) file = usual;
  }
  if (!file.empty()) {
    auto read = read_config(file, config);
    if (!read) return read;
    config = std::move(*read);
  }
  while (config.data.size() > 1 && config.data.back() == '/') config.data.pop_back();
  if (config.data.empty()) {
    return std::unexpected(Failure{
        Exit::usage,
        "where is the station's folder? Name it with --data DIR, or as data under [storage] in a "
        "configuration given with --config"});
  }
  if (!options.listen.empty()) {
    if (!valid_listen_address(options.listen)) {
      return std::unexpected(
          Failure{Exit::usage,
                  fmt::format("--listen {}: must be an IPv6 address, as :: (every address) or ::1",
                              escape(options.listen, 64))});
    }
    config.listen = options.listen;
  }
  if (options.port_base) {
    const auto port = parse_size(*options.port_base);
    if (!port || *port < 1 || *port > 65'525) {
      return std::unexpected(Failure{
          Exit::usage,
          fmt::format("--port-base {}: must be a number from 1 to 65525; the usual one is 8800",
                      escape(*options.port_base, 64))});
    }
    config.port_base = static_cast<std::uint16_t>(*port);
  }
  if (options.dimchat) {
    config.dimchat = parse_listen_address(*options.dimchat);
    if (!config.dimchat) {
      return std::unexpected(Failure{
          Exit::usage,
          fmt::format("--dimchat {}: must be an address and a port, as [::]:9394 or 192.0.2.1:9394",
                      escape(*options.dimchat, 64))});
    }
  }
  if (options.web) {
    config.web = parse_listen_address(*options.web, web_port(config));
    if (!config.web) {
      return std::unexpected(Failure{
          Exit::usage,
          fmt::format("--web {}: must be an address and a port, as [::]:8810 or 0.0.0.0:443",
                      escape(*options.web, 64))});
    }
  }
  return config;
}

// --- run
// ----------------------------------------------------------------------------------------------------------

std::expected<void, Failure> prepare_process() {
  // Keys are in memory: no core dumps, no debugger of other processes (A43).
  ::prctl(PR_SET_DUMPABLE, 0);
  ::umask(077);
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < kFewestFiles) {
      return std::unexpected(
          Failure{Exit::too_few_files, fmt::format("only {} files may be open; dimd needs {}: "
                                                   "raise the limit (ulimit -n {}, LimitNOFILE=)",
                                                   limit.rlim_max, kFewestFiles, kFewestFiles)});
    }
  }
  return {};
}

/// Tells systemd, when it asked for it (sd_notify(3)).
void notify_supervisor(const char* state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || path[0] == '\0' || std::strlen(path) >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, std::strlen(path));
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  ::sendto(fd, state, std::strlen(state), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
           size);
  ::close(fd);
}

int run(const Options& options) {
  if (auto prepared = prepare_process(); !prepared) return fail_with(prepared.error());
  auto config = configure(options);
  if (!config) return fail_with(config.error());
  auto passphrase = given_passphrase(options.passphrase_file);
  if (!passphrase) return fail_with(passphrase.error());
  const auto rights = leave_root(config->data, options.allow_root);
  if (!rights) return fail_with(rights.error());

  // Blocked before any thread starts, so that only the waiting thread below gets them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGTERM, SIGINT, SIGHUP, SIGUSR2}) sigaddset(&signals, one);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Log log(config->log_level);
  auto daemon = Daemon::open(*config, log, *passphrase);
  passphrase->reset();
  if (!daemon) return fail_with(daemon.error());

  std::thread waiter([&] {
    while (true) {
      int got = 0;
      if (sigwait(&signals, &got) != 0) continue;
      if (got == SIGUSR2) return;  // run() has ended
      if (got == SIGHUP) {
        auto fresh = configure(options);
        if (fresh)
          (*daemon)->reload(std::move(*fresh));
        else
          log.write(LogLevel::error, "reload-failed",
                    {{"error", fresh.error().text}, {"detail", "the old configuration stays"}});
        continue;
      }
      notify_supervisor("STOPPING=1");
      (*daemon)->stop();
    }
  });

  log.write(LogLevel::info, "start",
            {{"station", (*daemon)->station_id()}, {"data", config->data}});
  if (*rights == RootRights::kept) {
    log.write(LogLevel::warn, "root",
              {{"detail", "dimd needs no root rights; run it as a user of its own"}});
  }
  if (*rights == RootRights::left) {
    log.write(LogLevel::info, "root-left",
              {{"user", std::to_string(::geteuid())}, {"detail", "the owner of its folder"}});
  }
  fmt::print("dimd: ready on [{}]:{} (control) and {} (text) as {}\n", config->listen,
             (*daemon)->port(Lane::control), (*daemon)->port(Lane::text), (*daemon)->station_id());
  if (config->dimchat) {
    fmt::print("dimd: dimchat gateway on [{}]:{}, without encryption of the connection\n",
               config->dimchat->address, (*daemon)->dimchat_port());
  }
  if (config->web) {
    fmt::print("dimd: web gateway on [{}]:{}\n", config->web->address, (*daemon)->web_port());
  }
  std::fflush(stdout);
  notify_supervisor("READY=1");
  const Exit exit = (*daemon)->run();
  pthread_kill(waiter.native_handle(), SIGUSR2);
  waiter.join();
  daemon->reset();
  if (exit == Exit::store_failed) {
    fmt::print(stderr,
               "dimd: the disk failed; nothing that was not stored has been acknowledged. Check {} "
               "and start again\n",
               config->data);
  }
  return static_cast<int>(exit);
}

// --- id, invite
// ---------------------------------------------------------------------------------------------------

/// 40 hex digits in groups of four: what people compare.
std::string fingerprint(const Meta& meta) {
  const Digest32 digest = meta.digest();
  const std::string hex = to_hex(ByteView(digest).first(20));
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 4) {
    if (i != 0) out += ' ';
    out += hex.substr(i, 4);
  }
  return out;
}

int show_id(const Options& options) {
  auto card = load_card(options.data);
  if (!card) return fail_with(card.error());
  if (options.json) {
    JsonObject out;
    out.set("id", card->id.text());
    out.set("fingerprint", fingerprint(card->meta));
    out.set("meta", to_hex(card->meta.digest()));
    JsonArray pins;
    for (auto& pin : card->pins()) pins.emplace_back(std::move(pin));
    out.set("pins", std::move(pins));
    fmt::print("{}\n", write_json(out));
    return 0;
  }
  fmt::print("station      {}\nfingerprint  {}\nmeta         {}\n", card->id.text(),
             fingerprint(card->meta), to_hex(card->meta.digest()));
  for (const auto& pin : card->pins()) fmt::print("certificate  {}\n", pin);
  return 0;
}

/// The link into the station, as the options want it.
Uri invitation(const Options& options, const DaemonConfig& config, const StationCard& card) {
  Uri uri = station_link(config, card, options.host, options.port_base.has_value());
  std::uint16_t shown = options.shown_port;
  if (shown == 0 && options.over_web) shown = config.web ? config.web->port : web_port(config);
  for (auto& [key, value] : uri.parameters) {
    if (key == "port" && shown != 0) value = std::to_string(shown);
  }
  if (options.one_port) uri.parameters.emplace_back("lanes", "one");
  if (options.over_web) uri.parameters.emplace_back("via", "web");
  return uri;
}

/// Who may come to that station now: what its operator has set, else what the configuration says.
Registration registration_of(const DaemonConfig& config) {
  const Registration otherwise = config.station.registration;
  std::error_code error;
  // The lock would make what is not there.
  if (!std::filesystem::is_regular_file(config.data + "/station.db", error)) return otherwise;
  act_as_owner(config.data);
  const auto lock = FolderLock::take(config.data);
  const auto set = setting_beside(config.data, "registration", "station", lock.has_value());
  return set ? registration_called(*set).value_or(otherwise) : otherwise;
}

int invite(const Options& options) {
  auto config = configure(options);
  if (!config) return fail_with(config.error());
  auto card = load_card(config->data);
  if (!card) return fail_with(card.error());
  const Registration how = registration_of(*config);
  if (how == Registration::closed)
    fmt::print(stderr,
               "dimd: this station takes nobody new; to take people by invitation: dimd admin "
               "registration set invite\n");
  if (how == Registration::invite)
    fmt::print(stderr,
               "dimd: this station takes nobody new by this link alone; dimd admin invite makes "
               "one that lets somebody in\n");
  const Uri uri = invitation(options, *config, *card);
  const std::string link = uri.text();
  if (options.json) {
    JsonObject out;
    out.set("link", link);
    out.set("id", card->id.text());
    std::string_view host = uri.parameter("host");
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    out.set("host", host);
    out.set("port", parse_size(uri.parameter("port")).value_or(0));
    fmt::print("{}\n", write_json(out));
    return 0;
  }
  fmt::print("{}\n{}", link, qr_code(link).value_or(""));
  return 0;
}

// --- check
// --------------------------------------------------------------------------------------------------------

int check(const Options& options) {
  auto config = configure(options);
  if (!config) return fail_with(config.error());
  if (!config->station.neighbours.empty() && have_keys(config->data)) {
    const auto card = load_card(config->data);
    if (!card) return fail_with(card.error());
    if (auto right = check_neighbours(config->station.neighbours, card->id); !right)
      return fail_with(right.error());
  }
  auto passphrase = given_passphrase(options.passphrase_file);
  if (!passphrase) return fail_with(passphrase.error());
  const auto findings = check_machine(*config, *passphrase);
  bool failed = false;
  JsonArray list;
  for (const Finding& one : findings) {
    failed = failed || one.kind == Finding::Kind::fail;
    if (options.json) {
      JsonObject object;
      object.set("result", to_string(one.kind));
      object.set("what", one.what);
      object.set("detail", one.detail);
      list.emplace_back(std::move(object));
    } else {
      fmt::print("{:<4}  {}: {}\n", to_string(one.kind), one.what, one.detail);
    }
  }
  if (options.json) {
    JsonObject out;
    out.set("ok", !failed);
    out.set("checks", std::move(list));
    fmt::print("{}\n", write_json(out));
  }
  return static_cast<int>(failed ? Exit::failed : Exit::ok);
}

// --- passphrase
// ---------------------------------------------------------------------------------------------------

int change_passphrase(const Options& options) {
  if (auto prepared = prepare_process(); !prepared) return fail_with(prepared.error());
  auto done = reseal_keys({.data = options.data,
                           .old_file = options.passphrase_file,
                           .new_file = options.new_passphrase_file,
                           .remove = options.remove_passphrase});
  if (!done) return fail_with(done.error());
  fmt::print("{}\n", *done);
  return 0;
}

// --- import
// -------------------------------------------------------------------------------------------------------

int import_accounts(const Options& options) {
  ::umask(077);
  auto store = SqliteStore::open(options.data);
  if (!store) return fail_with(store_failure(options.data, store.error()));
  auto done = import_dimples(options.from_dimples, options.data, **store, SystemClock{}.now());
  if (!done) return fail_with(done.error());
  if (auto closed = (*store)->close(); !closed)
    return fail_with(store_failure(options.data, closed.error()));
  if (options.json) {
    JsonObject out;
    const auto count = [&](const char* name, std::size_t value) {
      out.set(name, static_cast<std::int64_t>(value));
    };
    count("users", done->users);
    count("groups", done->groups);
    count("others", done->others);
    count("documents", done->documents);
    count("logins", done->logins);
    count("unchanged", done->unchanged);
    JsonArray refused;
    for (const DimplesRefusal& one : done->refused) {
      JsonObject object;
      object.set("what", one.what);
      object.set("why", one.why);
      refused.emplace_back(std::move(object));
    }
    out.set("refused", std::move(refused));
    fmt::print("{}\n", write_json(out));
    return 0;
  }
  fmt::print(
      "{} users, {} groups, {} stations and bots; {} documents and {} log-ins are new, {} were "
      "here already\n",
      done->users, done->groups, done->others, done->documents, done->logins, done->unchanged);
  for (const DimplesRefusal& one : done->refused)
    fmt::print("refused  {}: {}\n", one.what, one.why);
  return 0;
}

// --- admin
// --------------------------------------------------------------------------------------------------------

int administer(const Options& options, const AdminOptions& admin) {
  ::umask(077);
  auto config = configure(options);
  if (!config) return fail_with(config.error());
  auto channel = AdminChannel::open(*config);
  if (!channel) return fail_with(channel.error());
  // An invite is of use as the whole link, and so is a code.
  std::string shown;
  const auto complete = [&](JsonObject& answer) {
    const std::string* hub = answer.text("hub");
    const std::string* made = answer.text("invite");
    const auto card = load_card(config->data);
    if (made == nullptr || !card) return;
    if (admin.verb == "codes-make") {
      Uri uri = invitation(options, *config, *card);
      uri.parameters.emplace_back("code", *made);
      shown = uri.text();
      answer.erase("invite");
      answer.set("link", shown);
    }
    if (admin.verb != "invites-make" || hub == nullptr) return;
    const Uri station = station_link(*config, *card, options.host, options.port_base.has_value());
    answer.set("link", hub_link(station, *hub, *made).text());
  };
  const auto done = run_admin(*channel, admin, options.json, SystemClock{}.now(), complete,
                              [](const std::string& lines) { fmt::print("{}", lines); });
  if (done && !shown.empty() && !options.json) fmt::print("{}", qr_code(shown).value_or(""));
  return done ? 0 : fail_with(done.error());
}

int back_up(const Options& options) {
  ::prctl(PR_SET_DUMPABLE, 0);  // keys pass through it (A43)
  const auto config = configure(options);
  if (!config) return fail_with(config.error());
  const auto made = make_backup(config->data, options.backup_file);
  if (!made) return fail_with(made.error());
  fmt::print("{}", backup_text(*made, options.backup_file, options.json));
  return 0;
}

int restore(const Options& options) {
  if (options.verify != options.data.empty())
    return fail_with({Exit::usage,
                      "restore takes --data DIR, a folder that is empty, or --verify, which only "
                      "reads the backup"});
  ::prctl(PR_SET_DUMPABLE, 0);
  const auto read = options.verify ? verify_backup(options.backup_file)
                                   : restore_backup(options.backup_file, options.data);
  if (!read) return fail_with(read.error());
  fmt::print("{}", backup_text(*read, options.backup_file, options.json));
  return 0;
}

int show_disk_use(const Options& options, DiskUseOptions how) {
  how.json = options.json;
  const auto config = configure(options);
  if (!config) return fail_with(config.error());
  how.keep_ms = config->media.keep_ms;
  auto use = disk_use_of(config->data);
  if (!use) return fail_with(use.error());
  fmt::print("{}", disk_use_text(*use, how));
  return 0;
}

std::string footer() {
  std::string out =
      "Exit codes: 0 done, 1 check failed, 2 command line or configuration, 69 port in use, 70 "
      "disk failed,\n"
      "71 too few open files, 73 not writable, 74 disk full, 75 another station has the folder, 77 "
      "keys readable by\n"
      "others or passphrase missing or wrong, 78 keys missing or damaged.\n\n"
      "Signals: TERM and INT stop cleanly; HUP reads quotas, bans and log level again.\n\n"
      "Configuration (TOML, DATA/dimd.toml or --config), with defaults:\n";
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    const auto dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      out += fmt::format("  [{}]\n", section);
    }
    const std::string setting = fmt::format("{} = {}", key.name.substr(dot + 1), key.fallback);
    out += fmt::format("    {:<36} # {}\n", setting, key.meaning);
  }
  out += "  [[neighbour]]  (none; one such section for each station to exchange messages with)\n";
  for (const auto& [setting, meaning] : std::initializer_list<std::pair<const char*, const char*>>{
           {"id = \"station@...\"", "needed: its ID, as `dimd id` shows it there"},
           {"address = \"HOST:PORT\"", "needed: its gateway; an IPv6 address in brackets"},
           {"meta = \"\"", "64 hex digits, `dimd id` there: the only key it may have"},
           {"from = []", "addresses and networks that its log-ins here may come from; none: any"}})
    out += fmt::format("    {:<36} # {}\n", setting, meaning);
  return out;
}

}  // namespace

int run_dimd(int argc, char** argv) {
  Options options;
  CLI::App app{
      "dimd is a DIM/2023 station: people log in, it keeps their messages until they have them.",
      "dimd"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "dimd 0.1.0 (DIM/2023)");
  app.footer(footer);
  const auto data = [&](CLI::App* command) {
    return command->add_option("--data", options.data,
                               "folder of keys and store (made with mode 0700)");
  };
  const auto network = [&](CLI::App* command) {
    command->add_option("--config", options.config_file,
                        "configuration; default: DATA/dimd.toml when it is there; with "
                        "storage.data in it --data is not needed");
    command->add_option("--listen", options.listen, "IPv6 address to listen on; default ::");
    command->add_option("--port-base", options.port_base,
                        "port of the control lane, text is the next; default 8800");
    command
        ->add_option("--dimchat", options.dimchat,
                     "let dimchat reference clients in, on [::]:9394 or ADDR:PORT; default off")
        ->expected(0, 1)
        ->default_str("[::]:9394");
    command
        ->add_option("--web", options.web,
                     "WebSocket inside TLS, all lanes in one connection, on [::]:8810 or "
                     "ADDR:PORT; default off")
        ->expected(0, 1)
        ->default_str("::");
  };
  const auto passphrase = [&](CLI::App* command) {
    command->add_option("--passphrase-file", options.passphrase_file,
                        "its first line opens sealed keys (at the first start: seals them); "
                        "else DIMD_PASSPHRASE of the environment");
  };
  CLI::App* run_command = app.add_subcommand("run", "run the station until it is told to stop");
  data(run_command);
  network(run_command);
  passphrase(run_command);
  run_command->add_flag("--allow-root", options.allow_root,
                        "keep root's rights, which it does not need");
  CLI::App* id_command =
      app.add_subcommand("id", "show the station's ID, fingerprint and certificate pins");
  data(id_command)->required();
  id_command->add_flag("--json", options.json, "one JSON object");
  CLI::App* invite_command =
      app.add_subcommand("invite", "show the link (and QR code) that people join with");
  data(invite_command);
  network(invite_command);
  const auto link = [&](CLI::App* command) {
    command->add_option("--host", options.host, "name or IPv6 address to put into the link");
    command
        ->add_option("--port", options.shown_port,
                     "port to put into the link, where people reach it under another than it has")
        ->check(CLI::Range(1, 65'530));
    command->add_flag("--one-port", options.one_port,
                      "for people who reach only that port: all lanes go over it");
    command->add_flag("--over-web", options.over_web,
                      "for people whose network lets only HTTPS through: over the web gateway");
  };
  link(invite_command);
  invite_command->add_flag("--json", options.json, "one JSON object, no QR code");
  CLI::App* check_command =
      app.add_subcommand("check", "look at ports, clock, disk, keys and limits");
  data(check_command);
  network(check_command);
  passphrase(check_command);
  check_command->add_flag("--json", options.json, "one JSON object");
  CLI::App* passphrase_command = app.add_subcommand(
      "passphrase", "set, change or remove the passphrase of the keys (while dimd is stopped)");
  data(passphrase_command)->required();
  passphrase(passphrase_command);
  CLI::Option* fresh = passphrase_command->add_option(
      "--new-passphrase-file", options.new_passphrase_file,
      "its first line is the new passphrase; default: asked at the terminal, twice");
  passphrase_command
      ->add_flag("--remove", options.remove_passphrase, "leave the keys without a passphrase")
      ->excludes(fresh);
  CLI::App* import_command = app.add_subcommand(
      "import", "take accounts and documents over from a dimchat station (while dimd is stopped)");
  data(import_command)->required();
  import_command
      ->add_option("--from-dimples", options.from_dimples,
                   "root of the dimchat station's file database, with the folder public")
      ->required();
  import_command->add_flag("--json", options.json, "one JSON object");
  DiskUseOptions how;
  CLI::App* du_command =
      app.add_subcommand("du", "what takes the disk, of a station that runs or is stopped");
  data(du_command);
  du_command->add_option("--config", options.config_file,
                         "configuration; default: DATA/dimd.toml when it is there");
  du_command->add_flag("--explain", how.explain, "by hubs, channels and users too");
  du_command->add_option("--limit", how.limit, "so many of each; 0: all")->capture_default_str();
  du_command->add_flag("--json", options.json, "one JSON object a line");
  CLI::App* backup_command = app.add_subcommand(
      "backup", "everything of the station in one file, while it runs or is stopped");
  data(backup_command);
  backup_command->add_option("--config", options.config_file,
                             "configuration; default: DATA/dimd.toml when it is there");
  backup_command->add_option("--to", options.backup_file, "the file, replaced when it is there")
      ->required();
  backup_command->add_flag("--json", options.json, "one JSON object");
  CLI::App* restore_command =
      app.add_subcommand("restore", "a station out of a backup, into an empty folder");
  restore_command->add_option("file", options.backup_file, "made by `dimd backup`")->required();
  data(restore_command);
  restore_command->add_flag("--verify", options.verify,
                            "only read the backup, and compare its checksums");
  restore_command->add_flag("--json", options.json, "one JSON object");
  AdminOptions admin;
  CLI::App* admin_command = add_admin(app, admin);
  data(admin_command);
  link(admin_command->get_subcommand("invite"));
  admin_command->add_option("--config", options.config_file,
                            "configuration; default: DATA/dimd.toml when it is there");
  admin_command->add_flag("--json", options.json, "one JSON object a line");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(Exit::usage);
  }
  while (options.data.size() > 1 && options.data.back() == '/') options.data.pop_back();
  if (run_command->parsed()) return run(options);
  if (id_command->parsed()) return show_id(options);
  if (invite_command->parsed()) return invite(options);
  if (passphrase_command->parsed()) return change_passphrase(options);
  if (import_command->parsed()) return import_accounts(options);
  if (backup_command->parsed()) return back_up(options);
  if (restore_command->parsed()) return restore(options);
  if (du_command->parsed()) return show_disk_use(options, how);
  if (admin_command->parsed()) return administer(options, admin);
  return check(options);
}

}  // namespace dim
